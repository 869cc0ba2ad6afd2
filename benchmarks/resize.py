"""Bicubic interpolation of 8-bit images, rounded exactly as MATLAB rounds it, against Pillow's.

    python benchmarks/resize.py [--megapixels 12] [--scale 2 3 4 2.5] [--runs 5]

CPU milliseconds of one thread for an upscaled RGB image of ``--megapixels``, and for one that is downscaled;
interleaved in one process, the best of the runs. ``Upscaler`` is ``resize`` with the conversion of levels to floats
and back. Pillow rounds its weights to integers, so that its pixels differ.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from PIL import Image

from kukkiri.inference import Upscaler
from kukkiri.profiling.stages import synthetic_image
from kukkiri.resampling import resize


def main() -> int:
    options = parse()
    width = round((4 / 3 * options.megapixels * 1e6) ** 0.5)
    large = synthetic_image((3 * width // 4, width))
    print("| | resize | Upscaler | Pillow |\n|---|---|---|---|")
    for scale in options.scale:
        lr = large[: round(large.shape[0] / scale), : round(large.shape[1] / scale)].copy()
        upscaler = Upscaler("bicubic", scale=scale, threads=1)
        ways = [partial(resize, lr, scale=scale), partial(upscaler, lr), resize_with_pillow(lr, scale)]
        print(f"| upscaled by {scale:g} | {' | '.join(measure_milliseconds(ways, runs=options.runs))} |")
    for scale in options.scale:
        way, other = measure_milliseconds(
            [partial(resize, large, scale=1 / scale), resize_with_pillow(large, 1 / scale)], runs=options.runs
        )
        print(f"| downscaled by {scale:g} | {way} | | {other} |")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--scale", type=float, nargs="+", default=[2, 3, 4, 2.5], help="at least 1")
    parser.add_argument("--runs", type=int, default=5, help="the fastest counts")
    return parser.parse_args()


def resize_with_pillow(array: Any, scale: float) -> Callable[[], Any]:
    size = (round(array.shape[1] * scale), round(array.shape[0] * scale))
    return partial(Image.fromarray(array).resize, size, Image.Resampling.BICUBIC)


def measure_milliseconds(ways: list[Callable[[], Any]], *, runs: int) -> list[str]:
    """The fastest run of each, interleaved; the first run warms up."""
    rounds = [[measure_seconds(way) for way in ways] for _ in range(runs + 1)]
    return [f"{1000 * min(times):.0f}" for times in zip(*rounds[1:], strict=True)]


def measure_seconds(way: Callable[[], Any]) -> float:
    begun = time.process_time()
    way()
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main())

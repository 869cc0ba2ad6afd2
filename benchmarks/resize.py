"""Bicubic interpolation of 8-bit images, rounded exactly as MATLAB rounds it, against Pillow's.

    python benchmarks/resize.py [--megapixels 12] [--scale 2 3 4 2.5] [--runs 5]

CPU milliseconds of one thread for a result of so many megapixels of RGB, upscaled, and for a source of so many,
made smaller; taking turns in one process, the best of the runs. ``Upscaler`` is ``resize`` and what an image needs
around it: levels to floats and back. Pillow rounds its weights to integers, so that its pixels are others.
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
        ways = [partial(resize, lr, scale=scale), partial(upscaler, lr), pillow(lr, scale)]
        print(f"| upscaled by {scale:g} | {' | '.join(milliseconds(ways, runs=options.runs))} |")
    for scale in options.scale:
        way, other = milliseconds(
            [partial(resize, large, scale=1 / scale), pillow(large, 1 / scale)], runs=options.runs
        )
        print(f"| made smaller by {scale:g} | {way} | | {other} |")
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--scale", type=float, nargs="+", default=[2, 3, 4, 2.5], help="at least 1")
    parser.add_argument("--runs", type=int, default=5, help="the quickest counts")
    return parser.parse_args()


def pillow(array: Any, scale: float) -> Callable[[], Any]:
    size = (round(array.shape[1] * scale), round(array.shape[0] * scale))
    return partial(Image.fromarray(array).resize, size, Image.Resampling.BICUBIC)


def milliseconds(ways: list[Callable[[], Any]], *, runs: int) -> list[str]:
    """The quickest of the runs of each, in turns; the first warms up."""
    rounds = [[spent(way) for way in ways] for _ in range(runs + 1)]
    return [f"{1000 * min(times):.0f}" for times in zip(*rounds[1:], strict=True)]


def spent(way: Callable[[], Any]) -> float:
    begun = time.process_time()
    way()
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main())

"""A scale that is no whole number: natively by one network, or by the next whole network and an exact downscale.

    KUKKIRI_SHARED=... python benchmarks/meta_scale.py runs/metaplain-s/weights.safetensors [--scale 2.7] [--set Set14]

LR is the MATLAB-exact bicubic downscale of HR, cropped to a multiple of the scale, 8 bit. PSNR and SSIM on Y in the
protocol y-matlab with a border of the scale, rounded up; the mean over a set. Seconds are the mean CPU time of an image
on one thread with everything loaded.
"""

import argparse
import os
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np

from kukkiri.images import Image, quantize, read_image
from kukkiri.inference import Upscaler
from kukkiri.metrics import PROTOCOLS
from kukkiri.resampling import resize


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="of a network for every scale, such as MetaPlain")
    parser.add_argument("--scale", type=float, default=2.7)
    parser.add_argument("--set", default="Set14")
    parser.add_argument("--others", default="plain-m,bicubic", help="models that are compared, with commas")
    arguments = parser.parse_args()
    scale = arguments.scale
    native, whole = (Upscaler(arguments.weights, scale=each, threads=1) for each in (scale, ceil(scale)))
    ways: dict[str, Callable[[Image, tuple[int, int]], np.ndarray]] = {
        "native": partial(run_alone, native),
        "next whole scale": partial(run_and_shrink, whole),
    }
    for name in arguments.others.split(","):
        ways[name] = partial(run_alone, Upscaler(name, scale=scale, threads=1))
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    seconds = dict.fromkeys(ways, 0.0)
    paths = sorted((Path(os.environ["KUKKIRI_SHARED"]) / "data" / arguments.set).glob("*.png"))
    for path in paths:
        hr, lr = make_pair(path, scale)
        for name, upscale in ways.items():
            begun = time.process_time()
            sr = upscale(Image.from_array(lr), (hr.shape[0], hr.shape[1]))
            seconds[name] += time.process_time() - begun
            levels = quantize(np.clip(sr, 0, 1), 8).astype(np.uint8)
            score = PROTOCOLS["y-matlab"].score(hr, levels, scale=ceil(scale))
            scores[name].append((score.psnr, score.ssim))
    for name, found in scores.items():
        psnr, ssim = np.mean(found, axis=0)
        print(f"{arguments.set} x{scale:g} {name}: {psnr:.3f} dB, {ssim:.4f}, {seconds[name] / len(paths):.2f} s")


def run_alone(upscaler: Upscaler, lr: Image, size: tuple[int, int]) -> np.ndarray:
    """Upscale by a model that reaches the size itself."""
    return upscaler(lr).colour


def run_and_shrink(upscaler: Upscaler, lr: Image, size: tuple[int, int]) -> np.ndarray:
    """Upscale by a whole scale, then downscale to the size, antialiased."""
    return resize(upscaler(lr).colour, output_size=size)


def make_pair(path: Path, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """HR cropped so that LR has whole pixels, and LR, both uint8 (H, W, 3)."""
    ratio = Fraction(scale).limit_denominator(100)
    hr = quantize(read_image(path).colour, 8).astype(np.uint8)
    hr = np.repeat(hr, 3, axis=2) if hr.shape[2] == 1 else hr
    height, width = (side // ratio.numerator * ratio.numerator for side in hr.shape[:2])
    hr = np.ascontiguousarray(hr[:height, :width])
    size = (height * ratio.denominator // ratio.numerator, width * ratio.denominator // ratio.numerator)
    return hr, np.asarray(resize(hr, output_size=size))


if __name__ == "__main__":
    main()

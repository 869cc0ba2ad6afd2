"""Gain of the bounds on SR on images without antialiasing, their cost on natural ones, and their time.

    python benchmarks/hard_edges.py scores --data Set5 Set14 B100   PSNR and SSIM (y-matlab) without and with
    python benchmarks/hard_edges.py shapes                          bars, letters and patterns without and with
    python benchmarks/hard_edges.py time                            share of the CPU time, one thread, of 0.5 MP

``--model`` is any id, preset or file, and ``--scale`` its scale.
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kukkiri.files import list_images
from kukkiri.images import read_image
from kukkiri.inference import Upscaler
from kukkiri.inference.bounds import hold_to_lr
from kukkiri.metrics import PROTOCOLS
from kukkiri.resampling import resize

BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
WIDTHS = (3, 4, 5, 6, 8, 12)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("scores", "shapes", "time"))
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="folders of images, under scores")
    parser.add_argument("--model", nargs="+", default=["balanced"])
    parser.add_argument("--scale", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--images", type=int, default=100, help="of each folder, under scores")
    parser.add_argument("--rounds", type=int, default=7, help="under time")
    options = parser.parse_args()
    for model in options.model:
        for scale in options.scale:
            {"scores": print_scores, "shapes": print_shapes, "time": print_time}[options.what](model, scale, options)
    return 0


def print_scores(model: str, scale: int, options: argparse.Namespace) -> None:
    free, bounded = (Upscaler(model, scale=scale, bounded=on) for on in (False, True))
    protocol = PROTOCOLS["y-matlab"]
    for folder in options.data:
        rows = []
        for path in list_images(folder)[: options.images] or sys.exit(f"{folder}: no images"):
            levels = read_image(path).to_array()
            hr = np.repeat(levels[..., None], 3, axis=2) if levels.ndim == 2 else levels
            hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
            lr = resize(hr, scale=1 / scale)
            scores = [protocol.score(hr, upscaler(lr), scale=scale) for upscaler in (free, bounded)]
            rows.append([score.psnr for score in scores] + [score.ssim for score in scores])
        without, with_bounds, ssim, ssim_bounded = np.mean(rows, axis=0)
        change = np.array(rows)[:, 1] - np.array(rows)[:, 0]
        print(
            f"{model} x{scale} {folder.name}: {without:.4f} dB, with bounds {with_bounds - without:+.4f} "
            f"(images {change.min():+.4f} to {change.max():+.4f}); SSIM {ssim:.5f}, {ssim_bounded - ssim:+.6f}",
            flush=True,
        )


def make_bars(ink: int, paper: int) -> tuple[Any, Any]:
    """Bars with hard edges, and a mask of ink away from them."""
    image = np.full((16, sum(WIDTHS) + 9 * (len(WIDTHS) + 1)), paper, dtype=np.uint8)
    inside = np.zeros(image.shape, dtype=bool)
    left = 9
    for width in WIDTHS:
        image[:, left : left + width] = ink
        inside[:, left + 1 : left + width - 1] = True
        left += width + 9
    return image, inside


def print_shapes(model: str, scale: int, options: argparse.Namespace) -> None:
    line = [f"{model} x{scale}:"]
    upscalers = [Upscaler(model, scale=scale, bounded=on) for on in (False, True)]
    for ink, paper in ((0, 255), (255, 0)):
        image, inside = make_bars(ink, paper)
        large = inside.repeat(scale, 0).repeat(scale, 1)
        errors = [np.abs(upscaler(image).astype(int) - ink)[large].max() for upscaler in upscalers]
        line.append(f"bars {ink} on {paper} {errors[0]} -> {errors[1]} levels;")
    for level in (4, 8, 12):
        image = np.where(np.tile(BAYER, (10, 10)) < level, 255, 0).astype(np.uint8)
        inner = slice(8 * scale, -8 * scale)
        drifts = [upscaler(image)[inner, inner].mean() - image[8:-8, 8:-8].mean() for upscaler in upscalers]
        line.append(f"dither {level}/16 {drifts[0]:+.1f} -> {drifts[1]:+.1f};")
    print(*line, flush=True)


def print_time(model: str, scale: int, options: argparse.Namespace) -> None:
    """CPU time of the bounds in one thread against that of the whole upscaling; both in turn, the least of each."""
    y, x = np.mgrid[:700, :700]
    waves = 128 + 90 * np.sin(x / 40) * np.cos(y / 50) + np.random.default_rng(0).normal(0, 3, (700, 700)) * (x > 350)
    page = np.full((700, 700, 3), 255)
    page[100::40, 100:600] = 0
    images = {"waves and noise": np.stack((waves, waves.T, 255 - waves), axis=2), "a page with lines": page}
    upscaler = Upscaler(model, scale=scale, threads=1, bounded=False)
    for name, image in images.items():
        lr = np.clip(image, 0, 255).round().astype(np.uint8)
        sr = np.ascontiguousarray(upscaler(lr).astype(np.float32) / 255)
        floats = lr.astype(np.float32) / 255
        works = partial(upscaler, lr), partial(hold_to_lr, sr, floats)
        rounds = [[measure(work) for work in works] for _ in range(options.rounds)]
        whole, bounds = (1000 * min(times) for times in zip(*rounds, strict=True))
        share = 100 * bounds / (whole + bounds)
        print(f"{model} x{scale}, {name}: {bounds:.0f} ms of {whole + bounds:.0f}, {share:.1f} %", flush=True)


def measure(work: Any) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main())

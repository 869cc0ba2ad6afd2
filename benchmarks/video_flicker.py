"""Flicker of networks on film whose motion is known, and what a mean over frames along that motion gains.

    python benchmarks/video_flicker.py models --data FreeVal16     PSNR and flicker by model and scene
    python benchmarks/video_flicker.py mean --data FreeVal16       the same after a mean over frames
    python benchmarks/video_flicker.py encoded --data FreeVal16    the still scenes, LR encoded by x264

A scene is a window that moves over a photograph by whole HR pixels a frame, so that the true motion is known exactly
and nothing is interpolated; in LR pixels it is a fraction. LR is each HR frame downscaled by MATLAB's bicubic, plus
Gaussian noise, rounded to 8 bits. Luma only. Flicker is the root mean square difference of consecutive results along
the motion (``kukkiri.metrics.flicker``), in levels of 0 to 255; that of the HR film is 0.

``mean`` averages results over the last frames: ``along`` the true motion, as if it were known; ``where still``, LR
pixels that differ from the mean so far by less than the noise explains, in blocks of 8, before the network runs.
``encoded`` does the latter with what a clip shows: LR goes through x264 (preset medium), and the noise is estimated
from the median difference of blocks of consecutive frames.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.files import list_images
from kukkiri.inference import Upscaler
from kukkiri.metrics import flicker, psnr

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from decoded_luma import encode_and_decode, read_luma

Plane = NDArray[Any]
BORDER = 16
"""HR pixels that are cut: as far as the networks see, and what enters the window."""
BLOCK = 8
"""Side in LR pixels of the blocks that are still or not."""
SETTLED = 4
"""Frames before the first that is scored, so that every mean is complete."""
SLACK = 1.15
"""A block is still when its RMS difference is at most this times what the noise explains."""


@dataclass(frozen=True)
class Scene:
    """A motion and a noise."""

    name: str
    motion: tuple[int, int]
    """HR pixels (down, right) a frame."""
    noise: float
    """Standard deviation, levels of 0 to 255, in LR."""


SCENES = (
    Scene("still, no noise", (0, 0), 0),
    Scene("still, noise 2", (0, 0), 2),
    Scene("still, noise 5", (0, 0), 5),
    Scene("pan 1 right", (0, 1), 0),
    Scene("pan 1 down, 1 right", (1, 1), 0),
    Scene("pan 2 right", (0, 2), 0),
    Scene("pan 3 right", (0, 3), 0),
    Scene("pan 1 right, noise 2", (0, 1), 2),
)


def main() -> int:
    options = parse()
    films = [path for path in options.data if path.is_file()] or list(list_images(options.data[0]))
    films = [path for path in films if not path.name.startswith("gh_")][: options.images]
    if not films:
        sys.exit(f"{options.data[0]}: no images")
    print(f"{len(films)} photographs, {options.frames} frames of {options.side}x{options.side}, x{options.scale}")
    {"models": compare_models, "mean": compare_means, "encoded": compare_encoded}[options.what](
        options, [read_luma(path) for path in films]
    )
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("models", "mean", "encoded"))
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="a folder of images, or images")
    parser.add_argument("--model", nargs="+", default=["bicubic", "plain-xs", "plain-s", "plain-m"])
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--side", type=int, default=264, help="of the window, HR pixels, a multiple of the scale")
    return parser.parse_args()


def film(photo: Plane, scene: Scene, *, frames: int, side: int, scale: int, seed: int) -> list[tuple[Plane, Plane]]:
    """HR and LR frames, uint8."""
    top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
    rng = np.random.default_rng(seed)
    pairs = []
    for number in range(frames):
        y, x = top - number * scene.motion[0], left - number * scene.motion[1]  # the content moves the other way
        hr = np.ascontiguousarray(photo[y : y + side, x : x + side])
        lr = Degradation.parse("bicubic").apply(hr, scale=scale)
        if scene.noise:
            lr = np.clip(np.floor(lr + rng.normal(0, scene.noise, lr.shape) + 0.5), 0, 255).astype(np.uint8)
        pairs.append((hr, lr))
    return pairs


def upscale(upscaler: Upscaler, lr: Plane) -> Plane:
    sr = upscaler.upscale_planes(np.ascontiguousarray(lr, dtype=np.float32)[None] / np.float32(255))[0]
    rounded: Plane = np.floor(np.clip(sr * 255, 0, 255) + 0.5)
    return rounded


def score(
    pairs: Sequence[tuple[Plane, Plane]], results: Sequence[Plane], scene: Scene, first: int
) -> tuple[float, float]:
    """Mean PSNR and mean flicker of the frames from ``first`` on."""
    psnrs = [psnr(pairs[n][0], results[n], border=BORDER) for n in range(first, len(results))]
    changes = [
        flicker(results[n - 1], results[n], motion=scene.motion, border=BORDER) for n in range(first, len(results))
    ]
    return float(np.mean(psnrs)), float(np.mean(changes))


def compare_models(options: argparse.Namespace, photos: Sequence[Plane]) -> None:
    upscalers = {model: Upscaler(model, scale=options.scale, threads=1) for model in options.model}
    heads = "".join(f" {model:>18} |" for model in upscalers)
    print(f"| {'scene':<22} |{heads}\n|{'-' * 24}|{'|'.join(['-' * 20] * len(upscalers))}|")
    for scene in SCENES:
        found: dict[str, list[tuple[float, float]]] = {model: [] for model in upscalers}
        for seed, photo in enumerate(photos):
            pairs = film(photo, scene, frames=options.frames, side=options.side, scale=options.scale, seed=seed)
            for model, upscaler in upscalers.items():
                found[model].append(score(pairs, [upscale(upscaler, lr) for _, lr in pairs], scene, 1))
        cells = "".join(f" {mean(found[model], 0):7.2f} dB  {mean(found[model], 1):6.2f} |" for model in upscalers)
        print(f"| {scene.name:<22} |{cells}", flush=True)


def compare_means(options: argparse.Namespace, photos: Sequence[Plane]) -> None:
    model = options.model[0] if len(options.model) == 1 else "plain-s"
    upscaler = Upscaler(model, scale=options.scale, threads=1)
    ways = ("each frame alone", "along, 2 frames", "along, 4 frames", "along, off by 1 pixel", "where still")
    print(f"{model}, the frames from the fifth on")
    print(f"| {'scene':<22} |{''.join(f' {way:>21} |' for way in ways)}")
    print(f"|{'-' * 24}|{'|'.join(['-' * 23] * len(ways))}|")
    for scene in SCENES:
        found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for seed, photo in enumerate(photos):
            pairs = film(photo, scene, frames=options.frames, side=options.side, scale=options.scale, seed=seed)
            alone = [upscale(upscaler, lr) for _, lr in pairs]
            wrong = (scene.motion[0], scene.motion[1] + 1)
            still = [upscale(upscaler, lr) for lr in average_still([lr for _, lr in pairs], noise=scene.noise)]
            results = (
                alone,
                average(alone, 2, scene.motion),
                average(alone, 4, scene.motion),
                average(alone, 4, wrong),
                still,
            )
            for way, planes in zip(ways, results, strict=True):
                found[way].append(score(pairs, planes, scene, SETTLED))
        cells = "".join(f" {mean(found[way], 0):9.2f} dB {mean(found[way], 1):8.2f} |" for way in ways)
        print(f"| {scene.name:<22} |{cells}", flush=True)


def compare_encoded(options: argparse.Namespace, photos: Sequence[Plane]) -> None:
    model = options.model[0] if len(options.model) == 1 else "plain-s"
    upscaler = Upscaler(model, scale=options.scale, threads=1)
    print(f"{model}, the frames from the fifth on; noise is the estimate from the decoded frames")
    print("| scene                  |  crf | noise |      each frame alone |           where still |")
    print("|------------------------|------|-------|-----------------------|-----------------------|")
    for scene in (scene for scene in SCENES if scene.motion == (0, 0) or scene.noise):
        for crf in (None, 18, 23):
            found: dict[str, list[tuple[float, float]]] = {"alone": [], "still": []}
            noises = []
            for seed, photo in enumerate(photos):
                pairs = film(photo, scene, frames=options.frames, side=options.side, scale=options.scale, seed=seed)
                lrs = [lr for _, lr in pairs] if crf is None else encode_and_decode([lr for _, lr in pairs], crf=crf)
                noises.append(estimate_noise(lrs))
                still = average_still(lrs, noise=noises[-1])
                for way, frames in (("alone", lrs), ("still", still)):
                    found[way].append(score(pairs, [upscale(upscaler, lr) for lr in frames], scene, SETTLED))
            cells = "".join(f" {mean(scores, 0):9.2f} dB {mean(scores, 1):8.2f} |" for scores in found.values())
            shown = "none" if crf is None else crf
            print(f"| {scene.name:<22} | {shown:>4} | {np.mean(noises):5.2f} |{cells}", flush=True)


def estimate_noise(lrs: Sequence[Plane]) -> float:
    """Standard deviation of noise: the median over blocks of the RMS difference of consecutive frames, over sqrt 2."""
    height, width = (side // BLOCK * BLOCK for side in lrs[0].shape)
    changes = np.diff(np.stack(lrs).astype(np.float64)[:, :height, :width], axis=0)
    blocks = changes.reshape(len(changes), height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return float(np.median(np.sqrt(np.mean(blocks**2, axis=(2, 4)))) / np.sqrt(2))


def average(results: Sequence[Plane], count: int, motion: tuple[int, int]) -> list[Plane]:
    """Mean of the last ``count`` results, each moved to where its content is now."""
    averaged = []
    for number, latest in enumerate(results):
        last = [
            np.roll(results[number - back], (back * motion[0], back * motion[1]), axis=(0, 1))
            for back in range(min(count, number + 1))
        ]
        averaged.append(np.floor(np.mean(last, axis=0) + 0.5) if len(last) > 1 else latest)
    return averaged


def average_still(lrs: Sequence[Plane], *, noise: float, most: int = 8) -> list[Plane]:
    """Running mean of LR blocks that stand still, as far as ``noise`` tells: nothing else is known."""
    height, width = (side // BLOCK * BLOCK for side in lrs[0].shape)
    blocks = (height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    averaged, counts = lrs[0].astype(np.float64), np.ones((height // BLOCK, 1, width // BLOCK, 1))
    out = [averaged.copy()]
    for lr in lrs[1:]:
        new, inner = lr.astype(np.float64), averaged[:height, :width].reshape(blocks)
        fresh = new[:height, :width].reshape(blocks)
        error = np.sqrt(np.mean((fresh - inner) ** 2, axis=(1, 3), keepdims=True))
        still = error <= SLACK * np.sqrt(noise**2 * (1 + 1 / counts) + 1e-9)
        counts = np.where(still, np.minimum(counts + 1, most), 1)
        merged = np.where(still, inner + (fresh - inner) / counts, fresh)
        averaged = new
        averaged[:height, :width] = merged.reshape(height, width)
        out.append(averaged.copy())
    return out


def mean(scores: Sequence[tuple[float, float]], place: int) -> float:
    return float(np.mean([values[place] for values in scores]))


if __name__ == "__main__":
    sys.exit(main())

"""Differences between PSNRs of one image: bicubic upscaling of a test set under many protocols.

    python benchmarks/protocols.py --data Set5 --scale 3

Every row changes one thing in the first, the protocol y-matlab, and prints the mean PSNR and SSIM. Needs the
development install (Pillow, scikit-image, torch), whose resizing and SSIM are compared.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from skimage.metrics import structural_similarity

from kukkiri.evaluation import evaluate, find_sets
from kukkiri.metrics import psnr, ssim
from kukkiri.resampling import resize

Array = np.ndarray[Any, Any]
BT601 = np.array([65.481, 128.553, 24.966])  # MATLAB's rgb2ycbcr, for RGB on 0..1 and Y on 16..235


def studio(image: Array) -> Array:
    return 16 + image.astype(np.float64) @ BT601 / 255


def full(image: Array) -> Array:
    return image.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def one_digit_off(image: Array) -> Array:
    return 16 + image.astype(np.float64) @ np.array([64.738, 129.057, 25.064]) / 256


def wrong_divisor(image: Array) -> Array:
    return 16 + image.astype(np.float64) @ np.array([65.738, 129.057, 25.064]) / 255


def rounded(image: Array) -> Array:
    return np.floor(studio(image) + 0.5)


def as_rgb(image: Array) -> Array:
    return image.astype(np.float64)


def one_channel(image: Array) -> Array:
    return image[..., 0].astype(np.float64)


def to_8_bit(values: Array) -> Array:
    return np.floor(np.clip(values, 0, 255) + 0.5).astype(np.uint8)


def matlab(image: Array, factor: float) -> Array:
    """imresize: antialiased when downscaling, rounded to 8 bit after each axis, as MATLAB does."""
    return resize(image, scale=factor)


def matlab_once(image: Array, factor: float) -> Array:
    """imresize, rounded only at the end."""
    return to_8_bit(matlab_float(image, factor))


def matlab_float(image: Array, factor: float) -> Array:
    return resize(image.astype(np.float64), scale=factor)


def truncated(image: Array, factor: float) -> Array:
    return np.clip(matlab_float(image, factor), 0, 255).astype(np.uint8)


def pillow(image: Array, factor: float) -> Array:
    height, width = (round(side * factor) for side in image.shape[:2])
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def opencv(image: Array, factor: float) -> Array:
    """INTER_CUBIC, which torch repeats: a = -0.75, and no antialiasing when downscaling."""
    batch = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float64))
    size = [round(side * factor) for side in image.shape[:2]]
    resized = torch.nn.functional.interpolate(batch, size=size, mode="bicubic", align_corners=False)
    return to_8_bit(resized[0].numpy().transpose(1, 2, 0))


def own_ssim(hr: Array, sr: Array, border: int) -> float:
    return ssim(hr, sr, border=border)


def library_ssim(hr: Array, sr: Array, border: int) -> float:
    """scikit-image with its defaults: 7x7 windows of equal weight, unbiased variances."""
    inner = (slice(border, hr.shape[0] - border), slice(border, hr.shape[1] - border))
    return float(structural_similarity(hr[inner], sr[inner], data_range=255))


@dataclass(frozen=True)
class Variant:
    """A way to make LR and SR, and to compare SR with HR."""

    difference: str
    users: str = ""
    downscale: Callable[[Array, float], Array] = matlab
    upscale: Callable[[Array, float], Array] = matlab
    view: Callable[[Array], Array] = studio
    border: int = 0
    """Pixels beyond the scale."""
    grey: bool = False
    similarity: Callable[[Array, Array, int], float] = own_ssim
    mean: str = "of dB"

    def score(self, images: list[Array], scale: int) -> tuple[float, float]:
        """PSNR and SSIM of the set."""
        decibels, similarities = [], []
        for image in images:
            hr = np.repeat(to_8_bit(full(image))[..., None], 3, axis=2) if self.grey else image
            sr = self.upscale(self.downscale(hr, 1 / scale), scale)
            compared, border = (self.view(hr), self.view(sr)), scale + self.border
            decibels.append(psnr(*compared, border=border))
            similarities.append(self.similarity(*compared, border))
        if self.mean == "of errors":
            value = -10 * math.log10(np.mean([10 ** (-value / 10) for value in decibels]))
        else:
            value = float(np.mean(decibels)) * (math.log(10) if self.mean == "natural" else 1)
        return value, float(np.mean(similarities))


FIRST = Variant("**protocol `y-matlab`**", "EDSR, RCAN, SAN and later")
MEASURED = (
    Variant("Y rounded to 8 bit (`y-mzsr`)", "MZSR, NLRN", view=rounded),
    Variant("R, G and B instead of Y (`rgb`)", "BasicSR's model zoo", view=as_rgb),
    Variant("Y in full range, 0 to 255", "OpenCV's YCrCb; pyiqa's default (YIQ)", view=full),
    Variant("Y with 64.738 for 65.738", "yjn870's SRCNN, FSRCNN, ESPCN; super-image", view=one_digit_off),
    Variant("Y with the weights for 256, over 255", "idealo ISR", view=wrong_divisor),
    Variant(
        "grey copies of the images, raw values", "published bicubic rows, for `bridge`", view=one_channel, grey=True
    ),
    Variant("the same, replicated to RGB and then Y", "RDN, RCAN, SAN, for `bridge`", grey=True),
    Variant("no border cut", "yjn870, idealo ISR; pyiqa's default", border=-1000),
    Variant("6 more pixels cut", "EDSR's code, for DIV2K", border=6),
    Variant("SR not rounded", "super-image", upscale=matlab_float),
    Variant("SR truncated to 8 bit", "idealo ISR, QualityScaler, SeedVR2's command line", upscale=truncated),
    Variant("mean over errors, then dB", mean="of errors"),
    Variant("natural logarithm", "chaiNNer's metrics node", mean="natural"),
    Variant("SSIM with scikit-image's defaults", similarity=library_ssim),
)
MADE = (
    Variant("LR and SR rounded once, not after each axis", downscale=matlab_once, upscale=matlab_once),
    Variant("LR by Pillow's bicubic", "yjn870", downscale=pillow),
    Variant("LR and SR by Pillow's bicubic", downscale=pillow, upscale=pillow),
    Variant("SR by OpenCV's bicubic", upscale=opencv),
    Variant("LR by OpenCV's bicubic, not antialiased", downscale=opencv),
    Variant("LR and SR by OpenCV's bicubic", downscale=opencv, upscale=opencv),
)
LEGACY = Variant("protocol `y-legacy`: Y rounded, its LR not", "SRCNN, VDSR; every published bicubic row")


def read(folder: Path, scale: int) -> list[Array]:
    (test_set,) = find_sets(folder)
    return [image.rgb for image in test_set.images(scale=scale)]


def line(variant: Variant, score: tuple[float, float], first: tuple[float, float]) -> str:
    change = "" if variant is FIRST else f"{score[0] - first[0]:+.2f}"
    return f"| {variant.difference} | {score[0]:.2f} | {change} | {score[1]:.4f} | {variant.users} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of HR images in colour")
    parser.add_argument("--scale", type=int, default=3)
    arguments = parser.parse_args()
    images = read(arguments.data, arguments.scale)
    first = FIRST.score(images, arguments.scale)
    print("| what differs | PSNR (dB) | change | SSIM | used by |\n|---|---|---|---|---|")
    for variant in (FIRST, *MEASURED):
        used = replace(variant, border=max(variant.border, -arguments.scale))
        print(line(variant, used.score(images, arguments.scale), first))
    legacy = evaluate("bicubic", data=arguments.data, scale=arguments.scale, protocol="y-legacy")
    mean = next(iter(legacy.sets.values())).mean
    print(line(LEGACY, (mean.psnr, mean.ssim), first))
    for variant in MADE:
        print(line(variant, variant.score(images, arguments.scale), first))


if __name__ == "__main__":
    main()

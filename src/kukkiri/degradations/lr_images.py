"""LR images of image files, with depth, alpha and metadata, and the kernels that made them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.degradation import Degradation
from kukkiri.degradations.kernel_files import kernel_view, save_kernel
from kukkiri.degradations.linear import crop_to_multiple, subsample
from kukkiri.degradations.steps.blurs import Blur
from kukkiri.errors import ConfigError, ImageError
from kukkiri.files import make_folder
from kukkiri.images import Image, dequantize, quantize

__all__ = ["make_lr", "write_kernels"]


def make_lr(hr: Image, degradation: Degradation, *, scale: int, seed: int | Sequence[int]) -> tuple[Image, Degradation]:
    """Degrade an image; alpha is subsampled by bicubic interpolation.

    Args:
        hr: any; sides that ``scale`` does not divide are cropped at the bottom and right, which a note says. An 8-bit
            image is degraded as 8-bit levels, every value as in MATLAB.
        degradation: its random steps are sampled first.
        scale: HR pixels for one LR pixel along a side.
        seed: of the random steps and the noise.

    Returns:
        lr in [0, 1] with the depth and metadata of ``hr``, its notes only those of the crop; and the degradation with
        the steps that were sampled, which repeats it.

    Raises:
        ImageError: the image is smaller than ``scale``.
    """
    height, width = hr.size
    if min(height, width) < scale:
        raise ImageError(
            f"{hr.source}: {width}x{height} is smaller than one pixel at scale {scale}. Use another image."
        )
    colour = crop_to_multiple(hr.colour, scale)
    notes: tuple[str, ...] = ()
    if colour.shape[:2] != hr.size:
        cropped = f"{colour.shape[1]}x{colour.shape[0]}"
        notes = (f"{hr.source}: {width}x{height} was cropped to {cropped}, a multiple of {scale}.",)
    alpha = None
    if hr.alpha is not None:
        alpha = np.clip(subsample(crop_to_multiple(hr.alpha, scale), scale=scale), np.float32(0), np.float32(1))
    extra = None
    if hr.extra is not None:
        extra = np.clip(subsample(crop_to_multiple(hr.extra, scale), scale=scale), np.float32(0), np.float32(1))
    rng = np.random.default_rng(seed)
    sampled = degradation.sample(scale=scale, seed=rng)
    lr: NDArray[np.float32]
    if hr.depth == 8:
        lr = dequantize(sampled.apply(quantize(colour, 8), scale=scale, seed=rng))
    else:
        lr = np.clip(sampled.apply(colour, scale=scale, seed=rng), np.float32(0), np.float32(1))
    return dataclasses.replace(hr, colour=lr, alpha=alpha, extra=extra, notes=notes), sampled


def write_kernels(degradation: Degradation, base: Path, *, scale: int, overwrite: bool = False) -> list[Path]:
    """Write the kernel of each blur: ``BASE-kernel.npy``, and ``BASE-kernel.png`` to look at; numbered if several.

    Args:
        degradation: nothing is written for one whose steps are sampled for each image.
        base: folder and beginning of the names.
        scale: moves the kernels before ``direct:aligned``.
        overwrite: replace existing files.

    Returns:
        The files.

    Raises:
        ConfigError: one exists already, or the folder cannot be made.
    """
    if degradation.samples_steps:
        return []
    places = [place for place, step in enumerate(degradation.steps) if isinstance(step, Blur)]
    written = []
    for number, place in enumerate(places, 1):
        name = f"{base.name}-kernel" + (str(number) if len(places) > 1 else "")
        array, image = base.with_name(f"{name}.npy"), base.with_name(f"{name}.png")
        for path in (array, image):
            if path.exists() and not overwrite:
                raise ConfigError(f"{path}: exists already. Choose another output, or allow it with --overwrite.")
        make_folder(base.parent)
        kernel = degradation.blur_kernel(place, scale=scale)
        save_kernel(kernel, array, overwrite=overwrite)
        Image.from_array(quantize(kernel_view(kernel), 8)).save(image, overwrite=overwrite)
        written += [array, image]
    return written

"""What can be measured beside PSNR and SSIM, by name; every measure knows which direction is better."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.errors import ImageError
from kukkiri.evaluation.contenders import Prepared
from kukkiri.metrics import Protocol
from kukkiri.metrics.checkerboard import checkerboard
from kukkiri.metrics.consistency import colour_drift, lr_consistency
from kukkiri.metrics.ms_ssim import ms_ssim
from kukkiri.metrics.niqe import niqe

__all__ = ["BASE", "MEASURES", "Measure", "Sample"]

Array = NDArray[Any]
BASE = ("psnr", "ssim")
"""Measured always."""


@dataclass(frozen=True)
class Sample:
    """One upscaled image with all that a measure may want."""

    images: Prepared
    sr: Array
    """uint8, the shape of ``images.hr``."""
    rule: Protocol
    degradation: Degradation | None
    scale: int


@dataclass(frozen=True)
class Measure:
    """A number for one image."""

    title: str
    """Head of a column."""
    higher_is_better: bool
    value: Callable[[Sample], float | None]
    """``None`` where it is not defined: the image is too small, or has no colours."""


def _ms_ssim(sample: Sample) -> float | None:
    hr, sr = sample.rule.view(sample.images.hr), sample.rule.view(sample.sr)
    if min(hr.shape[:2]) - 2 * sample.scale < 161:  # five halvings of an 11-pixel window
        return None
    return ms_ssim(hr, sr, border=sample.scale)


def _niqe(sample: Sample) -> float | None:
    try:
        return niqe(sample.sr, border=sample.scale)
    except ImageError:  # fewer than two blocks of 96 pixels
        return None


def _lr_psnr(sample: Sample) -> float | None:
    degradation, scale = sample.degradation, sample.scale
    if degradation is None or str(degradation) == "bicubic":
        return lr_consistency(sample.images.lr, sample.sr)

    def downsample(sr: Array) -> Array:
        return degradation.apply(sr / 255.0, scale=scale, seed=0) * 255.0

    return lr_consistency(sample.images.lr, sample.sr, downsample=downsample)


def _colour_drift(sample: Sample) -> float | None:
    lr, degradation, scale = sample.images.lr, sample.degradation, sample.scale
    if lr.ndim == 2 or lr.dtype != np.uint8:
        return None
    if degradation is None or str(degradation) == "bicubic":
        return colour_drift(lr, sample.sr).delta_e
    return colour_drift(lr, sample.sr, downsample=lambda sr: degradation.apply(sr, scale=scale, seed=0)).delta_e


def _checkerboard(sample: Sample) -> float | None:
    try:
        return checkerboard(sample.sr / np.float32(255.0), scale=sample.scale).score
    except ImageError:  # fewer than 16 periods
        return None


MEASURES = {
    "checkerboard": Measure("Checkerboard (dB)", False, _checkerboard),
    "colour-drift": Measure("Colour drift (ΔE)", False, _colour_drift),
    "lr-psnr": Measure("LR PSNR (dB)", True, _lr_psnr),
    "ms-ssim": Measure("MS-SSIM", True, _ms_ssim),
    "niqe": Measure("NIQE", False, _niqe),
}
"""Every measure beside PSNR and SSIM by its name; docs/explanation/metrics.md explains each."""

"""Consistency of an upscaled image with its LR image, in luma and in colour, without ground truth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.metrics.metric import Metric, Sample
from kukkiri.metrics.psnr import psnr
from kukkiri.resampling import resize

__all__ = ["COLOUR_DRIFT", "LR_PSNR", "ColourDrift", "colour_drift", "lr_consistency"]

Array = NDArray[Any]
# sRGB to CIE XYZ under D65 (IEC 61966-2-1), divided by the white so that white is (1, 1, 1)
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_TO_XYZ = _TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class ColourDrift:
    """Difference of colours in CIELAB units; 2.3 is about the just noticeable difference, side by side."""

    delta_e: float
    """Mean over LR pixels of the CIE 1976 difference."""
    mean_shift: tuple[float, float, float]
    """Mean of sr minus lr: lightness, green to red, blue to yellow. A cast shows here, noise does not."""


def lr_consistency(
    lr: Array,
    sr: Array,
    *,
    downsample: Callable[[Array], Array] | None = None,
    border: int = 2,
    data_range: float = 255.0,
) -> float:
    """PSNR in dB between the LR image and the downscaled SR image.

    Args:
        lr: (H, W) or (H, W, C), in [0, ``data_range``].
        sr: (scale H, scale W[, C]), any real dtype.
        downsample: the assumed degradation, from float64 ``sr`` to the size of ``lr``; by default MATLAB's bicubic.
        border: LR pixels cut from each side: SR there depends on pixels outside of the image.
        data_range: white minus black.

    Returns:
        About 45 dB and more when SR differs from LR only in detail that LR cannot represent; infinity when equal.

    Raises:
        ValueError: the sizes do not fit.
    """
    return psnr(lr, _downscaled(lr, sr, downsample), border=border, data_range=data_range)


def colour_drift(lr: Array, sr: Array, *, downsample: Callable[[Array], Array] | None = None) -> ColourDrift:
    """Mean CIELAB difference between the LR image and the downscaled SR image.

    Args:
        lr: (H, W, 3) sRGB: uint8, or floats in [0, 1].
        sr: (scale H, scale W, 3), the same dtype.
        downsample: see :func:`lr_consistency`; works on floats in [0, 1].

    Raises:
        ValueError: the sizes do not fit, or the images are not RGB.
    """
    if lr.ndim != 3 or lr.shape[2] != 3:
        raise ValueError(f"colours need RGB images, (H, W, 3), got {lr.shape}")
    floats = [image / 255.0 if image.dtype == np.uint8 else image for image in (lr, sr)]
    downscaled = np.clip(_downscaled(floats[0], floats[1], downsample), 0.0, 1.0)
    difference = _lab(downscaled) - _lab(np.asarray(floats[0], dtype=np.float64))
    lightness, red, yellow = difference.mean(axis=(0, 1)).tolist()
    return ColourDrift(float(np.sqrt((difference**2).sum(axis=2)).mean()), (lightness, red, yellow))


def _downscaled(lr: Array, sr: Array, downsample: Callable[[Array], Array] | None) -> Array:
    if sr.ndim != lr.ndim or sr.shape[2:] != lr.shape[2:] or sr.shape[0] < lr.shape[0] or sr.shape[1] < lr.shape[1]:
        raise ValueError(f"sr must be an upscaled lr, got lr {lr.shape} and sr {sr.shape}")
    size = (lr.shape[0], lr.shape[1])
    floats = sr.astype(np.float64)
    downscaled = resize(floats, output_size=size) if downsample is None else downsample(floats)
    if downscaled.shape != lr.shape:
        raise ValueError(f"downsample made {downscaled.shape}, expected the size of lr, {lr.shape}")
    return downscaled


def _lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB under D65 of sRGB in [0, 1]."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0.0) + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _lr_psnr(sample: Sample) -> float | None:
    downsample = sample.downsample
    if downsample is None:
        return lr_consistency(sample.lr, sample.sr)
    return lr_consistency(sample.lr, sample.sr, downsample=lambda sr: downsample(sr / 255.0) * 255.0)


def _colour_drift(sample: Sample) -> float | None:
    if sample.lr.ndim == 2 or sample.lr.dtype != np.uint8:
        return None
    return colour_drift(sample.lr, sample.sr, downsample=sample.downsample).delta_e


LR_PSNR = Metric(
    "LR PSNR (dB)",
    _lr_psnr,
    higher_is_better=True,
    summary="PSNR between LR and SR downscaled again by the same degradation",
)
COLOUR_DRIFT = Metric(
    "Colour drift (ΔE)",
    _colour_drift,
    higher_is_better=False,
    summary="mean CIELAB difference between LR and SR downscaled again; 2.3 is about what an eye notices",
    needs="colour",
)

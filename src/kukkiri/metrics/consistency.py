"""Does an upscaled image still show what the small one showed? Two answers that need no ground truth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.metrics.fidelity import psnr
from kukkiri.resampling import resize

__all__ = ["ColourDrift", "colour_drift", "lr_consistency"]

Array = NDArray[Any]
# sRGB to CIE XYZ under D65 (IEC 61966-2-1), divided by the white so that white is (1, 1, 1)
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_TO_XYZ = _TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class ColourDrift:
    """How far colours moved, in CIELAB units: 2.3 is about what an eye just notices, side by side."""

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
    """PSNR between the small image and the upscaled one shrunk again, in dB.

    Args:
        lr: (H, W) or (H, W, C), in [0, ``data_range``].
        sr: (scale H, scale W[, C]), any real dtype.
        downsample: how LR is thought to have been made, from float64 ``sr`` to the size of ``lr``; by default
            MATLAB's bicubic.
        border: LR pixels cut from each side: there the upscaling had to invent what lies outside.
        data_range: white minus black.

    Returns:
        About 45 dB and more when the upscaling only adds what LR cannot show; infinity when equal.

    Raises:
        ValueError: the sizes do not belong together.
    """
    return psnr(lr, _shrunk(lr, sr, downsample), border=border, data_range=data_range)


def colour_drift(lr: Array, sr: Array, *, downsample: Callable[[Array], Array] | None = None) -> ColourDrift:
    """Compare the colours of the small image with those of the upscaled one shrunk again.

    Args:
        lr: (H, W, 3) sRGB: uint8, or floats in [0, 1].
        sr: (scale H, scale W, 3), the same dtype.
        downsample: see :func:`lr_consistency`; works on floats in [0, 1].

    Raises:
        ValueError: the sizes do not belong together, or the images are not RGB.
    """
    if lr.ndim != 3 or lr.shape[2] != 3:
        raise ValueError(f"colours need RGB images, (H, W, 3), got {lr.shape}")
    floats = [image / 255.0 if image.dtype == np.uint8 else image for image in (lr, sr)]
    shrunk = np.clip(_shrunk(floats[0], floats[1], downsample), 0.0, 1.0)
    difference = _lab(shrunk) - _lab(np.asarray(floats[0], dtype=np.float64))
    lightness, red, yellow = difference.mean(axis=(0, 1)).tolist()
    return ColourDrift(float(np.sqrt((difference**2).sum(axis=2)).mean()), (lightness, red, yellow))


def _shrunk(lr: Array, sr: Array, downsample: Callable[[Array], Array] | None) -> Array:
    if sr.ndim != lr.ndim or sr.shape[2:] != lr.shape[2:] or sr.shape[0] < lr.shape[0] or sr.shape[1] < lr.shape[1]:
        raise ValueError(f"sr must be an upscaled lr, got lr {lr.shape} and sr {sr.shape}")
    size = (lr.shape[0], lr.shape[1])
    floats = sr.astype(np.float64)
    shrunk = resize(floats, output_size=size) if downsample is None else downsample(floats)
    if shrunk.shape != lr.shape:
        raise ValueError(f"downsample made {shrunk.shape}, expected the size of lr, {lr.shape}")
    return shrunk


def _lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB under D65 of sRGB in [0, 1]."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0.0) + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)

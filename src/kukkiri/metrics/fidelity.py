"""PSNR and SSIM in float64, equal to the MATLAB code behind the published tables.

Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
IEEE TIP 13(4), 2004; the reference implementation is ``ssim_index.m``.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["psnr", "ssim"]

Array = NDArray[Any]
_WINDOW = 11
_SIGMA = 1.5


def psnr(hr: Array, sr: Array, *, border: int = 0, data_range: float = 255.0) -> float:
    """Peak signal-to-noise ratio, 10 log10(data_range^2 / mean squared error), in dB.

    Args:
        hr: (H, W) or (H, W, C), in [0, ``data_range``], any real dtype.
        sr: the same shape.
        border: pixels cut from each side first.
        data_range: white minus black.

    Returns:
        dB; infinity for equal images.

    Raises:
        ValueError: the shapes differ, or ``border`` leaves nothing.
    """
    reference, estimate = _cropped(hr, sr, border=border)
    error = float(np.mean((reference - estimate) ** 2))
    return math.inf if error == 0 else 10 * math.log10(data_range**2 / error)


def ssim(hr: Array, sr: Array, *, border: int = 0, data_range: float = 255.0) -> float:
    """Mean structural similarity with an 11x11 Gaussian window, sigma 1.5, K = (0.01, 0.03).

    The border is cut first; then only windows that lie inside count, as ``filter2(..., 'valid')`` does;
    variances are the weighted, biased ones. Colour: the mean over the channels.

    Args:
        hr: (H, W) or (H, W, C), in [0, ``data_range``], at least 11 pixels to a side after the cut.
        sr: the same shape.
        border: pixels cut from each side first.
        data_range: white minus black.

    Raises:
        ValueError: the shapes differ, or less than one window is left.
    """
    reference, estimate = _cropped(hr, sr, border=border)
    if min(reference.shape[:2]) < _WINDOW:
        raise ValueError(f"SSIM needs {_WINDOW} pixels to a side, got {reference.shape[:2]} after the border")
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_r, mean_e = _blur(reference), _blur(estimate)
    variance_r = _blur(reference * reference) - mean_r * mean_r
    variance_e = _blur(estimate * estimate) - mean_e * mean_e
    covariance = _blur(reference * estimate) - mean_r * mean_e
    similarity = ((2 * mean_r * mean_e + c1) * (2 * covariance + c2)) / (
        (mean_r * mean_r + mean_e * mean_e + c1) * (variance_r + variance_e + c2)
    )
    return float(np.mean(similarity))


def _cropped(hr: Array, sr: Array, *, border: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if hr.shape != sr.shape or hr.ndim not in (2, 3):
        raise ValueError(f"two images of one shape, (H, W) or (H, W, C), are needed; got {hr.shape} and {sr.shape}")
    height, width = hr.shape[:2]
    if border < 0 or min(height, width) <= 2 * border:
        raise ValueError(f"a border of {border} leaves nothing of {height}x{width}")
    inner = (slice(border, height - border), slice(border, width - border))
    return hr[inner].astype(np.float64), sr[inner].astype(np.float64)


def _blur(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """The Gaussian window over every position that lies inside."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    for axis in (0, 1):
        length = image.shape[axis] - _WINDOW + 1
        image = sum(
            (weight * image[(slice(None),) * axis + (slice(tap, tap + length),)] for tap, weight in enumerate(weights)),
            start=np.zeros(()),
        )
    return image

"""MS-SSIM: structural similarity at five sizes.

Wang, Simoncelli & Bovik, "Multi-scale structural similarity for image quality assessment", Asilomar
2003; the arithmetic is that of the authors' ``msssim.m``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.metrics.border import cut_border, make_value
from kukkiri.metrics.metric import Metric

__all__ = ["MS_SSIM", "ms_ssim"]

Float64 = NDArray[np.float64]
_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, section 3.2
_WINDOW = 11
_SIGMA = 1.5
_SMALLEST = (_WINDOW - 1) * 2 ** (len(_EXPONENTS) - 1) + 1  # a window at the smallest size


def ms_ssim(hr: NDArray[Any], sr: NDArray[Any], *, border: int = 0, data_range: float = 255.0) -> float:
    """Product over five sizes of contrast and structure, and of luminance at the smallest.

    Args:
        hr: (H, W) or (H, W, C), in [0, ``data_range``], at least 161 pixels along each side after the cut.
        sr: the same shape.
        border: pixels cut from each side first.
        data_range: white minus black.

    Returns:
        At most 1; colour: the mean over the channels. A negative factor, which has no real power, counts as 0.

    Raises:
        ValueError: the shapes differ, a side is too small, or an image is not in that range.
    """
    cut = cut_border(hr, sr, border=border, smallest=_SMALLEST, metric="MS-SSIM", data_range=data_range)
    reference, estimate = (np.atleast_3d(image) for image in cut)
    score = np.ones(reference.shape[2])
    for level, exponent in enumerate(_EXPONENTS):
        if level:
            reference, estimate = _halve(reference), _halve(estimate)
        luminance, contrast = _terms(reference, estimate, data_range)
        last = level == len(_EXPONENTS) - 1
        similarity = (luminance * contrast if last else contrast).mean(axis=(0, 1))
        score *= np.maximum(similarity, 0.0) ** exponent
    return float(score.mean())


def _terms(reference: Float64, estimate: Float64, data_range: float) -> tuple[Float64, Float64]:
    """The maps of luminance, and of contrast times structure."""
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_r, mean_e = _blur(reference), _blur(estimate)
    variances = _blur(reference**2) - mean_r**2 + _blur(estimate**2) - mean_e**2
    covariance = _blur(reference * estimate) - mean_r * mean_e
    luminance = (2 * mean_r * mean_e + c1) / (mean_r**2 + mean_e**2 + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _blur(image: Float64) -> Float64:
    """The Gaussian window wherever it lies inside."""
    weights = np.exp(-((np.arange(_WINDOW) - _WINDOW // 2) ** 2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    for axis in (0, 1):
        image = np.lib.stride_tricks.sliding_window_view(image, _WINDOW, axis=axis) @ weights
    return image


def _halve(image: Float64) -> Float64:
    """Means of 2x2 pixels; the last of an odd side counts twice."""
    image = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), mode="edge")
    return (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4


MS_SSIM = Metric(
    "MS-SSIM",
    make_value(ms_ssim, smallest=_SMALLEST),
    higher_is_better=True,
    summary="SSIM at five sizes (Wang et al. 2003)",
    needs=f"{_SMALLEST} pixels along each side after the cut",
    digits=4,
)

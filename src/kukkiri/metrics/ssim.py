"""SSIM in float64, equal to the MATLAB code behind the published tables.

Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
IEEE TIP 13(4), 2004; the reference implementation is ``ssim_index.m``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.metrics.border import cut_border
from kukkiri.metrics.metric import Metric

__all__ = ["SSIM", "ssim"]

_WINDOW = 11
_SIGMA = 1.5


def ssim(hr: NDArray[Any], sr: NDArray[Any], *, border: int = 0, data_range: float = 255.0) -> float:
    """Mean structural similarity with an 11x11 Gaussian window, sigma 1.5, K = (0.01, 0.03).

    The border is cut first; then only windows that lie inside count, as ``filter2(..., 'valid')`` does;
    variances are the weighted, biased ones. Colour: the mean over the channels.

    Args:
        hr: (H, W) or (H, W, C), in [0, ``data_range``], at least 11 pixels along each side after the cut.
        sr: the same shape.
        border: pixels cut from each side first.
        data_range: white minus black.

    Raises:
        ValueError: the shapes differ, less than one window is left, or an image is not in that range.
    """
    reference, estimate = cut_border(hr, sr, border=border, smallest=_WINDOW, metric="SSIM", data_range=data_range)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_r, mean_e = _blur(reference), _blur(estimate)
    variance_r = _blur(reference * reference) - mean_r * mean_r
    variance_e = _blur(estimate * estimate) - mean_e * mean_e
    covariance = _blur(reference * estimate) - mean_r * mean_e
    similarity = ((2 * mean_r * mean_e + c1) * (2 * covariance + c2)) / (
        (mean_r * mean_r + mean_e * mean_e + c1) * (variance_r + variance_e + c2)
    )
    return float(np.mean(similarity))


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


SSIM = Metric(
    "SSIM",
    lambda sample: ssim(*sample.compared, border=sample.scale),
    higher_is_better=True,
    summary="structural similarity (Wang et al. 2004), 11x11 Gaussian window, as `ssim_index.m`",
    digits=4,
)

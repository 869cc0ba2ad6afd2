"""PSNR in float64, equal to the MATLAB code behind the published tables."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.metrics.border import cut_border
from kukkiri.metrics.metric import Metric

__all__ = ["PSNR", "psnr"]


def psnr(hr: NDArray[Any], sr: NDArray[Any], *, border: int = 0, data_range: float = 255.0) -> float:
    """Peak signal-to-noise ratio, 10 log10(data_range^2 / mean squared error), in dB.

    Args:
        hr: (H, W) or (H, W, C), in [0, ``data_range``], any real dtype.
        sr: the same shape.
        border: pixels cut from each side first.
        data_range: white minus black.

    Returns:
        dB; infinity for equal images.

    Raises:
        ValueError: the shapes differ, ``border`` leaves nothing, or an image is not in that range.
    """
    reference, estimate = cut_border(hr, sr, border=border, data_range=data_range)
    error = float(np.mean((reference - estimate) ** 2))
    return math.inf if error == 0 else 10 * math.log10(data_range**2 / error)


PSNR = Metric(
    "PSNR (dB)",
    lambda sample: psnr(*sample.compared, border=sample.scale),
    higher_is_better=True,
    summary="10 log10(255² / mean squared error)",
)

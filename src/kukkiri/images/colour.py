"""Conversion of RGB to and from YCbCr in MATLAB's studio range (ITU-R BT.601): Y in 16..235, Cb and Cr in 16..240.

The literature's "PSNR on Y" and the Y networks (SRCNN, ESPCN, FSRCNN, VDSR) mean this Y, not the full-range
one of JPEG: on full range the same error is 20 log10(255/219) = 1.32 dB worse. Nothing here is clamped or rounded.
"""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["rgb_to_y", "rgb_to_ycbcr", "ycbcr_to_rgb"]

Float = TypeVar("Float", bound=np.floating[Any])

_TO_YCBCR = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
_OFFSET = np.array([16.0, 128.0, 128.0]) / 255
_TO_RGB = np.linalg.inv(_TO_YCBCR)


def rgb_to_y(rgb: NDArray[Float]) -> NDArray[Float]:
    """Compute the luma of an RGB image: Y = (16 + 65.481 R + 128.553 G + 24.966 B) / 255.

    Args:
        rgb: (..., 3), float32 or float64, [0, 1].

    Returns:
        (...), without the channel axis, the dtype of ``rgb``, in [16/255, 235/255].
    """
    _check(rgb)
    y: NDArray[Float] = rgb @ _TO_YCBCR[0].astype(rgb.dtype)
    y += _OFFSET[0].astype(rgb.dtype)
    return y


def rgb_to_ycbcr(rgb: NDArray[Float]) -> NDArray[Float]:
    """Convert RGB to YCbCr: MATLAB's ``rgb2ycbcr`` for floats.

    Args:
        rgb: (..., 3), float32 or float64, [0, 1].

    Returns:
        (..., 3), the dtype of ``rgb``; Y in [16/255, 235/255], Cb and Cr in [16/255, 240/255].
    """
    _check(rgb)
    ycbcr: NDArray[Float] = rgb @ _TO_YCBCR.T.astype(rgb.dtype)
    ycbcr += _OFFSET.astype(rgb.dtype)
    return ycbcr


def ycbcr_to_rgb(ycbcr: NDArray[Float]) -> NDArray[Float]:
    """Invert :func:`rgb_to_ycbcr`, to 1e-12 in float64; values outside the RGB cube are not clamped.

    MATLAB's ``ycbcr2rgb`` inverts the same matrix to fewer digits and clamps.

    Args:
        ycbcr: (..., 3), float32 or float64.

    Returns:
        (..., 3), the dtype of ``ycbcr``.
    """
    _check(ycbcr)
    centred: NDArray[Float] = ycbcr - _OFFSET.astype(ycbcr.dtype)
    return centred @ _TO_RGB.T.astype(ycbcr.dtype)


def _check(array: NDArray[Any]) -> None:
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"colour conversion needs float32 or float64 in [0, 1], got {array.dtype}")
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"the last axis must hold 3 channels, got shape {array.shape}")

"""Images as tensors of one image in RGB, and back; kernels as the true convolutions that data steps expect."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.degradations import Correlation
from kukkiri.degradations.torch_twins import apply_operator_to_tensor
from kukkiri.errors import ConfigError, ImageError
from kukkiri.inference.half_quadratic import check_kernel

__all__ = ["Pixels", "blur_circularly", "check_scale", "from_tensor", "make_kernel_tensor", "to_rgb_tensor"]

Pixels = NDArray[np.uint8 | np.floating[Any]]


def to_rgb_tensor(image: Pixels) -> Tensor:
    """Convert (H, W), (H, W, 1) or (H, W, 3), uint8 or floats in [0, 1], to (1, 3, H, W) float32; grey three times.

    Raises:
        ImageError: another shape or dtype, no pixels, or a value that is not finite.
    """
    array = np.asarray(image)
    planes = array[..., None] if array.ndim == 2 else array
    floating = np.issubdtype(array.dtype, np.floating)
    if planes.ndim != 3 or planes.shape[2] not in (1, 3) or 0 in planes.shape or not (floating or array.dtype == "u1"):
        raise ImageError(
            f"got an array of shape {array.shape} and dtype {array.dtype}, expected (H, W) or (H, W, 3) of uint8 or of "
            "floats in [0, 1]. Convert the image first, without its alpha channel."
        )
    if floating and not np.isfinite(array).all():
        raise ImageError("the image holds values that are not finite, expected [0, 1]. Replace them first.")
    values = planes.astype(np.float32) / np.float32(1.0 if floating else 255.0)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None].expand(1, 3, -1, -1).contiguous()


def from_tensor(image: Tensor, *, like: Pixels) -> NDArray[Any]:
    """Convert (1, 3, H, W) to the dtype and the number of channels of ``like``, clamped to [0, 1]."""
    values = image[0].clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    if like.ndim == 2:
        values = values.mean(axis=2)
    elif like.shape[2] == 1:
        values = values.mean(axis=2, keepdims=True)
    if like.dtype == np.uint8:
        return np.asarray(np.floor(values * 255 + 0.5).astype(np.uint8))
    return np.asarray(values.astype(like.dtype))


def make_kernel_tensor(kernel: NDArray[np.floating[Any]], *, largest: tuple[int, int]) -> Tensor:
    """Turn a correlation kernel, anchor ``size // 2``, into (1, 1, K, L) of a true convolution, centre ``K // 2``.

    Args:
        kernel: (height, width); it is normalized.
        largest: height and width of the image that it blurs.

    Raises:
        ConfigError: it is no kernel, or larger than the image.
    """
    checked = check_kernel(kernel, largest=largest)
    # An even side gets a row of zeros at its end: the anchor stays where it is and becomes the middle.
    odd = np.pad(checked, [(0, 1 - side % 2) for side in checked.shape])
    return torch.from_numpy(np.ascontiguousarray(odd[::-1, ::-1]).astype(np.float32))[None, None]


def blur_circularly(images: Tensor, kernel: NDArray[np.floating[Any]], *, step: int = 1) -> Tensor:
    """Correlate (N, C, H, W) with a kernel on a circular border and keep every ``step``-th pixel."""
    blurred = apply_operator_to_tensor(images, Correlation(np.asarray(kernel, dtype=np.float64), "wrap"))
    return blurred[..., ::step, ::step]


def check_scale(scale: int, *, smallest: int = 1) -> None:
    """Refuse a scale that is no whole number from ``smallest`` to 16.

    Raises:
        ConfigError: it is not.
    """
    if not isinstance(scale, int) or isinstance(scale, bool) or not smallest <= scale <= 16:
        raise ConfigError(f"scale must be a whole number from {smallest} to 16, got {scale!r}.")

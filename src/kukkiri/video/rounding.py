"""Samples of a frame into a network's units, and a network's result into samples, rounded half away from zero."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.video.layouts import Samples

__all__ = ["round_into", "to_units"]

Plane = NDArray[Any]
Floats = NDArray[np.float32]
_STRIP = 2**18  # samples that stay in the cache on their way: 2**17 to 2**19 are equally fast
_TIES = 8e-7  # of the largest sample: interpolation makes exact halves, which float32 sums may miss by less


def to_units(plane: Plane, samples: Samples) -> Floats:
    """Convert (h, w) samples to the network's units, contiguous float32."""
    units = np.multiply(plane, np.float32(samples.gain), dtype=np.float32, order="C")
    if samples.offset:
        units += np.float32(samples.offset)
    return units


def round_into(plane: Plane, units: Floats, samples: Samples | None = None, *, top: float | None = None) -> None:
    """Write values as samples, clipped to the range of the samples only.

    Args:
        plane: (h, w), written.
        units: (h, w).
        samples: of the plane; ``None`` when ``units`` are samples already, made by interpolation.
        top: the largest sample, without ``samples``.
    """
    if plane.dtype == np.float32:
        np.copyto(plane, units)
        return
    gain, shift, largest = 1.0, 0.5 + _TIES * (top or 0), top or 0
    if samples is not None:
        gain, shift, largest = 1 / samples.gain, 0.5 - samples.offset / samples.gain, samples.top
    height, width = units.shape
    rows = max(1, _STRIP // max(1, width))
    scratch = np.empty((min(rows, height), width), dtype=np.float32)
    for first in range(0, height, rows):
        strip = scratch[: min(rows, height - first)]
        np.multiply(units[first : first + rows], np.float32(gain), out=strip)
        strip += np.float32(shift)
        np.clip(strip, 0, np.float32(largest + 0.5), out=strip)
        np.copyto(plane[first : first + rows], strip, casting="unsafe")  # truncates, so that halves go up

"""A reversible curve between linear light of any range and [0, 1], for images whose highlights lie above white.

Networks and interpolation expect values that are even to the eye, in [0, 1]. Up to white the curve is that of sRGB,
above it is logarithmic with the same slope at white, as in hybrid log-gamma; below zero it is mirrored.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ToneCurve", "from_srgb", "to_srgb"]

Floats = NDArray[np.float32]
_SLOPE = 1.055 / 2.4
"""Of sRGB's curve at white."""
_LINEAR, _GAIN, _OFFSET, _POWER = 0.0031308, 12.92, 0.055, 2.4


@dataclass(frozen=True)
class ToneCurve:
    """The curve of one image, from its darkest sample (0 at most) to its brightest (1 at least)."""

    low: float
    """Linear light that becomes 0."""
    high: float
    """Linear light that becomes 1."""

    @classmethod
    def for_samples(cls, linear: Floats) -> "ToneCurve":
        """Make the curve that holds all samples, which must be finite."""
        return cls(min(0.0, float(linear.min())), max(1.0, float(linear.max())))

    def encode(self, linear: Floats) -> Floats:
        """Bring linear light to [0, 1]."""
        low, high = self._ends()
        return ((_bend(linear) - np.float32(low)) / np.float32(high - low)).astype(np.float32).clip(0, 1)

    def decode(self, values: Floats) -> Floats:
        """Bring [0, 1] back to linear light; what lies outside is clamped to the ends of the curve."""
        low, high = self._ends()
        return _unbend(values.clip(0, 1) * np.float32(high - low) + np.float32(low))

    def _ends(self) -> tuple[float, float]:
        ends = _bend(np.array([self.low, self.high], dtype=np.float32))
        return float(ends[0]), float(ends[1])


def to_srgb(linear: Floats) -> Floats:
    """Encode linear light by the curve of sRGB, clipped to [0, 1]."""
    return _bend(linear.clip(0, 1))


def from_srgb(values: Floats) -> Floats:
    """Decode sRGB in [0, 1] to linear light."""
    return _unbend(values)


def _bend(linear: Floats) -> Floats:
    size = np.abs(linear.astype(np.float32))
    low = np.minimum(size, 1)
    curved = (1 + _OFFSET) * np.power(np.maximum(low, _LINEAR), 1 / _POWER) - _OFFSET
    bent = np.where(low <= _LINEAR, low * _GAIN, curved)
    bent = np.where(size > 1, 1 + _SLOPE * np.log(np.maximum(size, 1)), bent)
    return np.copysign(bent, linear).astype(np.float32)


def _unbend(bent: Floats) -> Floats:
    size = np.abs(bent.astype(np.float32))
    low = np.minimum(size, 1)
    curved = np.power((np.maximum(low, _LINEAR * _GAIN) + _OFFSET) / (1 + _OFFSET), _POWER)
    linear = np.where(low <= _LINEAR * _GAIN, low / _GAIN, curved)
    most = math.log(float(np.finfo(np.float32).max))
    linear = np.where(size > 1, np.exp(np.minimum((np.maximum(size, 1) - 1) / _SLOPE, most)), linear)
    return np.copysign(linear, bent).astype(np.float32)

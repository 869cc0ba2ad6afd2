"""The samples of a frame's planes: their kind, depth, range, matrix, and the places of chroma samples.

A luma network was trained on luma in MATLAB's studio range, which is that of video in limited range: at any depth its
levels divided by ``255 << (depth - 8)`` are the network's input. Full range is mapped to it. RGB and alpha are full.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["FLOAT_DEPTH", "Kind", "Matrix", "PlaneLayout", "Samples"]

Kind = Literal["grey", "yuv", "rgb"]
Matrix = Literal["601", "709", "2020"]

FLOAT_DEPTH = 32
"""Depth of float32 samples in [0, 1]."""
_BLACK, _WHITE = 16 / 255, 235 / 255


@dataclass(frozen=True)
class Samples:
    """The numbers of one plane, and the network's units: units = gain * number + offset."""

    depth: int
    gain: float
    offset: float
    level: float
    """A 255th of the step from black to white, in the network's units."""

    @property
    def top(self) -> float:
        """The largest number that a sample may be."""
        return 1.0 if self.depth == FLOAT_DEPTH else float((1 << self.depth) - 1)

    @property
    def dtype(self) -> DTypeLike:
        """uint8, uint16 or float32."""
        return np.dtype(np.float32 if self.depth == FLOAT_DEPTH else np.uint8 if self.depth == 8 else np.uint16)

    @property
    def low(self) -> float:
        """The network's units of the number 0."""
        return self.offset

    @property
    def high(self) -> float:
        """The network's units of the largest number."""
        return self.gain * self.top + self.offset


@dataclass(frozen=True)
class PlaneLayout:
    """The planes of a frame, in the order of :func:`kukkiri.video.planes.view_planes`: of RGB it is G, B, R, then A."""

    kind: Kind
    depth: int = 8
    """Bits of a sample; 32 for floats in [0, 1]."""
    subsampling: tuple[int, int] = (1, 1)
    """Luma samples for one chroma sample, along rows and along columns: (2, 2) is 4:2:0, (2, 1) is 4:2:2."""
    has_alpha: bool = False
    full_range: bool = False
    """Of luma: 0 is black; always true of RGB."""
    matrix: Matrix = "601"
    siting: tuple[float, float] = (-0.5, 0.0)
    """Place of a chroma sample across and down, in luma samples from the centre of the pixels that share it."""

    @property
    def planes(self) -> int:
        """Number of planes, alpha included."""
        return (1 if self.kind == "grey" else 3) + self.has_alpha

    @property
    def luma(self) -> Samples:
        """The luma or grey plane in the units of a luma network."""
        if self.full_range:
            top = 1.0 if self.depth == FLOAT_DEPTH else float((1 << self.depth) - 1)
            return Samples(self.depth, (_WHITE - _BLACK) / top, _BLACK, (_WHITE - _BLACK) / 255)
        return Samples(self.depth, 1.0 / self._unit, 0.0, (_WHITE - _BLACK) / 255)

    @property
    def rgb(self) -> Samples:
        """A plane of RGB in the units of an RGB network: white is 1."""
        top = 1.0 if self.depth == FLOAT_DEPTH else float((1 << self.depth) - 1)
        return Samples(self.depth, 1.0 / top, 0.0, 1 / 255)

    @property
    def _unit(self) -> float:
        """255 levels of 8 bit."""
        return 1.0 if self.depth == FLOAT_DEPTH else float(255 << (self.depth - 8))

    def find_plane_size(self, plane: int, size: tuple[int, int]) -> tuple[int, int]:
        """Compute (height, width) of a plane of a frame of (height, width)."""
        if not self.is_chroma(plane):
            return size
        across, down = self.subsampling
        return -(-size[0] // down), -(-size[1] // across)

    def is_chroma(self, plane: int) -> bool:
        """True for Cb and Cr."""
        return self.kind == "yuv" and plane in (1, 2)

    def is_alpha(self, plane: int) -> bool:
        """True for the last plane of a layout with alpha."""
        return self.has_alpha and plane == self.planes - 1

    def without_alpha(self) -> "PlaneLayout":
        """The same layout without alpha."""
        return dataclasses.replace(self, has_alpha=False)

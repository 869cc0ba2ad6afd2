"""The sizes of a frame and of its result, and the rectangle of each plane that a rectangle of the frame becomes."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference import Upscaler
from kukkiri.inference.parts import find_starts
from kukkiri.video.chroma import Box
from kukkiri.video.layouts import PlaneLayout
from kukkiri.video.reuse import Rectangle

__all__ = ["Geometry", "plan_geometry"]

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Place in the result of each pixel of a frame."""

    size: Size
    """(height, width) of the frame."""
    output_size: Size
    """(height, width) of the result."""
    sr_size: Size
    """(height, width) without the row and column that are repeated to make the sides even."""
    factor: int
    """Product of the networks' scales; 1 without networks."""
    layout: PlaneLayout

    @property
    def whole_scale(self) -> bool:
        """True when the networks alone make the result, so that no resize follows."""
        return self.sr_size == (self.factor * self.size[0], self.factor * self.size[1])

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the result for one of the frame, down and across."""
        return self.sr_size[0] / self.size[0], self.sr_size[1] / self.size[1]

    def find_box(self, rectangle: Rectangle, plane: int) -> Box:
        """Return the part of a plane of the result that a rectangle of the frame becomes; the parts do not overlap."""
        down, across = self._starts
        height, width = self.layout.find_plane_size(plane, self.output_size)
        columns, rows = self.layout.subsampling if self.layout.is_chroma(plane) else (1, 1)
        ends = (
            height if rectangle.bottom == self.size[0] else int(down[rectangle.bottom]) // rows,
            width if rectangle.right == self.size[1] else int(across[rectangle.right]) // columns,
        )
        return (
            slice(int(down[rectangle.top]) // rows, ends[0]),
            slice(int(across[rectangle.left]) // columns, ends[1]),
        )

    def find_sr_box(self, rectangle: Rectangle) -> Box:
        """Return the part of SR, without repeated rows and columns, that a rectangle of the frame becomes."""
        down, across = self._starts
        return (
            slice(int(down[rectangle.top]), int(down[rectangle.bottom])),
            slice(int(across[rectangle.left]), int(across[rectangle.right])),
        )

    @cached_property
    def _starts(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        return find_starts(self.size[0], self.sr_size[0]), find_starts(self.size[1], self.sr_size[1])


def plan_geometry(
    upscaler: Upscaler, layout: PlaneLayout, size: Size, *, output_size: Size | None = None
) -> tuple[Geometry, str | None]:
    """Plan the size of the result.

    Args:
        upscaler: that has the networks for this size.
        layout: of the frames; sides with fewer chroma samples must be whole multiples.
        size: (height, width) of the frames.
        output_size: (height, width) of the result; by default what the upscaler says.

    Returns:
        The geometry, and a note for the user when a side had to be made even.

    Raises:
        ConfigError: the aspect of the frames does not fit the size that was asked for.
    """
    asked = output_size or upscaler.plan_size(size)
    across, down = layout.subsampling
    even = -(-asked[0] // down) * down, -(-asked[1] // across) * across
    factor = math.prod(engine.info.scale for engine in upscaler.engines)
    whole = upscaler.engines and asked == (factor * size[0], factor * size[1])
    note = None
    if even != asked:
        note = (
            f"{asked[1]}x{asked[0]} became {even[1]}x{even[0]}, for this pixel format has one colour sample for "
            f"{across}x{down} pixels"
        )
    return Geometry(size, even, asked if whole else even, factor, layout), note

"""The networks of an upscaler on parts of frames: read with their margins, run, resized to the size that was asked."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference import Upscaler
from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.inference.local_mean import CELL_SIDE, REACH
from kukkiri.inference.planning import Plan, make_plan
from kukkiri.inference.streaming import find_margin
from kukkiri.video.chroma import PlaneResizer, plane_resizer
from kukkiri.video.geometry import Geometry
from kukkiri.video.reuse import Rectangle

__all__ = ["PartialNetworks"]

Floats = NDArray[np.float32]
_NO_TILE, _NO_LIMIT = 0, 2**62  # what fits for the whole frame fits for a part of it


class PartialNetworks:
    """The networks of an upscaler, run on rectangles of frames of one size.

    A rectangle is computed with an inner margin, that of what is done to SR (bounds, local mean, resize), and this
    with an outer margin, that of the receptive fields. So its pixels are those of the whole frame.
    """

    def __init__(self, upscaler: Upscaler, geometry: Geometry, *, around: int = 0) -> None:
        """Plan the work for whole frames.

        Args:
            upscaler: with at least one network.
            geometry: of the frames.
            around: pixels of the frame beyond those of the bounds that are needed around a rectangle.

        Raises:
            ImageError: memory does not suffice for the result, or for the smallest tile.
        """
        self.upscaler, self.geometry = upscaler, geometry
        self.channels = upscaler.engines[0].info.channels
        self._multiple = math.lcm(CELL_SIDE, *(engine.info.multiple for engine in upscaler.engines))
        self._inner = REACH + around if upscaler.bounded else around
        whole = upscaler.chop or min(geometry.scale) < 1  # a reduction widens kernels
        self._outer = None if whole else find_margin(upscaler.engines)
        self._whole = upscaler.plan_networks(geometry.size, channels=self.channels)
        self._resizer: PlaneResizer | None = None
        if not geometry.whole_scale:
            large = (geometry.factor * geometry.size[0], geometry.factor * geometry.size[1])
            scale = geometry.sr_size[0] / large[0], geometry.sr_size[1] / large[1]
            self._resizer = plane_resizer(large, geometry.sr_size, scale=scale)
            self._inner += -(-max(self._resizer.reach) // geometry.factor) + 1
        self._inner = -(-self._inner // CELL_SIDE) * CELL_SIDE

    @property
    def bands(self) -> bool:
        """Rectangles must be as wide as the frame: the resize to a fraction needs whole rows."""
        return self._resizer is not None

    @property
    def reach(self) -> int | None:
        """Pixels of the frame around a place that its result depends on; ``None``: all of it."""
        return None if self._outer is None else self._inner + self._outer

    def grow(self, rectangle: Rectangle) -> Rectangle:
        """Return the rectangle with its inner margin, whose SR :meth:`run` gives."""
        size = self.geometry.size
        if self._outer is None:
            return Rectangle.whole(size)
        inner = rectangle.grown(self._inner, size, multiple=CELL_SIDE)
        return Rectangle(inner.top, inner.bottom, 0, size[1]) if self.bands else inner

    def read(self, inner: Rectangle) -> Rectangle:
        """Return the rectangle that the networks read for an inner one."""
        if self._outer is None:
            return inner
        size, multiple = self.geometry.size, self._multiple
        read = inner.grown(self._outer, size, multiple=multiple)
        bottom, right = (-(-side // multiple) * multiple for side in (read.bottom, read.right))
        return Rectangle(read.top, min(size[0], bottom), read.left, min(size[1], right))

    def _plan(self, size: tuple[int, int]) -> Plan:
        """Plan a part; the free memory, which takes a millisecond to find, is looked up once for the whole."""
        if size == self.geometry.size:
            return self._whole
        if any(tile is not None for _, _, tile in self._whole.passes):
            return self.upscaler.plan_networks(size, channels=self.channels)
        factor = self.geometry.factor
        output_size = (factor * size[0], factor * size[1])
        engines = self.upscaler.engines
        return make_plan(
            engines, size, output_size=output_size, channels=self.channels, tile=_NO_TILE, budget=_NO_LIMIT
        )

    def run(
        self, lr: Floats, inner: Rectangle, read: Rectangle, *, check: Callable[[], None]
    ) -> tuple[Floats, SkipStatistics]:
        """Run the networks, and resize what they give where the size asked for is not theirs.

        Args:
            lr: (C, h, w), the rectangle ``read``, in the networks' units.
            inner: whose SR is wanted.
            read: of :meth:`read`.
            check: called between tiles; what it raises ends the work.

        Returns:
            (C, H, W), the SR of ``inner``, not clamped; and what ``skip_flat`` skipped.
        """
        check()
        statistics = SkipStatistics()
        plan = self._plan((lr.shape[1], lr.shape[2]))
        run = self.upscaler.network_run(plan, progress=lambda done, total: check(), statistics=statistics)
        sr = run.run(lr[None])[0]
        check()
        factor = self.geometry.factor
        if self._resizer is not None:
            box = self.geometry.find_sr_box(inner)
            origin = (factor * read.top, factor * read.left)
            return np.stack([self._resizer.resize(plane, box, origin=origin) for plane in sr]), statistics
        top, left = factor * (inner.top - read.top), factor * (inner.left - read.left)
        height, width = factor * (inner.bottom - inner.top), factor * (inner.right - inner.left)
        return sr[:, top : top + height, left : left + width], statistics

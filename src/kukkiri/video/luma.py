"""The luma plane of a frame through a luma network, levels in and levels out, without any conversion of colour."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.flat_bound import bound_flat
from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.inference.local_mean import CELL_SIDE, find_patterns, keep_local_mean
from kukkiri.inference.parts import Part
from kukkiri.video.groups import Check, repeat_last
from kukkiri.video.layouts import FLOAT_DEPTH, Samples
from kukkiri.video.level_bounds import bound_levels, find_drifts
from kukkiri.video.networks import PartialNetworks
from kukkiri.video.reuse import Rectangle
from kukkiri.video.rounding import round_into, to_units

__all__ = ["LumaPlane"]

Plane = NDArray[Any]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
_WINDOW = 3  # cells around those that are corrected: the means are taken over two to each side, and one more is shifted


class LumaPlane:
    """Luma or grey by a luma network; see :class:`kukkiri.video.groups.PlaneGroup`."""

    reads = writes = (0,)

    def __init__(self, networks: PartialNetworks, samples: Samples) -> None:
        """Prepare.

        Args:
            networks: of one channel.
            samples: of the luma plane.
        """
        self._networks, self._samples = networks, samples
        self._bounded = networks.upscaler.bounded
        self._level = samples.level / samples.gain
        self._in_levels = self._bounded and networks.geometry.whole_scale and samples.depth != FLOAT_DEPTH
        self.reach, self.bands = networks.reach, networks.bands
        self.margin = networks.reach or 0

    def run(
        self, planes: Sequence[Plane], rectangle: Rectangle, targets: Sequence[Plane], *, check: Check
    ) -> SkipStatistics | None:
        """Compute a rectangle, see :class:`kukkiri.video.groups.PlaneGroup`."""
        luma, target = planes[0], targets[0]
        inner = self._networks.grow(rectangle)
        read = self._networks.read(inner)
        lr = to_units(luma[read.box], self._samples)
        sr, statistics = self._networks.run(lr[None], inner, read, check=check)
        near = lr[inner.top - read.top : inner.bottom - read.top, inner.left - read.left : inner.right - read.left]
        if self._in_levels:
            self._write_bounded(sr[0], near, luma[inner.box], inner, rectangle, target)
            return statistics
        units = sr[0]
        if self._bounded:
            units = np.clip(units, self._samples.low, self._samples.high)
            self._bound(units, near, inner)
        self._write(units, inner, rectangle, target)
        return statistics

    def _write_bounded(
        self, sr: Floats, lr: Floats, levels: Plane, inner: Rectangle, rectangle: Rectangle, target: Plane
    ) -> None:
        """Round SR to levels and bound these; in floats again where the local mean has to be corrected."""
        factor = self._networks.geometry.factor
        direct = inner == rectangle
        rounded = target[: sr.shape[0], : sr.shape[1]] if direct else np.empty(sr.shape, dtype=target.dtype)
        round_into(rounded, sr, self._samples)
        bound_levels(rounded, levels, scale=factor, level=self._level)
        self._correct_mean(rounded, lr, levels)
        if not direct:
            box = self._cut(inner, rectangle)
            np.copyto(target[: box[0].stop - box[0].start, : box[1].stop - box[1].start], rounded[box])
        sr_box = self._networks.geometry.find_sr_box(rectangle)
        repeat_last(target, (sr_box[0].stop - sr_box[0].start, sr_box[1].stop - sr_box[1].start))

    def _correct_mean(self, rounded: Plane, lr: Floats, levels: Plane) -> None:
        """Keep the local mean where it drifts in a pattern, in place; almost always that is nowhere, or a small part.

        Args:
            rounded: SR of an inner rectangle.
            lr: the rectangle in the network's units.
            levels: the same in levels.
        """
        factor, level = self._networks.geometry.factor, self._samples.level
        drifting = find_drifts(rounded, levels, scale=factor, level=self._level)
        near = _bounding_box(drifting, grown=_WINDOW)
        if near is None:
            return
        patterns = find_patterns(np.ascontiguousarray(lr[_pixels(near, 1)])[..., None], level=level)
        active = np.zeros_like(drifting)
        active[near] = drifting[near] & (patterns[..., 0] > 0)
        read = _bounding_box(active, grown=_WINDOW)
        kept = _bounding_box(active, grown=1)
        if read is None or kept is None:
            return
        units = to_units(rounded[_pixels(read, factor)], self._samples)
        source = np.ascontiguousarray(lr[_pixels(read, 1)])[..., None]
        keep_local_mean(units[..., None], source, level=level, low=self._samples.low, high=self._samples.high)
        first = tuple(factor * CELL_SIDE * side.start for side in read)
        rows, columns = (
            slice(side.start - start, side.stop - start)
            for side, start in zip(_pixels(kept, factor), first, strict=True)
        )
        target = rounded[_pixels(kept, factor)]
        round_into(target, units[rows, columns], self._samples)

    def _bound(self, units: Floats, lr: Floats, inner: Rectangle) -> None:
        """Hold SR of an inner rectangle to its LR, in place."""
        samples, part = self._samples, find_part(self._networks, inner)
        sr, source = units[..., None], np.ascontiguousarray(lr)[..., None]
        bound_flat(sr, source, level=samples.level, part=part)
        keep_local_mean(sr, source, level=samples.level, low=samples.low, high=samples.high, part=part)

    def _write(self, units: Floats, inner: Rectangle, rectangle: Rectangle, target: Plane) -> None:
        box = self._cut(inner, rectangle)
        kept = units[box]
        round_into(target[: kept.shape[0], : kept.shape[1]], kept, self._samples)
        repeat_last(target, (kept.shape[0], kept.shape[1]))

    def _cut(self, inner: Rectangle, rectangle: Rectangle) -> tuple[slice, slice]:
        return cut(self._networks, inner, rectangle)


def _bounding_box(cells: Mask, *, grown: int) -> tuple[slice, slice] | None:
    """Rows and columns of cells that hold all true ones and some around them; ``None`` when there are none."""
    rows, columns = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    if not len(rows):
        return None
    return (
        slice(max(0, int(rows[0]) - grown), min(cells.shape[0], int(rows[-1]) + 1 + grown)),
        slice(max(0, int(columns[0]) - grown), min(cells.shape[1], int(columns[-1]) + 1 + grown)),
    )


def _pixels(cells: tuple[slice, slice], factor: int) -> tuple[slice, slice]:
    """Pixels of cells at a scale; they may end beyond the border."""
    rows, columns = (slice(factor * CELL_SIDE * side.start, factor * CELL_SIDE * side.stop) for side in cells)
    return rows, columns


def find_part(networks: PartialNetworks, inner: Rectangle) -> Part:
    """Rows of an inner rectangle and of its SR in the whole."""
    geometry = networks.geometry
    return Part(inner.top, geometry.size[0], geometry.find_sr_box(inner)[0].start, geometry.sr_size[0])


def cut(networks: PartialNetworks, inner: Rectangle, rectangle: Rectangle) -> tuple[slice, slice]:
    """Place of a rectangle in the SR of its inner one."""
    outer, core = networks.geometry.find_sr_box(inner), networks.geometry.find_sr_box(rectangle)
    return (
        slice(core[0].start - outer[0].start, core[0].stop - outer[0].start),
        slice(core[1].start - outer[1].start, core[1].stop - outer[1].start),
    )

"""The luma plane of a frame through a luma network, levels in and levels out, without any conversion of colour."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.flat_bound import bound_flat
from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.inference.local_mean import keep_local_mean
from kukkiri.inference.parts import Part
from kukkiri.video.groups import Check, repeat_last
from kukkiri.video.layouts import FLOAT_DEPTH, Samples
from kukkiri.video.level_bounds import bound_levels, mean_drifts
from kukkiri.video.networks import PartialNetworks
from kukkiri.video.reuse import Rectangle
from kukkiri.video.rounding import round_into, to_units

__all__ = ["LumaPlane"]

Plane = NDArray[Any]
Floats = NDArray[np.float32]


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
        if mean_drifts(rounded, levels, scale=factor, level=self._level):
            units = to_units(rounded, self._samples)
            self._bound(units, lr, inner)
            round_into(rounded, units, self._samples)
        if not direct:
            box = self._cut(inner, rectangle)
            np.copyto(target[: box[0].stop - box[0].start, : box[1].stop - box[1].start], rounded[box])
        sr_box = self._networks.geometry.find_sr_box(rectangle)
        repeat_last(target, (sr_box[0].stop - sr_box[0].start, sr_box[1].stop - sr_box[1].start))

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

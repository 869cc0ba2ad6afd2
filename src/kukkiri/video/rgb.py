"""Frames of RGB planes, and frames that an RGB network takes, which are converted there and back."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.bounds import hold_to_lr
from kukkiri.inference.colour_plan import join_colour, split_colour
from kukkiri.inference.flat_bound import bound_flat
from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.inference.local_mean import keep_local_mean
from kukkiri.video.chroma import PlaneResizer, from_chroma_resizer, to_chroma_resizer
from kukkiri.video.groups import Check, repeat_last
from kukkiri.video.luma import cut, find_part
from kukkiri.video.matrices import ColourMatrix
from kukkiri.video.networks import PartialNetworks
from kukkiri.video.reuse import Rectangle
from kukkiri.video.rounding import round_into, to_units

__all__ = ["AROUND", "ConvertedPlanes", "GreyByRGB", "RGBPlanes"]

Plane = NDArray[Any]
Floats = NDArray[np.float32]
AROUND = 8
"""Pixels around a rectangle that the reduction of chroma reads at scale 1."""
_RGB_OF_YCBCR = (-1.25, 2.25)  # all RGB that samples of YCbCr can stand for
_STORED = (2, 0, 1)
"""Planes of R, G and B, which are stored as G, B, R."""


class _Group:
    """Everything that the three have in common."""

    def __init__(self, networks: PartialNetworks, planes: tuple[int, ...]) -> None:
        self.networks = networks
        self.reads = self.writes = planes
        self.reach, self.bands = networks.reach, networks.bands
        self.margin = networks.reach or 0
        self.samples = networks.geometry.layout.rgb

    def write(self, target: Plane, units: Floats, *, in_samples: bool = False) -> None:
        kept = target[: units.shape[0], : units.shape[1]]
        if in_samples:
            round_into(kept, units, top=self.samples.top)
        else:
            round_into(kept, units, self.samples)
        repeat_last(target, (units.shape[0], units.shape[1]))


class RGBPlanes(_Group):
    """Planes G, B and R, by a luma network with interpolated colour, or by an RGB network; as images are."""

    def __init__(self, networks: PartialNetworks) -> None:
        """Prepare."""
        super().__init__(networks, (0, 1, 2))

    def run(
        self, planes: Sequence[Plane], rectangle: Rectangle, targets: Sequence[Plane], *, check: Check
    ) -> SkipStatistics | None:
        """Compute a rectangle, see :class:`kukkiri.video.groups.PlaneGroup`."""
        networks = self.networks
        inner = networks.grow(rectangle)
        read = networks.read(inner)
        lr = np.stack([to_units(planes[place][read.box], self.samples) for place in _STORED], axis=-1)
        near = lr[inner.top - read.top : inner.bottom - read.top, inner.left - read.left : inner.right - read.left]
        part = find_part(networks, inner)
        if networks.channels == 1:
            luma, red, blue = split_colour(lr)
            sr, statistics = networks.run(luma[None], inner, read, check=check)
            if networks.bands:
                colour = join_colour(sr[0], red, blue, part=dataclasses.replace(part, first=read.top))
            else:
                rows = slice(inner.top - read.top, inner.bottom - read.top)
                columns = slice(inner.left - read.left, inner.right - read.left)
                colour = join_colour(sr[0], red[rows, columns], blue[rows, columns])
        else:
            sr, statistics = networks.run(np.ascontiguousarray(lr.transpose(2, 0, 1)), inner, read, check=check)
            colour = np.clip(sr.transpose(1, 2, 0), 0, 1, order="C")
        if networks.upscaler.bounded:
            hold_to_lr(colour, np.ascontiguousarray(near), part=part)
        box = cut(networks, inner, rectangle)
        for place, channel in zip(_STORED, range(3), strict=True):
            self.write(targets[place], np.ascontiguousarray(colour[(*box, channel)]))
        return statistics


class GreyByRGB(_Group):
    """One plane by an RGB network: R, G and B are that plane, and their mean is the result."""

    def __init__(self, networks: PartialNetworks) -> None:
        """Prepare."""
        super().__init__(networks, (0,))

    def run(
        self, planes: Sequence[Plane], rectangle: Rectangle, targets: Sequence[Plane], *, check: Check
    ) -> SkipStatistics | None:
        """Compute a rectangle, see :class:`kukkiri.video.groups.PlaneGroup`."""
        networks = self.networks
        inner = networks.grow(rectangle)
        read = networks.read(inner)
        lr = to_units(planes[0][read.box], self.samples)
        near = lr[inner.top - read.top : inner.bottom - read.top, inner.left - read.left : inner.right - read.left]
        sr, statistics = networks.run(np.stack((lr, lr, lr)), inner, read, check=check)
        grey = sr.mean(axis=0)[..., None]
        np.clip(grey, 0, 1, out=grey)
        if networks.upscaler.bounded:
            hold_to_lr(grey, np.ascontiguousarray(near)[..., None], part=find_part(networks, inner))
        self.write(targets[0], np.ascontiguousarray(grey[(*cut(networks, inner, rectangle), 0)]))
        return statistics


class ConvertedPlanes(_Group):
    """Y, Cb and Cr by an RGB network: chroma is interpolated, all is converted to RGB, upscaled, and converted back."""

    def __init__(self, networks: PartialNetworks) -> None:
        """Prepare the matrix and the chroma tables; ``networks`` need :data:`AROUND` pixels around a rectangle."""
        super().__init__(networks, (0, 1, 2))
        geometry = networks.geometry
        layout = geometry.layout
        self._matrix = ColourMatrix(layout)
        self._full: PlaneResizer | None = None
        self._reduced: PlaneResizer | None = None
        if layout.subsampling != (1, 1):
            small = layout.find_plane_size(1, geometry.size)
            self._full = from_chroma_resizer(small, geometry.size, layout=layout)
            reduced = layout.find_plane_size(1, geometry.output_size)
            self._reduced = to_chroma_resizer(geometry.sr_size, reduced, layout=layout)

    def run(
        self, planes: Sequence[Plane], rectangle: Rectangle, targets: Sequence[Plane], *, check: Check
    ) -> SkipStatistics | None:
        """Compute a rectangle, see :class:`kukkiri.video.groups.PlaneGroup`."""
        networks = self.networks
        inner = networks.grow(rectangle)
        read = networks.read(inner)
        lr = self._matrix.to_rgb(planes[0][read.box], *(self._enlarge(plane, read) for plane in planes[1:3]))
        sr, statistics = networks.run(lr, inner, read, check=check)
        if networks.upscaler.bounded:
            near = lr[
                :, inner.top - read.top : inner.bottom - read.top, inner.left - read.left : inner.right - read.left
            ]
            sr = self._bound(sr, near, inner)
        luma, *chroma = self._matrix.from_rgb(sr)
        outer, box = networks.geometry.find_sr_box(inner), cut(networks, inner, rectangle)
        self.write(targets[0], luma[box], in_samples=True)
        for number, plane in enumerate(chroma, start=1):
            if self._reduced is None:
                self.write(targets[number], plane[box], in_samples=True)
            else:
                place = networks.geometry.find_box(rectangle, number)
                small = self._reduced.resize(plane, place, origin=(outer[0].start, outer[1].start))
                self.write(targets[number], small, in_samples=True)
        return statistics

    def _enlarge(self, plane: Plane, read: Rectangle) -> Floats:
        if self._full is None:
            return plane[read.box].astype(np.float32)
        return self._full.resize(plane, read.box)

    def _bound(self, sr: Floats, lr: Floats, inner: Rectangle) -> Floats:
        """Hold each channel to LR; YCbCr can say more than RGB from black to white, and nothing of it is lost."""
        low, high = _RGB_OF_YCBCR
        colour = np.ascontiguousarray(sr.transpose(1, 2, 0))
        np.clip(colour, low, high, out=colour)
        near = np.ascontiguousarray(lr.transpose(1, 2, 0))
        part = find_part(self.networks, inner)
        bound_flat(colour, near, part=part)
        keep_local_mean(colour, near, low=low, high=high, part=part)
        return np.ascontiguousarray(colour.transpose(2, 0, 1))

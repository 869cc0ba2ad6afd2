"""Frames as planes: the upscaling of one frame, with the parts that are the frame's before copied from its result."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError
from kukkiri.inference import Upscaler
from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.video.chroma import Box
from kukkiri.video.geometry import plan_geometry
from kukkiri.video.groups import Check, PlaneGroup, ResizedPlane
from kukkiri.video.layouts import PlaneLayout
from kukkiri.video.luma import LumaPlane
from kukkiri.video.networks import PartialNetworks
from kukkiri.video.reuse import BLOCK, Rectangle, cover_changes, find_changes, grow, share_of
from kukkiri.video.rgb import AROUND, ConvertedPlanes, GreyByRGB, RGBPlanes

__all__ = ["PlaneUpscaler", "Prepared"]

Plane = NDArray[Any]
Planes = Sequence[Plane]
Size = tuple[int, int]


@dataclass
class Prepared:
    """The computed parts of one result; the others are copied from the result before it."""

    pieces: dict[int, list[tuple[Box, Plane]]] = field(default_factory=dict)
    """For each plane that is partly or wholly copied: the rectangles of it that were computed."""
    reused: float = 0.0
    """Share of the frame that needed no network, [0, 1]; of interpolations, no interpolation."""
    skipped: SkipStatistics = field(default_factory=SkipStatistics)
    """Pixels that ``skip_flat`` interpolated."""


class PlaneUpscaler:
    """Upscales frames of one size and layout; :meth:`prepare` may run in several threads at once."""

    def __init__(self, upscaler: Upscaler, layout: PlaneLayout, size: Size, *, output_size: Size | None = None) -> None:
        """Plan the work.

        Args:
            upscaler: any, best with one thread.
            layout: of the frames.
            size: (height, width) of the frames.
            output_size: (height, width) of the results; by default what the upscaler says.

        Raises:
            ConfigError: ``wrap`` is on, or the aspect of the frames does not fit the size that was asked for.
            ModelError: the networks for this size cannot be loaded.
        """
        if upscaler.wrap:
            raise ConfigError("wrap is for textures, and a clip is none. Drop it.")
        self.upscaler = upscaler.suited_to(size)
        self.layout, self.size = layout, size
        self.geometry, note = plan_geometry(self.upscaler, layout, size, output_size=output_size)
        self.output_size = self.geometry.output_size
        self.notes = [note] if note else []
        self._blocks = (-(-size[0] // BLOCK), -(-size[1] // BLOCK))
        self._groups = self._make_groups()

    def make_target(self) -> list[Plane]:
        """Make the planes of a result; their samples are undefined."""
        layout = self.layout
        return [
            np.empty(layout.find_plane_size(plane, self.output_size), dtype=layout.rgb.dtype)
            for plane in range(layout.planes)
        ]

    def prepare(
        self, planes: Planes, before: Planes | None, target: Planes, *, check: Check = lambda: None
    ) -> Prepared:
        """Compute what differs from the frame before; :meth:`compose` copies the rest.

        Args:
            planes: of the frame.
            before: of the frame before it; ``None`` to compute everything.
            target: of the result; planes that are computed as a whole are written.
            check: called now and then; what it raises ends the work.

        Raises:
            ModelError: the network gave NaN or infinity.
            BackendError: the engine failed.
        """
        prepared = Prepared()
        changes = self._find_changes(planes, before)
        whole = [Rectangle.whole(self.size)]
        for number, group in enumerate(self._groups):
            rectangles = whole if changes is None else self._cover(group, changes)
            if number == 0:
                prepared.reused = 1 - share_of(rectangles, self.size)
            direct = rectangles == whole
            for plane in () if direct else group.writes:
                prepared.pieces[plane] = []
            for rectangle in rectangles:
                boxes = [self.geometry.find_box(rectangle, plane) for plane in group.writes]
                parts = [
                    target[plane] if direct else self._make_piece(box)
                    for plane, box in zip(group.writes, boxes, strict=True)
                ]
                skipped = group.run(planes, rectangle, parts, check=check)
                if skipped is not None:
                    prepared.skipped.add(skipped)
                if not direct:
                    for plane, box, part in zip(group.writes, boxes, parts, strict=True):
                        prepared.pieces[plane].append((box, part))
        return prepared

    def compose(self, prepared: Prepared, target: Planes, before: Planes | None) -> None:
        """Complete a result.

        Args:
            prepared: of :meth:`prepare`.
            target: the same as there; written.
            before: the complete result before it; needed when :meth:`prepare` had a frame before.
        """
        for plane, pieces in prepared.pieces.items():
            if before is None:
                raise ValueError("a frame that reuses the one before needs its result")
            np.copyto(target[plane], before[plane])
            for box, part in pieces:
                target[plane][box] = part

    def _make_piece(self, box: Box) -> Plane:
        return np.empty((box[0].stop - box[0].start, box[1].stop - box[1].start), dtype=self.layout.rgb.dtype)

    def _find_changes(self, planes: Planes, before: Planes | None) -> list[NDArray[np.bool_]] | None:
        """Changed blocks of each plane; ``None`` when there is no frame before to compare with."""
        if before is None:
            return None
        changes = []
        for number, (plane, old) in enumerate(zip(planes, before, strict=True)):
            across, down = self.layout.subsampling if self.layout.is_chroma(number) else (1, 1)
            side = (BLOCK // down, BLOCK // across)
            changes.append(find_changes(plane, old, blocks=self._blocks, side=side))
        return changes

    def _cover(self, group: PlaneGroup, changes: list[NDArray[np.bool_]]) -> list[Rectangle]:
        dirty = np.logical_or.reduce([changes[plane] for plane in group.reads])
        if group.reach is None:
            return [Rectangle.whole(self.size)] if dirty.any() else []
        around = -(-group.reach // BLOCK)
        return cover_changes(grow(dirty, (around, around)), self.size, margin=group.margin, bands=group.bands)

    def _make_groups(self) -> list[PlaneGroup]:
        layout, kernel = self.layout, self.upscaler.kernel or "cubic"
        groups: list[PlaneGroup] = []
        if self.upscaler.engines:
            groups = [self._make_network_group()]
        done = {plane for group in groups for plane in group.writes}
        rest = [plane for plane in range(layout.planes) if plane not in done]
        return groups + [ResizedPlane(plane, self.geometry, kernel=kernel) for plane in rest]

    def _make_network_group(self) -> PlaneGroup:
        layout, rgb = self.layout, self.upscaler.engines[0].info.colour == "rgb"
        if layout.kind == "rgb":
            return RGBPlanes(PartialNetworks(self.upscaler, self.geometry, around=4))
        if not rgb:
            return LumaPlane(PartialNetworks(self.upscaler, self.geometry), layout.luma)
        if layout.kind == "grey":
            return GreyByRGB(PartialNetworks(self.upscaler, self.geometry))
        return ConvertedPlanes(PartialNetworks(self.upscaler, self.geometry, around=AROUND))

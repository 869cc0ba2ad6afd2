"""The networks or the interpolation of an upscaler on one image in memory, planned for its size."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image
from kukkiri.inference.colour_plan import ColourPlan
from kukkiri.inference.engine import Engine
from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.inference.interpolation import interpolate_image, resize_planes
from kukkiri.inference.network_run import NetworkRun
from kukkiri.inference.planning import Plan, find_output_size, make_plan
from kukkiri.inference.tile_progress import ProgressCallback
from kukkiri.inference.wrapping import find_wrap_margin, resize_wrapped, upscale_wrapped

__all__ = ["ImageRunner", "count_channels"]

Plane = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ImageRunner:
    """Networks with the options of their run, or an interpolation."""

    engines: tuple[Engine, ...]
    """Run one after the other; none for an interpolation and at scale 1."""
    kernel: str | None
    """Interpolation kernel; ``None``: networks."""
    runs: int
    """Flips and rotations that each network is averaged over: 1, 2, 4 or 8."""
    chop: bool
    skip_flat: bool
    bounded: bool
    tile: int | None
    """Largest side in LR pixels; ``None``: what fits into memory, 0: the whole image."""
    threads: int
    find_budget: Callable[[], int]
    """Returns the bytes that a plan may take."""

    @property
    def factor(self) -> int:
        """Scale of all networks together."""
        return math.prod(engine.info.scale for engine in self.engines)

    def plan(self, size: tuple[int, int], output_size: tuple[int, int], *, channels: int) -> Plan:
        """Plan the work for an image of (height, width).

        Raises:
            ImageError: memory does not suffice for the result, or for the smallest tile.
        """
        budget = self.find_budget()
        return make_plan(self.engines, size, output_size=output_size, channels=channels, tile=self.tile, budget=budget)

    def plan_networks(self, size: tuple[int, int], *, channels: int) -> Plan:
        """Plan the networks alone: no resize follows.

        Raises:
            ImageError: memory does not suffice for the result, or for the smallest tile.
        """
        return self.plan(size, find_output_size(size, self.factor), channels=channels)

    def prepare(
        self,
        plan: Plan,
        *,
        progress: ProgressCallback | None = None,
        bound_last: bool = True,
        statistics: SkipStatistics | None = None,
    ) -> NetworkRun:
        """Prepare the networks for a plan; for the arguments see :class:`NetworkRun`."""
        return NetworkRun(
            self.engines,
            plan,
            runs=self.runs,
            chop=self.chop,
            skip_flat=self.skip_flat,
            bounded=self.bounded,
            bound_last=bound_last,
            threads=self.threads,
            progress=progress,
            statistics=statistics,
        )

    def upscale_planes(self, lr: Plane, plan: Plan) -> Plane:
        """Upscale planes (C, H, W) to (C, sH, sW), not clamped.

        Raises:
            ModelError: a network gave NaN or infinity.
        """
        if not self.engines:
            same = plan.output_size == lr.shape[1:]
            sr = lr[None] if same else resize_planes(lr[None], plan.output_size, kernel=self.kernel or "cubic")
        else:
            sr = self.prepare(plan).run(lr[None])
        planes: Plane = sr[0]
        return planes

    def upscale(self, image: Image, plan: Plan, *, progress: ProgressCallback | None) -> Image:
        """Upscale an image without extra samples, whose alpha is transparency, to the size of a plan.

        Raises:
            ModelError: a network gave NaN or infinity.
        """
        if not self.engines:
            return interpolate_image(image, plan.output_size, kernel=self.kernel or "cubic", threads=self.threads)
        colours = ColourPlan(image, self.engines[0].info.colour)
        run = self.prepare(plan, progress=progress, bound_last=False)
        sr = colours.join(run.run(colours.planes), bounded=self.bounded, threads=self.threads)
        return dataclasses.replace(sr, notes=(*image.notes, *run.notes()))

    def upscale_wrapped(
        self, image: Image, output_size: tuple[int, int], *, progress: ProgressCallback | None
    ) -> Image:
        """Upscale a seamless texture, see :meth:`upscale`.

        Raises:
            ImageError: memory does not suffice for the result, or for the smallest tile.
            ModelError: a network gave NaN or infinity.
        """
        if not self.engines:
            return resize_wrapped(image, output_size, kernel=self.kernel or "cubic")

        def upscale(padded: Image) -> Image:
            plan = self.plan_networks(padded.size, channels=count_channels(image))
            return self.upscale(padded, plan, progress=progress)

        margin = find_wrap_margin(self.engines)
        return upscale_wrapped(image, upscale, margin=margin, factor=self.factor, output_size=output_size)


def count_channels(image: Image) -> int:
    """Count the channels of an image with its alpha."""
    return int(image.colour.shape[2]) + (image.alpha is not None)

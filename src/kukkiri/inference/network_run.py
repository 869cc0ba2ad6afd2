"""The planes of one image on their way through the networks of a plan, one network after the other."""

import logging
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import BackendError, ModelError
from kukkiri.inference.bounds import LUMA_RANGE, RGB_RANGE
from kukkiri.inference.chop import chop
from kukkiri.inference.engine import Engine
from kukkiri.inference.ensemble import run_ensemble
from kukkiri.inference.flat_bound import bound_flat
from kukkiri.inference.flat_regions import SkipStatistics, run_skipping_flat
from kukkiri.inference.fractional import FractionalEngine, find_fractional, run_fractional
from kukkiri.inference.interpolation import resize_planes
from kukkiri.inference.memory import is_refusal
from kukkiri.inference.planning import Plan
from kukkiri.inference.tile_progress import ProgressCallback, TileProgress
from kukkiri.inference.tiling import SeamScore, TileSize, run_pass, shrink_tile

__all__ = ["NetworkRun"]

Plane = NDArray[np.float32]
_LOG = logging.getLogger(__name__)


class NetworkRun:
    """One run of the networks over one image; it collects what the user should know about the result."""

    def __init__(
        self,
        engines: Sequence[Engine],
        plan: Plan,
        *,
        runs: int = 1,
        chop: bool = False,
        skip_flat: bool = False,
        bounded: bool = False,
        bound_last: bool = True,
        threads: int = 1,
        progress: ProgressCallback | None = None,
        statistics: SkipStatistics | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            engines: that the plan was made for.
            plan: tiles and sizes.
            runs: flips and rotations that each network is averaged over: 1, 2, 4 or 8.
            chop: run each network in the official four quadrants.
            skip_flat: interpolate flat parts.
            bounded: after each network, hold flat parts of the image to it, see :func:`bound_flat`.
            bound_last: after the last one, too; else the caller bounds what he makes of the result.
            threads: for what is done beside the networks.
            progress: see :data:`ProgressCallback`.
            statistics: counts what ``skip_flat`` skips; of this run alone unless given.
        """
        self._engines, self._plan = engines, plan
        self._runs, self._chop, self._skip_flat = runs, chop, skip_flat
        self._bounded, self._bound_last, self._threads = bounded, bound_last, threads
        passes = [(engine, size, tile) for engine, (_, size, tile) in zip(engines, plan.passes, strict=True)]
        self._progress = TileProgress(passes, variants=runs, report=progress)
        self._seams = SeamScore()
        self._statistics = statistics or SkipStatistics()

    def run(self, lr: Plane) -> Plane:
        """Upscale planes.

        Args:
            lr: (1, C, H, W), [0, 1].

        Returns:
            (1, C, sH, sW) of the plan's output size; between two networks clamped to [0, 1], at the end not.

        Raises:
            ModelError: a network gave NaN or infinity.
        """
        fractional = find_fractional(self._engines, self._plan)
        if fractional is not None and self._runs == 1 and not (self._chop or self._skip_flat):
            return self._run_fractional(fractional, lr)
        planes = lr
        for number, (engine, (_, size, tile)) in enumerate(zip(self._engines, self._plan.passes, strict=True)):
            if number:
                planes = np.clip(planes, 0, 1)  # networks are trained on inputs in this range
            if engine.info.pre_upsampled:
                planes = resize_planes(planes, size)
            planes = self._run_network(engine, planes, tile, number=number)
            if number + 1 < len(self._engines) or self._bound_last:
                self._bound(planes, lr)
        if planes.shape[-2:] != self._plan.output_size:
            planes = resize_planes(planes, self._plan.output_size)
            if self._bound_last:
                self._bound(planes, lr)
        return planes

    def _run_fractional(self, engine: FractionalEngine, lr: Plane) -> Plane:
        planes = run_fractional(engine, lr, self._plan.output_size)
        _check_finite(engine, planes)
        self._progress.finish_run(number=0)
        if self._bound_last:
            self._bound(planes, lr)
        return planes

    def notes(self) -> list[str]:
        """Lines for the user: the share that was skipped, and the seam score of blended tiles."""
        notes = [self._statistics.note()] if self._statistics.total else []
        if self._seams.seams:
            mean, most = 255 * self._seams.mean, 255 * self._seams.maximum
            notes.append(f"upscaled in blended tiles; they differ by {mean:.2f} of 255 levels, at most by {most:.1f}")
        return notes

    def _bound(self, sr: Plane, lr: Plane) -> None:
        low, high = LUMA_RANGE if self._engines[0].info.colour == "y" else RGB_RANGE
        for plane, source in zip(sr[0], lr[0], strict=True) if self._bounded else ():
            bound_flat(plane[..., None], source[..., None], level=(high - low) / 255, threads=self._threads)

    def _run_network(self, engine: Engine, lr: Plane, tile: TileSize | None, *, number: int) -> Plane:
        size = lr.shape[-2:]

        def run(batch: Plane) -> Plane:
            transposed = batch.shape[-2:] != size
            watched = self._progress.watch(engine, number=number)
            sr = self._run_once(watched, batch, tile[::-1] if tile and transposed else tile)
            self._progress.finish_run(number=number)
            return sr

        sr = run_ensemble(run, lr, runs=self._runs) if self._runs > 1 else run(lr)
        _check_finite(engine, sr)
        return sr

    def _run_once(self, engine: Engine, lr: Plane, tile: TileSize | None) -> Plane:
        if self._chop:
            return self._run_chopped(engine, lr)
        size = (lr.shape[-2], lr.shape[-1])
        while True:
            try:
                return self._run_tiled(engine, lr, tile)
            except (BackendError, MemoryError, RuntimeError) as error:
                if not is_refusal(error):
                    raise
                smaller = shrink_tile(engine, tile, size)
                if smaller is None:
                    raise BackendError(
                        f"{engine.info.name}: memory was refused even for its smallest tile. Close other programs or "
                        "use a smaller model."
                    ) from error
                _LOG.info("%s: memory was refused, now in tiles of %dx%d", engine.info.name, *smaller)
                tile = smaller

    def _run_tiled(self, engine: Engine, lr: Plane, tile: TileSize | None) -> Plane:
        if self._skip_flat:
            return run_skipping_flat(engine, lr, tile=tile, seams=self._seams, statistics=self._statistics)
        return run_pass(engine, lr, tile=tile, seams=self._seams)

    def _run_chopped(self, engine: Engine, lr: Plane) -> Plane:
        def upscale(quadrant: Plane) -> Plane:
            planes = np.ascontiguousarray(quadrant.transpose(2, 0, 1))[None]
            sr: Plane = run_pass(engine, planes, tile=None, seams=self._seams)[0].transpose(1, 2, 0)
            return sr

        scale = 1 if engine.info.pre_upsampled else engine.info.scale
        chopped: Plane = chop(lr[0].transpose(1, 2, 0), upscale, scale=scale).transpose(2, 0, 1)[None]
        return chopped


def _check_finite(engine: Engine, sr: Plane) -> None:
    if not (math.isfinite(float(sr.min())) and math.isfinite(float(sr.max()))):
        raise ModelError(
            f"{engine.info.name}: the network gave NaN or infinity for this image, so there is no result. "
            "Its weights may be damaged or made for another range; try another model."
        )

"""Progress of one image, counted in tiles of its network runs."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import plan_tiles
from kukkiri.inference.engine import Engine
from kukkiri.inference.tile_batches import find_batching
from kukkiri.inference.tiling import TileSize, choose_overlap, choose_strip

__all__ = ["ProgressCallback", "TileProgress", "count_tiles"]

Batch = NDArray[np.float32]
ProgressCallback = Callable[[int, int], None]
"""Called with (done, total) tiles of all network runs whenever one is done; what it raises ends the work."""


def count_tiles(engine: Engine, size: TileSize, tile: TileSize | None) -> tuple[int, int]:
    """Return the number of tiles of one network run, and the pixels that they read together.

    Args:
        engine: that runs.
        size: (height, width) of its input.
        tile: (height, width) that the plan allows; ``None`` for the whole image.
    """
    tile = tile or choose_strip(engine, size)
    if tile is None:
        return 1, size[0] * size[1]
    tiles = plan_tiles(size, tile=tile, overlap=choose_overlap(engine), multiple=engine.info.multiple)
    read = sum((each.read[0].stop - each.read[0].start) * (each.read[1].stop - each.read[1].start) for each in tiles)
    return len(tiles), read


class TileProgress:
    """Counts the tiles of an image's network runs, and reports them."""

    def __init__(
        self,
        passes: Sequence[tuple[Engine, TileSize, TileSize | None]],
        *,
        variants: int,
        report: ProgressCallback | None,
    ) -> None:
        """Count what will be done.

        Args:
            passes: engine, (height, width) of its input, and tile of each network.
            variants: runs of each network.
            report: see :data:`ProgressCallback`.
        """
        self._counts = [count_tiles(*each) for each in passes] if report is not None else []
        self._total = variants * sum(tiles for tiles, _ in self._counts)
        self._report, self._finished = report, 0
        self._now = 0

    def watch(self, engine: Engine, *, number: int) -> Engine:
        """Return an engine that reports; ``number`` is the place of its pass."""
        if self._report is None:
            return engine
        tiles, pixels = self._counts[number]
        return _WatchedEngine(engine, lambda read: self._add(min(tiles - 1, int(tiles * read / pixels + 1e-6))))

    def finish_run(self, *, number: int) -> None:
        """Report that a run of the network in a place is done."""
        if self._report is not None:
            self._finished += self._counts[number][0]
            self._add(0)

    def _add(self, tiles: int) -> None:
        done = self._finished + tiles
        if self._report is not None and done > self._now:
            self._now = done
            self._report(done, self._total)


class _WatchedEngine:
    """An engine that tells after each call how many pixels it has read."""

    def __init__(self, engine: Engine, tell: Callable[[int], None]) -> None:
        self.info, self.footprint, self.batching = engine.info, engine.footprint, find_batching(engine)
        self._engine, self._tell, self._read = engine, tell, 0

    def run(self, batch: Batch) -> Batch:
        sr = self._engine.run(batch)
        self._read += len(batch) * batch.shape[-2] * batch.shape[-1]
        self._tell(self._read)
        return sr

"""Tiles of one size, several in a run, as an accelerator wants them: every new size costs it time to prepare."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Tile
from kukkiri.inference.engine import Engine
from kukkiri.inference.graph_session import Batching

__all__ = ["compute_tiles", "even_out", "find_batching"]

Batch = NDArray[np.float32]


def find_batching(engine: Engine) -> Batching | None:
    """Return the tiles that an engine wants; ``None`` for all engines on the CPU."""
    found = getattr(engine, "batching", None)
    return found if isinstance(found, Batching) else None


def compute_tiles(engine: Engine, lr: Batch, tiles: Sequence[Tile]) -> Iterator[tuple[Tile, Batch]]:
    """Run a network on tiles, in batches where the engine wants them.

    Args:
        engine: what runs.
        lr: (1, C, H, W).
        tiles: of it, with the margins that the network needs.

    Yields:
        Each tile, with a region to read that may be larger, and the result of that region, (1, C, scale*h, scale*w).
    """
    batching = find_batching(engine)
    if batching is None:
        for tile in tiles:
            yield tile, engine.run(np.ascontiguousarray(lr[(..., *tile.read)]))
        return
    if engine.info.receptive_field is not None:
        tiles = even_out(tiles, (lr.shape[-2], lr.shape[-1]))
    for group in _group(tiles, batching):
        members = np.concatenate([lr[(..., *tile.read)] for tile in group])
        count = batching.count(group[0].size)
        if len(group) < count < len(tiles):  # the last of several batches gets the size of the others
            members = np.concatenate([members, np.repeat(members[-1:], count - len(group), axis=0)])
        for tile, sr in zip(group, engine.run(members), strict=False):
            yield tile, sr[None]


def even_out(tiles: Iterable[Tile], size: tuple[int, int]) -> list[Tile]:
    """Let all tiles read regions of the largest one's size: those at the borders read further into the image.

    What a tile keeps stays the same, and so does its result, which sees no less; an image's border stays a border.

    Args:
        tiles: of one image, beginning on multiples of what the network needs.
        size: (height, width) of the image.
    """
    tiles = list(tiles)
    largest = [max(tile.size[axis] for tile in tiles) for axis in (0, 1)]
    return [dataclasses.replace(tile, read=_widen(tile, largest, size)) for tile in tiles]


def _widen(tile: Tile, sides: Sequence[int], size: tuple[int, int]) -> tuple[slice, slice]:
    rows, columns = (
        slice(start := min(read.start, length - side), start + side)
        for read, side, length in zip(tile.read, sides, size, strict=True)
    )
    return rows, columns


def _group(tiles: Sequence[Tile], batching: Batching) -> Iterator[list[Tile]]:
    """Consecutive tiles of one size, as many as a run takes."""
    group: list[Tile] = []
    for tile in tiles:
        if group and (tile.size != group[0].size or len(group) == batching.count(tile.size)):
            yield group
            group = []
        group.append(tile)
    if group:
        yield group

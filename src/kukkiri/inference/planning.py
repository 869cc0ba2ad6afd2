"""The plan of an upscaling: its networks, their tiles and its memory, known before any work is done."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kukkiri.errors import ImageError
from kukkiri.inference.engine import Engine
from kukkiri.inference.tiling import TileSize, choose_tile

__all__ = ["Plan", "choose_pass_tile", "find_output_size", "make_plan"]

_COPIES = 3  # float32 copies of the result that are alive at one time


@dataclass(frozen=True)
class Plan:
    """The work that an upscaler will do for an image of some size."""

    output_size: tuple[int, int]
    """(height, width) of the result."""
    passes: tuple[tuple[str, tuple[int, int], TileSize | None], ...]
    """For each network run: model, (height, width) of its input, and the tile, ``None`` for the whole."""
    memory: int
    """Estimated bytes, weights not counted."""


def make_plan(
    engines: Sequence[Engine],
    size: tuple[int, int],
    *,
    output_size: tuple[int, int],
    channels: int,
    tile: int | None,
    budget: int,
) -> Plan:
    """Plan the network runs for an image.

    Args:
        engines: run one after the other; none for an interpolation.
        size: (height, width) of the image.
        output_size: (height, width) of the result.
        channels: of the image, alpha included.
        tile: largest side of a tile in LR pixels; 0 for the whole image, ``None`` for what fits into memory.
        budget: bytes that this image may take.

    Raises:
        ImageError: the budget does not suffice for the result, or for the smallest tile.
    """
    height, width = size
    last = math.prod(engine.info.scale for engine in engines) ** 2 * height * width
    planes = engines[0].info.channels if engines else 3
    arrays = 4 * (_COPIES * channels * math.prod(output_size) + 2 * planes * last)
    if arrays > budget:
        raise ImageError(
            f"a result of {output_size[0]}x{output_size[1]} pixels needs about {arrays / 1e9:.1f} GB, but "
            f"{budget / 1e9:.1f} GB are free. Use a smaller scale, or cut the image into parts."
        )
    passes, largest = [], 0
    for engine in engines:
        upscaled = engine.info.scale if engine.info.pre_upsampled else 1
        entered = (height * upscaled, width * upscaled)
        chosen = choose_pass_tile(engine, entered, tile=tile, budget=budget - arrays)
        seen = entered if chosen is None else (min(chosen[0], entered[0]), min(chosen[1], entered[1]))
        largest = max(largest, engine.footprint.bytes(seen[0] * seen[1]))
        passes.append((engine.info.name, entered, chosen))
        height, width = height * engine.info.scale, width * engine.info.scale
    return Plan(output_size, tuple(passes), arrays + largest)


def find_output_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Compute (height, width) times a scale, each rounded half up, at least 1."""
    height, width = (max(1, math.floor(scale * side + 0.5)) for side in size)
    return height, width


def choose_pass_tile(engine: Engine, size: tuple[int, int], *, tile: int | None, budget: int) -> TileSize | None:
    """Choose the tile of one network run.

    Args:
        engine: what runs.
        size: (height, width) of its input.
        tile: largest side that was asked for; 0 for the whole, ``None`` for what fits into memory.
        budget: bytes for the activations.

    Raises:
        ImageError: not even the smallest tile fits.
    """
    if tile is None:
        return choose_tile(engine, size, budget=budget)
    return None if tile == 0 or max(size) <= tile else (tile, tile)

"""Tile geometry: the regions that each tile reads and keeps; no pixels are processed here.

A tile reads its core and a margin around it, so that every kept pixel sees its whole receptive field; the margin
ends at the image's border, where the network's own padding applies, as it does to the whole image.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError

__all__ = ["Tile", "pad_to_multiple", "plan_tiles"]

Region = tuple[slice, slice]
Array = TypeVar("Array", bound=NDArray[Any])


@dataclass(frozen=True)
class Tile:
    """One tile; every region is (rows, columns) as slices with plain starts and stops."""

    read: Region
    """The network's input: the core and its margin, inside the image."""
    write: Region
    """The core, which is kept. The cores of a plan cover each pixel exactly once."""

    def kept(self, scale: int = 1) -> Region:
        """Return the core's region in the network's output for :attr:`read`, at ``scale``."""
        rows, columns = (
            slice(scale * (core.start - read.start), scale * (core.stop - read.start))
            for read, core in zip(self.read, self.write, strict=True)
        )
        return rows, columns

    def target(self, scale: int = 1) -> Region:
        """Return the core's region in the whole output, at ``scale``."""
        rows, columns = (slice(scale * core.start, scale * core.stop) for core in self.write)
        return rows, columns

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the region that is read."""
        rows, columns = self.read
        return rows.stop - rows.start, columns.stop - columns.start


def plan_tiles(size: tuple[int, int], *, tile: int | tuple[int, int], overlap: int, multiple: int = 1) -> list[Tile]:
    """Cut an image into tiles of nearly equal size.

    Args:
        size: (height, width) of the image, in LR pixels.
        tile: the largest side, or (height, width), that a tile may read, margins included.
        overlap: margin on every side, in LR pixels; at least the receptive field for tiled = whole.
        multiple: the network's size multiple. Tiles then begin on multiples of it, so that the network's grid lies
            on the image as it would without tiles, and only reads that touch the far border may need padding.

    Returns:
        The tiles, row by row. A side that fits in ``tile`` is not cut.

    Raises:
        ConfigError: ``tile`` leaves no room for a core between two margins.
        ValueError: a size or an argument is not positive.
    """
    if min(size) < 1 or multiple < 1 or overlap < 0:
        raise ValueError(f"size {size} and multiple {multiple} must be positive and overlap {overlap} not negative")
    sides = (tile, tile) if isinstance(tile, int) else tile
    rows, columns = (_cut(length, side, overlap, multiple) for length, side in zip(size, sides, strict=True))
    return [
        Tile(read=(row_read, column_read), write=(row_write, column_write))
        for row_read, row_write in rows
        for column_read, column_write in columns
    ]


def _cut(length: int, side: int, overlap: int, multiple: int) -> list[tuple[slice, slice]]:
    """(read, write) for each piece of one axis."""
    if length <= side:
        return [(slice(0, length), slice(0, length))]
    margin = _round_up(overlap, multiple)
    core = (side - 2 * margin) // multiple * multiple
    if core < 1:
        raise ConfigError(
            f"a tile of {side} pixels is too small: the network needs a margin of {margin} on every side and a core "
            f"of at least {multiple}. Use a tile of {2 * margin + multiple} or more."
        )
    pieces = -(-length // core)
    core = _round_up(-(-length // pieces), multiple)  # equal pieces rather than a sliver at the end
    return [
        (
            slice(max(0, start - margin), min(length, start + core + margin)),
            slice(start, min(length, start + core)),
        )
        for start in range(0, length, core)
    ]


def pad_to_multiple(array: Array, multiple: int, *, axes: tuple[int, int] = (0, 1)) -> Array:
    """Extend an array at the bottom and right by mirroring (edge pixel repeated) until both sides are multiples.

    Args:
        array: any dtype; (H, W, ...) or, with ``axes=(-2, -1)``, (..., H, W).
        multiple: at least 1.
        axes: the axes of height and width.

    Returns:
        ``array`` itself when both sides are multiples, else a padded copy; crop the result to the known size.
    """
    missing = [(-array.shape[axis]) % multiple for axis in axes]
    if not any(missing):
        return array
    widths = [(0, 0)] * array.ndim
    for axis, amount in zip(axes, missing, strict=True):
        widths[axis] = (0, amount)
    return np.pad(array, widths, mode="symmetric")  # type: ignore[return-value]


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple

"""Exact reuse: the parts of a frame that differ from the frame before it, and the rectangles that cover them.

A block of the result is copied from the result before when every sample that it depends on is the same: the block and
around it the reach of whatever made it. So the pixels are those of a run without reuse, to the rounding of float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.covering import CALL, cover

__all__ = ["BLOCK", "Rectangle", "cover_changes", "find_changes", "grow"]

Plane = NDArray[Any]
Mask = NDArray[np.bool_]
Size = tuple[int, int]

BLOCK = 8
"""Side of the blocks that are compared, in pixels of the frame."""
_WORTH = 0.85  # of the pixels of a frame: more in rectangles with their margins cost as much as the whole
_CALL = 2500  # price of a rectangle beside its pixels, in pixels: half a millisecond of NumPy calls
_RUNS = 60  # edges along the rows of blocks: to cover more takes milliseconds, so that the blocks are made larger
_COARSEST = 64


@dataclass(frozen=True)
class Rectangle:
    """Rows and columns of a frame that are computed."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def whole(cls, size: Size) -> "Rectangle":
        """All of a frame of (height, width)."""
        return cls(0, size[0], 0, size[1])

    @property
    def pixels(self) -> int:
        """Area."""
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns as slices."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin: int, size: Size, *, multiple: int = 1) -> "Rectangle":
        """Return the rectangle with a margin on each side, inside a frame of (height, width).

        It begins on a multiple of ``multiple``.
        """
        top, left = (max(0, side - margin) // multiple * multiple for side in (self.top, self.left))
        return Rectangle(top, min(size[0], self.bottom + margin), left, min(size[1], self.right + margin))


def find_changes(plane: Plane, before: Plane, *, blocks: Size, side: Size) -> Mask:
    """Find the blocks of a plane that differ from those of the plane before in any sample.

    Args:
        plane: (h, w).
        before: the same shape and type.
        blocks: (rows, columns) of blocks; the last ones may be cut.
        side: (height, width) of a block in samples of this plane.
    """
    changed = np.zeros(blocks, dtype=np.bool_)
    width = plane.shape[1]
    whole = width // side[1]
    if whole:
        changed[:, :whole] |= _compare(plane[:, : whole * side[1]], before[:, : whole * side[1]], blocks[0], side)
    if whole * side[1] < width:
        rest = (plane[:, whole * side[1] :] != before[:, whole * side[1] :]).any(axis=1)
        changed[:, whole] |= _any_rows(rest[:, None], blocks[0], side[0])[:, 0]
    return changed


def grow(mask: Mask, blocks: Size) -> Mask:
    """Grow the true blocks by (rows, columns) of blocks to each side."""
    for axis, by in enumerate(blocks):
        grown = mask.copy()
        for step in range(1, by + 1):
            ahead, behind = (_slices(axis, step, None), _slices(axis, None, -step))
            grown[ahead] |= mask[behind]
            grown[behind] |= mask[ahead]
        mask = grown
    return mask


def cover_changes(dirty: Mask, size: Size, *, margin: int, bands: bool) -> list[Rectangle]:
    """Cover dirty blocks with the rectangles that cost least; the whole frame where they cost as much.

    Args:
        dirty: (rows, columns) of blocks that must be computed.
        size: (height, width) of the frame.
        margin: pixels that are read around a rectangle.
        bands: rectangles are as wide as the frame.

    Returns:
        Rectangles that do not overlap; none when nothing is dirty.
    """
    if not dirty.any():
        return []
    whole = Rectangle.whole(size)
    if bands:
        dirty = np.repeat(dirty.any(axis=1, keepdims=True), dirty.shape[1], axis=1)
    around = -(-margin // BLOCK)
    if np.count_nonzero(grow(dirty, (around, around))) > _WORTH * dirty.size:  # every covering reads at least these
        return [whole]
    cell = BLOCK
    while np.count_nonzero(dirty[:, 1:] != dirty[:, :-1]) > _RUNS and cell < _COARSEST:
        dirty, cell = _halve(dirty), 2 * cell
    found = [
        Rectangle(cell * top, min(size[0], cell * bottom), cell * left, min(size[1], cell * right))
        for top, bottom, left, right in cover(dirty, cell=cell, margin=margin)
    ]
    price = sum(rectangle.grown(margin, size).pixels + CALL + _CALL for rectangle in found)
    return found if price <= _WORTH * whole.pixels else [whole]


def share_of(rectangles: Sequence[Rectangle], size: Size) -> float:
    """Fraction of a frame's pixels that rectangles hold."""
    return sum(rectangle.pixels for rectangle in rectangles) / (size[0] * size[1])


def _compare(plane: Plane, before: Plane, rows: int, side: Size) -> Mask:
    """(rows, whole blocks) of a plane whose width is a multiple of the block's."""
    unit = np.gcd(side[1] * plane.itemsize, 8)
    wide = np.dtype(f"u{unit}")
    different = plane.view(wide) != before.view(wide)
    words = side[1] * plane.itemsize // int(unit)
    if words > 1:
        different = different.reshape(len(different), -1, words).any(axis=2)
    return _any_rows(different, rows, side[0])


def _any_rows(different: Mask, rows: int, height: int) -> Mask:
    """Join rows of samples to rows of blocks."""
    starts = np.arange(0, len(different), height)
    joined: Mask = np.zeros((rows, different.shape[1]), dtype=np.bool_)
    joined[: len(starts)] = np.logical_or.reduceat(different, starts, axis=0)
    return joined


def _halve(mask: Mask) -> Mask:
    """Join four blocks to one."""
    height, width = mask.shape
    even = np.pad(mask, ((0, height % 2), (0, width % 2)))
    halved: Mask = even[::2, ::2] | even[1::2, ::2] | even[::2, 1::2] | even[1::2, 1::2]
    return halved


def _slices(axis: int, start: int | None, stop: int | None) -> tuple[slice, ...]:
    return (slice(None),) * axis + (slice(start, stop),)

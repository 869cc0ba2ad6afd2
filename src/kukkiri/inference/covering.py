"""Few rectangles over many textured cells: the parts of an image that skip-flat gives to the network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CALL", "cover"]

Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]

CALL = 400
"""Price of one more call of a network, in LR pixels that it could compute in that time."""
_DEEPEST = 200  # cuts of parts of parts, before halves are taken


def cover(textured: Mask, *, cell: int, margin: int, limit: tuple[int, int] | None = None) -> list[Box]:
    """Cover the true cells with rectangles that cost little: pixels, margins included, and calls.

    The bounding box is cut in two where the two parts' bounding boxes are cheapest and the textured cells change most
    across the cut, then each part again; a cut is kept when its parts cost less than one rectangle.

    Args:
        textured: (rows, columns) of cells.
        cell: side of a cell in pixels.
        margin: pixels that are read around a rectangle, on each of its four sides.
        limit: (height, width) that a rectangle may have, margins included; at least a cell and two margins.

    Returns:
        (top, bottom, left, right) in cells; none overlap.
    """
    rows, columns = textured.shape
    if limit is not None:
        rows, columns = ((side - 2 * margin) // cell for side in limit)
    return _Cover(cell, margin, (rows, columns)).solve(textured, top=0, left=0)[1]


@dataclass(frozen=True)
class _Cover:
    cell: int
    margin: int
    most: tuple[int, int]
    """(rows, columns) of cells that a rectangle may have."""

    def solve(self, textured: Mask, *, top: int, left: int, depth: int = 0) -> tuple[int, list[Box]]:
        """Price and rectangles for a part of the image that begins at (top, left)."""
        rows, columns = np.flatnonzero(textured.any(axis=1)), np.flatnonzero(textured.any(axis=0))
        if not len(rows):
            return 0, []
        top, left = top + int(rows[0]), left + int(columns[0])
        textured = textured[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        height, width = textured.shape
        whole, box = int(self._price(height, width)), (top, top + height, left, left + width)
        fits = height <= self.most[0] and width <= self.most[1]
        saved = self.cell**2 * int(textured.size - np.count_nonzero(textured))
        if fits and saved <= 2 * self.margin * self.cell * min(height, width) + CALL:
            return whole, [box]  # no cut saves what its two margins cost
        axis, cut = self._cut(textured) if depth < _DEEPEST else (int(width > height), max(height, width) // 2)
        halves = (textured[:cut], textured[cut:]) if axis == 0 else (textured[:, :cut], textured[:, cut:])
        down, right = (cut, 0) if axis == 0 else (0, cut)
        parts = (
            self.solve(halves[0], top=top, left=left, depth=depth + 1),
            self.solve(halves[1], top=top + down, left=left + right, depth=depth + 1),
        )
        both = parts[0][0] + parts[1][0]
        return (whole, [box]) if fits and whole <= both else (both, parts[0][1] + parts[1][1])

    def _cut(self, textured: Mask) -> tuple[int, int]:
        """(axis, place) of the most promising cut; in the middle of a side that is too long and has no flat cells."""
        for axis, length in enumerate(textured.shape):
            if length > self.most[axis] and textured.all():
                return axis, self.most[axis] * max(1, length // self.most[axis] // 2)
        found = [
            (*self._best(textured if axis == 0 else textured.T), axis)
            for axis, length in enumerate(textured.shape)
            if length > 1
        ]
        _, place, axis = min(found)
        return axis, place

    def _best(self, textured: Mask) -> tuple[int, int]:
        """(score, rows before the cut) of the best cut between two rows."""
        rows, columns = textured.shape
        occupied, row = textured.any(axis=1), np.arange(rows)
        start = np.where(occupied, textured.argmax(axis=1), columns)
        stop = np.where(occupied, columns - textured[:, ::-1].argmax(axis=1), 0)
        top, bottom = np.where(occupied, row, rows), np.where(occupied, row + 1, 0)
        before = self._price(
            _accumulate(np.maximum, bottom), _accumulate(np.maximum, stop) - _accumulate(np.minimum, start)
        )
        start, stop, top = start[::-1], stop[::-1], top[::-1]
        behind = self._price(
            rows - _accumulate(np.minimum, top), _accumulate(np.maximum, stop) - _accumulate(np.minimum, start)
        )
        changes = np.count_nonzero(textured[1:] != textured[:-1], axis=1)
        score = before[:-1] + behind[-2::-1] - 2 * self.margin * self.cell * changes
        place = int(score.argmin())
        return int(score[place]), place + 1

    def _price(self, height: NDArray[np.intp] | int, width: NDArray[np.intp] | int) -> Any:
        return (self.cell * height + 2 * self.margin) * (self.cell * width + 2 * self.margin) + CALL


def _accumulate(extreme: np.ufunc, values: NDArray[np.intp]) -> NDArray[np.intp]:
    result: NDArray[np.intp] = extreme.accumulate(values)
    return result

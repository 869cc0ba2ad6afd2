"""One-pixel patterns keep their brightness: a smooth correction of the local mean of SR towards that of LR.

Networks change the mean of dither, halftone and mesh by up to 55 of 255 levels. Averaged over some LR pixels, SR and
LR must agree there: no degradation changes the mean of a large enough region. Where LR is such a pattern, and the means
differ by more than in natural images, SR is shifted by a smooth field, solved for the mean *after* clipping, which
leaves flat parts alone. Back-projection, which adds the difference pixel by pixel, only halves the drift in
each step, for it is clipped.

The mean is taken over cells of 4x4 LR pixels, weighted 1 4 6 4 1 along rows and columns: zero for patterns of period 2,
4 and 8, and below 2 % for period 3. The field reads 16 LR pixels further than the pixel itself at most.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.flat_bound import FlatBound
from kukkiri.inference.parts import Part
from kukkiri.inference.strip_threads import run_strips

__all__ = ["CELL_SIDE", "REACH", "find_patterns", "keep_local_mean"]

Pixels = NDArray[np.float32]
Field = NDArray[np.float64]

CELL_SIDE = 4
"""Side of the cells whose means are compared, in LR pixels; a part of an image must begin on a multiple of it."""
REACH = 4 * CELL_SIDE
"""LR rows around a part of an image that its correction depends on: smoothing, interpolation, and a part of a cell."""
_SMALLEST = 4 * CELL_SIDE  # LR pixels: a smaller image holds no region that has a mean of its own
_DRIFT = (1.25, 2.0)  # levels: natural images stay below the first; from the second on all of it is corrected
_AMPLITUDE = (4.0, 8.0)  # levels: RMS of LR minus its 3x3 mean; from the second on LR is a pattern
_FINENESS = (0.22, 0.28)  # the square of that over the variance: 0.29 to 1.8 for dots of 1 to 4 pixels; letters of
# strokes of 4 pixels have 0.13 to 0.2, edges 0.04
_BESIDE = 2.0  # more than any pattern has: a flat window beside an edge
_SHIFTS = (8, 16, 32, 48, 64, 96, 128, 192, 256)  # levels of the field for which the mean is taken
_WEIGHTS = (1, 4, 6, 4, 1)
_SHIFTED = 16  # rows of SR that one thread shifts at a time
_TOGETHER = 16  # rows of cells that one thread adds up at a time
_BAND = 24  # rows of cells that are searched for patterns at a time


@dataclass(frozen=True)
class _Limits:
    """Units of the samples, and the values that SR may have."""

    level: float
    low: float
    high: float
    bound: FlatBound
    part: Part

    def add(self, rows: Pixels, shift: Pixels | np.float32, *, start: int) -> Pixels:
        """Shift and clip some rows of SR, the first of which is row ``start``; flat parts stay as they are."""
        shifted: Pixels = rows + shift
        np.clip(shifted, self.low, self.high, out=shifted)
        self.bound.restore(shifted, rows, start)
        return shifted


def keep_local_mean(
    sr: Pixels,
    lr: Pixels,
    *,
    level: float = 1 / 255,
    low: float = 0.0,
    high: float = 1.0,
    part: Part | None = None,
    threads: int = 1,
) -> bool:
    """Shift SR, in place, by a smooth field where its local mean after clipping is not that of LR.

    Args:
        sr: (sH, sW, C), of any scale of at least 1, clipped to the range and bounded by :func:`bound_flat`.
        lr: (H, W, C).
        level: one level of 255, in the units of the samples.
        low: black.
        high: white.
        part: where these rows lie in the whole, when they are not all; ``lr`` begins on a multiple of the cells.
        threads: that work on strips; the result does not depend on them.

    Returns:
        True when anything was shifted.
    """
    size = lr.shape[:2]
    part = part or Part.whole(size[0], len(sr))
    if min(part.height, size[1]) < _SMALLEST:
        return False
    limits = _Limits(level, low, high, FlatBound(lr, sr.shape[:2], level=level, part=part), part)
    area = _smooth(np.multiply.outer(_measure_cells(size[0]), _measure_cells(size[1]))[..., None])
    rows = range(len(area))
    wanted = _smooth(_Cells(size, lr.shape).add_up_all(lr)) / area
    cells = _Cells(size, sr.shape, part)
    density = size[1] / (part.scale * sr.shape[1])

    def means(shift: float, chosen: list[int]) -> Field:
        sums = np.zeros_like(wanted)

        def shifted(row: int) -> Pixels:
            read = cells.get_rows(row)
            return limits.add(sr[read], np.float32(shift), start=read.start)

        def add(start: int) -> None:
            part_of = chosen[start : start + _TOGETHER]
            sums[part_of] = cells.add_up(sr, part_of, shifted=shifted if shift else None)

        run_strips(add, range(0, len(chosen), _TOGETHER), threads=threads)
        smoothed: Field = _smooth(sums) * density / area
        return smoothed

    found = means(0.0, list(rows))
    drift = wanted - found
    share = _rise(np.abs(drift) / level, _DRIFT)
    if not share.any():
        return False
    for first in range(0, len(share), _BAND):
        band = slice(first, first + _BAND)
        if share[band].any():
            share[band] *= _find_patterns(lr, band, mean=wanted, area=area, level=level)
    if not share.any():
        return False
    goal = found + share * drift
    near = _grow(np.any(share, axis=(1, 2)))
    field = _solve(goal, share, found=found, means=lambda shift: means(shift, near), level=level)
    _shift(sr, field, size, limits=limits, threads=threads)
    return True


def find_patterns(lr: Pixels, *, level: float = 1 / 255) -> Field:
    """Compute the degree, [0, 1], to which each cell lies in a pattern; :func:`keep_local_mean` shifts no others.

    Args:
        lr: (H, W, C).
        level: one level of 255, in the units of the samples.

    Returns:
        (rows, columns, C) of cells.
    """
    size = lr.shape[:2]
    area = _smooth(np.multiply.outer(_measure_cells(size[0]), _measure_cells(size[1]))[..., None])
    mean = _smooth(_Cells(size, lr.shape).add_up_all(lr)) / area
    return _find_patterns(lr, slice(0, len(area)), mean=mean, area=area, level=level)


def _rise(values: Field, ends: tuple[float, float]) -> Field:
    """0 below the first end, 1 above the second, smooth between them."""
    place = np.clip((values - ends[0]) / (ends[1] - ends[0]), 0, 1)
    risen: Field = place * place * (3 - 2 * place)
    return risen


def _find_patterns(lr: Pixels, band: slice, *, mean: Field, area: Field, level: float) -> Field:
    """The degree, [0, 1], to which the cells of some rows lie in a pattern of single pixels.

    They do where LR is strong, and fine for its contrast.
    """
    # the smoothing reads two cells further, the 3x3 mean one pixel more
    near = slice(max(band.start - 3, 0), min(band.stop + 3, len(area)))
    inner = slice(band.start - near.start, min(band.stop, len(area)) - near.start)
    lr = lr[near.start * CELL_SIDE : near.stop * CELL_SIDE]
    size, rows = lr.shape[:2], range(near.stop - near.start)
    padded = np.pad(lr, ((1, 1), (1, 1), (0, 0)), mode="edge")
    column = padded[:-2] + padded[1:-1] + padded[2:]
    fine = lr - (column[:, :-2] + column[:, 1:-1] + column[:, 2:]) / np.float32(9)
    cells = _Cells(size, lr.shape)
    energy = _smooth(cells.add_up(np.square(fine, out=fine), rows))[inner] / area[band]
    variance = _smooth(cells.add_up(np.square(lr), rows))[inner] / area[band] - mean[band] ** 2
    amplitude = np.sqrt(energy) / level
    fineness = energy / np.maximum(variance, level**2)
    return _rise(amplitude, _AMPLITUDE) * np.where(fineness < _BESIDE, _rise(fineness, _FINENESS), 0)


class _Cells:
    """The cells of LR in an image of its size or larger.

    They end between the pixels of the larger one when the scale has a fraction; such pixels count in parts.
    """

    def __init__(self, size: tuple[int, int], pixels: tuple[int, ...], part: Part | None = None) -> None:
        """Find the borders.

        Args:
            size: (height, width) of LR.
            pixels: (height, width, C) of the image whose samples are summed.
            part: where both lie in the whole; ``None`` for LR itself.
        """
        height, self._width, self._channels = pixels
        self._across = _edges(size[1], self._width / size[1])
        self._columns = self._across.astype(np.intp)
        self._down = _edges(size[0], 1 if part is None else part.scale)
        if part is not None:  # the part of SR begins at a whole row, that of LR between two
            self._down = np.clip(self._down + _settle(part.first * part.scale - part.row), 0, height)
        fractions = self._across - self._columns
        self._fractions = fractions[:, None] if fractions.any() else None
        self._places: list[float] = self._down.tolist()

    def get_rows(self, row: int) -> slice:
        """Return the rows of pixels that a row of cells reads."""
        return slice(int(self._down[row]), int(np.ceil(self._down[row + 1])))

    def add_up(self, pixels: Pixels, rows: Sequence[int], *, shifted: Callable[[int], Pixels] | None = None) -> Field:
        """Sums of the samples in each cell of some rows of cells, (len(rows), columns, C).

        Args:
            pixels: (height, width, C).
            rows: of cells.
            shifted: gives the pixels that a row of cells reads, instead of ``pixels``.
        """
        lines = np.zeros((len(rows), self._width * self._channels), dtype=np.float32)
        strips = self._find_strips(pixels, rows) if shifted is None else None
        if strips is not None:
            np.matmul(np.ones(strips.shape[1], dtype=np.float32), strips, out=lines)
        else:
            for line, row in zip(lines, rows, strict=True):
                self._add_row(pixels[self.get_rows(row)] if shifted is None else shifted(row), row, line)
        wide = lines.reshape(len(rows), self._width, self._channels)
        sums = np.add.reduceat(wide, self._columns[:-1], axis=1).astype(np.float64)
        if self._fractions is not None:
            parts = self._fractions * wide[:, np.minimum(self._columns, self._width - 1)]
            sums += parts[:, 1:] - parts[:, :-1]
        return sums

    def add_up_all(self, pixels: Pixels) -> Field:
        """Sums of the samples in each cell; the pixels of a few rows stay in the cache."""
        last = len(self._down) - 1
        strips = (range(row, min(row + _TOGETHER, last)) for row in range(0, last, _TOGETHER))
        return np.concatenate([self.add_up(pixels, rows) for rows in strips])

    def _find_strips(self, pixels: Pixels, rows: Sequence[int]) -> Pixels | None:
        """The pixels of neighbouring rows of cells, (rows, height, W * C), if all are of the same whole height."""
        first, last = rows[0], rows[-1] + 1
        places = self._places[first : last + 1]
        height = places[1] - places[0]
        if last - first != len(rows) or not (height and height.is_integer() and places[0].is_integer()):
            return None
        if any(below - above != height for above, below in itertools.pairwise(places)):
            return None
        return pixels[int(places[0]) : int(places[-1])].reshape(len(rows), int(height), -1)

    def _add_row(self, strip: Pixels, row: int, line: Pixels) -> None:
        """Write the sums of the columns of a row of cells, whose first and last pixels count in parts."""
        if len(strip):
            read = self.get_rows(row)
            weights = np.ones(len(strip), dtype=np.float32)
            weights[0] -= self._down[row] - read.start
            weights[-1] -= read.stop - self._down[row + 1]
            np.matmul(weights, strip.reshape(len(strip), -1), out=line)


def _edges(length: int, scale: float) -> Field:
    """Return the edges of the cells of LR in SR, along a side of ``length`` LR pixels."""
    return _settle(np.minimum(np.arange(0, length + CELL_SIDE, CELL_SIDE), length) * scale)


def _measure_cells(length: int) -> Field:
    """Sides of the cells along a side."""
    return np.diff(_edges(length, 1))


def _settle(places: Field | float) -> Field:
    """Whole numbers where only rounding separates places from them."""
    rounded = np.rint(places)
    return np.where(np.abs(places - rounded) < 1e-6, rounded, places)


def _smooth(cells: Field) -> Field:
    """Weighted sums of 5x5 cells; cells beyond the border count nothing."""
    edge, beside, middle = (float(weight) for weight in _WEIGHTS[:3])
    for axis in (0, 1):
        total, source = np.zeros_like(cells), cells.swapaxes(0, axis)
        target = total.swapaxes(0, axis)
        weighted = beside * source
        target[2:] = edge * source[:-2]
        target[1:] += weighted[:-1]
        target += middle * source
        target[:-1] += weighted[1:]
        target[:-2] += edge * source[2:]
        cells = total
    return cells


def _grow(rows: NDArray[np.bool_]) -> list[int]:
    """Rows of cells that the smoothed means of some rows depend on."""
    padded = np.pad(rows, 2)
    return [row for row in range(len(rows)) if padded[row : row + 5].any()]


def _solve(goal: Field, share: Field, *, found: Field, means: Callable[[float], Field], level: float) -> Field:
    """The shift of each cell with which the mean after clipping is ``goal``; 0 where nothing is shared.

    The mean grows with the shift, so it is taken at some shifts of either sign and interpolated between them.
    """
    field = np.zeros_like(goal)
    for sign in (-1.0, 1.0):
        open_cells = (share > 0) & (np.sign(goal - found) == sign)
        before, at = found, 0.0
        for levels in _SHIFTS:
            if not open_cells.any():
                break
            shift = sign * levels * level
            after = means(shift)
            passed = open_cells & (sign * (after - goal) >= 0)
            step = np.divide(goal - before, after - before, out=np.ones_like(goal), where=after != before)
            field[passed] = (at + (shift - at) * step)[passed]
            open_cells &= ~passed
            field[open_cells] = shift
            before, at = after, shift
    return field


def _shift(sr: Pixels, field: Field, size: tuple[int, int], *, limits: _Limits, threads: int) -> None:
    """Add the field, interpolated between the centres of its cells, and clip, in the rows that it reaches."""
    height, width, _ = sr.shape
    part = limits.part
    columns: Field = (np.arange(width) + 0.5) * (size[1] / width)
    left, right, across = _between(columns, field.shape[1])
    places = (np.arange(height) + part.row + 0.5) / part.scale - part.first
    above, below, down = _between(places, field.shape[0])
    wide = (field[:, left] * (1 - across)[:, None] + field[:, right] * across[:, None]).astype(np.float32)
    active: NDArray[np.bool_] = np.any(field, axis=(1, 2))

    def add(first: int) -> None:
        rows = slice(first, min(first + _SHIFTED, height))
        if active[above[rows]].any() or active[below[rows]].any():
            share = down[rows].astype(np.float32)[:, None, None]
            shift = wide[above[rows]] * (1 - share) + wide[below[rows]] * share
            sr[rows] = limits.add(sr[rows], shift, start=first)

    run_strips(add, range(0, height, _SHIFTED), threads=threads)


def _between(places: NDArray[np.floating[Any]], cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Field]:
    """For places along a side, in LR pixels: the cells before and behind, and the part of the way between them."""
    place = places / CELL_SIDE - 0.5
    before = np.clip(np.floor(place), 0, cells - 1).astype(np.intp)
    return before, np.minimum(before + 1, cells - 1), np.clip(place - before, 0, 1)

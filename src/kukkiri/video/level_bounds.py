"""The bound on flat neighbourhoods and the test for a drifting mean, on integer levels.

Rounding never changes an order, so that SR may be rounded first and bounded by rounded limits: the levels are those of
:func:`kukkiri.inference.flat_bound.bound_flat`, at a tenth of its cost.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.flat_bound import FLAT
from kukkiri.inference.local_mean import CELL_SIDE

__all__ = ["bound_levels", "find_drifts"]

Levels = NDArray[Any]

_ROUNDING = 2e-3  # levels, as for the bound on floats
_DRIFT = 0.75  # levels: from 1.25 on a mean is corrected, and the rounding of SR to levels moves it by 0.5 at most
_WEIGHTS = (1, 4, 6, 4, 1)


def bound_levels(sr: Levels, lr: Levels, *, scale: int, level: float) -> None:
    """Hold SR, in place, to the 3x3 LR neighbourhoods that are flat.

    Args:
        sr: (scale*H, scale*W), unsigned integers.
        lr: (H, W), of the same type; beyond the border its outermost samples are repeated.
        scale: a whole number.
        level: a 255th of the step from black to white, in samples.
    """
    low, high = _extreme(np.minimum, lr), _extreme(np.maximum, lr)
    spread = high - low
    most = int((FLAT + _ROUNDING) * level)
    flat = spread <= most
    if not flat.any():
        return
    top = int(np.iinfo(lr.dtype).max)
    slack = 0.5 * np.arange(most + 1) + level
    low -= np.minimum(low, _look_up(-np.floor(0.5 - slack), spread, flat))
    high += np.minimum(np.asarray(top, dtype=lr.dtype) - high, _look_up(np.floor(0.5 + slack), spread, flat))
    low, high = _widen(low, scale), _widen(high, scale)
    for phase in range(scale):
        rows = sr[phase::scale]
        np.maximum(rows, low, out=rows)
        np.minimum(rows, high, out=rows)


def _look_up(table: NDArray[np.float64], spread: Levels, flat: NDArray[np.bool_]) -> Levels:
    """The entry for each spread where LR is flat, else the largest level."""
    top = np.asarray(np.iinfo(spread.dtype).max, dtype=spread.dtype)
    entries = table.astype(spread.dtype)
    if (entries == entries[0]).all():  # eight bits: three times as fast
        return np.where(flat, entries[0], top)
    return np.take(np.append(entries, top), np.minimum(spread, len(entries)), mode="clip")


def find_drifts(sr: Levels, lr: Levels, *, scale: int, level: float) -> NDArray[np.bool_]:
    """Find the cells in which the local mean of SR may be so far from that of LR that it has to be corrected.

    Args:
        sr: (scale*H, scale*W), unsigned integers.
        lr: (H, W), the first sample on the grid of the cells.
        scale: a whole number.
        level: a 255th of the step from black to white, in samples.

    Returns:
        (rows, columns) of cells.
    """
    difference = _sums(sr, scale)
    difference *= 1 / scale**2
    difference -= _sums(lr, 1)
    drift = _smooth(difference)
    drifting: NDArray[np.bool_] = np.abs(drift, out=drift) > _DRIFT * level * _areas(lr.shape)
    return drifting


@lru_cache(maxsize=32)
def _areas(size: tuple[int, ...]) -> NDArray[np.float64]:
    """Smoothed pixels of the cells of LR of some size."""
    return _smooth(np.outer(*(np.diff(np.append(_starts(side, 1), side)) for side in size)))


def _widen(levels: Levels, scale: int) -> Levels:
    """Repeat every sample along the rows; twice as fast as ``numpy.repeat``."""
    wide = np.empty((*levels.shape, scale), dtype=levels.dtype)
    for place in range(scale):
        wide[..., place] = levels
    return wide.reshape(len(levels), -1)


def _starts(side: int, scale: int) -> NDArray[np.intp]:
    return np.arange(0, side, CELL_SIDE * scale)


def _sums(levels: Levels, scale: int) -> NDArray[np.float64]:
    """Sums of the cells."""
    height, width = levels.shape
    step = CELL_SIDE * scale
    narrow = step * int(np.iinfo(levels.dtype).max) < 2**16
    wide = np.zeros((len(_starts(height, scale)), width), dtype=np.uint16 if narrow else np.uint32)
    for row in range(step):
        lines = levels[row::step]
        wide[: len(lines)] += lines
    sums: NDArray[np.float64] = np.add.reduceat(wide, _starts(width, scale), axis=1, dtype=np.uint32).astype(np.float64)
    return sums


def _smooth(cells: NDArray[Any]) -> NDArray[np.float64]:
    """Weighted sums of 5x5 cells; cells beyond the border count nothing."""
    padded = np.pad(cells.astype(np.float64), 2)
    height, width = cells.shape
    tall, smooth = np.zeros((height, width + 4)), np.zeros(cells.shape)
    for place, weight in enumerate(_WEIGHTS):
        tall += weight * padded[place : place + height]
    for place, weight in enumerate(_WEIGHTS):
        smooth += weight * tall[:, place : place + width]
    return smooth


def _extreme(extreme: np.ufunc, lr: Levels) -> Levels:
    """The extreme of each 3x3 neighbourhood."""
    column = lr.copy()
    extreme(column[1:], lr[:-1], out=column[1:])
    extreme(column[:-1], lr[1:], out=column[:-1])
    result: Levels = column.copy()
    extreme(result[:, 1:], column[:, :-1], out=result[:, 1:])
    extreme(result[:, :-1], column[:, 1:], out=result[:, :-1])
    return result

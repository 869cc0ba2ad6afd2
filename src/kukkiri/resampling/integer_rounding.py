"""Rounding of integer levels after a pass of a resize: every value as in MATLAB, from fast float sums."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kukkiri.resampling.weights import WeightTable

__all__ = ["LevelRounding", "Rounding", "sum_type"]

Rounding = Literal["half-away", "half-even"]
_DOUBT = 0.01  # levels: with more, too many sums would have to be computed again


class LevelRounding:
    """Rounding of the sums of one table.

    MATLAB sums in float64, tap by tap. A sum in another order or in float32 differs from it by less than ``doubt``.
    A sum that is farther than that from a half is rounded alike; the others are computed again in MATLAB's way. The
    doubt of tables of short binary fractions, such as those of scales 2 and 4, is 0: their sums are exact in any order.
    """

    def __init__(self, table: WeightTable, *, dtype: DTypeLike, top: int, rounding: Rounding) -> None:
        """Compute the bound on the differences of sums.

        Args:
            table: of the pass.
            dtype: of the sums, float32 or float64.
            top: the largest level.
            rounding: of exact halves.
        """
        self.top = top
        self.rounding = rounding
        self.doubt = _doubt(table, dtype, top)

    def round(self, sums: NDArray[Any], table: WeightTable, levels: NDArray[Any], *, axis: int) -> None:
        """Round and clip sums in place.

        Args:
            sums: of the pass, any shape.
            table: of the pass, or the rows of it that made ``sums``.
            levels: the input of the pass.
            axis: of the pass.
        """
        if not self.doubt:
            _round(sums, self.rounding)
        else:
            sums += sums.dtype.type(0.5)
            distance = np.rint(sums)
            distance -= sums
            doubtful = np.flatnonzero(np.abs(distance, out=distance) <= self.doubt)  # ten times faster than nonzero
            np.floor(sums, out=sums)
            where = np.unravel_index(doubtful, sums.shape)
            again = _sums_tap_by_tap(levels, table, where, axis=axis)
            _round(again, self.rounding)
            sums[where] = again
        np.clip(sums, 0, self.top, out=sums)


def sum_type(table: WeightTable, top: int) -> DTypeLike:
    """The type of the sums: float32 when its bound on rounding errors is small, else float64."""
    return np.dtype(np.float32 if _doubt(table, np.float32, top) <= _DOUBT else np.float64)


def _doubt(table: WeightTable, dtype: DTypeLike, top: int) -> float:
    """A bound on the difference of two sums of levels, one of them in float64; 0 when all sums are exact.

    n products and additions are off by less than n/2 ulp of the sum of magnitudes, and so is MATLAB's sum, at most.
    """
    info = np.finfo(dtype)
    most = top * float(np.abs(table.weights).sum(axis=1).max()) + 1
    unit = 2.0 ** (info.nmant + 1 - math.ceil(math.log2(most)))
    scaled = table.weights * unit
    if np.array_equal(scaled, np.rint(scaled)):
        return 0.0
    return (table.taps + 3) * float(info.eps) * most


def _round(sums: NDArray[Any], rounding: Rounding) -> None:
    if rounding == "half-away":
        sums += sums.dtype.type(0.5)
        np.floor(sums, out=sums)
    else:
        np.rint(sums, out=sums)


def _sums_tap_by_tap(
    levels: NDArray[Any], table: WeightTable, where: tuple[NDArray[np.intp], ...], *, axis: int
) -> NDArray[np.float64]:
    """Sums of some outputs as in MATLAB: in float64, in the order of the taps."""
    place = where[axis]
    total = np.zeros(place.shape)
    for tap in range(table.taps):
        source = (*where[:axis], table.indices[place, tap], *where[axis + 1 :])
        total += table.weights[place, tap] * levels[source]
    return total

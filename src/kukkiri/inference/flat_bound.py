"""Flat parts stay flat: SR is bounded by the 3x3 LR neighbourhood wherever that neighbourhood is flat.

Networks are trained on LR that an antialiasing filter made. At edges that no filter softened (one-bit scans,
screenshots, pixel art) they ring: grey lines run inside black strokes. Where the nine LR pixels around a place agree
to two levels nothing can be there that a network should add, so SR is held within two levels of them. Natural images
lose nothing (docs/results/hard-edges.md). The bound reads one LR pixel further than the pixel itself.
"""

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.parts import Part, find_starts
from kukkiri.inference.strip_threads import run_strips

__all__ = ["FLAT", "FlatBound", "bound_flat"]

Pixels = NDArray[np.float32]

FLAT = 2.0
"""Largest difference of the nine LR samples of a flat neighbourhood, in levels."""
_ROUNDING = 2e-3  # levels: float32 and the way through luma move a difference of two levels by less
_STRIP = 2**17  # SR samples that stay in the cache


class FlatBound:
    """The interval [min - slack, max + slack] of each flat 3x3 LR neighbourhood, for any rows of SR.

    The slack is one level where the nine samples are equal and grows to two where they differ by two. An SR pixel
    belongs to the LR pixel that its centre lies in, so that the scale may have a fraction.
    """

    def __init__(self, lr: Pixels, size: tuple[int, int], *, level: float = 1 / 255, part: Part | None = None) -> None:
        """Take an image.

        Args:
            lr: (H, W, C); beyond the border its outermost pixels are repeated.
            size: (height, width) of SR, at least those of ``lr``.
            level: one level of 255, in the units of the samples.
            part: where these rows lie in the whole, when they are not all.
        """
        self._lr, self._level = lr, np.float32(level)
        part = part or Part.whole(len(lr), size[0])
        self._starts = part.locate(len(lr))
        self._across = find_starts(lr.shape[1], size[1])
        self._copies = np.diff(self._across)
        self._flat: NDArray[np.bool_] | None = None

    def clip(self, rows: Pixels, start: int = 0) -> None:
        """Clip rows of SR, (n, sW, C), in place; the first of them is row ``start`` of SR."""
        stop = start + len(rows)
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        last = int(np.searchsorted(self._starts, stop, side="left"))
        low, high, flat = self._find_limits(first, last)
        bounding = np.flatnonzero(flat.any(axis=(1, 2)))
        if not len(bounding):
            return
        columns = np.flatnonzero(flat.any(axis=(0, 2)))
        left, right = int(columns[0]), int(columns[-1]) + 1
        copies, begin, end = self._copies[left:right], int(self._across[left]), int(self._across[right])
        low, high = (np.repeat(limit[bounding, left:right], copies, axis=1) for limit in (low, high))
        starts = self._starts[first : last + 1].tolist()
        for place, row in enumerate(bounding.tolist()):
            target = rows[max(starts[row] - start, 0) : starts[row + 1] - start, begin:end]
            np.maximum(target, low[place], out=target)
            np.minimum(target, high[place], out=target)

    def restore(self, rows: Pixels, original: Pixels, start: int = 0) -> None:
        """Put the samples of ``original`` back, in place, where LR is flat; arguments as for :meth:`clip`."""
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        last = int(np.searchsorted(self._starts, start + len(rows), side="left"))
        if self._flat is None:  # kept, for the same rows are restored for many shifts
            _, _, flat = self._find_limits(0, len(self._lr))
            self._flat = np.repeat(flat, self._copies, axis=1)
        starts = self._starts[first : last + 1].tolist()
        for row, flat in enumerate(self._flat[first:last]):
            part = slice(max(starts[row] - start, 0), starts[row + 1] - start)
            np.copyto(rows[part], original[part], where=flat)

    def _find_limits(self, first: int, last: int) -> tuple[Pixels, Pixels, NDArray[np.bool_]]:
        """The lowest and the highest SR sample of each LR pixel in some rows, and where it is flat: they hold there."""
        lr = self._lr
        inside = first > 0 and last < len(lr)
        near = lr[first - 1 : last + 1] if inside else lr[np.clip(np.arange(first - 1, last + 1), 0, len(lr) - 1)]
        low, high = _find_extreme(np.minimum, near), _find_extreme(np.maximum, near)
        slack = high - low
        flat = slack <= np.float32(FLAT + _ROUNDING) * self._level
        if flat.any():
            slack *= np.float32(0.5)
            slack += self._level
            slack[~flat] = np.inf
            low -= slack
            high += slack
        return low, high, flat


def bound_flat(sr: Pixels, lr: Pixels, *, level: float = 1 / 255, part: Part | None = None, threads: int = 1) -> None:
    """Clip SR, in place, where LR is flat, channel by channel; see :class:`FlatBound`.

    Args:
        sr: (sH, sW, C), of any scale of at least 1.
        lr: (H, W, C).
        level: one level of 255, in the units of the samples.
        part: where these rows lie in the whole, when they are not all.
        threads: that work on strips; the result does not depend on them.
    """
    bound = FlatBound(lr, (sr.shape[0], sr.shape[1]), level=level, part=part)
    step = max(1, _STRIP // (sr.shape[1] * sr.shape[2]))

    def clip(start: int) -> None:
        bound.clip(sr[start : start + step], start)

    run_strips(clip, range(0, len(sr), step), threads=threads)


def _find_extreme(extreme: np.ufunc, rows: Pixels) -> Pixels:
    """The extreme of each 3x3 neighbourhood; (h + 2, W, C) to (h, W, C)."""
    column = extreme(extreme(rows[:-2], rows[1:-1]), rows[2:])
    result: Pixels = column.copy()
    extreme(result[:, 1:], column[:, :-1], out=result[:, 1:])
    extreme(result[:, :-1], column[:, 1:], out=result[:, :-1])
    return result

"""Flat parts stay flat: SR is bounded by the 3x3 LR neighbourhood wherever that neighbourhood is flat.

Networks are trained on LR that an antialiasing filter made. At edges that no filter softened (one-bit scans,
screenshots, pixel art) they ring: grey lines run inside black strokes. Where the nine LR pixels around a place agree
to two levels nothing can be there that a network should add, so SR is held within two levels of them. Natural images
lose nothing (docs/results/hard-edges.md). The bound reads one LR pixel further than the pixel itself.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.parts import Part, find_starts
from kukkiri.inference.strip_threads import run_strips

__all__ = ["FLAT", "FlatBound", "bound_flat"]

Pixels = NDArray[np.float32]
Mask = NDArray[np.bool_]

FLAT = 2.0
"""Largest difference of the nine LR samples of a flat neighbourhood, in levels."""
_ROUNDING = 2e-3  # levels: float32 and the way through luma move a difference of two levels by less
_STRIP = 2**18  # SR samples at a time: with fewer, the calls cost more than the cache gives
_FEW = 0.2  # share of flat samples up to which it is quicker to visit them one by one


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
        channels = lr.shape[2]
        columns = np.repeat(np.arange(0, lr.shape[1] * channels, channels), self._copies)
        self._samples = (columns[:, None] + np.arange(channels)).reshape(-1)  # of a row of LR, for those of SR
        self._flat: Mask | None = None

    def clip_strip(self, sr: Pixels, first: int, last: int) -> None:
        """Clip the rows of SR, all of which are given, that belong to some rows of LR; see :meth:`clip`."""
        start, stop = np.clip(self._starts[[first, last]], 0, len(sr)).tolist()
        if start < stop:
            self.clip(sr[start:stop], start)

    def clip(self, rows: Pixels, start: int = 0) -> None:
        """Clip rows of SR, (n, sW, C), in place; the first of them is row ``start`` of SR."""
        first, last = self._find_rows(start, start + len(rows))
        low, high, spread, flat = self._find_limits(first, last)
        count = np.count_nonzero(flat)
        if not count:
            return
        starts = np.clip(self._starts[first : last + 1] - start, 0, len(rows))
        copies = int(self._copies[0])
        grid = np.all(np.diff(starts) == starts[1]) and np.all(self._copies == copies)
        if grid and count <= _FEW * flat.size and rows.flags.c_contiguous:
            places = np.flatnonzero(flat)
            low, high, spread = (limit.reshape(-1).take(places) for limit in (low, high, spread))
            self._widen(low, high, spread)
            _clip_places(rows, places, low, high, size=(int(starts[1]), copies, flat.shape[1]))
        else:
            self._widen(low, high, spread, flat=flat)
            self._clip_all(rows, low, high, flat=flat, starts=starts)

    def _clip_all(self, rows: Pixels, low: Pixels, high: Pixels, *, flat: Mask, starts: NDArray[np.intp]) -> None:
        """Clip every sample of the smallest rectangle that has all flat ones; the limits of the others are infinite."""
        merged = flat.reshape(len(flat), -1)  # NumPy is slow on an axis of three
        bounding = np.flatnonzero(merged.any(axis=1))
        columns = np.flatnonzero(merged.any(axis=0)) // flat.shape[2]
        top, bottom = int(bounding[0]), int(bounding[-1]) + 1
        begin, end = int(self._across[columns[0]]), int(self._across[columns[-1] + 1])
        samples = self._samples[begin * flat.shape[2] : end * flat.shape[2]]
        low, high = (_repeat_samples(limit[top:bottom], samples) for limit in (low, high))
        starts = starts[top : bottom + 1]
        heights = np.diff(starts)
        if np.all(heights == heights[0]):
            strip = rows[starts[0] : starts[-1], begin:end]
            _clip(strip.reshape(len(heights), heights[0], *low.shape[1:]), low[:, None], high[:, None])
            return
        for place, (above, below) in enumerate(itertools.pairwise(starts.tolist())):
            _clip(rows[above:below, begin:end], low[place], high[place])

    def restore(self, rows: Pixels, original: Pixels, start: int = 0) -> None:
        """Put the samples of ``original`` back, in place, where LR is flat; arguments as for :meth:`clip`."""
        first, last = self._find_rows(start, start + len(rows))
        if self._flat is None:  # kept, for the same rows are restored for many shifts
            *_, flat = self._find_limits(0, len(self._lr))
            self._flat = np.repeat(flat, self._copies, axis=1)
        starts = self._starts[first : last + 1].tolist()
        for row, flat in enumerate(self._flat[first:last]):
            part = slice(max(starts[row] - start, 0), starts[row + 1] - start)
            np.copyto(rows[part], original[part], where=flat)

    def _find_rows(self, start: int, stop: int) -> tuple[int, int]:
        """The rows of LR, (first, last + 1), that some rows of SR belong to."""
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        return first, int(np.searchsorted(self._starts, stop, side="left"))

    def _find_limits(self, first: int, last: int) -> tuple[Pixels, Pixels, Pixels, Mask]:
        """The lowest and the highest LR sample around those of some rows, their difference, and where that is flat."""
        lr = self._lr
        inside = first > 0 and last < len(lr)
        near = lr[first - 1 : last + 1] if inside else lr[np.clip(np.arange(first - 1, last + 1), 0, len(lr) - 1)]
        low, high = _find_extreme(np.minimum, near), _find_extreme(np.maximum, near)
        spread = high - low
        return low, high, spread, spread <= np.float32(FLAT + _ROUNDING) * self._level

    def _widen(self, low: Pixels, high: Pixels, spread: Pixels, *, flat: Mask | None = None) -> None:
        """Turn extremes into the limits of SR, in place: infinite where ``flat`` is false; ``spread`` is lost."""
        spread *= np.float32(0.5)
        spread += self._level
        if flat is not None:
            np.copyto(spread, np.float32(np.inf), where=~flat)
        low -= spread
        high += spread


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
    step = max(1, len(lr) * _STRIP // sr.size)

    def clip(first: int) -> None:
        bound.clip_strip(sr, first, min(first + step, len(lr)))

    run_strips(clip, range(0, len(lr), step), threads=threads)


def _find_extreme(extreme: np.ufunc, rows: Pixels) -> Pixels:
    """The extreme of each 3x3 neighbourhood; (h + 2, W, C) to (h, W, C)."""
    column: Pixels = extreme(rows[:-2], rows[1:-1])
    extreme(column, rows[2:], out=column)
    if column.shape[1] > 1:
        pair = extreme(column[:, :-1], column[:, 1:])
        extreme(pair[:, :-1], pair[:, 1:], out=column[:, 1:-1])
        column[:, 0], column[:, -1] = pair[:, 0], pair[:, -1]
    return column


def _repeat_samples(limit: Pixels, samples: NDArray[np.intp]) -> Pixels:
    """The samples of a limit, (n, W, C), that belong to those of SR; (n, w, C)."""
    flat = limit.reshape(len(limit), -1)
    repeated = flat.take(samples, axis=1, mode="clip")  # all are inside; this mode skips a copy of the result
    return repeated.reshape(len(limit), -1, limit.shape[2])


def _clip_places(
    rows: Pixels, places: NDArray[np.intp], low: Pixels, high: Pixels, *, size: tuple[int, int, int]
) -> None:
    """Clip the samples of SR that belong to a few of LR.

    Args:
        rows: (n, sW, C), contiguous.
        places: of the samples in the rows of LR, (n / height, W, C), counted through.
        low: as many as ``places``.
        high: as many as ``places``.
        size: (rows of SR for one of LR, columns of SR for one of LR, W).
    """
    height, copies, width = size
    channels = rows.shape[2]
    line = width * channels
    ends = np.searchsorted(places, np.arange(0, len(rows) // height + 1) * line)
    row = np.repeat(np.arange(len(ends) - 1), np.diff(ends))  # a tenth of the time of a division
    samples = rows.reshape(-1)
    firsts = (np.arange(0, line * copies, copies * channels)[:, None] + np.arange(channels)).reshape(-1)
    firsts = firsts.take(places - row * line) + row * (height * copies * line)
    for down in range(height):
        for across in range(copies):
            here = firsts + (down * copies * width + across) * channels
            clipped = samples.take(here, mode="clip")
            _clip(clipped, low, high)
            samples[here] = clipped


def _clip(samples: Pixels, low: Pixels, high: Pixels) -> None:
    np.maximum(samples, low, out=samples)
    np.minimum(samples, high, out=samples)

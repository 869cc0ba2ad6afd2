"""Line art, text, screenshots, pixel art and two-colour images, told from photographs by their samples.

In graphics most 3x3 neighbourhoods are exactly flat, and the others hold a step. Photographs have neither: noise and
texture make neighbourhoods of a few to some dozens of levels. What a lossy codec left in a decoded image looks like
that, too, so that such graphics are not taken for line art. Natural images of the test sets and of the training data,
2,900 with those downscaled, hold none that is; see docs/results/line-art.md.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image
from kukkiri.images.row_source import RowSource, whole_rows

__all__ = ["is_line_art", "is_line_art_in_memory", "measure_flatness"]

Pixels = NDArray[np.float32]
_FLAT, _FAINT, _STEP = 0.5, 2.5, 64.5  # levels, of the largest range of the channels; below a faint one is no texture
_RULES = ((0.1, 0.33), (0.55, 0.5))  # least share of flat neighbourhoods, largest share of texture in the others
_LEAST = 1e-3  # share of steps: a blank page is no drawing
_LOOKED_AT = 2**20  # pixels of a large image
_BAND = 64  # rows


def is_line_art_in_memory(image: Image) -> bool:
    """True when :func:`is_line_art` is for an image in memory."""
    return is_line_art(whole_rows(image))


def is_line_art(rows: RowSource) -> bool:
    """True for an image that weights for line art are made for.

    Of more than a megapixel, bands of 64 rows are looked at, evenly from the top to the bottom; all rows above the last
    one are decoded.

    Args:
        rows: that nothing was read from.

    Raises:
        ImageError: the file is truncated or corrupt.
    """
    if rows.template.tone is not None:
        return False
    height, width = rows.size
    counts = np.zeros(3)
    total = at = 0
    for start in _find_bands(height, width):
        while at < start:
            skipped = min(at + _BAND, start)
            rows.fetch(at, skipped)
            at = skipped
        at = min(start + _BAND, height)
        ranges = _find_ranges(rows.fetch(start, at).colour)
        counts += [np.count_nonzero(ranges <= limit) for limit in (_FLAT, _FAINT, _STEP)]
        total += ranges.size
    if not total:
        return False
    flat, texture, steps = _share(counts, total)
    return steps >= _LEAST and any(flat >= least and texture <= most for least, most in _RULES)


def measure_flatness(colour: Pixels) -> tuple[float, float, float]:
    """Measure what :func:`is_line_art` decides by, on all of an image.

    Args:
        colour: (H, W, C), [0, 1]; both sides at least 3.

    Returns:
        The share of flat neighbourhoods; that of texture in those which hold more than a faint change; that of steps in
        all.
    """
    ranges = _find_ranges(colour)
    return _share(np.array([np.count_nonzero(ranges <= limit) for limit in (_FLAT, _FAINT, _STEP)]), ranges.size)


def _share(counts: NDArray[Any], total: int) -> tuple[float, float, float]:
    flat, faint, below = (float(count) for count in counts)
    return flat / total, (below - faint) / max(total - faint, 1.0), (total - below) / total


def _find_bands(height: int, width: int) -> list[int]:
    """First rows of the bands."""
    every = -(-height // _BAND)
    count = min(every, max(1, _LOOKED_AT // (_BAND * width)))
    return [(2 * place + 1) * every // (2 * count) * _BAND for place in range(count)]


def _find_ranges(colour: Pixels) -> Pixels:
    """Largest minus smallest sample of each 3x3 neighbourhood, of the channel where that is most, in levels."""
    if min(colour.shape[:2]) < 3:
        return np.empty(0, dtype=np.float32)
    ranges: Pixels = (_find_extreme(np.maximum, colour) - _find_extreme(np.minimum, colour)).max(axis=2)
    return ranges * np.float32(255)


def _find_extreme(extreme: np.ufunc, colour: Pixels) -> Pixels:
    column = extreme(extreme(colour[:-2], colour[1:-1]), colour[2:])
    found: Pixels = extreme(extreme(column[:, :-2], column[:, 1:-1]), column[:, 2:])
    return found

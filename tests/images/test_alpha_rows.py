import numpy as np
import pytest

from kukkiri.images import bleed
from kukkiri.images.alpha_rows import CELL, MARGIN, RowBleeding
from tests.tolerances import FLOAT32_SAME_MATHS


def bleed_by_rows(colour, alpha, rows):
    bleeding = RowBleeding()
    for start in range(0, len(alpha), rows):
        bleeding.add(colour[start : start + rows], alpha[start : start + rows])
    parts = []
    for start in range(0, len(alpha), rows):
        first, last = max(0, start - MARGIN), min(len(alpha), start + rows + MARGIN)
        part = bleeding.bleed(colour[first:last], alpha[first:last], start=first)
        parts.append(part[start - first : start - first + rows])
    return np.concatenate(parts)


@pytest.mark.parametrize("size", [(200, 67), (131, 40), (8, 8), (7, 300)])
@pytest.mark.parametrize("rows", [CELL, 5 * CELL])
def test_rows_are_filled_as_the_whole_is(size, rows, rng):
    colour = rng.random((*size, 3), dtype=np.float32)
    alpha = (rng.random(size) < 0.02).astype(np.float32) * rng.random(size, dtype=np.float32)
    alpha[: size[0] // 3] = 0
    alpha[0, 0] = 0.3
    whole = bleed(colour, alpha)
    assert np.abs(bleed_by_rows(colour, alpha, rows) - whole).max() <= FLOAT32_SAME_MATHS
    assert np.abs(whole - colour).max() > 0.1


@pytest.mark.parametrize("value", [0, 1])
def test_without_visible_or_transparent_pixels_nothing_changes(value, rng):
    colour = rng.random((40, 9, 3), dtype=np.float32)
    assert np.array_equal(bleed_by_rows(colour, np.full((40, 9), value, np.float32), CELL), colour)

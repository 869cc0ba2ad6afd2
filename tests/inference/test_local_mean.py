"""The sums behind the local means; what they do to images is tested in tests/cases/test_hard_edges.py."""

import numpy as np
import pytest

from kukkiri.inference.local_mean import _WEIGHTS, _Cells, _smooth
from kukkiri.inference.parts import Part


@pytest.mark.parametrize("scale", [1, 2, 3, 2.5])
def test_neighbouring_rows_of_cells_are_added_up_together_to_the_bit(scale, rng):
    height, width = 150, 23  # the last cells are cut
    pixels = rng.random((round(height * scale), round(width * scale), 3), dtype=np.float32)
    cells = _Cells((height, width), pixels.shape, Part.whole(height, len(pixels)))
    rows = range(38)
    row_by_row = cells.add_up(pixels, rows, shifted=lambda row: pixels[cells.get_rows(row)])
    assert np.array_equal(cells.add_up(pixels, rows), row_by_row)
    assert np.array_equal(cells.add_up_all(pixels), row_by_row)
    if scale % 1 == 0:  # else the cells end between pixels
        side = 4 * scale
        assert np.allclose(row_by_row[1, 1], pixels[side : 2 * side, side : 2 * side].sum(axis=(0, 1)), rtol=1e-5)


@pytest.mark.parametrize("shape", [(9, 7, 3), (1, 1, 1), (2, 6, 1), (4, 2, 3)])
def test_cells_are_smoothed_with_1_4_6_4_1_and_zeros_beyond_the_border(shape, rng):
    cells = rng.random(shape)
    padded = np.pad(cells, ((2, 2), (2, 2), (0, 0)))
    expected = sum(
        down * across * padded[row : row + shape[0], column : column + shape[1]]
        for row, down in enumerate(_WEIGHTS)
        for column, across in enumerate(_WEIGHTS)
    )
    assert np.allclose(_smooth(cells), expected, rtol=1e-12, atol=0)  # float64

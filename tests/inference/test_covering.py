import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kukkiri.inference.covering import CALL, cover


def painted(textured, boxes):
    """Count the pieces that cover each cell."""
    times = np.zeros(textured.shape, int)
    for top, bottom, left, right in boxes:
        times[top:bottom, left:right] += 1
    return times


def price(box, *, cell, margin):
    top, bottom, left, right = box
    return (cell * (bottom - top) + 2 * margin) * (cell * (right - left) + 2 * margin) + CALL


masks = arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))


@settings(max_examples=150, deadline=None)
@given(textured=masks, margin=st.integers(0, 20))
def test_every_textured_cell_is_covered_once_for_no_more_than_one_rectangle_costs(textured, margin):
    boxes = cover(textured, cell=16, margin=margin)
    times = painted(textured, boxes)
    assert times.max(initial=0) <= 1
    assert np.all(times[textured] == 1)
    rows, columns = np.nonzero(textured)
    if len(rows):
        whole = (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)
        assert sum(price(box, cell=16, margin=margin) for box in boxes) <= price(whole, cell=16, margin=margin)
    else:
        assert boxes == []


@settings(max_examples=150, deadline=None)
@given(textured=masks, limit=st.tuples(st.integers(20, 150), st.integers(20, 150)))
def test_rectangles_keep_to_the_limit(textured, limit):
    boxes = cover(textured, cell=16, margin=2, limit=limit)
    assert np.all(painted(textured, boxes)[textured] == 1)
    for top, bottom, left, right in boxes:
        assert 16 * (bottom - top) + 4 <= limit[0]
        assert 16 * (right - left) + 4 <= limit[1]


def test_distant_corners_are_two_rectangles_and_near_ones_are_one():
    textured = np.zeros((20, 20), bool)
    textured[:3, :3] = textured[-3:, -3:] = True
    assert sorted(cover(textured, cell=16, margin=8)) == [(0, 3, 0, 3), (17, 20, 17, 20)]
    textured = np.zeros((3, 7), bool)
    textured[:, :3] = textured[:, 4:] = True  # the gap is as wide as the two margins that would be saved
    assert cover(textured, cell=16, margin=8) == [(0, 3, 0, 7)]


def test_a_large_hole_is_left_out_and_a_small_one_is_not():
    textured = np.ones((40, 40), bool)
    textured[10:30, 10:30] = False
    assert painted(textured, cover(textured, cell=16, margin=8))[10:30, 10:30].sum() == 0
    textured = np.ones((40, 40), bool)
    textured[19:21, 19:21] = False
    assert cover(textured, cell=16, margin=8) == [(0, 40, 0, 40)]


@pytest.mark.parametrize("shape", [(1, 900), (900, 1), (700, 700)])
def test_stairs_of_any_length_end(shape):
    textured = np.zeros(shape, bool)
    steps = np.arange(max(shape))
    textured[steps % shape[0], steps % shape[1]] = steps % 3 > 0
    boxes = cover(textured, cell=16, margin=1)
    assert np.all(painted(textured, boxes)[textured] == 1)

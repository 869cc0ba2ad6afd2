import numpy as np
import pytest

from kukkiri.metrics import error_flicker, flicker


def test_a_pan_without_any_other_change_does_not_flicker(rng):
    scene = rng.uniform(0, 255, (40, 50))
    before, after = scene[5:35, 5:45], scene[3:33, 8:48]  # the content moves 2 down and 3 to the left
    assert flicker(before, after, motion=(2, -3)) == 0
    assert flicker(before, after) > 50


def test_it_is_the_root_mean_square_along_the_motion():
    before = np.zeros((4, 4))
    after = np.zeros((4, 4))
    after[1:, :] = 3.0  # the content moved one down, and became 3 levels lighter
    assert flicker(before, after, motion=(1, 0)) == 3.0
    after[1, 0] = 3 + 12  # one of 12 pixels is off by 15
    assert flicker(before, after, motion=(1, 0)) == pytest.approx(np.sqrt((11 * 9 + 225) / 12), abs=1e-12)


def test_the_border_is_cut_from_the_common_part():
    before, after = np.zeros((9, 9)), np.zeros((9, 9))
    after[0] = after[-1] = after[:, 0] = after[:, -1] = 100
    assert flicker(before, after, border=1) == 0
    with pytest.raises(ValueError, match="leave nothing"):
        flicker(before, after, motion=(3, 0), border=3)
    with pytest.raises(ValueError, match="one shape"):
        flicker(before, after[1:])


def test_the_error_flickers_only_where_the_truth_stands_still():
    hr = np.full((10, 10), 100.0), np.full((10, 10), 100.0)
    hr[1][:, 5:] = 140  # the right half moves
    sr = hr[0] + 2, hr[1] - 1
    sr[1][:, 5:] += 50
    assert error_flicker(hr, sr) == pytest.approx(3, abs=1e-12)


def test_the_error_of_a_clip_that_moves_everywhere_is_not_defined():
    hr = np.zeros((10, 10)), np.full((10, 10), 9.0)
    assert error_flicker(hr, hr) is None

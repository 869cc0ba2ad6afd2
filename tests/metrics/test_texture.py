import numpy as np
import pytest

from kukkiri.metrics import texture_difference
from tests.tolerances import FLOAT64_MATHS


def test_equal_images_and_an_offset_of_all_have_none(rng):
    hr = rng.uniform(0, 200, (48, 64, 3))
    assert texture_difference(hr, hr) == 0
    assert texture_difference(hr, hr + 40) == pytest.approx(0, abs=FLOAT64_MATHS)


def test_twice_the_detail_is_one_octave_but_for_the_floor(rng):
    hr = rng.normal(0, 1e4, (64, 64))
    for factor in (2.0, 0.5):
        assert texture_difference(hr, factor * hr) == pytest.approx(1, abs=2e-3)


def test_a_chequerboard_by_hand():
    """The binomial filter gives no +-1 pattern at all, so that its first octave has it whole and the others nothing."""
    rows, columns = np.indices((32, 32))
    pattern = np.where((rows + columns) % 2, 7.0, -7.0)
    found = texture_difference(np.zeros((32, 32)), pattern)
    inside = texture_difference(np.zeros((96, 96)), np.pad(pattern, 32))
    assert found == pytest.approx(np.log2(8) / 3, abs=0.08)  # mirrored at the border the pattern has a seam
    assert inside == pytest.approx(4 / 36 * np.log2(8) / 3, abs=0.02)


def test_the_phase_of_detail_does_not_count_and_blur_does(rng):
    hr = rng.normal(128, 30, (96, 96))
    shifted = np.roll(hr, 16, axis=1)  # by a block, so that every block has the detail of its neighbour
    blurred = (hr + np.roll(hr, 1, 0) + np.roll(hr, 1, 1) + np.roll(hr, (1, 1), (0, 1))) / 4
    assert texture_difference(hr, shifted) < 0.15 < 0.5 < texture_difference(hr, blurred)


def test_the_border_is_cut_and_a_small_image_is_refused(rng):
    hr = rng.uniform(0, 255, (48, 48))
    assert texture_difference(np.pad(hr, 8), np.pad(hr, 8, constant_values=200), border=8) == 0
    with pytest.raises(ValueError, match="texture needs 32 pixels along each side, got 28x28"):
        texture_difference(hr, hr, border=10)
    with pytest.raises(ValueError, match="one shape"):
        texture_difference(hr, hr[1:])

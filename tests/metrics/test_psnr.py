import math

import numpy as np
import pytest

from kukkiri.metrics import psnr
from tests.tolerances import FLOAT64_MATHS


def test_a_constant_error_of_one_level_is_48_13_db():
    grey = np.full((20, 20), 100, np.uint8)
    assert psnr(grey, grey + 1) == pytest.approx(20 * math.log10(255), abs=FLOAT64_MATHS)


def test_equal_images_have_infinite_psnr(rng):
    image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert psnr(image, image) == math.inf


def test_errors_in_the_border_do_not_count(rng):
    hr = rng.integers(0, 256, (30, 40), dtype=np.uint8)
    sr = hr.copy()
    sr[:4] = 255 - sr[:4]
    sr[:, -4:] = 255 - sr[:, -4:]
    assert psnr(hr, sr, border=4) == math.inf
    assert psnr(hr, sr, border=3) < 40


def test_images_that_cannot_be_compared_are_refused():
    hr = np.zeros((20, 20), np.uint8)
    with pytest.raises(ValueError, match="one shape"):
        psnr(hr, hr[:10])
    with pytest.raises(ValueError, match="leaves nothing"):
        psnr(hr, hr, border=10)

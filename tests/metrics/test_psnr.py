import math

import numpy as np
import pytest

from kukkiri.metrics import psnr, ssim
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


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_images_of_another_range_are_refused(rng, metric):
    hr, sr = rng.integers(0, 256, (2, 30, 40), dtype=np.uint8)
    fractions, others = hr / 255, (sr / 255).astype(np.float32)
    for pair in ((fractions, others), (hr, others), (fractions, sr)):
        with pytest.raises(ValueError, match=r"floats in \[0, 1\] have no data_range of 255"):
            metric(*pair)
    assert metric(fractions, sr / 255, data_range=1) == pytest.approx(metric(hr, sr), abs=FLOAT64_MATHS)
    deep = hr.astype(np.uint16) * 257
    with pytest.raises(ValueError, match=r"uint16 levels up to \d+ are above data_range 255; give data_range=65535"):
        metric(deep, deep)
    with pytest.raises(ValueError, match="uint8 levels up to 255 are above data_range 1; give data_range=255"):
        metric(np.full_like(hr, 255), sr, data_range=1)


def test_black_frames_of_ten_bits_are_no_fractions(rng):
    black = rng.integers(0, 5, (30, 40)) / 4.0
    assert psnr(black, np.zeros_like(black)) == pytest.approx(10 * math.log10(255**2 / np.mean(black**2)))

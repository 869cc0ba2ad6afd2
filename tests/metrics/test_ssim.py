import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from kukkiri.metrics import ssim
from tests.tolerances import FLOAT64_LARGE_VALUES, FLOAT64_MATHS


def test_equal_images_have_ssim_one(rng):
    image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert ssim(image, image) == pytest.approx(1.0, abs=FLOAT64_MATHS)


def test_ssim_equals_scikit_image_away_from_its_border(rng):
    hr = rng.integers(0, 256, (40, 50)).astype(np.float64)
    sr = np.clip(hr + rng.normal(0, 20, hr.shape), 0, 255)
    expected = structural_similarity(
        hr, sr, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(hr, sr) == pytest.approx(expected, abs=FLOAT64_MATHS)


@given(shift=st.integers(0, 60))
def test_ssim_of_a_shifted_constant_is_its_luminance_term(shift):
    a, b = 100.0, 100.0 + shift
    c1 = (0.01 * 255) ** 2
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    assert ssim(np.full((12, 13), a), np.full((12, 13), b)) == pytest.approx(expected, abs=FLOAT64_LARGE_VALUES)


def test_less_than_one_window_is_refused():
    hr = np.zeros((20, 20), np.uint8)
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(hr, hr, border=5)

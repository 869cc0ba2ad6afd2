import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from kukkiri.metrics import PROTOCOLS, psnr, ssim

GOLDEN = [("psnr_ssim_1", 4), ("psnr_ssim_2", 2)]


def test_a_constant_error_of_one_level_is_48_13_db():
    grey = np.full((20, 20), 100, np.uint8)
    assert psnr(grey, grey + 1) == pytest.approx(20 * math.log10(255), abs=1e-12)


def test_equal_images_have_infinite_psnr_and_ssim_one(rng):
    image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert psnr(image, image) == math.inf
    assert ssim(image, image) == pytest.approx(1.0, abs=1e-12)


def test_errors_in_the_border_do_not_count(rng):
    hr = rng.integers(0, 256, (30, 40), dtype=np.uint8)
    sr = hr.copy()
    sr[:4] = 255 - sr[:4]
    sr[:, -4:] = 255 - sr[:, -4:]
    assert psnr(hr, sr, border=4) == math.inf
    assert psnr(hr, sr, border=3) < 40


def test_ssim_equals_scikit_image_away_from_its_border(rng):
    hr = rng.integers(0, 256, (40, 50)).astype(np.float64)
    sr = np.clip(hr + rng.normal(0, 20, hr.shape), 0, 255)
    expected = structural_similarity(
        hr, sr, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(hr, sr) == pytest.approx(expected, abs=1e-12)  # float64 sums in another order


@pytest.mark.parametrize(("name", "crop"), GOLDEN)
@pytest.mark.parametrize("border", [0, None])
def test_rgb_and_luma_scores_equal_the_vectors(golden, name, crop, border):
    case = golden(name)
    border = crop if border is None else border
    hr, sr = case["input"].numpy(), case["input.distorted"].numpy()
    luma = PROTOCOLS["y-matlab"].view
    tolerance = 1e-6  # their luma is float32
    assert psnr(hr, sr, border=border) == pytest.approx(float(case[f"output.psnr_rgb_crop{border}"]), abs=tolerance)
    assert ssim(hr, sr, border=border) == pytest.approx(float(case[f"output.ssim_rgb_crop{border}"]), abs=tolerance)
    assert psnr(luma(hr), luma(sr), border=border) == pytest.approx(
        float(case[f"output.psnr_y_crop{border}"]), abs=tolerance
    )
    assert ssim(luma(hr), luma(sr), border=border) == pytest.approx(
        float(case[f"output.ssim_y_crop{border}"]), abs=tolerance
    )


def test_grey_images_gain_1_32_db_when_they_are_compressed_to_studio_range(rng):
    hr = rng.integers(0, 250, (30, 30), dtype=np.uint8)
    sr = hr + rng.integers(0, 5, hr.shape, dtype=np.uint8)
    raw = PROTOCOLS["y-legacy"].score(hr, sr, scale=2).psnr
    compressed = PROTOCOLS["y-matlab"].score(hr, sr, scale=2).psnr
    assert compressed - raw == pytest.approx(20 * math.log10(255 / 219), abs=1e-9)


@given(shift=st.integers(0, 60))
def test_ssim_of_a_shifted_constant_is_its_luminance_term(shift):
    a, b = 100.0, 100.0 + shift
    c1 = (0.01 * 255) ** 2
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    assert ssim(np.full((12, 13), a), np.full((12, 13), b)) == pytest.approx(expected, abs=1e-9)


def test_what_cannot_be_compared_is_refused(rng):
    hr = np.zeros((20, 20), np.uint8)
    with pytest.raises(ValueError, match="one shape"):
        psnr(hr, hr[:10])
    with pytest.raises(ValueError, match="leaves nothing"):
        psnr(hr, hr, border=10)
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(hr, hr, border=5)
    with pytest.raises(TypeError, match="8-bit"):
        PROTOCOLS["rgb"].score(hr.astype(float), hr, scale=1)

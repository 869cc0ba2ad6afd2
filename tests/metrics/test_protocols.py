import math

import numpy as np
import pytest

from kukkiri.metrics import PROTOCOLS, psnr, ssim
from tests.tolerances import FLOAT64_LARGE_VALUES

GOLDEN = [("psnr_ssim_1", 4), ("psnr_ssim_2", 2)]


@pytest.mark.parametrize(("name", "crop"), GOLDEN)
@pytest.mark.parametrize("border", [0, None])
def test_rgb_and_luma_scores_equal_the_vectors(golden_arrays, name, crop, border):
    case = golden_arrays(name)
    border = crop if border is None else border
    hr, sr = case["input"], case["input.distorted"]
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
    assert compressed - raw == pytest.approx(20 * math.log10(255 / 219), abs=FLOAT64_LARGE_VALUES)


def test_only_8_bit_images_are_compared():
    hr = np.zeros((20, 20), np.uint8)
    with pytest.raises(TypeError, match="8-bit"):
        PROTOCOLS["rgb"].score(hr.astype(float), hr, scale=1)
    with pytest.raises(TypeError, match="8-bit"):
        PROTOCOLS["rgb"].compared(hr, hr.astype(np.float32))

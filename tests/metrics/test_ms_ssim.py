import numpy as np
import pytest

from kukkiri.metrics.ms_ssim import ms_ssim
from tests.tolerances import FLOAT64_MATHS


def independent(hr, sr):
    """msssim.m once more, with SciPy's two-dimensional filters."""
    signal = pytest.importorskip("scipy.signal")
    ndimage = pytest.importorskip("scipy.ndimage")
    axis = np.arange(-5, 6)
    window = np.exp(-(axis[:, None] ** 2 + axis**2) / 4.5)
    window /= window.sum()
    hr, sr, score = hr.astype(float), sr.astype(float), 1.0
    for level, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        m1, m2, q1, q2, p = (signal.convolve2d(x, window, "valid") for x in (hr, sr, hr * hr, sr * sr, hr * sr))
        contrast = (2 * (p - m1 * m2) + 58.5225) / (q1 - m1**2 + q2 - m2**2 + 58.5225)
        luminance = (2 * m1 * m2 + 6.5025) / (m1**2 + m2**2 + 6.5025)
        score *= np.mean(contrast * luminance if level == 4 else contrast) ** weight
        # MATLAB's 2x2 filter reads the pixel and its right and lower neighbours: SciPy's origin -1
        hr, sr = (ndimage.uniform_filter(x, 2, mode="reflect", origin=-1)[::2, ::2] for x in (hr, sr))
    return score


def textured(rng, shape):
    coarse = rng.uniform(0, 200, size=tuple(-(-side // 8) for side in shape))
    return np.clip(np.kron(coarse, np.ones((8, 8)))[: shape[0], : shape[1]] + rng.normal(0, 12, shape), 0, 255)


@pytest.mark.parametrize("shape", [(176, 200), (201, 187)])
def test_it_equals_an_independent_computation(rng, shape):
    hr = textured(rng, shape).astype(np.uint8)
    sr = np.clip(hr + rng.normal(0, 15, shape), 0, 255).astype(np.uint8)
    assert ms_ssim(hr, sr) == pytest.approx(independent(hr, sr), abs=FLOAT64_MATHS)
    assert ms_ssim(hr, sr, border=4) == pytest.approx(independent(hr[4:-4, 4:-4], sr[4:-4, 4:-4]), abs=FLOAT64_MATHS)


def test_equal_images_score_one_and_colour_is_the_mean_of_its_channels(rng):
    hr = textured(rng, (180, 180))
    sr = hr + rng.normal(0, 10, hr.shape)
    assert ms_ssim(hr, hr) == pytest.approx(1.0, abs=FLOAT64_MATHS)
    both = ms_ssim(np.stack([hr, hr], axis=2), np.stack([hr, sr], axis=2))
    assert both == pytest.approx((1 + ms_ssim(hr, sr)) / 2, abs=FLOAT64_MATHS)


def test_the_range_of_values_does_not_matter(rng):
    hr = textured(rng, (170, 170))
    sr = hr + rng.normal(0, 10, hr.shape)
    assert ms_ssim(hr / 255, sr / 255, data_range=1.0) == pytest.approx(ms_ssim(hr, sr), abs=FLOAT64_MATHS)


def test_a_negative_image_scores_zero(rng):
    hr = textured(rng, (170, 170))
    assert ms_ssim(hr, 255 - hr) == 0.0


def test_small_and_unequal_images_are_refused():
    with pytest.raises(ValueError, match="161 pixels along each side, got 160x200"):
        ms_ssim(np.zeros((168, 208)), np.zeros((168, 208)), border=4)
    with pytest.raises(ValueError, match="one shape"):
        ms_ssim(np.zeros((200, 200)), np.zeros((200, 201)))

import numpy as np
import pytest

from kukkiri.degradations import gaussian_noise, poisson_noise
from tests.tolerances import FLOAT64_FEW_OPERATIONS


def test_gaussian_noise_has_its_standard_deviation_and_keeps_the_type(rng):
    flat = np.full((200, 200, 3), 0.5, dtype=np.float32)
    noise = gaussian_noise(flat, 0.1, rng=rng) - flat
    assert noise.dtype == np.float32
    # 120,000 samples: the estimate's own deviation is 0.1 / sqrt(240,000) = 2e-4; four of them
    assert noise.std() == pytest.approx(0.1, abs=8e-4)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02


def test_grey_noise_is_the_same_in_every_channel(rng):
    flat = np.full((20, 20, 3), 0.5)
    for noisy in (gaussian_noise(flat, 0.1, rng=rng, grey=True), poisson_noise(flat, 50, rng=rng, grey=True)):
        assert np.ptp(noisy - flat, axis=2).max() < FLOAT64_FEW_OPERATIONS
        assert np.ptp(noisy) > 0


def test_poisson_noise_has_the_variance_of_its_photons(rng):
    for level in (0.1, 0.8):
        flat = np.full((300, 300), level)
        noisy = poisson_noise(flat, 100.0, rng=rng)
        assert noisy.mean() == pytest.approx(level, abs=4 * np.sqrt(level / 100 / flat.size))
        assert noisy.var() == pytest.approx(level / 100, rel=4 * np.sqrt(2 / flat.size) * 1.2)


def test_impossible_strengths_are_refused(rng):
    image = np.zeros((8, 8))
    with pytest.raises(ValueError, match="std must not be negative"):
        gaussian_noise(image, -1, rng=rng)
    with pytest.raises(ValueError, match="peak must be positive"):
        poisson_noise(image, 0, rng=rng)

import numpy as np
import pytest

from kukkiri.degradations.noise import gaussian_noise, jpeg, poisson_noise
from kukkiri.images import quantize


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
        assert np.ptp(noisy - flat, axis=2).max() < 1e-15
        assert np.ptp(noisy) > 0


def test_poisson_noise_has_the_variance_of_its_photons(rng):
    for level in (0.1, 0.8):
        flat = np.full((300, 300), level)
        noisy = poisson_noise(flat, 100.0, rng=rng)
        assert noisy.mean() == pytest.approx(level, abs=4 * np.sqrt(level / 100 / flat.size))
        assert noisy.var() == pytest.approx(level / 100, rel=4 * np.sqrt(2 / flat.size) * 1.2)


def test_jpeg_equals_another_encoder_and_decoder_within_a_level_or_two(rng):
    pillow = pytest.importorskip("PIL.Image")
    from io import BytesIO

    smooth = rng.uniform(0.2, 0.8, size=(8, 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
    levels = quantize(smooth, 8)
    buffer = BytesIO()
    pillow.fromarray(levels).save(buffer, "JPEG", quality=75, subsampling="4:2:0")
    theirs = np.asarray(pillow.open(buffer), dtype=np.float64) / 255
    mine = jpeg(smooth, 75)
    # both are libjpeg-turbo; the way chroma is upscaled may differ between builds
    assert np.abs(mine - theirs).mean() < 1 / 255
    assert np.abs(mine - smooth).max() > 2 / 255


def test_jpeg_gets_better_with_quality_and_takes_grey_images(rng):
    grey = rng.uniform(size=(24, 31)).astype(np.float32)
    errors = [np.abs(jpeg(grey, quality) - grey).mean() for quality in (5, 50, 100)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1.5 / 255
    assert jpeg(grey[..., None], 50).shape == (24, 31, 1)


def test_impossible_strengths_are_refused(rng):
    image = np.zeros((8, 8))
    with pytest.raises(ValueError, match="std must not be negative"):
        gaussian_noise(image, -1, rng=rng)
    with pytest.raises(ValueError, match="peak must be positive"):
        poisson_noise(image, 0, rng=rng)
    with pytest.raises(ValueError, match="quality must be 1 to 100, got 0"):
        jpeg(image, 0)
    with pytest.raises(ValueError, match="1 or 3 channels, got 4"):
        jpeg(np.zeros((8, 8, 4)), 50)

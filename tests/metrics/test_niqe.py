import importlib
import math

import numpy as np
import pytest

from kukkiri.errors import ConfigError, ImageError
from kukkiri.metrics.niqe import NiqeModel, niqe
from tests.tolerances import FLOAT64_LARGE_VALUES

module = importlib.import_module("kukkiri.metrics.niqe")  # the name in the package is the function


def photograph_like(rng, shape=(192, 288)):
    """1/f noise with edges: enough structure for every statistic to exist."""
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1]))
    frequency[0, 0] = 1
    noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=shape)) / frequency).real
    edges = np.kron(rng.uniform(-1, 1, size=(shape[0] // 24, shape[1] // 24)), np.ones((24, 24)))
    image = noise / noise.std() + edges
    return np.clip(128 + 40 * image, 0, 255).astype(np.uint8)


def test_score_equals_basicsr_with_the_official_model(golden_file, golden_arrays):
    vector, model = golden_arrays("niqe_1"), NiqeModel.load(golden_file("niqe_pris_params.npz"))
    image = vector["input"]
    # BasicSR halves the image in float32, here it is float64
    assert niqe(image, model=model) == pytest.approx(float(vector["output.niqe_y_crop0"]), abs=1e-5)
    assert niqe(image, model=model, border=4) == pytest.approx(float(vector["output.niqe_y_crop4"]), abs=1e-5)


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0])
def test_shape_and_scales_of_known_samples_are_found(rng, shape):
    # |x|^shape of a generalized Gaussian is Gamma distributed; the left side is twice as wide
    size = 200_000
    magnitude = rng.gamma(1 / shape, size=size) ** (1 / shape)
    left = rng.uniform(size=size) < 2 / 3  # equal density at 0: the wider side has more samples
    alpha, beta_left, beta_right = module._asymmetric_gaussian(np.where(left, -2 * magnitude, magnitude))
    assert alpha == pytest.approx(shape, rel=0.03)
    assert beta_left == pytest.approx(2, rel=0.03)
    assert beta_right == pytest.approx(1, rel=0.03)


def test_local_normalization_equals_scipy(rng):
    ndimage = pytest.importorskip("scipy.ndimage")
    luma = rng.uniform(0, 255, size=(40, 50))
    weights = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    mean = ndimage.correlate(luma, window, mode="nearest")
    deviation = np.sqrt(np.abs(ndimage.correlate(luma**2, window, mode="nearest") - mean**2))
    mine, mine_deviation = module._normalize(luma)
    np.testing.assert_allclose(mine_deviation, deviation, atol=FLOAT64_LARGE_VALUES)
    np.testing.assert_allclose(mine, (luma - mean) / (deviation + 1), atol=FLOAT64_LARGE_VALUES)


def test_the_shipped_model_prefers_the_clean_image(photographs):
    pyvips = pytest.importorskip("pyvips")
    image = pyvips.Image.new_from_file(str(photographs / "es_city11.webp"))[:3]
    clean = niqe(image.numpy())
    noisy = np.clip(image.numpy() + np.random.default_rng(0).normal(0, 25, (image.height, image.width, 1)), 0, 255)
    assert clean == pytest.approx(3.0, abs=1.0)
    assert niqe(image.gaussblur(2).numpy()) > clean + 1
    assert niqe(noisy.astype(np.uint8)) > clean + 1


def test_a_model_fitted_to_a_family_scores_it_better_than_noise(rng, tmp_path):
    model = NiqeModel.fit((photograph_like(rng) for _ in range(12)), name="synthetic")
    model.save(tmp_path / "model.npz")
    again = NiqeModel.load(tmp_path / "model.npz")
    assert again.name == "model.npz"
    np.testing.assert_array_equal(again.covariance, model.covariance)
    alike = niqe(photograph_like(rng), model=again)
    different = niqe(rng.integers(0, 256, size=(192, 288), dtype=np.uint8), model=again)
    assert alike < different / 2


def test_grey_levels_as_rgb_are_studio_luma(rng):
    grey = photograph_like(rng)
    luma = np.rint(16 + grey * (219 / 255)).astype(np.uint8)
    assert niqe(grey[..., None].repeat(3, axis=2)) == pytest.approx(niqe(luma), abs=FLOAT64_LARGE_VALUES)


def test_blocks_without_two_signs_are_left_out():
    assert all(map(math.isnan, module._asymmetric_gaussian(np.ones(5))[1:]))


def test_images_without_two_blocks_are_refused(rng):
    with pytest.raises(ImageError, match="two textured blocks of 96x96 pixels, got 1 in 96x191"):
        niqe(photograph_like(rng, (96, 192))[:, :191])
    with pytest.raises(ImageError, match="got 0 in 90x288"):
        niqe(photograph_like(rng)[:90])
    with pytest.raises(TypeError, match="got float64"):
        niqe(np.zeros((200, 200)))
    with pytest.raises(ValueError, match="got shape"):
        niqe(np.zeros((200, 200, 4), dtype=np.uint8))


def test_files_without_a_model_are_refused(tmp_path, rng):
    with pytest.raises(ConfigError, match="cannot read the NIQE model"):
        NiqeModel.load(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", mu=np.zeros(3), covariance=np.eye(3))
    with pytest.raises(ConfigError, match="contains no NIQE model"):
        NiqeModel.load(tmp_path / "other.npz")
    with pytest.raises(ValueError, match="more than 36 sharp blocks, got"):
        NiqeModel.fit([photograph_like(rng)], name="few")

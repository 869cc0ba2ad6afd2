import math

import numpy as np
import pytest

from kukkiri.degradations.alignment import centre_of_mass
from kukkiri.degradations.degradation import Degradation
from kukkiri.degradations.estimate_gaussian import estimate_gaussian
from kukkiri.degradations.estimators import estimate_degradation
from kukkiri.errors import ConfigError, ImageError
from tests.tolerances import FLOAT64_LARGE_VALUES


def scene(rng, *, exponent=2.4, side=768):
    """Noise with a power-law spectrum, as scenes have; in [0, 1]."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.normal(size=(side, side))) * frequency ** (-exponent / 2)
    spectrum[0, 0] = 0
    image = np.fft.irfft2(spectrum, s=(side, side))
    return np.clip(0.5 + 0.12 * image / image.std(), 0, 1)


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("exponent", [2.0, 2.8])
@pytest.mark.parametrize("kernel", [(2.0, 2.0, 0.0), (4.0, 1.0, -0.5), (5.0, 3.0, 1.2)])
def test_the_covariance_of_a_scene_s_blur_is_found(rng, scale, exponent, kernel):
    first, second, angle = kernel
    hr = scene(rng, exponent=exponent)
    lr = Degradation.parse(f"gaussian:{first},{second},{angle}+direct").apply(hr, scale=scale)
    found = estimate_gaussian(lr, scale=scale)
    # at the lowest frequencies the window smears steep spectra, which makes the exponent up to 0.4 too large
    assert found.exponent == pytest.approx(exponent, abs=0.4)
    assert found.variance == pytest.approx(first, abs=0.15 + 0.1 * first)
    assert found.second == pytest.approx(second, abs=0.15 + 0.1 * second)
    if first > second:
        assert abs(math.sin(found.angle - angle)) < 0.1


def test_noise_and_detail_are_distinguished(rng):
    lr = Degradation.parse("gaussian:2.0+direct+noise:0.02").apply(scene(rng), scale=2, seed=1)
    found = estimate_gaussian(lr, scale=2)
    assert found.noise_std == pytest.approx(0.02, rel=0.1)
    assert found.variance == pytest.approx(2, abs=0.4)


def test_photographs_give_their_kernel_back(photographs):
    pyvips = pytest.importorskip("pyvips")
    for path in sorted(photographs.glob("*.webp")):
        hr = pyvips.Image.new_from_file(str(path))[:3].numpy()[:512, :512]
        lr = Degradation.parse("gaussian:4.0,1.0,-0.5+direct").apply(hr, scale=2)
        found = estimate_gaussian(lr, scale=2)
        assert found.variance == pytest.approx(4, abs=0.5)
        assert found.second == pytest.approx(1, abs=0.4)
        assert found.angle == pytest.approx(-0.5, abs=0.1)
        assert centre_of_mass(found.kernel()) == pytest.approx((10, 10), abs=FLOAT64_LARGE_VALUES)
        assert str(Degradation.parse(f"{found}+direct")).startswith("gaussian:")


def test_a_sharp_image_has_almost_no_blur(rng):
    lr = Degradation.parse("direct").apply(scene(rng), scale=2)
    found = estimate_gaussian(lr, scale=2)
    assert found.variance < 0.3
    assert found.second >= 0.05


def test_grey_colour_and_8_bit_images_agree(rng):
    lr = Degradation.parse("gaussian:2.0+direct").apply(scene(rng, side=400), scale=2)
    reference = estimate_gaussian(lr, scale=2)
    colour = estimate_gaussian(np.repeat(lr[..., None], 3, axis=2), scale=2)
    assert colour.variance == pytest.approx(reference.variance, abs=1e-3)  # luma has less contrast
    levels = estimate_gaussian(np.rint(lr * 255).astype(np.uint8)[..., None], scale=2)
    assert levels.variance == pytest.approx(reference.variance, abs=0.1)


def test_images_without_texture_or_size_are_refused():
    with pytest.raises(ImageError, match="from 80x40 pixels, expected at least 64x64"):
        estimate_gaussian(np.zeros((40, 80)), scale=2)
    with pytest.raises(ImageError, match="one colour"):
        estimate_gaussian(np.full((80, 80), 0.3), scale=2)
    with pytest.raises(ValueError, match="scale must be at least 1"):
        estimate_gaussian(np.zeros((80, 80)), scale=0)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((80, 80, 4)), r"shape \(80, 80, 4\) and dtype float64.*without its alpha channel"),
        (np.zeros((80, 80), dtype=np.uint16), "dtype uint16, expected .* uint8 or of floats"),
        (np.full((80, 80), np.nan), "values that are not finite"),
        (np.zeros(80), r"shape \(80,\)"),
        (np.zeros((2, 80, 80, 3)), r"shape \(2, 80, 80, 3\)"),
    ],
)
def test_arrays_that_are_no_image_are_refused(image, message):
    with pytest.raises(ImageError, match=message):
        estimate_degradation(image, scale=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 2.5}, "whole scale from 1, got 2.5"),
        ({"scale": 0}, "whole scale from 1, got 0"),
        ({"scale": 2, "estimator": "spektrum"}, "unknown estimator 'spektrum'; did you mean 'spectrum'"),
        ({"scale": 2, "subsample": "direkt"}, "unknown subsampling 'direkt'; did you mean 'direct'"),
        ({"scale": 2, "noise_std": -1}, "noise is a standard deviation from 0 to 1"),
        ({"scale": 2, "seed": -1}, "a whole number from 0, got -1"),
    ],
)
def test_impossible_arguments_of_an_estimate_are_refused(rng, arguments, message):
    with pytest.raises(ConfigError, match=message):
        estimate_degradation(rng.random((80, 80)), **arguments)

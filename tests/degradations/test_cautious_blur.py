"""The blur of small images at large scales: only its size, and rather too little of it."""

import numpy as np
import pytest

from kukkiri.degradations import Degradation, estimate_degradation, gaussian_kernel
from kukkiri.degradations.blur_candidates import BlurCandidate
from kukkiri.degradations.cautious_blur import estimate_cautiously, narrow_slight
from kukkiri.degradations.estimate_gaussian import find_periodogram
from kukkiri.degradations.spectrum_model import SpectrumModel
from kukkiri.images import read_image


@pytest.fixture(scope="module")
def hr(photographs):
    """360x360 pixels of a photograph that ships with the tests."""
    return np.rint(255 * read_image(photographs / "es_station4.webp").colour[:, :360]).astype(np.uint8)


def test_a_strong_blur_is_found_in_90x90_pixels_and_not_too_wide(hr):
    lr = Degradation.parse("gaussian:7.0+direct").apply(hr, scale=4)
    found = estimate_degradation(lr, scale=4)
    assert lr.shape[:2] == (90, 90)
    assert found.kind == "gaussian"
    assert 5 < found.covariance[0] < 7.5
    assert found.confidence > 0.8
    assert found.ranking is not None
    assert found.ranking.best.text == found.text
    assert [each.kind for each in found.ranking.candidates].count("gaussian") == 1


def test_bicubic_downscaling_alone_is_not_taken_for_a_strong_blur(hr):
    lr = Degradation.parse("bicubic").apply(hr, scale=4)
    found = estimate_cautiously(SpectrumModel(lr, scale=4))
    assert not found.blurred
    assert found.mean < 4
    assert found.share < 0.5
    assert found.candidate.text == f"gaussian:{found.mean - found.spread / 2:.3g}"


@pytest.mark.parametrize(
    ("kind", "variance", "narrowed"),
    [
        ("gaussian", 0.3, 0.3),  # aliased
        ("gaussian", 0.9, 0.62),
        ("gaussian", 1.5, 1.36),  # half of the excess
        ("gaussian", 2.2, 2.2),
        ("disk", 0.9, 0.9),
    ],
)
def test_a_slight_gaussian_is_narrowed_and_no_other_blur(hr, kind, variance, narrowed):
    model = SpectrumModel(hr[:96, :96], scale=2)
    found = BlurCandidate(kind, gaussian_kernel(variance, size=31), 0.0, 0.1, f"gaussian:{variance}")
    result = narrow_slight(found, model)
    np.testing.assert_allclose(result.kernel, gaussian_kernel(narrowed, size=31), rtol=1e-4, atol=1e-9)
    assert result.text == f"gaussian:{narrowed:.3g}"
    assert (result is found) == (variance == narrowed)
    assert result.misfit == (0.0 if variance == narrowed else model.explain(result.kernel).misfit)


def test_the_periodogram_sees_an_image_to_its_borders():
    luma = np.zeros((90, 90))
    luma[-12:] = np.random.default_rng(0).standard_normal((12, 90))
    spectrum = find_periodogram(luma)
    assert spectrum[8:-8, 8:-8].min() > 1e-6  # of blocks that end at row 64 it was 1e-12
    noise = np.random.default_rng(1).standard_normal((90, 100))
    assert find_periodogram(noise).mean() == pytest.approx(1, abs=0.05)

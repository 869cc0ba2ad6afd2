"""Blurs that compete to explain an image: the family and its parameters are found again."""

import numpy as np
import pytest

from kukkiri.degradations import (
    Degradation,
    bicubic_kernel,
    disk_kernel,
    estimate_degradation,
    gaussian_kernel,
    judge_kernel,
    rank_blurs,
    sample_motion_kernel,
)
from kukkiri.degradations.alignment import kernel_covariance
from kukkiri.degradations.spectrum_model import SpectrumModel
from kukkiri.errors import ImageError
from kukkiri.images import read_image


@pytest.fixture(scope="module")
def hr(photographs):
    """360x512 pixels of a photograph that ships with the tests."""
    return np.rint(255 * read_image(photographs / "es_station4.webp").colour).astype(np.uint8)


@pytest.mark.parametrize(
    ("blur", "kind", "covariance"),
    [
        ("gaussian:2.0", "gaussian", (2.0, 2.0, 0.0)),
        ("gaussian:4.0,1.0,-0.5", "anisotropic", (3.31, 1.69, -1.26)),
        ("disk:2.0", "disk", (1.08, 1.08, 0.0)),
        ("motion:6.0,0.6", "motion", (2.1, 1.1, 1.4)),
    ],
)
def test_the_family_of_a_blur_is_recognized_and_its_covariance_found(hr, blur, kind, covariance):
    ranking = rank_blurs(Degradation.parse(f"{blur}+direct").apply(hr, scale=2), scale=2)
    assert ranking.best.kind == kind
    assert kernel_covariance(ranking.best.kernel) == pytest.approx(covariance, abs=0.3)
    assert ranking.rival is not None
    assert ranking.margin > 0.05
    assert ranking.best.misfit < 2.5 * ranking.expected
    assert ranking.describe()[0]["kind"] == kind


def test_bicubic_downscaling_alone_is_no_blur(hr):
    lr = Degradation.parse("bicubic").apply(hr, scale=2)
    found = estimate_degradation(lr, scale=2)
    assert found.kind == "none"
    assert "no blur beyond that of bicubic downscaling" in str(found)
    np.testing.assert_array_equal(found.kernel, bicubic_kernel(2, aligned=False))
    after = estimate_degradation(lr, scale=2, subsample="bicubic")
    assert (after.kind, after.kernel.shape) == ("none", (1, 1))


@pytest.mark.parametrize(
    ("text", "aliased"),
    [
        ("direct", True),
        ("gaussian:0.2+direct", True),  # its aliases look like noise of 5 levels
        ("gaussian:0.3+direct", True),
        ("gaussian:2.0+direct", False),
        ("bicubic", False),
        ("bicubic+noise:0.02", False),
        ("bicubic+noise:0.06", False),
    ],
)
def test_aliases_of_direct_subsampling_are_told_from_noise(hr, text, aliased):
    assert rank_blurs(Degradation.parse(text).apply(hr, scale=2, seed=1), scale=2).aliased is aliased


def test_a_soft_photograph_that_was_only_subsampled_is_not_taken_for_a_downscaled_one(shared):
    hr = np.rint(255 * read_image(shared / "data" / "Set5" / "bird.png").colour).astype(np.uint8)
    subsampled, downscaled = (
        estimate_degradation(Degradation.parse(text).apply(hr, scale=2), scale=2)
        for text in ("gaussian:0.2+direct", "bicubic")
    )
    assert subsampled.kind == "gaussian"
    assert subsampled.covariance[0] < 0.4
    assert subsampled.ranking is not None
    assert subsampled.ranking.aliased
    assert downscaled.kind == "none"


def test_the_blur_before_bicubic_downscaling_is_found_without_that_of_the_downscaling(hr):
    found = estimate_degradation(Degradation.parse("disk:2.5+bicubic").apply(hr, scale=2), scale=2, subsample="bicubic")
    assert found.kind == "disk"
    assert float(found.text.removeprefix("disk:")) == pytest.approx(2.5, abs=0.15)
    assert found.confidence > 0.7


def test_scale_four(hr):
    ranking = rank_blurs(Degradation.parse("gaussian:8.0+direct").apply(hr, scale=4), scale=4)
    assert ranking.best.kind == "gaussian"
    assert kernel_covariance(ranking.best.kernel)[0] == pytest.approx(8, abs=1)


def test_a_wrong_kernel_explains_less_than_the_true_one(hr):
    lr = Degradation.parse("disk:2.0+direct").apply(hr, scale=2)
    true, wrong = (judge_kernel(lr, kernel, scale=2) for kernel in (disk_kernel(2.0), gaussian_kernel(1.85)))
    assert wrong > 1.2 * true
    assert judge_kernel(lr, np.pad(disk_kernel(2.0), ((5, 0), (0, 9))), scale=2) == pytest.approx(true, rel=1e-9)


def test_a_blur_of_no_family_lowers_the_confidence(hr):
    kernel = sample_motion_kernel(np.random.default_rng(11))
    found = estimate_degradation(Degradation.from_kernel(kernel, method="direct").apply(hr, scale=2), scale=2)
    assert found.ranking is not None
    assert not found.ranking.explained
    assert {each.kind for each in found.ranking.candidates} > {"free", "none"}
    assert found.confidence < 0.35


def test_noise_is_told_from_blur(hr):
    lr = Degradation.parse("gaussian:2.0+direct+noise:0.02").apply(hr, scale=2, seed=1)
    fit = SpectrumModel(lr, scale=2).explain(gaussian_kernel(2.0))
    assert fit.noise_std == pytest.approx(0.0124, rel=0.15)  # of luma: 0.02 times the root of the weights' squares


def test_images_without_size_are_refused():
    with pytest.raises(ImageError, match="at least 64x64"):
        rank_blurs(np.zeros((40, 80)), scale=2)
    with pytest.raises(ValueError, match="scale must be at least 1"):
        SpectrumModel(np.zeros((80, 80)), scale=0)

import numpy as np
import pytest
import torch

from kukkiri.blind import clean_kernel, estimate_kernel_gan
from kukkiri.blind.kernel_gan import _downscale
from kukkiri.blind.kernel_gan_crops import CropSampler, gradient_map
from kukkiri.blind.kernel_gan_losses import LossWeights, bicubic_loss, penalize_kernel
from kukkiri.degradations import (
    align_kernel,
    bicubic_kernel,
    blur_downsample,
    crop_kernel,
    gaussian_kernel,
    lies_aligned,
)
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import read_image
from kukkiri.networks import KernelGANGenerator
from tests.tolerances import FLOAT32_AGAINST_FLOAT64, FLOAT64_MATHS, STORED_FLOAT32


@pytest.fixture(scope="module")
def small():
    return np.random.default_rng(5).integers(0, 256, (66, 68, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["kernelgan_post_1", "kernelgan_post_2"])
def test_losses_and_clean_up_are_the_authors(golden, name):
    case = golden(name)
    kernel = case["input"]
    penalties = penalize_kernel(kernel)
    found = {
        "sum2one": penalties.sum_to_one,
        "boundaries": penalties.boundaries,
        "centralized": penalties.centralized,
        "sparse": penalties.sparse,
        "bicubic": bicubic_loss(case["input.g_input"], case["input.g_output"]),
    }
    for loss, value in found.items():
        assert value.item() == pytest.approx(case[f"output.loss_{loss}"].item(), rel=FLOAT32_AGAINST_FLOAT64)
    cleaned = clean_kernel(kernel.numpy(), keep=case.constructor["n"])
    np.testing.assert_allclose(cleaned, case["output.post_processed"], atol=STORED_FLOAT32)


def test_penalties_of_one_weight_in_the_corner_by_hand():
    kernel = torch.zeros(13, 13, dtype=torch.float64)
    kernel[0, 0] = 0.5
    penalties = penalize_kernel(kernel)
    assert penalties.sum_to_one.item() == 0.5
    assert penalties.centralized.item() == pytest.approx(6.5**2)  # aligned: half a pixel below the middle, 6
    assert penalties.sparse.item() == pytest.approx(0.5**0.2 / 169)
    assert penalties.boundaries.item() == pytest.approx(0.5 * 30 * (1 - np.exp(-72 / 338)) / 169)


def test_bicubic_downscaling_of_one_channel_costs_nothing():
    image = torch.rand(1, 1, 40, 44, dtype=torch.float64)
    kernel = torch.from_numpy(bicubic_kernel(2))
    padded = torch.nn.functional.conv2d(image, kernel[None, None], stride=2, padding=4)[..., 2:-2, 2:-2]
    assert bicubic_loss(image, padded).item() < FLOAT64_MATHS
    assert bicubic_loss(image, padded + 0.5).item() == pytest.approx(0.25)


def test_the_weights_follow_the_schedule():
    weights = LossWeights()
    for step, loss in enumerate([0.1, 0.3, 0.3, 0.5, 0.3, 0.3, 0.3]):  # step 0 does not count, 0.5 starts again
        weights.update(step, bicubic=loss)
        assert weights.checks == [0, 1, 2, 0, 1, 2, 3][step]
    assert weights == LossWeights(checks=3)
    seen = []
    for step in range(7, 1001):
        weights.update(step, bicubic=9.0)
        if step % 200 == 0:
            seen.append((weights.bicubic, weights.centralized, weights.sparse))
    expected = [(0.05, 0, 0), (5e-4, 1, 5), (5e-6, 1, 5), (5e-6, 1, 5), (5e-6, 1, 5)]
    np.testing.assert_allclose(seen, expected, rtol=FLOAT64_MATHS)
    with_all = LossWeights(1, 2, 3, 4, 5).total(torch.tensor(10.0), penalize_kernel(torch.full((13, 13), 1 / 169)))
    assert with_all.isfinite()


def test_the_kernel_downscales_as_the_convolutions_do():
    generator, crop = KernelGANGenerator(width=8).double(), torch.rand(1, 3, 64, 64).double()
    with torch.no_grad():
        assert (_downscale(crop, generator.kernel()) - generator(crop)).abs().max() < FLOAT64_MATHS


def test_crops_are_drawn_where_the_gradients_are():
    image = np.full((120, 140, 3), 0.5)
    image[20:60, 90:130] = np.random.default_rng(0).random((40, 40, 1))
    sampler = CropSampler(image, scale=2, crop=64, small_crop=26, steps=200, rng=np.random.default_rng(1))
    corners = np.array([sampler.discriminator_corner(step) for step in range(200)])
    assert not (corners % 2).any()
    assert corners.min() >= 0
    assert (corners + 26 <= (120, 140)).all()
    middles = corners + 13
    assert (abs(middles - (40, 110)) <= 33).all()  # 20 of the square, 2 + 6 of the blurs, 5 of clipping and evenness
    weights = gradient_map(image)
    assert weights.mean() == pytest.approx(1)
    assert weights[80:].max() == 0


def test_the_same_seed_gives_the_same_kernel_and_reports_on_the_way(small):
    seen = []
    threads = torch.get_num_threads()
    torch.manual_seed(1)
    first = estimate_kernel_gan(small, seed=7, iterations=3, frame=0, progress=seen.append)
    torch.manual_seed(2)
    again = estimate_kernel_gan(small, seed=7, iterations=3, frame=0)
    other = estimate_kernel_gan(small, seed=8, iterations=3, frame=0)
    assert np.array_equal(first.kernel, again.kernel)
    assert not np.array_equal(first.raw, other.raw)
    assert [(each.step, each.steps) for each in seen] == [(3, 3)]
    assert (first.steps, first.stopped, first.raw.shape) == (3, "steps", (13, 13))
    assert first.kernel.sum() == pytest.approx(1)
    assert torch.get_num_threads() == threads


def test_at_x4_the_kernel_is_doubled_and_an_interrupt_returns_what_there_is(small):
    def interrupt(_):
        raise KeyboardInterrupt

    found = estimate_kernel_gan(small, scale=4, iterations=60, frame=0, progress=interrupt)
    assert (found.steps, found.stopped, found.scale) == (50, "interrupted", 4)
    single = clean_kernel(found.raw)
    assert found.kernel.shape == (2 * len(single) - 1,) * 2
    assert lies_aligned(found.kernel, scale=4)


@pytest.mark.parametrize(
    ("shape", "options", "error", "words"),
    [
        ((85, 200, 3), {}, ImageError, "200x85 pixels .*at least 86x86 with a frame of 10"),
        ((90, 90, 4), {}, ImageError, "shape .90, 90, 4."),
        ((90, 90, 3), {"scale": 3}, ConfigError, "scale 2 and 4, got 3"),
        ((90, 90, 3), {"iterations": 0}, ConfigError, "iterations must be a whole number of at least 1, got 0"),
        ((90, 90), {}, ImageError, "without details"),
    ],
)
def test_what_cannot_be_used_is_refused(shape, options, error, words):
    with pytest.raises(error, match=words):
        estimate_kernel_gan(np.zeros(shape, dtype=np.uint8), **options)


@pytest.mark.nightly
def test_a_known_gaussian_is_recovered_better_than_bicubic(photographs):
    hr = read_image(photographs / "es_city11.webp").colour.astype(np.float64)
    hr = hr[: len(hr) // 2 * 2, : hr.shape[1] // 2 * 2]
    true = align_kernel(gaussian_kernel(2.0, size=15), scale=2)
    lr = np.clip(np.round(blur_downsample(hr, true, scale=2) * 255), 0, 255).astype(np.uint8)
    found = estimate_kernel_gan(lr, seed=0)
    wanted, ours, bicubic = (crop_kernel(each, size=21) for each in (true, found.kernel, bicubic_kernel(2)))
    assert abs(ours - wanted).sum() < abs(bicubic - wanted).sum()

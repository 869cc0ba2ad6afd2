import dataclasses

import numpy as np
import pytest
import torch

from kukkiri.degradations import gaussian_kernel
from kukkiri.degradations.linear import blur_downsample
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.networks import MZSR, ContextPlain, Plain
from kukkiri.training.meta.recipe import MetaRecipe
from kukkiri.training.meta.tasks import TaskSampler, covariance_code, upscale
from tests.tolerances import FLOAT32_AGAINST_FLOAT64, FLOAT32_LEVELS, FLOAT64_MATHS

VARIANCE = 2.0


@pytest.fixture
def folder(tmp_path, rng):
    for name in "ab":
        small = rng.random((20, 22, 3), dtype=np.float32)
        Image.from_array(np.kron(small, np.ones((6, 6, 1), np.float32))).save(tmp_path / f"{name}.tif")
    return tmp_path


def recipe(folder, **changes):
    values = {
        "name": "tiny",
        "network": "contextplain",
        "scale": 2,
        "data": str(folder),
        "tasks": 2,
        "batch": 3,
        "patch": 12,
        "smallest_variance": VARIANCE,
        "largest_variance": VARIANCE / 2,
    }
    return MetaRecipe(**{**values, **changes})


def sampler(folder, **changes):
    return TaskSampler(recipe(folder, **changes), ContextPlain(width=4, depth=1))


def degrade(hr, method):
    """LR of (N, C, H, W) by the NumPy operator; its border differs from that of a larger crop."""
    kernel = gaussian_kernel(VARIANCE, size=15)
    arrays = (
        blur_downsample(image, kernel, scale=2, method=method) for image in hr.double().permute(0, 2, 3, 1).numpy()
    )
    return torch.from_numpy(np.stack(list(arrays))).permute(0, 3, 1, 2).float()


def test_the_tasks_of_a_step_are_those_of_the_seed_and_the_step(folder):
    first, again = sampler(folder).at(7), sampler(folder).at(7)
    assert len(first) == 2
    for task, same in zip(first, again, strict=True):
        assert task.code == same.code
        for name in ("support_lr", "support_hr", "query_lr", "query_hr"):
            assert torch.equal(getattr(task, name), getattr(same, name))
    assert not torch.equal(first[0].query_hr, sampler(folder).at(8)[0].query_hr)
    assert not torch.equal(first[0].query_hr, sampler(folder, seed=1).at(7)[0].query_hr)


@pytest.mark.parametrize("method", ["direct", "bicubic"])
def test_lr_is_hr_blurred_and_downsampled_up_to_the_edge_of_the_patch(folder, method):
    task = sampler(folder, subsample=method, patch=24).at(0)[0]
    assert task.query_lr.shape == (3, 3, 24, 24)
    assert task.query_hr.shape == (3, 3, 48, 48)
    inside = slice(6, -6)  # at its border a patch lacks its surroundings
    expected = degrade(task.query_hr, method)
    torch.testing.assert_close(
        task.query_lr[..., inside, inside], expected[..., inside, inside], rtol=0, atol=FLOAT32_AGAINST_FLOAT64
    )  # float32 and an FFT


@pytest.mark.parametrize("method", ["direct", "bicubic"])
def test_a_downscaled_support_is_lr_degraded_once_more(folder, method):
    task = sampler(folder, subsample=method, support="downscaled", patch=24).at(0)[0]
    assert torch.equal(task.support_hr, task.query_lr)
    inside = slice(5, -5)
    expected = degrade(task.support_hr, method)
    torch.testing.assert_close(
        task.support_lr[..., inside, inside], expected[..., inside, inside], rtol=0, atol=FLOAT32_AGAINST_FLOAT64
    )


def test_pairs_are_of_other_patches_and_of_the_same_kernel(folder):
    task = sampler(folder).at(0)[0]
    assert task.support_lr.shape == task.query_lr.shape
    assert task.support_hr.shape == task.query_hr.shape == (3, 3, 24, 24)
    assert not torch.equal(task.support_hr, task.query_hr)


def test_lr_may_be_rounded_to_8_bit_and_the_query_be_the_middle(folder):
    whole = sampler(folder, eight_bit=True).at(0)[0]
    levels = whole.query_lr * 255
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=FLOAT32_LEVELS)
    middle = sampler(folder, eight_bit=True, query_patch=8).at(0)[0]
    assert torch.equal(middle.query_lr, whole.query_lr[..., 2:10, 2:10])
    assert torch.equal(middle.query_hr, whole.query_hr[..., 4:20, 4:20])


def test_the_code_is_the_covariance():
    assert covariance_code(2.5, 2.5, 0.7, scale=2) == pytest.approx((0, 0, 0), abs=FLOAT64_MATHS)
    assert covariance_code(5.0, 0.1, 0.0, scale=2) == pytest.approx((1.0, 0.1 / 2.5 - 1, 0), abs=FLOAT64_MATHS)
    # at 45 degrees both axes carry the mean, and the mixed moment is half the difference
    assert covariance_code(4.0, 1.0, np.pi / 4, scale=2) == pytest.approx((0, 0, 0.6), abs=FLOAT64_MATHS)
    # the second moments of the sampled kernel agree: (columns are x, rows are y)
    kernel = gaussian_kernel(3.0, 1.5, 0.4, size=21)
    y, x = np.mgrid[-10:11, -10:11]
    moments = [float((kernel * product).sum()) / 2.5 for product in (x * x, y * y, x * y)]
    expected = np.add(covariance_code(3.0, 1.5, 0.4, scale=2), (1, 1, 0))
    assert moments == pytest.approx(expected, abs=1e-3)  # the sampling of the Gaussian


def test_scales_are_sampled_for_networks_on_the_upscaled_image(folder):
    network = MZSR(width=4, depth=2)
    tasks = TaskSampler(recipe(folder, network="mzsr", scales=(2, 3), tasks=8), network).at(0)
    assert {task.scale for task in tasks} == {2, 3}
    for task in tasks:
        assert task.query_hr.shape[-1] == 12 * task.scale
        assert torch.isfinite(task.query(network))


def test_patches_of_all_scales_may_have_the_same_size_in_hr(folder):
    network = MZSR(width=4, depth=2)
    tasks = TaskSampler(recipe(folder, network="mzsr", scales=(2, 3), tasks=8, hr_patch=32), network).at(0)
    sizes = {task.scale: (task.query_lr.shape[-1], task.query_hr.shape[-1]) for task in tasks}
    assert sizes == {2: (16, 32), 3: (10, 30)}


def test_a_network_on_the_upscaled_image_is_given_it():
    lr = torch.rand(1, 3, 6, 6)
    assert upscale(lambda x: x, lr, like=MZSR(width=2, depth=2), scale=3).shape == (1, 3, 18, 18)
    assert torch.equal(upscale(lambda x: x, lr, like=Plain(width=2, depth=1), scale=2), lr)


def test_small_images_and_luma_are_refused(folder):
    with pytest.raises(ConfigError, match=r"smaller than a patch of \d+ HR pixels; .* Choose a smaller patch"):
        sampler(folder, patch=400)
    with pytest.raises(ConfigError, match="takes luma"):
        TaskSampler(recipe(folder), Plain(width=4, depth=1))


def test_support_and_query_have_their_own_losses(folder):
    task = sampler(folder).at(0)[0]
    task = dataclasses.replace(task, losses=("mse", "l1"))

    def black(lr):
        return torch.zeros(len(lr), 3, 24, 24)

    assert float(task.support(black)) == pytest.approx(float(task.support_hr.square().mean()))
    assert float(task.query(black)) == pytest.approx(float(task.query_hr.abs().mean()))

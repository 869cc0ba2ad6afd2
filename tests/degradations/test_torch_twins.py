import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch")

import torch

from kukkiri.degradations import Degradation, gaussian_kernel
from kukkiri.degradations.linear import blur, blur_downsample, subsample
from kukkiri.degradations.torch_twins import (
    blur_downsample_tensor,
    blur_tensor,
    degrade_tensor,
    subsample_tensor,
)
from tests.tolerances import FLOAT64_SUMS

KERNEL = gaussian_kernel(4.0, 1.0, -0.5, size=15)


def images(rng, dtype=np.float64):
    return rng.uniform(size=(2, 24, 36, 3)).astype(dtype)


def nchw(arrays):
    return torch.from_numpy(np.ascontiguousarray(arrays)).permute(0, 3, 1, 2)


def hwc(tensor):
    return tensor.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("border", ["symmetric", "reflect", "replicate", "wrap"])
@pytest.mark.parametrize("kernel", [KERNEL, gaussian_kernel(1.0, size=4)], ids=["odd", "even"])
def test_blur_equals_its_array_twin(rng, border, kernel):
    hr = images(rng)
    expected = np.stack([blur(image, kernel, border=border) for image in hr])
    np.testing.assert_allclose(
        hwc(blur_tensor(nchw(hr), torch.from_numpy(kernel), border=border)), expected, atol=FLOAT64_SUMS
    )


@pytest.mark.parametrize("method", ["direct", "nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("blur_last", [False, True])
def test_blur_and_subsampling_equal_their_array_twins(rng, method, blur_last):
    hr = images(rng)
    options = {"scale": 3, "method": method, "blur_last": blur_last}
    expected = np.stack([blur_downsample(image, KERNEL, **options) for image in hr])
    mine = blur_downsample_tensor(nchw(hr), torch.from_numpy(KERNEL), **options)
    np.testing.assert_allclose(hwc(mine), expected, atol=FLOAT64_SUMS)
    plain = np.stack([subsample(image, scale=3, method=method) for image in hr])
    np.testing.assert_allclose(hwc(subsample_tensor(nchw(hr), scale=3, method=method)), plain, atol=FLOAT64_SUMS)


def test_each_image_may_have_its_own_kernel(rng):
    hr = images(rng)
    kernels = np.stack([KERNEL, gaussian_kernel(2.0, size=15)])
    expected = np.stack([blur(image, kernel, step=2) for image, kernel in zip(hr, kernels, strict=True)])
    mine = blur_tensor(nchw(hr), torch.from_numpy(kernels), step=2)
    np.testing.assert_allclose(hwc(mine), expected, atol=FLOAT64_SUMS)


@pytest.mark.parametrize(
    "text",
    [
        "bicubic",
        "gaussian:4.0,1.0,-0.5+direct",
        "gaussian:2.0+direct:aligned",
        "bicubic+gaussian-sigma:0.8,border=wrap",
        "resize:0.7,bilinear,aliased+motion:5+lanczos",
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-6)])
def test_a_linear_degradation_equals_its_array_twin(rng, text, dtype, tolerance):
    hr, degradation = images(rng, dtype), Degradation.parse(text)
    assert degradation.linear
    expected = np.stack([degradation.apply(image, scale=2) for image in hr])
    mine = degrade_tensor(nchw(hr), degradation, scale=2)
    assert mine.dtype == torch.from_numpy(hr).dtype
    np.testing.assert_allclose(hwc(mine), expected, atol=tolerance)


def test_gradients_flow_to_images_and_kernels_twice(rng):
    hr = torch.from_numpy(rng.uniform(size=(1, 2, 6, 8))).requires_grad_()
    kernel = torch.from_numpy(gaussian_kernel(1.0, size=3)).requires_grad_()

    def degrade(hr, kernel):
        return blur_downsample_tensor(hr, kernel, scale=2, method="bicubic")

    assert torch.autograd.gradcheck(degrade, (hr, kernel))
    assert torch.autograd.gradgradcheck(degrade, (hr, kernel))


def test_steps_that_are_not_linear_have_no_twin(rng):
    degradation = Degradation.parse("bicubic+noise:0.1")
    assert not degradation.linear
    with pytest.raises(ValueError, match=r"noise:0\.1 is not linear, so it has no tensor twin"):
        degrade_tensor(torch.zeros(1, 3, 4, 4), degradation, scale=2)

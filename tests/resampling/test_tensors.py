import numpy as np
import pytest

from kukkiri.resampling import KERNELS, resize

pytest.importorskip("torch", reason="needs torch")

import torch

from kukkiri.resampling.tensors import resize_tensor
from tests.tolerances import FLOAT64_MATHS


@pytest.mark.parametrize("kernel", sorted(KERNELS))
@pytest.mark.parametrize("output_size", [(7, 31), (40, 11), (13, 17)])
def test_tensors_and_arrays_are_upscaled_alike(rng, kernel, output_size):
    image = rng.random((13, 17, 2))
    tensor = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
    expected = resize(image, output_size=output_size, kernel=kernel)
    found = resize_tensor(tensor, output_size=output_size, kernel=kernel)[0].permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() < FLOAT64_MATHS


def test_tensors_pass_gradients_of_gradients():
    tensor = torch.rand(1, 1, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resize_tensor(x, scale=2.0), tensor)
    assert torch.autograd.gradgradcheck(lambda x: resize_tensor(x, scale=0.5).square(), tensor)

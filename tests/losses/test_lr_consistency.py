import numpy as np
import pytest
import torch

from kukkiri.losses import lr_consistency
from kukkiri.resampling import resize
from tests.tolerances import FLOAT64_MATHS

MATLAB_HALF = (-0.01171875, -0.03515625, 0.11328125, 0.43359375, 0.43359375, 0.11328125, -0.03515625, -0.01171875)
"""Weights of ``imresize(I, 1/2)``: the cubic kernel with a = -1/2 at +-1/4, +-3/4, +-5/4, +-7/4, halved."""


def test_one_wrong_pixel_of_sr_is_seen_through_the_weights_of_matlab():
    sr = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
    sr[..., 6, 8] = 0.5
    lr = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    seen = sum(abs(weight) for weight in MATLAB_HALF[::2])  # by four LR pixels along each axis
    assert float(lr_consistency(sr, sr, lr=lr)) == pytest.approx(0.5 * seen**2 / 64, abs=FLOAT64_MATHS)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_is_l1_after_the_array_resize(scale):
    rng = np.random.default_rng(0)
    sr, lr = rng.random((6 * scale, 5 * scale, 3)), rng.random((6, 5, 3))
    expected = np.abs(resize(sr, scale=1 / scale, kernel="cubic") - lr).mean()
    tensors = [torch.from_numpy(image).permute(2, 0, 1)[None] for image in (sr, lr)]
    assert float(lr_consistency(tensors[0], tensors[0], lr=tensors[1])) == pytest.approx(expected, abs=FLOAT64_MATHS)


def test_sr_of_another_brightness_differs_by_it():
    lr = torch.full((2, 3, 4, 5), 0.5, dtype=torch.float64)
    sr = torch.full((2, 3, 12, 15), 0.75, dtype=torch.float64)
    assert float(lr_consistency(sr, sr * 0, lr=lr)) == pytest.approx(0.25, abs=FLOAT64_MATHS)


@pytest.mark.parametrize("shape", [(1, 3, 9, 10), (1, 3, 8, 15), (1, 3, 3, 4), (1, 1, 8, 10)])
def test_sizes_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"must be lr \(1, 3, 4, 5\) times an integer scale"):
        lr_consistency(torch.zeros(shape), torch.zeros(shape), lr=torch.zeros(1, 3, 4, 5))

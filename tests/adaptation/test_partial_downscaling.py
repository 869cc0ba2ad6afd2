"""Downscaling by less than the scale that a kernel was given for."""

import numpy as np
import pytest
import torch

from kukkiri.adaptation.partial_downscaling import PartialDownscaling
from kukkiri.degradations import Degradation, gaussian_kernel
from kukkiri.degradations.torch_twins import degrade_tensor


@pytest.fixture
def hr(rng):
    smooth = np.cumsum(np.cumsum(rng.standard_normal((40, 48)), axis=0), axis=1)
    return torch.from_numpy((smooth - smooth.min()) / np.ptp(smooth))[None, None]


@pytest.mark.parametrize(
    ("grid", "tolerance"), [("direct", 1e-4), ("direct:aligned", 5e-3)]
)  # the second: interpolated
def test_the_whole_scale_is_the_degradation_itself(hr, grid, tolerance):
    degradation = Degradation.parse(f"gaussian:2.0+{grid}")
    part = PartialDownscaling(degradation.effective_kernel(scale=2), 2).apply(hr, factors=(2.0, 2.0))
    whole = degrade_tensor(hr, degradation, scale=2)
    assert part.shape == whole.shape
    torch.testing.assert_close(part[..., 5:-5, 5:-5], whole[..., 5:-5, 5:-5], atol=tolerance, rtol=0)


def test_the_factor_one_changes_nothing(hr):
    same = PartialDownscaling(gaussian_kernel(2.0, size=15), 2).apply(hr, factors=(1.0, 1.0))
    torch.testing.assert_close(same, hr, atol=1e-9, rtol=0)


def test_factors_between_keep_a_ramp_on_the_grid_of_the_kernel():
    columns = torch.arange(48, dtype=torch.float64).expand(1, 1, 40, 48)
    kernel = Degradation.parse("gaussian:2.0+direct:aligned").effective_kernel(scale=2)
    lr = PartialDownscaling(kernel, 2).apply(columns, factors=(1.5, 1.5))
    assert lr.shape == (1, 1, 27, 32)
    expected = 1.5 * torch.arange(32, dtype=torch.float64) + 0.25  # (factor - 1) / 2
    torch.testing.assert_close(lr[0, 0, 13, 6:-6], expected[6:-6], atol=1e-4, rtol=0)

"""Downscaling by less than the scale that a kernel was given for."""

import numpy as np
import pytest
import torch

from kukkiri.adaptation.partial_downscaling import downscale_partly, shrink_kernel
from kukkiri.degradations import Degradation, centre_of_mass, gaussian_kernel
from kukkiri.degradations.alignment import kernel_covariance
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
    part = downscale_partly(hr, degradation.effective_kernel(scale=2), factors=(2.0, 2.0), scale=2)
    whole = degrade_tensor(hr, degradation, scale=2)
    assert part.shape == whole.shape
    torch.testing.assert_close(part[..., 5:-5, 5:-5], whole[..., 5:-5, 5:-5], atol=tolerance, rtol=0)


def test_the_factor_one_changes_nothing(hr):
    same = downscale_partly(hr, gaussian_kernel(2.0, size=15), factors=(1.0, 1.0), scale=2)
    torch.testing.assert_close(same, hr, atol=1e-9, rtol=0)


def test_factors_between_keep_a_ramp_on_the_grid_of_the_kernel():
    columns = torch.arange(48, dtype=torch.float64).expand(1, 1, 40, 48)
    kernel = Degradation.parse("gaussian:2.0+direct:aligned").effective_kernel(scale=2)
    lr = downscale_partly(columns, kernel, factors=(1.5, 1.5), scale=2)
    assert lr.shape == (1, 1, 27, 32)
    expected = 1.5 * torch.arange(32, dtype=torch.float64) + 0.25  # (factor - 1) / 2
    torch.testing.assert_close(lr[0, 0, 13, 6:-6], expected[6:-6], atol=1e-4, rtol=0)


def test_a_kernel_keeps_its_mass_and_centre_and_loses_variance():
    small = shrink_kernel(gaussian_kernel(4.0, 1.0, 0.3, size=25), by=(0.5, 1.0))
    before, after = (kernel_covariance(each) for each in (gaussian_kernel(4.0, 1.0, 0.3, size=25), small))
    assert small.sum() == pytest.approx(1)
    assert centre_of_mass(small) == pytest.approx((small.shape[0] // 2, small.shape[0] // 2))
    assert after[0] == pytest.approx(before[0])
    assert before[1] / 4 <= after[1] <= before[1] / 4 + 0.25
    np.testing.assert_allclose(
        shrink_kernel(gaussian_kernel(2.0, size=9), by=(0.0, 0.0)), [[0] * 3, [0, 1, 0], [0] * 3]
    )

import numpy as np
import pytest
import torch

from kukkiri.losses import lbp, parse_loss
from kukkiri.losses.lbp import make_kernels
from tests.tolerances import FLOAT64_MATHS


def test_every_kernel_has_one_plus_and_one_minus_and_depends_on_the_seed_only():
    kernels = make_kernels(64, 5, 3)
    assert kernels.shape == (64, 5, 5)
    assert np.array_equal(np.sort(kernels.reshape(64, 25))[:, [0, 1, -2, -1]], [[-1, 0, 0, 1]] * 64)
    assert np.array_equal(kernels, make_kernels.__wrapped__(64, 5, 3))
    assert not np.array_equal(kernels, make_kernels(64, 5, 4))


def test_it_is_the_charbonnier_error_of_the_differences():
    hr = torch.zeros(1, 1, 5, 5).double()
    sr = hr.clone()
    sr[0, 0, 2, 2] = 0.25  # each kernel sees it twice, as +1 and as -1, and nothing elsewhere
    seen, unseen = (0.25**2 + 1e-6) ** 0.5, 1e-3
    assert float(lbp(sr, hr)) == pytest.approx((2 * seen + 23 * unseen) / 25, rel=FLOAT64_MATHS)


def test_the_bank_does_not_change_from_step_to_step():
    loss = parse_loss({"lbp": {"kernels": 8, "side": 5, "seed": 1}})
    sr, hr = torch.rand(2, 1, 3, 8, 8)
    assert torch.equal(loss(sr, hr)[0], loss(sr, hr, progress=0.5)[0])

import pytest
import torch

from kukkiri.losses import LOSSES, charbonnier


@pytest.mark.parametrize(("name", "expected"), [("l1", 2.0), ("mse", 5.0), ("charbonnier", 2.0)])
def test_errors_of_one_and_three_give_the_mean_of_the_criterion(name, expected):
    hr = torch.zeros(1, 1, 1, 2, dtype=torch.float64)
    sr = torch.tensor([[[[1.0, -3.0]]]], dtype=torch.float64)
    assert float(LOSSES[name](sr, hr)) == pytest.approx(expected, abs=1e-6)  # epsilon^2 / 2 of charbonnier


def test_charbonnier_is_smooth_at_zero():
    sr = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    charbonnier(sr, torch.zeros(3, dtype=torch.float64)).backward()
    assert torch.equal(sr.grad, torch.zeros(3, dtype=torch.float64))

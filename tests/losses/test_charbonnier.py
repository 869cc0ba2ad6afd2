import pytest
import torch

from kukkiri.losses import charbonnier
from tests.tolerances import FLOAT64_MATHS


def test_errors_of_3_with_an_epsilon_of_4_give_5():
    sr = torch.tensor([[[[3.0, -3.0]]]], dtype=torch.float64)
    assert float(charbonnier(sr, torch.zeros_like(sr), epsilon=4.0)) == pytest.approx(5.0, abs=FLOAT64_MATHS)


def test_by_default_large_errors_count_as_in_l1():
    sr = torch.tensor([[[[1.0, -3.0]]]], dtype=torch.float64)
    assert float(charbonnier(sr, torch.zeros_like(sr))) == pytest.approx(2.0, abs=1e-6)  # epsilon^2 / 2


def test_it_is_smooth_at_zero():
    sr = torch.zeros(1, 1, 1, 3, dtype=torch.float64, requires_grad=True)
    charbonnier(sr, torch.zeros_like(sr)).backward()
    assert torch.equal(sr.grad, torch.zeros_like(sr))

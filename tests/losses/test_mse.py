import torch

from kukkiri.losses import mse


def test_errors_of_1_and_minus_3_have_a_mean_square_of_5():
    assert float(mse(torch.tensor([[[[1.0, -3.0]]]]), torch.zeros(1, 1, 1, 2))) == 5.0

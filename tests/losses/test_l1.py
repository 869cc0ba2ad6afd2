import torch

from kukkiri.losses import l1


def test_errors_of_1_and_minus_3_have_a_mean_of_2():
    assert float(l1(torch.tensor([[[[1.0, -3.0]]]]), torch.zeros(1, 1, 1, 2))) == 2.0

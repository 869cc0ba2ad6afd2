import pytest
import torch

from kukkiri.losses import total_variation


def test_it_is_the_mean_of_all_differences_and_ignores_hr():
    sr = torch.tensor([[0.0, 1.0, 1.0], [0.5, 1.0, 0.0]]).view(1, 1, 2, 3)
    differences = [1, 0, 0.5, 1, 0.5, 0, 1]
    assert float(total_variation(sr, torch.rand(1, 1, 2, 3))) == pytest.approx(sum(differences) / 7, rel=1e-6)
    assert float(total_variation(torch.full((1, 3, 4, 4), 0.3), sr)) == 0

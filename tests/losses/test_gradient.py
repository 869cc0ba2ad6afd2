import pytest
import torch

from kukkiri.losses import gradient
from tests.tolerances import FLOAT64_MATHS


def test_a_wrong_column_counts_with_both_of_its_edges():
    hr = torch.rand(1, 1, 4, 5, dtype=torch.float64)
    sr = hr.clone()
    sr[..., 2] += 1.0
    # 4 rows of 4 horizontal differences, of which 2 are wrong; 3 rows of 5 vertical ones, all right
    assert float(gradient(sr, hr)) == pytest.approx(8 / 31, abs=FLOAT64_MATHS)


def test_a_constant_error_is_not_seen():
    hr = torch.rand(1, 1, 4, 5, dtype=torch.float64)
    assert float(gradient(hr + 0.25, hr)) == pytest.approx(0.0, abs=FLOAT64_MATHS)


def test_an_edge_of_the_opposite_sign_counts_twice():
    hr = torch.tensor([[[[0.0, 1.0]]]])
    assert float(gradient(hr.flip(-1), hr)) == 2.0


def test_a_single_row_and_a_single_column_have_differences():
    error = torch.tensor([0.0, 3.0, 3.0, 2.0])
    for shape in ((1, 1, 1, 4), (1, 1, 4, 1)):
        assert float(gradient(error.reshape(shape), torch.zeros(shape))) == pytest.approx(4 / 3)


def test_it_does_not_overflow_in_half_precision():
    sr = torch.zeros(1, 1, 512, 512, dtype=torch.float16)
    sr[..., ::2] = 1.0  # the sum of 261,632 differences of 1 exceeds 65,504
    assert float(gradient(sr, sr * 0)) == 0.5

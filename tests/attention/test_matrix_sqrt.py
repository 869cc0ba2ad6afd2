import pytest
import torch

from kukkiri.attention import covariance_pool, matrix_sqrt
from tests.networks.parity import assert_parity
from tests.tolerances import FLOAT64_FEW_OPERATIONS, FLOAT64_ILL_CONDITIONED, FLOAT64_SUMS

CASES = ["mpncov_c8_it3", "mpncov_c12_it5", "mpncov_c16_it5_b3"]


def positive(*shape, seed=0):
    factor = torch.randn(*shape, shape[-1], dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return factor @ factor.mT / shape[-1] + 0.05 * torch.eye(shape[-1], dtype=torch.float64)


def test_the_eigen_root_squared_is_the_matrix():
    matrix = positive(3, 6)
    root = matrix_sqrt(matrix, method="eigen")
    torch.testing.assert_close(
        root @ root, matrix, rtol=0, atol=FLOAT64_SUMS
    )  # float64 eigenvectors, entries of order 1


def test_newton_schulz_squared_is_the_matrix_once_it_has_converged():
    matrix = positive(2, 6)
    root = matrix_sqrt(matrix, iterations=20)
    torch.testing.assert_close(root @ root, matrix, rtol=0, atol=1e-11)  # condition number about 100 amplifies 1e-16
    torch.testing.assert_close(root, matrix_sqrt(matrix, method="eigen"), rtol=0, atol=FLOAT64_ILL_CONDITIONED)


def test_each_newton_schulz_iteration_comes_nearer_and_five_are_not_the_root():
    matrix = positive(16)
    exact = matrix_sqrt(matrix, method="eigen")
    errors = [float((matrix_sqrt(matrix, iterations=k) - exact).norm() / exact.norm()) for k in range(1, 13)]
    assert errors == sorted(errors, reverse=True)
    assert errors[4] > 1e-3
    assert errors[11] < 1e-6


def test_the_first_iteration_by_hand():
    # A = diag(1, 3) / 4; Y = A (3 - A) / 2; S = sqrt(4) Y
    root = matrix_sqrt(torch.diag(torch.tensor([1.0, 3.0], dtype=torch.float64)), iterations=1)
    expected = 2 * torch.diag(torch.tensor([0.25 * 2.75 / 2, 0.75 * 2.25 / 2], dtype=torch.float64))
    torch.testing.assert_close(root, expected, rtol=0, atol=FLOAT64_FEW_OPERATIONS)


@pytest.mark.parametrize("case", CASES)
def test_root_and_gradients_are_the_official_ones(golden, case):
    vector, iterations = golden(case), golden(case).constructor["iterN"]
    cov = vector["output.cov"].clone().requires_grad_()
    found = matrix_sqrt(cov, iterations=iterations)
    close(found, vector["output.sqrt"])
    (gradient,) = torch.autograd.grad(found, cov, vector["input.grad_sqrt"])
    expected = vector["grad.cov_from_sqrt"]
    close(gradient + gradient.mT, expected + expected.mT)  # only the symmetric part reaches the features


@pytest.mark.parametrize("case", CASES)
def test_gradients_through_covariance_and_root_are_the_official_ones_in_float64(golden, case):
    vector, iterations = golden(case), golden(case).constructor["iterN"]
    x = vector["input"].double().requires_grad_()
    root = matrix_sqrt(covariance_pool(x), iterations=iterations)
    (gradient,) = torch.autograd.grad(root, x, vector["input.grad_sqrt"].double())
    close(gradient, vector["grad.input_from_cov_sqrt"])  # the recorded ones are float32


@pytest.mark.parametrize("method", ["newton-schulz", "eigen"])
def test_gradient_is_that_of_finite_differences(method):
    factor = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda f: matrix_sqrt(f @ f.mT + torch.eye(4), method=method), factor)


def test_the_eigen_gradient_is_finite_where_eigenvalues_coincide():
    matrix = (4 * torch.eye(3, dtype=torch.float64)).requires_grad_()
    (gradient,) = torch.autograd.grad(matrix_sqrt(matrix, method="eigen").trace(), matrix)
    torch.testing.assert_close(
        gradient, torch.eye(3, dtype=torch.float64) / 4, rtol=0, atol=FLOAT64_FEW_OPERATIONS
    )  # d sqrt(4) = 1/4


def test_a_matrix_without_full_rank_has_a_root_and_a_finite_gradient():
    x = torch.randn(1, 6, 2, 2, dtype=torch.float64, requires_grad=True)  # 4 positions, rank 3
    root = matrix_sqrt(covariance_pool(x), method="eigen")
    torch.testing.assert_close(root @ root, covariance_pool(x), rtol=0, atol=FLOAT64_SUMS)
    (gradient,) = torch.autograd.grad(root.sum(), x)
    assert gradient.isfinite().all()


def test_zero_is_nan_as_in_the_official_code_unless_asked_otherwise():
    zero = torch.zeros(2, 3, 3, requires_grad=True)
    assert matrix_sqrt(zero).isnan().all()
    safe = matrix_sqrt(zero, zero_safe=True)
    assert safe.abs().max() == 0
    (gradient,) = torch.autograd.grad(safe.sum(), zero)
    assert gradient.isfinite().all()
    assert matrix_sqrt(zero, method="eigen").abs().max() == 0


def test_zero_safety_changes_no_bit_of_another_result():
    matrix = positive(5, 7).float()
    assert torch.equal(matrix_sqrt(matrix), matrix_sqrt(matrix, zero_safe=True))


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        matrix_sqrt(torch.eye(2), iterations=0)
    with pytest.raises(ValueError, match="'newton-schulz' or 'eigen', got 'svd'"):
        matrix_sqrt(torch.eye(2), method="svd")


def close(found, expected):
    assert_parity(found, expected)

"""Least squares: the minimum, the bounds and the standard errors."""

import numpy as np
import pytest

from kukkiri.degradations.least_squares import fit_least_squares
from tests.tolerances import FLOAT64_FEW_OPERATIONS

PLACES = np.linspace(0, 3, 200)


def decay(target):
    """Residual and Jacobian of amplitude * exp(-rate * x)."""

    def evaluate(parameters):
        amplitude, rate = parameters
        shape = np.exp(-rate * PLACES)
        return target - amplitude * shape, np.column_stack([shape, -amplitude * PLACES * shape])

    return evaluate


def fit(target, *, upper=np.inf, iterations=50):
    bounds = {"lower": np.array([-np.inf, 0.0]), "upper": np.array([np.inf, upper])}
    initial = np.array([1.0, 0.1])
    return fit_least_squares(decay(target), initial, **bounds, iterations=iterations, tolerance=1e-12)


def test_the_parameters_of_an_exact_model_are_found():
    found = fit(2.5 * np.exp(-1.3 * PLACES))
    assert found.parameters == pytest.approx([2.5, 1.3], rel=1e-9)
    assert found.rms < 1e-9


def test_a_bound_is_kept_and_nothing_gets_worse():
    target = 2.5 * np.exp(-1.3 * PLACES)
    found = fit(target, upper=1.0)
    assert found.parameters[1] == 1.0
    assert found.sum_of_squares < 0.05 * fit(target, iterations=0).sum_of_squares


def test_standard_errors_are_those_of_repeated_fits(rng):
    fits = [fit(2.5 * np.exp(-1.3 * PLACES) + 0.05 * rng.standard_normal(PLACES.size)) for _ in range(300)]
    spread = np.std([each.parameters for each in fits], axis=0)
    claimed = np.mean([each.find_errors() for each in fits], axis=0)
    np.testing.assert_allclose(claimed, spread, rtol=0.2)  # a spread of 300 fits is known to 4 %


def test_without_iterations_the_start_is_evaluated():
    target = 2.5 * np.exp(-1.3 * PLACES)
    found = fit(target, iterations=0)
    np.testing.assert_array_equal(found.parameters, [1.0, 0.1])
    np.testing.assert_allclose(found.residual, target - np.exp(-0.1 * PLACES), rtol=0, atol=FLOAT64_FEW_OPERATIONS)

"""Nonlinear least squares by Levenberg and Marquardt, with bounds, and the standard errors of what was fitted."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["LeastSquares", "fit_least_squares"]

Float64 = NDArray[np.float64]
_INITIAL_DAMPING = 1e-3
_LEAST_DAMPING = 1e-9
_MOST_DAMPING = 1e8
_FACTOR = 10.0  # between two dampings
_FLOOR = 1e-6  # of a curvature, so that a parameter that changes nothing stays where it is
_UNDETERMINED = 1e-12  # of the largest eigenvalue


class LeastSquares(NamedTuple):
    """Fitted parameters."""

    parameters: Float64
    """(P,)."""
    residual: Float64
    """(N,): target minus model."""
    jacobian: Float64
    """(N, P): derivatives of the model."""

    @property
    def sum_of_squares(self) -> float:
        """Of the residual."""
        return float(self.residual @ self.residual)

    @property
    def rms(self) -> float:
        """Root mean square of the residual."""
        return math.sqrt(self.sum_of_squares / self.residual.size)

    def find_errors(self) -> Float64:
        """Standard errors of the parameters, (P,), from the residuals; large where the data do not determine them."""
        strengths, axes = np.linalg.eigh(self.jacobian.T @ self.jacobian)
        inverse = (axes / np.maximum(strengths, _UNDETERMINED * strengths[-1])) @ axes.T
        degrees = self.residual.size - self.parameters.size
        return np.sqrt(np.maximum(np.diag(inverse), 0) * self.sum_of_squares / degrees)


def fit_least_squares(
    evaluate: Callable[[Float64], tuple[Float64, Float64]],
    initial: Float64,
    *,
    lower: Float64,
    upper: Float64,
    iterations: int,
    tolerance: float,
) -> LeastSquares:
    """Minimize the sum of squared residuals.

    Args:
        evaluate: residual (N,) and the model's Jacobian (N, P) at parameters (P,).
        initial: parameters to begin with, (P,).
        lower: bounds, (P,), to which a step is cut; the other parameters are then those of the uncut step.
        upper: bounds, (P,).
        iterations: at most; 0 only evaluates.
        tolerance: share of the sum of squares that a step has to win for another to follow.

    Reference: Marquardt, SIAM J. Appl. Math. 11(2), 1963: the diagonal of the normal matrix scales the damping.
    """
    best, damping = LeastSquares(initial, *evaluate(initial)), _INITIAL_DAMPING
    for _ in range(iterations):
        normal = best.jacobian.T @ best.jacobian
        damped = normal + np.diag(damping * (np.diag(normal) + _FLOOR))
        step = np.linalg.solve(damped, best.jacobian.T @ best.residual)
        place = np.clip(best.parameters + step, lower, upper)
        trial = LeastSquares(place, *evaluate(place))
        gain = best.sum_of_squares - trial.sum_of_squares
        if gain > 0:
            settled = gain < tolerance * best.sum_of_squares
            best, damping = trial, max(damping / _FACTOR, _LEAST_DAMPING)
            if settled:
                break
        elif damping > _MOST_DAMPING:
            break
        else:
            damping *= _FACTOR
    return best

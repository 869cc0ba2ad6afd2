"""Confidence intervals of a mean over a test set, and of the difference of two, by percentile bootstrap.

Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7(1), 1979. The images of a set are
resampled with replacement; the interval holds the middle 95 % of the means. It estimates how much the mean would vary
on other images of the same kind; with the five images of Set5 it is a rough estimate, too narrow rather than too wide.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVEL", "bootstrap_interval", "paired_difference", "wilson_interval"]

LEVEL = 0.95
"""Share of the resampled means that an interval holds."""
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
_CHUNK = 2**20  # random numbers in memory at one time


def bootstrap_interval(values: Sequence[float], *, seed: int = 0, samples: int = 10_000) -> tuple[float, float]:
    """95 % confidence interval of a mean.

    Args:
        values: one value for each image.
        seed: of the resampling; the same values, seed and number of samples give the same interval.
        samples: number of resampled sets.

    Returns:
        (low, high); NaNs when there are fewer than two values or one is not finite.

    Raises:
        ValueError: fewer than one sample.
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1, got {samples}")
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 1 or table.size < 2 or not np.isfinite(table).all():
        return math.nan, math.nan
    low, high = np.quantile(_resampled_means(table, seed=seed, samples=samples), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def paired_difference(
    a: Sequence[float], b: Sequence[float], *, seed: int = 0, samples: int = 10_000
) -> tuple[float, float, float]:
    """Mean of ``a - b`` image by image, with its 95 % confidence interval.

    An image that is hard for one model is hard for the other, so the interval of the difference is far narrower than
    those of the two means; two models differ when it does not contain 0.

    Args:
        a: one value for each image.
        b: of the same images in the same order.
        seed: see :func:`bootstrap_interval`.
        samples: see :func:`bootstrap_interval`.

    Returns:
        (mean, low, high); NaNs as in :func:`bootstrap_interval`.

    Raises:
        ValueError: not the same number of values, or none.
    """
    if len(a) != len(b) or not len(a):
        raise ValueError(f"two values for each image are needed, got {len(a)} and {len(b)}")
    difference = [first - second if first != second else 0.0 for first, second in zip(a, b, strict=True)]
    low, high = bootstrap_interval(difference, seed=seed, samples=samples)
    return math.fsum(difference) / len(difference), low, high


def wilson_interval(successes: int, total: int) -> tuple[float, float]:
    """95 % confidence interval of a share, by Wilson's score, which holds for few answers and near 0 and 1.

    Args:
        successes: from 0 to ``total``.
        total: at least 1.

    Raises:
        ValueError: other numbers.

    Reference: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    """
    if not 0 <= successes <= total or total < 1:
        raise ValueError(f"a share of {successes} in {total} has no interval")
    share, weight = successes / total, _Z**2 / total
    middle = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    return max(0.0, middle - half), min(1.0, middle + half)


def _resampled_means(values: NDArray[np.float64], *, seed: int, samples: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK // values.size)
    means = [
        values[rng.integers(0, values.size, size=(min(rows, samples - start), values.size))].mean(axis=1)
        for start in range(0, samples, rows)
    ]
    return np.concatenate(means)

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kukkiri.evaluation import bootstrap_interval, paired_difference
from tests.tolerances import FLOAT64_LARGE_VALUES, FLOAT64_MATHS

values = st.lists(st.floats(0, 50), min_size=2, max_size=20)


def test_the_interval_of_two_values_is_known_exactly():
    # resampled means are a, (a + b) / 2 and b with chances 1/4, 1/2, 1/4: the outer 2.5 % lie at a and b
    assert bootstrap_interval([1.0, 3.0]) == (1.0, 3.0)


def test_the_interval_of_many_normal_values_is_that_of_the_textbook(rng):
    sample = rng.normal(30, 2, size=400)
    half = 1.96 * sample.std() / math.sqrt(sample.size)
    low, high = bootstrap_interval(sample)
    # the quantile of 10,000 resamples has a standard error of about 3 % of the half width
    assert low == pytest.approx(sample.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(sample.mean() + half, abs=0.1 * half)


def test_the_interval_covers_the_true_mean_as_often_as_it_says(rng):
    covered = 0
    for number in range(200):
        low, high = bootstrap_interval(rng.normal(0, 1, size=40), seed=number, samples=400)
        covered += low <= 0 <= high
    # 95 % less the percentile bootstrap's own loss at 40 values (about 1 %); 3 standard errors of 200 trials are 5 %
    assert covered / 200 == pytest.approx(0.94, abs=0.05)


@given(values)
def test_the_interval_lies_within_the_values_and_holds_its_order(sample):
    low, high = bootstrap_interval(sample, samples=50)
    assert min(sample) - 1e-12 <= low <= high <= max(sample) + 1e-12


@given(values)
def test_the_same_seed_gives_the_same_interval_and_a_shift_moves_it(sample):
    low, high = bootstrap_interval(sample, samples=50)
    assert bootstrap_interval(sample, samples=50) == (low, high)
    moved = bootstrap_interval([value + 10 for value in sample], samples=50)
    assert moved == pytest.approx((low + 10, high + 10), abs=FLOAT64_LARGE_VALUES)


def test_many_values_are_resampled_in_chunks_to_the_same_interval(rng):
    sample = rng.normal(0, 1, size=3000)  # more than a chunk for 10,000 samples
    low, high = bootstrap_interval(sample)
    assert high - low == pytest.approx(2 * 1.96 * sample.std() / math.sqrt(3000), rel=0.1)


@pytest.mark.parametrize("sample", [[], [30.0], [30.0, math.inf], [math.nan, 1.0]])
def test_samples_without_an_interval_give_nans(sample):
    assert all(math.isnan(end) for end in bootstrap_interval(sample))


def test_a_constant_difference_is_certain_however_much_images_differ():
    ours, theirs = [20.5, 30.5, 41.5], [20.0, 30.0, 41.0]
    assert paired_difference(ours, theirs) == (0.5, 0.5, 0.5)
    low, high = bootstrap_interval(ours)
    assert high - low > 10


def test_a_difference_changes_its_sign_with_the_order(rng):
    a, b = rng.normal(30, 5, size=14), rng.normal(30, 5, size=14)
    mean, low, high = paired_difference(a, b)
    assert mean == pytest.approx(np.mean(a - b), abs=FLOAT64_MATHS)
    assert paired_difference(b, a) == pytest.approx(
        (-mean, -high, -low), abs=0.2
    )  # other quantiles of the same resampling
    assert low < mean < high


def test_two_perfect_images_differ_by_nothing():
    assert paired_difference([math.inf, math.inf], [math.inf, math.inf]) == (0, 0, 0)


def test_unequal_lists_are_a_programmers_mistake():
    with pytest.raises(ValueError, match="two values for each image"):
        paired_difference([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="two values"):
        paired_difference([], [])
    with pytest.raises(ValueError, match="samples"):
        bootstrap_interval([1.0, 2.0], samples=0)

import numpy as np
import pytest

from kukkiri.adaptation.schedule import LearningRateRule, fit_line


def train(errors, *, steps):
    """The rate after each step, with an error recorded every 50 steps."""
    rule = LearningRateRule()
    rates = []
    for step in range(1, steps + 1):
        if step % 50 == 0:
            rule.record(step, errors(step))
        rates.append(rule.update(step))
    return rule, rates


def test_a_line_fit_is_that_of_numpy(rng):  # which solves by singular values, hence 1e-9
    x, y = list(range(50, 350, 50)), rng.random(6).tolist()
    coefficients, covariance = np.polyfit(x, y, 1, cov=True)
    slope, deviation = fit_line(x, y)
    assert slope == pytest.approx(coefficients[0], rel=1e-9)
    assert deviation == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-9)


def test_an_error_that_falls_along_a_line_keeps_the_rate():
    rule, rates = train(lambda step: 1 - 1e-4 * step, steps=3000)
    assert set(rates) == {1e-3}
    assert not rule.finished


def test_an_error_that_only_fluctuates_lowers_the_rate_every_300_steps_until_it_ends():
    rule, rates = train(lambda step: 1 + 0.1 * (-1) ** (step // 50), steps=900)
    changes = [step + 1 for step in range(1, 900) if rates[step] != rates[step - 1]]
    assert changes == [300, 600, 900]  # the first multiples of 60 more than 256 steps after the last change
    assert rates[-1] == pytest.approx(1e-6)
    assert rule.finished


def test_the_rule_ends_below_9e_6_and_not_at_1e_5():
    rule, _ = train(lambda step: 1 + 0.1 * (-1) ** (step // 50), steps=600)
    assert rule.rate == pytest.approx(1e-5)
    assert not rule.finished


def test_the_rate_falls_when_three_halves_of_the_slope_are_within_its_deviation():
    noise = np.array([0.0, 1.0, -1.0, 1.0, -1.0, 0.0])
    x = np.arange(50, 350, 50)
    deviation = fit_line(x.tolist(), noise.tolist())[1]
    own = fit_line(x.tolist(), noise.tolist())[0]
    for factor, expected in ((1.01, 1e-3), (0.99, 1e-4)):
        slope = -factor * deviation / 1.5 - own
        rule = LearningRateRule(window=300)
        for place, left in zip(x, noise, strict=True):
            rule.record(int(place), left + slope * place)
        assert rule.update(300) == pytest.approx(expected)

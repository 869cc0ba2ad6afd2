import pytest

from kukkiri.training import Recipe, Stage, learning_rate_at
from kukkiri.training.schedules import average_decay, is_final, sizes_at
from tests.tolerances import FLOAT64_MATHS


def recipe(**changes):
    values = {"name": "a", "network": "espcn", "scale": 2, "learning_rate": 1.0, "warmup": 0, "steps": 100}
    return Recipe(**{**values, **changes})


def test_the_cosine_begins_again_at_its_restarts():
    settings = recipe(restarts=(20, 60))
    rates = {step: learning_rate_at(settings, step) for step in (0, 10, 20, 40, 60, 80)}
    assert rates == pytest.approx({0: 1.0, 10: 0.5, 20: 1.0, 40: 0.5, 60: 1.0, 80: 0.5}, abs=FLOAT64_MATHS)
    assert learning_rate_at(settings, 19) < 0.01
    assert learning_rate_at(settings, 59) < 0.01


def test_the_trapezoid_is_constant_and_falls_at_the_end():
    settings = recipe(schedule="trapezoid", decay_share=0.2)
    rates = [learning_rate_at(settings, step) for step in (0, 79, 80, 90, 99)]
    assert rates == pytest.approx([1.0, 1.0, 1.0, 0.5, 0.05], abs=FLOAT64_MATHS)
    assert learning_rate_at(recipe(schedule="trapezoid", decay_share=0.0), 99) == 1.0


def test_more_steps_of_a_trapezoid_are_more_of_its_constant_part():
    short, longer = recipe(schedule="trapezoid"), recipe(schedule="trapezoid", steps=200)
    assert [learning_rate_at(short, step) for step in range(80)] == [
        learning_rate_at(longer, step) for step in range(80)
    ]


def test_sizes_are_those_of_the_last_stage_that_has_begun():
    settings = recipe(batch=8, patch=32, stages=(Stage(start=0.0, patch=16), Stage(start=0.5, batch=4, patch=48)))
    assert [sizes_at(settings, step) for step in (0, 49, 50, 99)] == [(16, 8), (16, 8), (48, 4), (48, 4)]
    assert sizes_at(recipe(batch=8, patch=32), 50) == (32, 8)


def test_the_last_share_of_the_steps_is_final():
    assert [is_final(recipe(final_share=0.1), step) for step in (89, 90)] == [False, True]


def test_the_decay_of_an_average_warms_up():
    assert [average_decay(0.999, step) for step in (0, 90, 10**6)] == [0.1, 0.91, 0.999]

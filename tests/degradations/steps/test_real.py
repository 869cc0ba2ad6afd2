import numpy as np
import pytest

from kukkiri.degradations import Degradation
from kukkiri.degradations.steps.real import Real
from kukkiri.images import quantize


def test_a_sampled_photo_is_a_text_that_can_be_read_again():
    for seed in range(30):
        sampled = Degradation.parse("real").sample(scale=4, seed=seed)
        assert "real" not in str(sampled)
        assert Degradation.parse(str(sampled)) == sampled


def test_photos_of_many_seeds_keep_size_and_range(rng):
    hr = rng.uniform(size=(32, 36, 3)).astype(np.float32)
    for seed in range(12):
        lr = Degradation.parse("real").apply(quantize(hr, 8), scale=2, seed=seed)
        assert lr.shape == (16, 18, 3)
        assert lr.dtype == np.uint8


def test_two_orders_damage_twice_and_one_once():
    for seed in range(30):
        once, twice = (Real(orders).sample(np.random.default_rng(seed), scale=2) for orders in (1, 2))
        assert [sum(str(step).startswith("jpeg") for step in steps) for steps in (once, twice)] == [1, 2]
        assert [sum(step.random for step in steps) for steps in (once, twice)] == [1, 2]


def test_sampled_steps_are_not_applied_before_they_are_sampled(rng):
    degradation = Degradation.parse("real")
    stage = degradation.stage(0, scale=2, hr_size=(8, 8), size=(8, 8))
    with pytest.raises(TypeError, match="'real' stands for steps that are sampled"):
        degradation.steps[0].apply(np.zeros((8, 8)), stage=stage, rng=rng)

"""Solvers in an evaluation: what each is given of the degradation that made LR."""

import numpy as np
import pytest

from kukkiri import Upscaler
from kukkiri.degradations import Degradation, DegradationRequest
from kukkiri.errors import ConfigError
from kukkiri.evaluation import ConditionedModel
from kukkiri.evaluation.conditioned import read_request


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gaussian:2.0+direct", ("gaussian:2.0", "direct", 0.0)),
        ("gaussian:1.0+disk:2.0+direct+noise:0.03+noise:0.04", ("gaussian:1.0+disk:2.0", "direct", 0.05)),
        ("gaussian:2.0+direct:aligned", ("gaussian:2.0", "bicubic", 0.0)),
        ("bicubic+noise:0.02", ("bicubic", "bicubic", 0.02)),
    ],
)
def test_a_solver_is_given_blur_grid_and_noise(text, expected):
    request = read_request(Degradation.parse(text))
    assert (request.kernel, request.subsample, request.noise_std) == pytest.approx(expected)
    assert read_request(Degradation.parse(text), gives_noise=False).noise_std == 0


def test_what_a_solver_cannot_be_given_is_refused():
    for text in ("gaussian:2.0+bilinear", "bicubic+jpeg:60", "noise:0.1+direct"):
        with pytest.raises(ConfigError, match="a solver is given a blur"):
            read_request(Degradation.parse(text))


def test_it_is_the_upscaler_with_that_degradation(rng):
    lr = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
    model = ConditionedModel(model="srmd", threads=1)
    degradation = Degradation.parse("gaussian:2.0+direct+noise:0.02")
    expected = Upscaler("srmd-s-x2", degradation=DegradationRequest("gaussian:2.0", noise_std=0.02), threads=1)(lr)
    assert np.array_equal(model.upscale(lr, degradation, 2), expected)
    assert model.name == "srmd"
    assert model.identity != ConditionedModel(model="srmd", gives_noise=False, threads=1).identity

import math

import pytest
import torch
from torch import nn

from kukkiri.errors import TrainingError
from kukkiri.training import Recipe
from kukkiri.training.divergence import Watch
from kukkiri.training.finite import check_weights, describe_gradients
from kukkiri.training.log import Meter
from kukkiri.training.state import TrainingState


@pytest.fixture
def state():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    for number, parameter in enumerate(network.parameters()):
        parameter.grad = torch.full_like(parameter, float(number))
    return TrainingState({"network": network}, {}, torch.amp.GradScaler("cpu", enabled=False))


def values(loss, norm=1.0):
    return {"loss": torch.tensor(loss), "gradient_norm": torch.tensor(norm)}


@pytest.mark.parametrize(
    ("loss", "norm", "name"), [(math.nan, 1.0, "loss is nan"), (1.0, math.inf, "gradient norm is inf")]
)
def test_the_step_the_value_and_the_largest_gradient_are_named(state, loss, norm, name):
    state.step = 20
    message = (
        rf"diverged at step 21: the {name}; the largest gradient is 3, of 1\.bias\. Nothing of this step is written"
    )
    with pytest.raises(TrainingError, match=message):
        Watch(lag=0, tolerated=0).accepts(state, values(loss, norm), Meter())


def test_a_gradient_that_is_not_finite_is_the_largest(state):
    state.modules["network"][0].bias.grad[1] = math.nan
    assert describe_gradients(state.modules) == "the largest gradient is nan, of 0.bias"


def test_tolerated_updates_are_left_out_in_a_row_only(state):
    watch, meter = Watch(lag=0, tolerated=2), Meter()
    accepted = [watch.accepts(state, values(loss), meter) for loss in (1.0, math.nan, math.nan, 1.0, math.nan)]
    assert accepted == [True, False, False, True, False]
    assert state.skipped == 1
    line = meter.line(Recipe(name="", network="", scale=1), 5, rate=0.1)
    assert (line.loss, line.gradient_norm, line.skipped) == (1.0, 1.0, 3)
    watch.accepts(state, values(math.nan), meter)
    with pytest.raises(TrainingError, match="for the 3th step in a row"):
        watch.accepts(state, values(math.nan), meter)


def test_on_a_gpu_an_update_is_read_one_later_and_all_before_anything_is_written(state):
    watch, meter = Watch(lag=1, tolerated=0), Meter()
    assert watch.accepts(state, values(math.nan), meter)
    state.step = 1
    with pytest.raises(TrainingError, match="diverged at step 1"):
        watch.accepts(state, values(1.0), meter)
    watch = Watch(lag=1, tolerated=0)
    watch.accepts(state, values(math.nan), meter)
    with pytest.raises(TrainingError, match="diverged at step 2"):
        watch.read(state, meter, all_of_them=True)


def test_weights_that_are_not_finite_are_named(state):
    state.modules["network"][1].weight.data[0, 0] = math.inf
    with pytest.raises(TrainingError, match=r"at step 7: 1\.weight is not finite any more"):
        check_weights(state.modules, step=7)
    del state.modules["network"][1]
    check_weights(state.modules, step=7)

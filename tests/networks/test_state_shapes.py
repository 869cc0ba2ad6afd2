import pytest
import torch
from torch import nn

from kukkiri.errors import ModelError
from kukkiri.networks.state_shapes import load_fitting


def make_module(depth=2):
    return nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(depth)))


def test_a_fitting_state_is_loaded_with_and_without_its_prefix():
    source = make_module()
    for prefix in ("", "features."):
        module = make_module()
        load_fitting(module, {prefix + key: value for key, value in source.state_dict().items()}, prefix=prefix)
        assert all(torch.equal(module.state_dict()[key], value) for key, value in source.state_dict().items())


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (make_module(40).state_dict(), "it also holds 2.weight and 75 more"),
        ({}, "it lacks 0.weight and 3 more"),
        (
            make_module().state_dict() | {"0.weight": torch.zeros(2, 1, 1, 1), "extra": torch.zeros(1)},
            "0.weight is (2, 1, 1, 1), expected (1, 1, 1, 1); it also holds extra",
        ),
    ],
)
def test_a_state_that_differs_is_named_by_its_first_tensors(state, message):
    module = make_module()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        load_fitting(module, state)
    assert str(caught.value) == message
    assert all(torch.equal(module.state_dict()[key], value) for key, value in before.items())

import pytest
import torch
from safetensors.torch import load_file

from kukkiri.networks import VDSR
from tests.networks.parity import assert_full_size, assert_parity, parameter_count


@pytest.mark.parametrize("name", ["vdsr_n20f8", "vdsr_n5f12"])
def test_parity_with_the_rgb_port(golden, name):
    case = golden(name)
    net = VDSR(**VDSR.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_the_authors_weights_load_strictly(golden_file):
    state = load_file(golden_file("vdsr_official.safetensors"))
    arguments = VDSR.arguments_from_state(state)
    assert arguments == {"colour": "y", "width": 64, "depth": 20, "bias": True, "keys": "official"}
    net = VDSR(**arguments)
    net.load_state_dict(state)
    assert parameter_count(net) == 665_921


def test_without_biases_the_published_664_704_weights_remain():
    assert parameter_count(VDSR(bias=False)) == 2 * 9 * 64 + 18 * 9 * 64 * 64 == 664_704


def test_full_size_keys_of_the_rgb_port(golden_file):
    with torch.device("meta"):
        assert_full_size(VDSR(colour="rgb", keys="edsr"), golden_file, "VDSR")


def test_zero_weights_return_the_input():
    net = VDSR(depth=3, width=4)
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    lr = torch.rand(1, 1, 7, 9)
    assert torch.equal(net(lr), lr)


def test_unknown_keys_are_refused():
    with pytest.raises(ValueError, match="keys must be"):
        VDSR(keys="caffe")
    with pytest.raises(ValueError, match="RGB network"):
        VDSR(keys="edsr")

import pytest
import torch

from kukkiri.networks import MSRResNet
from tests.networks.parity import assert_parity, parameter_count


@pytest.mark.parametrize("name", ["msrresnet_x3_nf10b2", "msrresnet_x4_nf8b2"])
def test_parity_with_basicsr(golden, name):
    case = golden(name)
    net = MSRResNet(**MSRResNet.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


@pytest.mark.parametrize(("scale", "parameters"), [(2, 1_369_859), (3, 1_554_499), (4, 1_517_571)])
def test_parameter_counts(scale, parameters):
    with torch.device("meta"):
        assert parameter_count(MSRResNet(scale=scale)) == parameters


def test_without_its_last_layer_it_upscales_bilinearly():
    net = MSRResNet(scale=2, width=4, depth=1)
    for parameter in net.conv_last.parameters():
        torch.nn.init.zeros_(parameter)
    lr = torch.tensor([[0.0, 1.0]]).expand(1, 3, 1, 2)
    assert torch.allclose(net(lr)[0, 0, 0], torch.tensor([0.0, 0.25, 0.75, 1.0]))


def test_a_scale_of_five_is_refused():
    with pytest.raises(ValueError, match="scale must be 2, 3 or 4, got 5"):
        MSRResNet(scale=5)

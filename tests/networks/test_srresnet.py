import pytest
import torch

from kukkiri.networks import InstanceSRResNet, SRResNet
from tests.networks.parity import assert_full_size, assert_parity, parameter_count


def test_parity_of_the_instance_normalized_port(golden):
    case = golden("srresnet_tw_x4_nf8b2")
    net = InstanceSRResNet(**InstanceSRResNet.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_full_size_keys_of_the_instance_normalized_port(golden_file):
    with torch.device("meta"):
        assert_full_size(InstanceSRResNet(), golden_file, "SRResNet twtygqyy x4")


@pytest.mark.parametrize(("scale", "parameters"), [(2, 1_399_637), (4, 1_547_350), (8, 1_695_063)])
def test_parameter_count_of_the_paper(scale, parameters):
    with torch.device("meta"):
        assert parameter_count(SRResNet(scale=scale)) == parameters


def test_the_long_skip_starts_after_the_first_activation():
    net = SRResNet(scale=2, width=4, depth=1).eval()
    for part in (net.trunk, net.conv2):
        for parameter in part.parameters():
            torch.nn.init.zeros_(parameter)
    lr = torch.rand(1, 3, 9, 9)
    assert torch.equal(net(lr), net.conv3(net.upsampling(net.conv1(lr))))

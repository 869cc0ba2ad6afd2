import pytest
import torch

from kukkiri.networks import Johnson
from tests.networks.parity import parameter_count
from tests.tolerances import FLOAT32_LEVELS


@pytest.mark.parametrize(("scale", "parameters"), [(4, 401_859), (8, 438_915)])
def test_parameter_counts(scale, parameters):
    assert parameter_count(Johnson(scale=scale)) == parameters


def test_an_idle_tail_leaves_the_mean_of_vgg():
    net = Johnson(width=2, depth=1).eval()
    for parameter in net.tail.parameters():
        torch.nn.init.zeros_(parameter)
    sr = net(255 * torch.rand(1, 3, 4, 4))
    assert torch.allclose(sr[0, :, 0, 0], torch.tensor([123.68, 116.779, 103.939]))


def test_the_output_stays_within_150_of_the_mean():
    net = Johnson(width=2, depth=1).eval()
    net.tail.bias = torch.nn.Parameter(torch.tensor([1e3, 0.0, -1e3]))  # of BGR
    torch.nn.init.zeros_(net.tail.weight)
    sr = net(255 * torch.rand(1, 3, 4, 4))[0, :, 0, 0]
    assert torch.allclose(sr, torch.tensor([123.68 - 150, 116.779, 103.939 + 150]))


def test_the_network_sees_bgr_minus_the_mean():
    net = Johnson(width=2, depth=1).eval()
    seen = []
    net.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net(torch.tensor([124.68, 118.779, 106.939]).view(1, 3, 1, 1).expand(1, 3, 4, 4))
    assert torch.allclose(seen[0][0, :, 0, 0], torch.tensor([3.0, 2.0, 1.0]), atol=FLOAT32_LEVELS)

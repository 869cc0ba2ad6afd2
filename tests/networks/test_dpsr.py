import pytest
import torch

from kukkiri.networks import DPSR
from tests.networks.parity import assert_full_size, assert_parity


@pytest.mark.parametrize("name", ["dpsr_srresnet_x3_nc10nb2", "dpsr_srresnet_x4_nc8nb2"])
def test_parity_with_the_authors(golden, name):
    case = golden(name)
    net = DPSR(**DPSR.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"][:, :3], case["input"][:, 3:]), case["output"])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_full_size_keys(golden_file, scale):
    with torch.device("meta"):
        assert_full_size(DPSR(scale=scale), golden_file, f"DPSR-SRResNet+ x{scale}")


def test_one_noise_level_per_image_is_stretched_over_it():
    net = DPSR(scale=2, width=4, depth=1)
    lr, noise = torch.rand(2, 3, 5, 6), torch.tensor([0.1, 0.3])
    assert torch.equal(net(lr, noise), net(lr, noise.view(2, 1, 1, 1).repeat(1, 1, 5, 6)))

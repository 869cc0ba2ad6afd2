import pytest
import torch

from kukkiri.networks import SRMD
from tests.networks.parity import assert_full_size, assert_parity, parameter_count


@pytest.mark.parametrize(("name", "maps"), [("srmd_x3_nc12nb5", 16), ("srmdnf_x2_nc10nb12", 15)])
def test_parity_with_kair(golden, name, maps):
    case = golden(name)
    arguments = SRMD.arguments_from_state(case.state)
    assert arguments["maps"] == maps
    net = SRMD(**arguments).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"][:, :3], case["input"][:, 3:]), case["output"])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_full_size_keys(golden_file, scale):
    with torch.device("meta"):
        assert_full_size(SRMD(scale=scale), golden_file, f"SRMD x{scale}")
        with_noise, without = parameter_count(SRMD(scale=scale)), parameter_count(SRMD(scale=scale, maps=15))
    assert with_noise - without == 9 * 128


def test_one_degradation_per_image_is_stretched_over_it():
    net = SRMD(width=4, depth=2)
    lr, maps = torch.rand(2, 3, 5, 6), torch.rand(2, 16)
    assert torch.equal(net(lr, maps), net(lr, maps[:, :, None, None].repeat(1, 1, 5, 6)))

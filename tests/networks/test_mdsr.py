import pytest
import torch

from kukkiri.networks.mdsr import MDSR
from tests.networks.parity import assert_full_size, assert_parity
from tests.networks.test_edsr import measure_receptive_field


def test_parity_with_the_official_code(golden):
    case = golden("mdsr_x3_b2f8")
    arguments = MDSR.arguments_from_state(case.state)
    assert arguments == {"scale": 2, "scales": [2, 3, 4], "width": 8, "depth": 2, "value_range": 255.0}
    net = MDSR(**arguments | {"scale": 3}).eval()
    net.load_state_dict(case.state, strict=True)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_full_size_keys(golden_file):
    with torch.device("meta"):
        assert_full_size(MDSR(scale=2), golden_file, "MDSR")


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_receptive_field_is_measured(scale):
    net = MDSR(scale=scale, width=4, depth=1).double()
    assert measure_receptive_field(net, size=35) == net.receptive_field == 2 * 1 + 12


def test_one_state_serves_every_scale():
    two = MDSR(scale=2, width=4, depth=1)
    four = MDSR(scale=4, width=4, depth=1)
    four.load_state_dict(two.state_dict(), strict=True)
    assert two(torch.rand(1, 3, 5, 6)).shape == (1, 3, 10, 12)
    assert four(torch.rand(1, 3, 5, 6)).shape == (1, 3, 20, 24)


def test_a_scale_without_branch_is_refused():
    with pytest.raises(ValueError, match="scale must be one of 2, 3, 4, got 8"):
        MDSR(scale=8)

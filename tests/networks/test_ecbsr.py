import pytest
import torch

from kukkiri.networks import ECBSR
from tests.networks.parity import assert_full_size, assert_parity, parameter_count
from tests.tolerances import FLOAT64_MATHS

GOLDEN = [("ecbsr_x2_m2c8", False), ("ecbsr_x3_m2c8_idt", True)]


def load(case, identity):
    net = ECBSR(**ECBSR.arguments_from_state(case.state), identity=identity)
    net.load_state_dict(case.state)
    return net


@pytest.mark.parametrize(("name", "identity"), GOLDEN)
def test_parity_with_the_authors_in_both_modes(golden, name, identity):
    case = golden(name)
    net = load(case, identity)
    with torch.no_grad():
        assert_parity(net.eval()(case["input"]), case["output"])
        assert_parity(net.train()(case["input"]), case["output.train_mode"])


@pytest.mark.parametrize(("name", "identity"), GOLDEN)
def test_the_deployed_network_is_the_branched_one_exactly(golden, name, identity):
    case = golden(name)
    net = load(case, identity).double()
    plain = net.deployed()
    lr = case["input"].double()
    branched = net.train()(lr)
    assert (plain(lr) - branched).abs().max() <= FLOAT64_MATHS * branched.abs().max()
    with torch.no_grad():
        assert_parity(plain.float()(case["input"]), case["output"])
    again = ECBSR(**ECBSR.arguments_from_state(plain.state_dict()))
    again.load_state_dict(plain.state_dict())
    assert set(plain.state_dict()) < set(net.state_dict())


def test_full_size_keys(golden_file):
    with torch.device("meta"):
        assert_full_size(ECBSR(scale=4), golden_file, "ECBSR M4C16 x4 Y")


def test_the_deployed_network_has_only_plain_convolutions():
    widths = (1, 16, 16, 16, 16, 16, 16)
    layers = sum((9 * widths[i] + 1) * widths[i + 1] + widths[i + 1] for i in range(5)) + (9 * 16 + 1) * 16
    assert parameter_count(ECBSR(scale=4, deployed=True)) == layers


def test_rgb_keeps_each_colour_in_its_own_sub_pixels():
    net = ECBSR(scale=2, colour="rgb", width=4, depth=1, deployed=True)
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    lr = torch.rand(1, 3, 4, 5)
    assert torch.equal(net(lr), lr.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))


def test_unknown_activations_are_refused():
    with pytest.raises(ValueError, match="activation must be"):
        ECBSR(activation="gelu")

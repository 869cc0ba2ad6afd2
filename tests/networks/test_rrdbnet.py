import pytest
import torch

from kukkiri.networks import ESRGANDiscriminator, RRDBNet
from tests.networks.parity import assert_full_size, assert_parity, parameter_count


@pytest.mark.parametrize("name", ["rrdbnet_x4_nf12nb2gc6", "rrdbnet_x4_nf8nb3gc4", "rrdbnet_basicsr_x2_nf8b2"])
def test_parity_with_the_official_networks(golden, name):
    case = golden(name)
    net = RRDBNet(**RRDBNet.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_parity_with_the_official_discriminator(golden):
    case = golden("esrgan_vggd_nf4")
    net = ESRGANDiscriminator(width=4).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_full_size_keys(golden_file):
    with torch.device("meta"):
        assert_full_size(RRDBNet(), golden_file, "RRDBNet (ESRGAN) x4")


@pytest.mark.parametrize(("scale", "parameters"), [(1, 16_723_907), (2, 16_703_171), (4, 16_697_987)])
def test_both_namings_hold_the_official_number_of_parameters(scale, parameters):
    with torch.device("meta"):
        assert parameter_count(RRDBNet(scale=scale, keys="basicsr")) == parameters


@pytest.mark.parametrize(("size", "parameters"), [(128, 14_499_401), (256, 21_055_049)])
def test_parameters_of_the_discriminator(size, parameters):
    with torch.device("meta"):
        assert parameter_count(ESRGANDiscriminator(size=size)) == parameters


def test_the_namings_are_one_network():
    theirs, ours = RRDBNet(width=4, growth=2, depth=1), RRDBNet(width=4, growth=2, depth=1, keys="basicsr")
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    lr = torch.rand(1, 3, 5, 6)
    assert torch.equal(theirs(lr), ours(lr))


def test_a_scale_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="scale must be 4"):
        RRDBNet(scale=2)
    with pytest.raises(ValueError, match="scale must be 4"):
        RRDBNet(scale=3, keys="basicsr")


def test_the_discriminator_refuses_another_size():
    with pytest.raises(ValueError, match="expected 128 x 128"):
        ESRGANDiscriminator(width=2)(torch.rand(1, 3, 64, 64))

import pytest
import torch

from kukkiri.networks import SRGAN, SRGANDiscriminator
from tests.networks.parity import assert_full_size, assert_parity, parameter_count
from tests.tolerances import FLOAT32_SAME_MATHS


def test_parity_of_the_generator(golden):
    case = golden("srgan_lt_g_x2_nf8")
    arguments = SRGAN.arguments_from_state(case.state)
    assert arguments == {"scale": 2, "width": 8, "depth": 5}
    net = SRGAN(**arguments).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


@pytest.mark.parametrize(
    ("name", "variant", "width"), [("srgan_lt_d_nf6", "pooled", 6), ("srgan_tw_d_nf4", "kernel4", 4)]
)
def test_parity_of_the_discriminators(golden, name, variant, width):
    case = golden(name)
    net = SRGANDiscriminator(variant=variant, width=width).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_full_size_keys(golden_file):
    with torch.device("meta"):
        assert_full_size(SRGAN(), golden_file, "SRGAN-G leftthomas x4")
        assert_full_size(SRGANDiscriminator(variant="pooled"), golden_file, "SRGAN-D leftthomas")


@pytest.mark.parametrize(
    ("variant", "parameters"), [("paper", 23_563_649), ("kernel4", 26_000_705), ("pooled", 5_215_425)]
)
def test_parameter_counts_of_the_discriminators(variant, parameters):
    with torch.device("meta"):
        assert parameter_count(SRGANDiscriminator(variant=variant)) == parameters


def test_probabilities_are_the_sigmoid_of_the_logits():
    net = SRGANDiscriminator(width=2).eval()
    images = torch.rand(2, 3, 96, 96)
    logits = net.logits(images)
    assert torch.allclose(net(images), 1 / (1 + torch.exp(-logits)), atol=FLOAT32_SAME_MATHS)


def test_only_the_pooled_discriminator_takes_any_size():
    with pytest.raises(ValueError, match="expected 96 x 96 pixels"):
        SRGANDiscriminator(width=2)(torch.rand(1, 3, 48, 48))
    assert SRGANDiscriminator(variant="pooled", width=2).eval()(torch.rand(1, 3, 48, 30)).shape == (1,)

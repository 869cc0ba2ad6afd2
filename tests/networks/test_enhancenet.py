import pytest
import torch

from kukkiri.networks import EnhanceNet
from tests.networks.parity import parameter_count
from tests.tolerances import FLOAT32_SAME_MATHS


def untrained(**arguments):
    net = EnhanceNet(width=4, depth=1, **arguments)
    for parameter in net.convs[-1].parameters():
        torch.nn.init.zeros_(parameter)
    return net


def test_parameter_count():
    layers = (9 * 3 + 1) * 64 + 23 * (9 * 64 + 1) * 64 + (9 * 64 + 1) * 3
    assert parameter_count(EnhanceNet()) == layers == 852_867
    assert len(EnhanceNet().convs) == 25  # generator/Conv to generator/Conv_24


def test_the_base_is_the_legacy_bicubic_of_tensorflow():
    """By hand: a = -0.75, output pixel 4 i sits on input pixel i, 4 i + 2 halfway to the next."""
    row = torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    sr = untrained()(row.expand(1, 3, 6, 6))[0, 0, 8]
    assert torch.equal(sr[::4], row)
    half_near = 1.25 / 8 - 2.25 / 4 + 1
    half_far = -0.75 * (1.5**3 - 5 * 1.5**2 + 8 * 1.5 - 4)
    expected = torch.tensor([half_far, half_near, half_near, half_far])
    assert torch.allclose(sr[2::4][:4], expected, atol=FLOAT32_SAME_MATHS)


def test_the_centred_base_keeps_a_ramp_centred():  # values up to 12 in float32
    ramp = torch.arange(12.0).expand(1, 3, 12, 12)
    assert torch.allclose(untrained(base="bicubic")(ramp)[0, 0, 24, 16:32], torch.arange(3.625, 7.6, 0.25), atol=1e-5)
    assert torch.allclose(untrained()(ramp)[0, 0, 24, 16:32:2], torch.arange(4.0, 8.0, 0.5), atol=1e-5)


def test_a_grey_of_the_mean_meets_zeros_inside():
    net = EnhanceNet(width=4, depth=1)
    seen = []
    net.convs[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net(torch.tensor([0.47614917, 0.45001204, 0.40904046]).view(1, 3, 1, 1).expand(1, 3, 6, 6))
    assert not seen[0].any()


def test_a_scale_of_three_is_refused():
    with pytest.raises(ValueError, match="power of two, got 3"):
        EnhanceNet(scale=3)
    with pytest.raises(ValueError, match="base must be"):
        EnhanceNet(base="nearest")

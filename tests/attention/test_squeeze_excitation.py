import pytest
import torch

from kukkiri.attention import ChannelAttention, SqueezeExcitation
from tests.tolerances import FLOAT32_SAME_MATHS


@pytest.mark.parametrize("case", ["se_c24_r4", "se_c32_r16"])
def test_squeeze_excitation_is_the_official_one(golden, case):
    vector = golden(case)
    arguments = vector.constructor
    net = SqueezeExcitation(arguments["channel"], reduction=arguments["reduction"])
    net.load_state_dict(vector.state, strict=True)
    expected = vector["output"]
    assert (net(vector["input"]) - expected).abs().max() <= FLOAT32_SAME_MATHS * expected.abs().max()


def test_parameter_counts_are_the_published_ones():
    assert sum(p.numel() for p in SqueezeExcitation(64).parameters()) == 2 * 64 * 4 == 512
    assert sum(p.numel() for p in ChannelAttention(64).parameters()) == 512 + 4 + 64 == 580


def test_both_forms_compute_the_same():
    dense, convolutional = SqueezeExcitation(8, reduction=2, bias=True), ChannelAttention(8, reduction=2)
    state = {key.replace("fc.", "conv_du."): value for key, value in dense.state_dict().items()}
    convolutional.load_state_dict({k: v[..., None, None] if v.dim() == 2 else v for k, v in state.items()})
    x = torch.randn(2, 8, 3, 5)
    torch.testing.assert_close(dense(x), convolutional(x), rtol=1e-6, atol=1e-7)  # same maths in float32


def test_zero_weights_halve_every_channel():  # sigmoid(0) = 1/2
    net = ChannelAttention(4, reduction=4)
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(1, 4, 2, 3)
    assert torch.equal(net(x), x / 2)
    assert torch.equal(net.weights(x), torch.full((1, 4), 0.5))


def test_squeeze_excitation_takes_any_number_of_axes():
    net = SqueezeExcitation(4, reduction=2)
    x = torch.randn(2, 4, 6)
    torch.testing.assert_close(net(x)[..., None], net(x[..., None]))


def test_a_reduction_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="between 1 and the 8 channels, got 16"):
        ChannelAttention(8, reduction=16)

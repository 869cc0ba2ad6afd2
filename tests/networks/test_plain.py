import pytest
import torch

from kukkiri.errors import ModelError
from kukkiri.networks import ECBSR, Plain
from tests.networks.parity import parameter_count
from tests.tolerances import FLOAT32_SAME_MATHS


def test_without_detail_it_is_the_nearest_pixel():
    net = Plain(scale=3, colour="rgb", width=4, depth=2)
    torch.nn.init.zeros_(net.head.weight)
    lr = torch.rand(1, 3, 4, 5)
    assert torch.equal(net(lr), lr.repeat_interleave(3, dim=2).repeat_interleave(3, dim=3))


def test_it_is_a_deployed_ecbsr_with_rectifiers():
    ours = Plain(scale=2, width=8, depth=3)
    theirs = ECBSR(scale=2, width=8, depth=2, activation="relu", deployed=True)
    keys = [f"backbone.{i}.conv3x3.{what}" for i in range(4) for what in ("weight", "bias")]
    theirs.load_state_dict(dict(zip(keys, ours.state_dict().values(), strict=True)))
    lr = torch.rand(1, 1, 7, 9)
    assert torch.allclose(ours(lr), theirs(lr), atol=FLOAT32_SAME_MATHS)


def test_parameters_are_counted_by_hand():
    assert parameter_count(Plain()) == (9 + 1) * 32 + 7 * (288 + 1) * 32 + (288 + 1) * 4
    assert parameter_count(Plain(unshuffle=2, width=48, depth=1)) == (36 + 1) * 48 + (432 + 1) * 16


def test_the_sub_pixels_of_an_unshuffled_block_lie_where_the_block_lay():
    net = Plain(scale=1, width=4, depth=1, unshuffle=2)
    with torch.no_grad():
        for layer in (net.body[0], net.head):
            layer.weight.zero_()
            layer.weight[:, :, 1, 1] = torch.eye(4)
    lr = torch.rand(1, 1, 6, 8)
    assert torch.equal(net(lr), 2 * lr)  # once through the layers, once as the nearest pixel


def test_what_it_cannot_take_is_refused():
    with pytest.raises(ValueError, match="multiples of 2"):
        Plain(width=2, depth=1, unshuffle=2)(torch.rand(1, 1, 5, 6))
    with pytest.raises(ValueError, match="depth must be at least 1"):
        Plain(depth=0)
    state = Plain(width=4, depth=1).state_dict()
    state["head.weight"] = torch.rand(5, 4, 3, 3)
    with pytest.raises(ModelError, match="5 output channels for 1 input"):
        Plain.arguments_from_state(state)

import numpy as np
import pytest
import torch

from kukkiri.errors import ConfigError, ModelError
from kukkiri.explain.attention_maps import find_attention, find_channel_weights, find_position_weights
from kukkiri.networks import ESPCN, RCAN, SAN
from tests.tolerances import FLOAT32_LEVELS, FLOAT32_NETWORK, FLOAT32_SAME_MATHS


def noise(height, width):
    return np.random.default_rng(0).random((height, width, 3), dtype=np.float32)


def san(**arguments):
    net = SAN(scale=2, width=8, groups=2, blocks=1, reduction=4, **arguments)
    for parameter in net.non_local.parameters():
        torch.nn.init.normal_(parameter, std=0.02)  # small enough for a softmax that does not saturate
    return net.eval()


def test_channel_weights_of_rcan_are_those_that_its_blocks_multiply_by():
    net = RCAN(scale=2, width=8, groups=2, blocks=2, reduction=2).eval()
    image = noise(9, 8)
    found = find_channel_weights(net, image)
    assert [attention.name for attention in found] == [f"body.{g}.body.{b}.body.3" for g in (0, 1) for b in (0, 1)]
    assert {attention.order for attention in found} == {1}
    block = net.body[0].body[0]
    lr = torch.from_numpy(255 * image).permute(2, 0, 1)[None]
    with torch.no_grad():
        before = block.body[:3](net.head(net.sub_mean(lr)))
        ratio = (block.body[3](before) / before)[0].flatten(1).median(dim=1).values
    np.testing.assert_allclose(found[0].weights, ratio.numpy(), rtol=FLOAT32_NETWORK)


def test_channel_weights_of_san_are_of_second_order_and_one_for_each_group():
    assert [(attention.name, attention.order) for attention in find_channel_weights(san(), noise(9, 8))] == [
        ("RG.0.soca", 2),
        ("RG.1.soca", 2),
    ]
    first = find_channel_weights(san(attention="first-order"), noise(9, 8))
    assert [attention.order for attention in first] == [1, 1]
    assert first[0].weights.shape == (8,)


def test_position_weights_of_san_stay_in_the_region_and_sum_to_one():
    found = find_position_weights(san(), noise(13, 10), pixel=(7, 4))
    assert [positions.name for positions in found] == ["non_local, call 1", "non_local, call 2"]
    for positions in found:
        assert positions.weights.shape == (13, 10)
        assert positions.weights.sum() == pytest.approx(1, abs=FLOAT32_SAME_MATHS)
        assert (
            positions.weights[:6, 5:9].min() > 0
        )  # rows 0 to 5; columns 5 to 9, of which pooling drops the odd last one
        assert positions.weights[6:].max() == positions.weights[:, :5].max() == 0
        blocks = positions.weights[:6, 5:9].reshape(3, 2, 2, 2)
        assert (blocks == blocks[:, :1, :, :1]).all()  # keys are shared by 2x2 pixels


def test_position_weights_give_the_output_of_the_first_call():
    net, image = san(variant="paper"), noise(8, 8)
    weights = torch.from_numpy(find_position_weights(net, image, pixel=(6, 1))[0].weights)
    lr = torch.from_numpy(255 * image).permute(2, 0, 1)[None]
    with torch.no_grad():
        first = net.head(net.sub_mean(lr))
        inner = net.non_local.non_local
        y = (weights * inner.g(first)).sum(dim=(2, 3))
        expected = inner.W(y[..., None, None])[0, :, 0, 0] + first[0, :, 1, 6]
        torch.testing.assert_close(
            net.non_local(first)[0, :, 1, 6], expected, rtol=FLOAT32_NETWORK, atol=FLOAT32_LEVELS
        )


def test_looking_leaves_no_hooks_behind():
    net = san()
    find_position_weights(net, noise(8, 8), pixel=(0, 0))
    find_channel_weights(net, noise(8, 8))
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_a_network_without_attention_is_refused():
    with pytest.raises(ModelError, match="ESPCN has no channel attention"):
        find_channel_weights(ESPCN(scale=2), noise(8, 8))
    with pytest.raises(ModelError, match="ESPCN has no non-local module"):
        find_position_weights(ESPCN(scale=2), noise(8, 8), pixel=(0, 0))


def test_a_pixel_outside_is_refused():
    with pytest.raises(ConfigError, match="pixel 8,3 is outside the 8x9 input"):
        find_position_weights(san(), noise(9, 8), pixel=(8, 3))


def test_all_attention_is_found_at_once_and_an_empty_list_says_that_there_is_none():
    maps = find_attention(san(), noise(9, 8), pixel=(2, 3))
    assert ([row.order for row in maps.channels], len(maps.positions)) == ([2, 2], 2)
    rcan = RCAN(scale=2, width=8, groups=1, blocks=1, reduction=2).eval()
    assert find_attention(rcan, noise(9, 8), pixel=(2, 3)).positions == []
    with pytest.raises(ModelError, match="ESPCN has neither channel attention nor non-local modules"):
        find_attention(ESPCN(scale=2), noise(8, 8), pixel=(0, 0))

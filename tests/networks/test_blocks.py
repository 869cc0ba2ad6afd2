import pytest
import torch
from torch import nn

from kukkiri.errors import ModelError
from kukkiri.networks.blocks import (
    DIV2K_MEAN,
    MeanShift,
    ResidualBlock,
    StagedUpsampler,
    count_blocks,
    factor_scale,
    infer_upsampler_scale,
    infer_value_range,
    require_shape,
)
from tests.tolerances import FLOAT32_SAME_MATHS


def test_mean_shifts_before_and_after_cancel_and_the_first_removes_the_mean():
    before, after = MeanShift(value_range=255.0, sign=-1), MeanShift(value_range=255.0, sign=1)
    mean = 255 * torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1).expand(1, 3, 2, 4)
    assert before(mean).abs().max() < 3e-5  # one rounding of 114 in float32
    image = 255 * torch.rand(1, 3, 5, 4)
    torch.testing.assert_close(after(before(image)), image, rtol=0, atol=6e-5)  # two roundings of 255 in float32


def test_mean_shift_is_trained_only_when_asked():
    assert not any(p.requires_grad for p in MeanShift(value_range=1.0, sign=1).parameters())
    assert all(p.requires_grad for p in MeanShift(value_range=1.0, sign=1, trainable=True).parameters())


def test_residual_block_adds_the_scaled_branch():
    block = ResidualBlock(2, res_scale=0.1)
    for layer in (block.body[0], block.body[2]):
        nn.init.dirac_(layer.weight)
        nn.init.zeros_(layer.bias)
    x = torch.tensor([[[[1.0, -2.0]], [[3.0, 0.0]]]])
    torch.testing.assert_close(block(x), x + 0.1 * x.clamp(min=0), rtol=FLOAT32_SAME_MATHS, atol=0)


def test_residual_block_keeps_the_key_it_was_given():
    assert set(ResidualBlock(2, key="conv_first").state_dict()) == {
        f"conv_first.{i}.{name}" for i in (0, 2) for name in ("weight", "bias")
    }


@pytest.mark.parametrize(("scale", "stages"), [(1, []), (2, [2]), (3, [3]), (4, [2, 2]), (8, [2, 2, 2])])
def test_stages_multiply_to_the_scale_and_the_state_tells_it(scale, stages):
    assert factor_scale(scale) == stages
    upsampler = StagedUpsampler(3, scale=scale)
    assert upsampler(torch.rand(1, 3, 4, 5)).shape == (1, 3, 4 * scale, 5 * scale)
    if scale > 1:
        assert infer_upsampler_scale(upsampler.state_dict(), "", network="EDSR") == scale


@pytest.mark.parametrize("scale", [0, -2, 5, 6])
def test_a_scale_without_stages_is_refused(scale):
    with pytest.raises(ValueError, match=f"got {scale}"):
        factor_scale(scale)


def test_activation_follows_every_stage():
    kinds = [type(layer) for layer in StagedUpsampler(2, scale=4, activation=nn.ReLU)]
    assert kinds == [nn.Conv2d, nn.PixelShuffle, nn.ReLU] * 2


def test_a_missing_key_names_the_network_and_what_is_there():
    with pytest.raises(ModelError, match=r"not a state dict of EDSR: it has no 'head.0.weight'.*begins with stem"):
        require_shape({"stem": torch.zeros(1)}, "head.0.weight", network="EDSR")


def test_a_tail_that_is_no_sub_pixel_stage_is_refused():
    with pytest.raises(ModelError, match="maps 4 to 5 features, expected 16"):
        infer_upsampler_scale({"0.weight": torch.zeros(5, 4, 3, 3)}, "", network="EDSR")


def test_blocks_are_counted_up_to_the_first_gap():
    state = dict.fromkeys(["body.0.x", "body.1.x", "body.3.x", "body.2y"], torch.zeros(1))
    assert count_blocks(state, "body.") == 2
    assert count_blocks(state, "body.", suffix="z") == 0


def test_an_unknown_layer_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match=r"must be one of transposed, .*, got 'magic'"):
        StagedUpsampler(2, scale=2, upsampling="magic")


@pytest.mark.parametrize("white", [1.0, 255.0])
def test_the_value_range_is_read_from_the_mean(white):
    state = {f"sub_mean.{k}": v for k, v in MeanShift(value_range=white, sign=-1).state_dict().items()}
    assert infer_value_range(state, network="EDSR") == white

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kukkiri.errors import ModelError
from kukkiri.upsampling import (
    SubPixelConv,
    TransposedConv,
    equalize_sub_pixel_,
    equalize_transposed_,
    find_upsampling,
    make_flat_images,
    repair_,
)
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_ILL_CONDITIONED, FLOAT64_MATHS


def gains(weight, scale):
    """(Cin, C, s, s): the sum of the taps of each phase of a transposed kernel."""
    rows = [torch.stack([weight[:, :, y::scale, x::scale].sum(dim=(2, 3)) for x in range(scale)]) for y in range(scale)]
    return torch.stack(rows).permute(2, 3, 0, 1)


@settings(max_examples=60, deadline=None)
@given(scale=st.integers(2, 4), extra=st.integers(0, 6), seed=st.integers(0, 99))
def test_transposed_gains_become_equal_with_least_change(scale, extra, seed):
    torch.manual_seed(seed)
    before = torch.randn(2, 3, scale + extra, scale + extra).double()
    after = equalize_transposed_(before.clone(), scale=scale)
    found = gains(after, scale)
    torch.testing.assert_close(found, found[..., :1, :1].expand_as(found), atol=FLOAT64_MATHS, rtol=0)

    # least squares by Lagrange: minimize |d|^2 under A (w + d) = g for all phases, g free
    size = scale + extra
    rows = torch.zeros(scale**2, size * size).double()
    for y in range(size):
        for x in range(size):
            rows[(y % scale) * scale + x % scale, y * size + x] = 1.0
    differences = rows[1:] - rows[:1]
    flat = before.reshape(-1, size * size).T
    change = -torch.linalg.pinv(differences) @ (differences @ flat)
    torch.testing.assert_close(after.reshape(-1, size * size).T, flat + change, atol=FLOAT64_ILL_CONDITIONED, rtol=0)


@settings(max_examples=40, deadline=None)
@given(scale=st.integers(2, 4), size=st.sampled_from([1, 3, 5]), seed=st.integers(0, 99))
def test_repaired_sub_pixel_convolution_answers_a_constant_with_a_constant(scale, size, seed):
    torch.manual_seed(seed)
    layer = SubPixelConv(channels_in=3, channels_out=2, scale=scale, kernel_size=size).double()
    equalize_sub_pixel_(layer.conv.weight, layer.conv.bias, scale=scale)
    lr = torch.rand(1, 3, 1, 1).double().expand(-1, -1, 9, 9)  # another constant in every channel
    inner = layer(lr).detach()[..., 3 * scale : -3 * scale, 3 * scale : -3 * scale]
    torch.testing.assert_close(inner, inner[..., :1, :1].expand_as(inner), atol=FLOAT64_MATHS, rtol=0)


def test_what_is_even_already_stays():
    layer = TransposedConv(channels_in=2, channels_out=1, scale=2, kernel_size=4).icnr_()
    before = layer.conv.weight.detach().clone()
    torch.testing.assert_close(
        equalize_transposed_(layer.conv.weight, scale=2), before, atol=1e-7, rtol=0
    )  # float32 weights below 1


def test_only_the_last_upscaling_of_a_network_is_repaired():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.PixelShuffle(2), nn.ReLU(), nn.ConvTranspose2d(2, 1, 4, 2, 1), nn.Tanh()
    )
    assert [(found.name, found.scale) for found in find_upsampling(network)] == [("0", 2), ("3", 2)]
    first = network[0].weight.detach().clone()
    name, change = repair_(network)
    assert name == "3"
    assert 0 < change < 1
    assert torch.equal(network[0].weight, first)
    found = gains(network[3].weight.detach(), 2)
    torch.testing.assert_close(found, found[..., :1, :1].expand_as(found), atol=FLOAT32_SAME_MATHS, rtol=0)


def test_a_network_without_phases_is_refused():
    with pytest.raises(ModelError, match="neither a transposed nor a sub-pixel"):
        repair_(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3)))
    with pytest.raises(ValueError, match="without taps"):
        equalize_transposed_(torch.zeros(1, 1, 2, 2), scale=3)
    with pytest.raises(ValueError, match="not a multiple"):
        equalize_sub_pixel_(torch.zeros(3, 1, 2, 2), scale=2)


def test_repair_survives_a_convolution_of_groups():
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=2, bias=False).double()
    repair_(layer_in := nn.Sequential(layer))
    inner = layer_in(torch.ones(1, 4, 8, 8).double()).detach()[..., 4:-4, 4:-4]
    torch.testing.assert_close(inner, inner[..., :1, :1].expand_as(inner), atol=FLOAT64_MATHS, rtol=0)


def test_a_pattern_that_needs_the_phases_is_gone_but_detail_stays():
    torch.manual_seed(0)
    layer = SubPixelConv(channels_in=1, channels_out=1, scale=2).double()
    lr = torch.rand(1, 1, 8, 8).double()
    before = layer(lr).detach()
    equalize_sub_pixel_(layer.conv.weight, layer.conv.bias, scale=2)
    after = layer(lr).detach()
    assert float((after - before).abs().max()) > 1e-3
    blocks = F.avg_pool2d(after, 2)
    assert float((after - F.interpolate(blocks, scale_factor=2)).abs().max()) > 1e-2  # not merely nearest


@pytest.mark.parametrize("tail", ["transposed", "sub-pixel"])
def test_flat_images_become_flat_with_a_smaller_change_than_evening_out_every_constant(tail):
    changes = {}
    for constants in (None, make_flat_images(1, size=25)):
        torch.manual_seed(0)
        head = nn.ConvTranspose2d(16, 1, 5, 2, 2, 1) if tail == "transposed" else nn.Conv2d(16, 4, 3, padding=1)
        network = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.Tanh(), head)
        if tail == "sub-pixel":
            network.append(nn.PixelShuffle(2))
        network.double()
        changes[constants is None] = repair_(network, constants=None if constants is None else constants.double())[1]
        for grey in (0.0, 0.125, 0.5, 1.0):
            with torch.no_grad():
                inner = network(torch.full((1, 1, 25, 25), grey).double())[..., 10:-10, 10:-10]
            torch.testing.assert_close(inner, inner[..., :1, :1].expand_as(inner), atol=1e-5, rtol=0)  # pinv's cut
    assert changes[False] < 0.9 * changes[True]


def test_given_features_are_evened_out_with_least_change():
    torch.manual_seed(0)
    weight = torch.randn(4 * 2, 6, 3, 3).double()
    bias, features = torch.randn(8).double(), torch.randn(2, 6).double()
    after, after_bias = weight.clone(), bias.clone()
    equalize_sub_pixel_(after, after_bias, scale=2, features=features)
    answers = torch.einsum("oikl,fi->fo", after, features) + after_bias
    grouped = answers.reshape(2, 2, 4)
    torch.testing.assert_close(grouped, grouped[..., :1].expand_as(grouped), atol=FLOAT64_ILL_CONDITIONED, rtol=0)

    # the same by a general solver: for each output channel 4 * (54 + 1) unknowns and 2 * 3 conditions
    for channel in range(2):
        rows, wanted = [], []
        for feature in features:
            one = torch.cat([feature[:, None].expand(-1, 9).reshape(-1), torch.ones(1).double()])
            for phase in range(1, 4):
                row = torch.zeros(4, 55).double()
                row[phase], row[0] = one, -one
                rows.append(row.reshape(-1))
                before = torch.cat([weight[4 * channel : 4 * channel + 4].reshape(4, -1),
                                    bias[4 * channel : 4 * channel + 4, None]], dim=1)  # fmt: skip
                wanted.append(-(row * before).sum())
        change = torch.linalg.pinv(torch.stack(rows)) @ torch.stack(wanted)
        found = after[4 * channel : 4 * channel + 4] - weight[4 * channel : 4 * channel + 4]
        torch.testing.assert_close(
            found.reshape(4, -1), change.reshape(4, 55)[:, :54], atol=FLOAT64_ILL_CONDITIONED, rtol=0
        )


def test_a_tolerance_buys_a_smaller_change_and_is_kept():
    changes = []
    for tolerance in (0.0, 1e-3, 1e-1):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.Tanh(), nn.ConvTranspose2d(16, 1, 4, 2, 1)).double()
        flat = make_flat_images(1, size=15).double()
        changes.append(repair_(network, constants=flat, tolerance=tolerance)[1])
        with torch.no_grad():
            inner = network(flat)[:, 0, 12:14, 12:14].reshape(9, 4)
        assert float((inner - inner.mean(dim=1, keepdim=True)).abs().max()) <= tolerance + 1e-5
    assert changes == sorted(changes, reverse=True)
    assert changes[2] < changes[0]


def test_flat_images_of_colour_hold_greys_and_tints():
    flat = make_flat_images(3, size=2)
    assert flat.shape == (15, 3, 2, 2)
    assert flat[4, :, 0, 0].tolist() == [0.5] * 3
    assert len({tuple(colour) for colour in flat[9:, :, 0, 0].tolist()}) == 6

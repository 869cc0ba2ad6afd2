import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kukkiri.upsampling import (
    UPSAMPLERS,
    MaxUnpooling,
    ResizeConv,
    SubPixelConv,
    SubPixelSpaceConv,
    TransposedConv,
    ZeroInsertConv,
    space_from_sub_pixel,
    sub_pixel_from_space,
)
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_MATHS


@pytest.mark.parametrize("name", UPSAMPLERS)
@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("extra", [0, 1, 2])
def test_output_is_exactly_scale_times_the_input(name, scale, extra):
    size = scale + extra if "transposed" in name or "zero" in name else 1 + extra
    if scale == 1 and size % 2 == 0 and name in ("transposed", "zero-insert"):
        with pytest.raises(ValueError, match="odd"):
            UPSAMPLERS[name](channels_in=2, channels_out=3, scale=scale, kernel_size=size)
        return
    layer = UPSAMPLERS[name](channels_in=2, channels_out=3, scale=scale, kernel_size=size)
    assert layer(torch.rand(2, 2, 5, 7)).shape == (2, 3, 5 * scale, 7 * scale)


@settings(max_examples=40, deadline=None)
@given(scale=st.integers(1, 4), extra=st.integers(0, 9), seed=st.integers(0, 99))
def test_zero_insertion_gives_the_numbers_of_the_transposed_convolution(scale, extra, seed):
    torch.manual_seed(seed)
    size = scale + extra + (extra % 2 if scale == 1 else 0)
    layer = TransposedConv(channels_in=3, channels_out=2, scale=scale, kernel_size=size).double()
    same = ZeroInsertConv(channels_in=3, channels_out=2, scale=scale, kernel_size=size).double()
    same.load_state_dict(layer.state_dict())
    lr = torch.rand(1, 3, 4, 6).double()
    torch.testing.assert_close(same(lr), layer(lr), atol=FLOAT64_MATHS, rtol=0)


@settings(max_examples=40, deadline=None)
@given(scale=st.integers(1, 4), size=st.integers(1, 5), seed=st.integers(0, 99))
def test_both_readings_of_sub_pixel_convolution_give_the_same_numbers(scale, size, seed):
    torch.manual_seed(seed)
    space = SubPixelSpaceConv(channels_in=3, channels_out=2, scale=scale, kernel_size=size).double()
    layer = SubPixelConv(channels_in=3, channels_out=2, scale=scale, kernel_size=size).double()
    with torch.no_grad():
        layer.conv.weight.copy_(sub_pixel_from_space(space.conv.weight, scale=scale))
        layer.conv.bias.copy_(space.conv.bias.repeat_interleave(scale**2))
    lr = torch.rand(1, 3, 4, 6).double()
    torch.testing.assert_close(space(lr), layer(lr), atol=FLOAT64_MATHS, rtol=0)
    back = space_from_sub_pixel(layer.conv.weight, scale=scale)
    torch.testing.assert_close(back, space.conv.weight, atol=0, rtol=0)


def test_a_delta_makes_resize_convolution_the_interpolation_itself():
    lr = torch.rand(1, 1, 5, 6)
    for mode in ("nearest", "bilinear"):
        layer = ResizeConv(channels_in=1, channels_out=1, scale=3, kernel_size=3, mode=mode)
        torch.nn.init.dirac_(layer.conv.weight)
        torch.nn.init.zeros_(layer.conv.bias)
        align = None if mode == "nearest" else False
        expected = F.interpolate(lr, scale_factor=3, mode=mode, align_corners=align)
        torch.testing.assert_close(layer(lr), expected, atol=FLOAT32_SAME_MATHS, rtol=0)


def test_a_transposed_pixel_lands_on_its_own_square_and_its_neighbours():
    layer = TransposedConv(channels_in=1, channels_out=1, scale=2, kernel_size=4)
    with torch.no_grad():
        layer.conv.weight.copy_(torch.arange(16.0).reshape(1, 1, 4, 4))
        layer.conv.bias.zero_()
    lr = torch.zeros(1, 1, 3, 3)
    lr[0, 0, 1, 1] = 1.0
    expected = F.pad(torch.arange(16.0).reshape(4, 4), (1, 1, 1, 1))
    assert torch.equal(layer(lr)[0, 0], expected)


@pytest.mark.parametrize("upscaling", ["nearest", "area"])
@pytest.mark.parametrize("name", ["transposed", "zero-insert", "sub-pixel", "sub-pixel-space"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_icnr_gives_every_phase_the_same_response_to_a_constant(name, scale, upscaling):
    torch.manual_seed(0)
    layer = UPSAMPLERS[name](channels_in=4, channels_out=2, scale=scale).double().icnr_(upscaling=upscaling)
    centre = layer(torch.ones(1, 4, 9, 9).double())[..., 4 * scale : 5 * scale, 4 * scale : 5 * scale]
    assert float(centre.detach().abs().max()) > 1e-3
    torch.testing.assert_close(centre, centre[..., :1, :1].expand_as(centre), atol=FLOAT64_MATHS, rtol=0)


def test_interpolating_layers_need_no_icnr():
    with pytest.raises(TypeError, match="needs no ICNR"):
        ResizeConv(channels_in=1, channels_out=1, scale=2).icnr_()


def test_start_has_about_the_same_spread_in_every_layer():  # uniform in +-1/sqrt(n) gives outputs of variance ~1/3
    torch.manual_seed(0)
    lr = torch.randn(8, 64, 12, 12)
    for name, make in UPSAMPLERS.items():
        layer = make(channels_in=64, channels_out=4, scale=2)
        spread = float(layer(lr)[..., 6:-6, 6:-6].detach().std())
        low = 0.3 if name == "resize-bilinear" else 0.45  # bilinear itself averages noise away
        assert low < spread < 0.7, name


@pytest.mark.parametrize("name", UPSAMPLERS)
def test_every_layer_passes_gradients_to_input_weight_and_bias(name):
    layer = UPSAMPLERS[name](channels_in=2, channels_out=1, scale=2).double()
    lr = torch.rand(1, 2, 3, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(layer, (lr,))
    layer(lr).sum().backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in layer.parameters())


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="below scale 3"):
        TransposedConv(channels_in=1, channels_out=1, scale=3, kernel_size=2)
    with pytest.raises(ValueError, match="scale must be at least 1, got 0"):
        SubPixelConv(channels_in=1, channels_out=1, scale=0)
    with pytest.raises(ValueError, match="mode must be"):
        ResizeConv(channels_in=1, channels_out=1, scale=2, mode="area")
    assert "scale=2" in repr(SubPixelConv(channels_in=1, channels_out=1, scale=2))


def test_unpooling_puts_maxima_back_and_zeros_elsewhere():
    layer = MaxUnpooling(scale=2)
    image = torch.tensor([[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 7.0, 6.0]])[None, None]
    maxima, places = layer.pool(image)
    assert maxima.tolist() == [[[[5.0, 7.0]]]]
    assert places.tolist() == [[[[1, 6]]]]  # row * width + column
    assert layer(maxima, places).tolist() == [[[[0.0, 5.0, 0.0, 0.0], [0.0, 0.0, 7.0, 0.0]]]]
    assert layer(-maxima, places).tolist() == [[[[0.0, -5.0, 0.0, 0.0], [0.0, 0.0, -7.0, 0.0]]]]  # any values


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_unpooling_is_that_of_torch_with_its_gradients(scale):
    layer = MaxUnpooling(scale=scale)
    values = torch.rand(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    _, places = layer.pool(torch.rand(2, 3, 4 * scale, 5 * scale))
    sr, expected = layer(values, places), torch.nn.MaxUnpool2d(scale)(values, places)
    assert torch.equal(sr, expected)
    weight = torch.rand_like(sr)
    (gradient,) = torch.autograd.grad((sr * weight).sum(), values)
    (reference,) = torch.autograd.grad((expected * weight).sum(), values)
    assert torch.equal(gradient, reference)


@pytest.mark.parametrize("scale", [2, 3])
def test_pooling_what_was_unpooled_returns_positive_values(scale):
    layer = MaxUnpooling(scale=scale)
    maxima, places = layer.pool(torch.rand(1, 2, 6 * scale, 4 * scale))
    again, found = layer.pool(layer(maxima, places))
    assert torch.equal(again, maxima)
    assert torch.equal(found, places)


def test_unpooling_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="scale must be at least 1, got 0"):
        MaxUnpooling(scale=0)
    with pytest.raises(ValueError, match=r"multiples of 2, got \(3, 4\)"):
        MaxUnpooling(scale=2).pool(torch.zeros(1, 1, 3, 4))
    with pytest.raises(ValueError, match=r"need places of that shape, got \(1, 1, 2, 3\)"):
        MaxUnpooling(scale=2)(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 3, dtype=torch.long))

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from kukkiri.upsampling import SubPixelConv, TransposedConv
from kukkiri.upsampling.rewrites import Crop, PhaseBias, sub_pixel_to_transposed, transposed_to_sub_pixel
from tests.tolerances import FLOAT64_MATHS

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


@settings(max_examples=150, deadline=None)
@given(
    stride=st.integers(1, 4),
    kernel=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    padding=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    given_back=st.integers(0, 3),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
    form=st.sampled_from(["crop", "dense"]),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 99),
)
def test_transposed_equals_its_sub_pixel_form_everywhere(
    stride, kernel, padding, given_back, dilation, groups, bias, form, dtype, size, seed
):
    assume(given_back < max(stride, dilation))
    torch.manual_seed(seed)
    layer = nn.ConvTranspose2d(
        4, 2, kernel, stride, padding, given_back, groups=groups, bias=bias, dilation=dilation, dtype=dtype
    )
    outputs = [
        (n - 1) * stride - 2 * p + dilation * (k - 1) + given_back + 1
        for n, p, k in zip(size, padding, kernel, strict=True)
    ]
    assume(min(outputs) > 0)
    lr = torch.rand(1, 4, *size, dtype=dtype)
    with torch.no_grad():
        torch.testing.assert_close(
            transposed_to_sub_pixel(layer, form=form)(lr), layer(lr), atol=TOLERANCE[dtype], rtol=0
        )


@settings(max_examples=100, deadline=None)
@given(
    scale=st.integers(1, 4),
    kernel=st.integers(1, 5),
    padding=st.integers(0, 6),
    groups=st.sampled_from([1, 2]),
    bias=st.sampled_from(["none", "even", "uneven"]),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    seed=st.integers(0, 99),
)
def test_sub_pixel_equals_its_transposed_form_everywhere(scale, kernel, padding, groups, bias, dtype, seed):
    torch.manual_seed(seed)
    conv = nn.Conv2d(4, 2 * scale**2, kernel, padding=padding, groups=groups, bias=bias != "none", dtype=dtype)
    if bias == "even":
        nn.init.constant_(conv.bias, 0.3)
    rewritten = sub_pixel_to_transposed(conv, scale=scale)
    lr = torch.rand(1, 4, 5, 6, dtype=dtype)
    with torch.no_grad():
        torch.testing.assert_close(rewritten(lr), F.pixel_shuffle(conv(lr), scale), atol=TOLERANCE[dtype], rtol=0)
    if bias != "uneven" and padding < kernel:
        assert isinstance(rewritten, nn.ConvTranspose2d)
        back = transposed_to_sub_pixel(rewritten, form="dense").conv.weight
        torch.testing.assert_close(back, conv.weight, atol=0, rtol=0)  # the rewrites undo each other exactly


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_both_work_on_the_layers_of_this_package(size):
    torch.manual_seed(size)
    lr = torch.rand(1, 3, 4, 5).double()
    layer = SubPixelConv(channels_in=3, channels_out=2, scale=3, kernel_size=size).double()
    torch.testing.assert_close(sub_pixel_to_transposed(layer.conv, scale=3)(lr), layer(lr), atol=FLOAT64_MATHS, rtol=0)
    head = TransposedConv(channels_in=3, channels_out=2, scale=3, kernel_size=size + 2).double()
    torch.testing.assert_close(transposed_to_sub_pixel(head.conv)(lr), head(lr), atol=FLOAT64_MATHS, rtol=0)


def test_fsrcnn_head_becomes_a_3x3_convolution_in_crop_form():
    layer = nn.ConvTranspose2d(56, 1, 9, stride=3, padding=4, output_padding=2)
    assert transposed_to_sub_pixel(layer).conv.weight.shape == (9, 56, 3, 3)
    assert transposed_to_sub_pixel(layer, form="dense").conv.weight.shape == (9, 56, 4, 4)


def test_crop_cuts_and_negative_numbers_add_zeros():
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    assert Crop(top=1, right=2)(image).tolist() == [[[[4.0, 5.0], [8.0, 9.0]]]]
    assert Crop(top=2, left=-1, right=3)(image).tolist() == [[[[0.0, 8.0]]]]


def test_phase_bias_adds_its_number_to_every_cell():
    added = PhaseBias(torch.arange(8.0), scale=2)(torch.zeros(1, 2, 4, 4))
    assert torch.equal(added[0, 1], torch.tensor([[4.0, 5.0], [6.0, 7.0]]).repeat(2, 2))


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="strides must be equal"):
        transposed_to_sub_pixel(nn.ConvTranspose2d(1, 1, 4, stride=(2, 3)))
    with pytest.raises(ValueError, match="unknown form"):
        transposed_to_sub_pixel(nn.ConvTranspose2d(1, 1, 4, stride=2), form="other")
    with pytest.raises(ValueError, match="do not shuffle"):
        sub_pixel_to_transposed(nn.Conv2d(1, 6, 3), scale=2)
    with pytest.raises(ValueError, match="expected stride 1"):
        sub_pixel_to_transposed(nn.Conv2d(1, 4, 3, stride=2), scale=2)

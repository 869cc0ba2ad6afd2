import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from kukkiri.upsampling import ResizeConv
from kukkiri.upsampling.rewrites import bilinear_to_sub_pixel, nearest_to_sub_pixel, resize_to_sub_pixel
from tests.tolerances import FLOAT64_MATHS

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


@settings(max_examples=120, deadline=None)
@given(
    scale=st.integers(1, 4),
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    seed=st.integers(0, 99),
)
def test_nearest_and_convolution_equal_one_sub_pixel_convolution_everywhere(
    scale, kernel, padding, dilation, groups, dtype, size, seed
):
    assume(all(n * scale + 2 * p > dilation * (k - 1) for n, p, k in zip(size, padding, kernel, strict=True)))
    torch.manual_seed(seed)
    conv = nn.Conv2d(4, 2, kernel, padding=padding, dilation=dilation, groups=groups, dtype=dtype)
    lr = torch.rand(1, 4, *size, dtype=dtype)
    with torch.no_grad():
        expected = conv(F.interpolate(lr, scale_factor=scale, mode="nearest"))
        torch.testing.assert_close(nearest_to_sub_pixel(conv, scale=scale)(lr), expected, atol=TOLERANCE[dtype], rtol=0)


def test_a_3x3_kernel_at_scale_2_becomes_four_2x2_kernels():
    rewritten = nearest_to_sub_pixel(nn.Conv2d(5, 7, 3, padding=1), scale=2)
    assert rewritten.conv.weight.shape == (7 * 4, 5, 2, 2)  # 16 multiplications for four pixels, not 36


@settings(max_examples=60, deadline=None)
@given(
    scale=st.integers(2, 4),
    kernel=st.sampled_from([1, 3, 5, 7, 9]),
    dtype=st.sampled_from([torch.float64, torch.float32]),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    seed=st.integers(0, 99),
)
def test_bilinear_and_convolution_equal_their_rewrite_with_exact_borders(scale, kernel, dtype, size, seed):
    torch.manual_seed(seed)
    conv = nn.Conv2d(3, 2, kernel, padding=kernel // 2, dtype=dtype)
    lr = torch.rand(1, 3, *size, dtype=dtype)
    with torch.no_grad():
        expected = conv(F.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False))
        torch.testing.assert_close(
            bilinear_to_sub_pixel(conv, scale=scale)(lr), expected, atol=TOLERANCE[dtype], rtol=0
        )


@settings(max_examples=40, deadline=None)
@given(scale=st.integers(2, 4), kernel=st.sampled_from([3, 5, 7]), seed=st.integers(0, 99))
def test_without_exact_borders_they_differ_by_what_the_convolution_would_see_outside(scale, kernel, seed):
    torch.manual_seed(seed)
    radius = kernel // 2
    conv = nn.Conv2d(3, 2, kernel, padding=radius).double()
    lr = torch.rand(1, 3, 8, 9).double()
    hr = F.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)
    held = F.pad(hr, (radius,) * 4, mode="replicate")
    for side in (2, 3):  # beyond half a pixel from the outer centres, interpolation holds the edge: nothing but it
        assert held.shape[side] == hr.shape[side] + 2 * radius
    ring = held - F.pad(hr, (radius,) * 4)
    with torch.no_grad():
        difference = bilinear_to_sub_pixel(conv, scale=scale, exact_border=False)(lr) - conv(hr)
        expected = F.conv2d(ring, conv.weight)
        torch.testing.assert_close(difference, expected, atol=FLOAT64_MATHS, rtol=0)
        inner = difference[..., radius:-radius, radius:-radius]
        torch.testing.assert_close(inner, torch.zeros_like(inner), atol=FLOAT64_MATHS, rtol=0)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_resize_convolution_of_this_package_is_rewritten(mode, size):
    torch.manual_seed(size)
    layer = ResizeConv(channels_in=3, channels_out=2, scale=3, kernel_size=size, mode=mode).double()
    lr = torch.rand(1, 3, 5, 6).double()
    torch.testing.assert_close(resize_to_sub_pixel(layer)(lr), layer(lr), atol=FLOAT64_MATHS, rtol=0)


def test_another_padding_is_refused():
    with pytest.raises(ValueError, match="expected stride 1"):
        nearest_to_sub_pixel(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), scale=2)
    with pytest.raises(ValueError, match="expected stride 1"):
        bilinear_to_sub_pixel(nn.Conv2d(1, 1, 3, stride=2), scale=2)

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kukkiri.upsampling.matrix import convolution_matrix, convolution_size, exact_crop, transposed_size
from tests.tolerances import FLOAT64_MATHS

geometry = {
    "kernel": st.integers(1, 4),
    "stride": st.integers(1, 3),
    "padding": st.integers(0, 3),
    "dilation": st.integers(1, 2),
    "channels_in": st.integers(1, 3),
    "channels_out": st.integers(1, 3),
    "seed": st.integers(0, 99),
}


@pytest.mark.parametrize("sides", [1, 2])
@settings(max_examples=60, deadline=None)
@given(**geometry, height=st.integers(1, 6), width=st.integers(1, 6), other=st.integers(1, 3))
def test_matrix_times_x_is_the_layer_and_its_transpose_the_transposed_layer(
    sides, kernel, stride, padding, dilation, channels_in, channels_out, seed, height, width, other
):
    size, taps = ((height, width), (kernel, other)) if sides == 2 else ((width,), (kernel,))
    extents = [dilation * (k - 1) + 1 for k in taps]
    assume(all(n + 2 * padding >= d for n, d in zip(size, extents, strict=True)))
    torch.manual_seed(seed)
    weight = torch.randn(channels_out, channels_in, *taps, dtype=torch.float64)
    convolve, transpose = (F.conv1d, F.conv_transpose1d) if sides == 1 else (F.conv2d, F.conv_transpose2d)
    matrix = convolution_matrix(weight, size=size, stride=stride, padding=padding, dilation=dilation)

    x = torch.randn(1, channels_in, *size, dtype=torch.float64)
    y = convolve(x, weight, stride=stride, padding=padding, dilation=dilation)
    found = (matrix @ x.reshape(-1, 1)).reshape(y.shape)
    torch.testing.assert_close(found, y, atol=FLOAT64_MATHS, rtol=0)

    back = (matrix.t() @ y.reshape(-1, 1)).reshape(x.shape)
    missing = [
        n - transposed_size(m, kernel_size=k, stride=stride, padding=padding, dilation=dilation)
        for n, m, k in zip(size, y.shape[2:], taps, strict=True)
    ]
    if all(0 <= count < max(stride, dilation) for count in missing):  # what the framework accepts as output padding
        layer = transpose(y, weight, stride=stride, padding=padding, dilation=dilation, output_padding=missing)
        torch.testing.assert_close(back, layer, atol=FLOAT64_MATHS, rtol=0)


def test_the_matrix_of_a_3x3_kernel_on_4x4_written_out():
    weight = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    matrix = convolution_matrix(weight, size=(4, 4)).to_dense()
    first = [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0]
    last = [0, 0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9]
    assert matrix.shape == (4, 16)
    assert matrix[0].tolist() == first
    assert matrix[3].tolist() == last


@given(
    length=st.integers(1, 40),
    kernel=st.integers(1, 9),
    stride=st.integers(1, 5),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 3),
)
def test_sizes_return_with_an_output_padding_below_the_stride(length, kernel, stride, padding, dilation):
    assume(length + 2 * padding >= dilation * (kernel - 1) + 1)
    known = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    outputs = convolution_size(length, **known)
    missing = length - transposed_size(outputs, **known)
    assert 0 <= missing < stride
    assert transposed_size(outputs, **known, output_padding=missing) == length


@given(length=st.integers(1, 20), kernel=st.integers(1, 12), scale=st.integers(1, 6))
def test_exact_crop_gives_exactly_scale_times_the_input(length, kernel, scale):
    if kernel < scale or (scale == 1 and kernel % 2 == 0):
        with pytest.raises(ValueError, match=r"below scale|must be odd"):
            exact_crop(kernel, scale=scale)
        return
    padding, output_padding = exact_crop(kernel, scale=scale)
    found = transposed_size(length, kernel_size=kernel, stride=scale, padding=padding, output_padding=output_padding)
    assert found == scale * length
    assert 0 <= padding - (padding - output_padding) <= 1  # the two ends lose the same, or one pixel apart


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="does not fit inputs"):
        convolution_matrix(torch.zeros(1, 1, 3), size=(4, 4))
    with pytest.raises(ValueError, match="does not fit into 2 pixels"):
        convolution_matrix(torch.zeros(1, 1, 3), size=(2,))

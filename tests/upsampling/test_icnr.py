import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kukkiri.upsampling import icnr_, icnr_transposed_, upscaling_taps
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_MATHS


def make_initializer():
    """An initializer, and a list of its samples."""
    kept = []

    def init(weight):
        nn.init.normal_(weight)
        kept.append(weight.clone())

    return init, kept


def upscale(image, scale, upscaling):
    """Scatter every pixel with the taps of the upscaling: the definition, for one image of many channels."""
    taps, before = upscaling_taps(scale, upscaling=upscaling)
    kernel = torch.outer(taps, taps).to(image).expand(image.shape[1], 1, -1, -1)
    full = F.conv_transpose2d(image, kernel, stride=scale, groups=image.shape[1])
    height, width = image.shape[2] * scale, image.shape[3] * scale
    return full[..., before : before + height, before : before + width]


@settings(max_examples=30, deadline=None)
@given(
    scale=st.integers(1, 5),
    channels=st.integers(1, 3),
    inputs=st.integers(1, 3),
    size=st.sampled_from([1, 3, 5]),
    seed=st.integers(0, 99),
)
def test_sub_pixel_convolution_starts_as_convolution_and_nearest(scale, channels, inputs, size, seed):
    torch.manual_seed(seed)
    init, kept = make_initializer()
    weight = icnr_(torch.empty(channels * scale**2, inputs, size, size), scale=scale, init=init)
    lr = torch.rand(1, inputs, 6, 7)
    found = F.pixel_shuffle(F.conv2d(lr, weight, padding=size // 2), scale)
    expected = F.interpolate(F.conv2d(lr, kept[0], padding=size // 2), scale_factor=scale, mode="nearest")
    torch.testing.assert_close(found, expected, atol=FLOAT32_SAME_MATHS * max(1.0, float(expected.abs().max())), rtol=0)


@settings(max_examples=30, deadline=None)
@given(scale=st.integers(1, 5), size=st.sampled_from([3, 5]), seed=st.integers(0, 99))
def test_sub_pixel_convolution_starts_as_convolution_and_area(scale, size, seed):
    torch.manual_seed(seed)
    init, kept = make_initializer()
    weight = icnr_(torch.empty(2 * scale**2, 3, size, size).double(), scale=scale, init=init, upscaling="area")
    lr = F.pad(torch.rand(1, 3, 6, 7).double(), (4, 4, 4, 4))  # the inner convolution makes pixels outside too
    found = F.pixel_shuffle(F.conv2d(lr, weight, padding=size // 2), scale)
    inner = F.conv2d(lr, kept[0], padding=(kept[0].shape[-1]) // 2)
    torch.testing.assert_close(found, upscale(inner, scale, "area"), atol=FLOAT64_MATHS, rtol=0)


@settings(max_examples=60, deadline=None)
@given(
    scale=st.integers(1, 5),
    size=st.integers(1, 12),
    crop=st.integers(0, 5),
    upscaling=st.sampled_from(["nearest", "area"]),
    seed=st.integers(0, 99),
)
def test_transposed_convolution_starts_as_convolution_and_upscaling(scale, size, crop, upscaling, seed):
    torch.manual_seed(seed)
    init, kept = make_initializer()
    weight = torch.empty(3, 2, size, size).double()
    taps, before = upscaling_taps(scale, upscaling=upscaling)
    first = (crop - before) % scale
    if size < first + len(taps):
        with pytest.raises(ValueError, match="needs a kernel of at least"):
            icnr_transposed_(weight, scale=scale, padding=crop, init=init, upscaling=upscaling)
        return
    icnr_transposed_(weight, scale=scale, padding=crop, init=init, upscaling=upscaling)
    lr = torch.rand(1, 3, 5, 6).double()
    found = F.conv_transpose2d(lr, weight, stride=scale)[..., crop:, crop:]  # scattered, then cropped on one side
    count = kept[0].shape[-1]
    # every output pixel, before the crop, of a full convolution upscaled: tap `first` starts the first LR pixel
    whole = F.conv2d(lr, kept[0], padding=count - 1)
    taps2d = torch.outer(taps, taps).expand(2, 1, -1, -1)
    expected = F.conv_transpose2d(whole, taps2d, stride=scale, groups=2)
    expected = F.pad(expected, (first, 0, first, 0))[..., crop:, crop:]
    height, width = min(found.shape[2], expected.shape[2]), min(found.shape[3], expected.shape[3])
    torch.testing.assert_close(found[..., :height, :width], expected[..., :height, :width], atol=FLOAT64_MATHS, rtol=0)
    assert (crop - before - first) % scale == 0  # so the upscaling starts at the corner of an LR pixel


@pytest.mark.parametrize(("scale", "size"), [(2, 4), (2, 6), (3, 9), (3, 5), (4, 8), (2, 2), (3, 3), (2, 9)])
def test_the_default_padding_gives_nearest_of_a_convolution_on_the_lr_grid(scale, size):
    torch.manual_seed(0)
    init, kept = make_initializer()
    layer = nn.ConvTranspose2d(
        3, 2, size, stride=scale, padding=(size - scale + 1) // 2, output_padding=(size - scale) % 2, bias=False
    )
    icnr_transposed_(layer.weight, scale=scale, init=init)
    lr = torch.rand(1, 3, 6, 7)
    count = kept[0].shape[-1]
    first = layer.padding[0] % scale
    before = count - 1 - (layer.padding[0] - first) // scale  # taps that look left of the pixel
    convolved = F.conv2d(F.pad(lr, (before, count - 1 - before) * 2), kept[0])
    expected = F.interpolate(convolved, scale_factor=scale, mode="nearest")
    with torch.no_grad():
        torch.testing.assert_close(
            layer(lr), expected, atol=FLOAT32_SAME_MATHS * float(expected.abs().max() + 1), rtol=0
        )


def test_one_tap_with_area_is_the_bilinear_start_of_fcn():
    weight = icnr_transposed_(torch.empty(1, 1, 4, 4), scale=2, init=nn.init.ones_, upscaling="area")
    row = torch.tensor([0.25, 0.75, 0.75, 0.25])
    torch.testing.assert_close(weight[0, 0], torch.outer(row, row), atol=0, rtol=0)


def test_area_is_bilinear_interpolation_away_from_the_border():
    lr = torch.rand(1, 1, 8, 9).double()
    for scale in (2, 3, 4):
        bilinear = F.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)
        inner = (..., slice(scale, -scale), slice(scale, -scale))
        torch.testing.assert_close(upscale(lr, scale, "area")[inner], bilinear[inner], atol=FLOAT64_MATHS, rtol=0)


def test_golden_sub_pixel_start(golden):
    vector = golden("icnr_x2")
    weight = torch.empty_like(vector["state.weight"])
    icnr_(weight, scale=2, init=lambda sampled: sampled.copy_(vector["state.sub_weight"]))
    torch.testing.assert_close(weight, vector["state.weight"], atol=0, rtol=0)
    found = F.pixel_shuffle(F.conv2d(vector["input"], weight, vector["state.bias"], padding=1), 2)
    torch.testing.assert_close(found, vector["output"], atol=FLOAT32_SAME_MATHS, rtol=0)


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="not a multiple of scale"):
        icnr_(torch.empty(6, 1, 3, 3), scale=2)
    with pytest.raises(ValueError, match="at least 3"):
        icnr_(torch.empty(4, 1, 1, 1), scale=2, upscaling="area")
    with pytest.raises(ValueError, match="scale must be at least 1"):
        icnr_(torch.empty(4, 1, 1, 1), scale=0)
    with pytest.raises(ValueError, match="must be square"):
        icnr_transposed_(torch.empty(4, 1, 4, 3), scale=2)
    with pytest.raises(ValueError, match="unknown upscaling"):
        upscaling_taps(2, upscaling="cubic")
    with pytest.raises(ValueError, match="four dimensions"):
        icnr_(torch.empty(4, 1, 3), scale=2)

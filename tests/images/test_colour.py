import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.color import rgb2ycbcr

from kukkiri.images import rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_FEW_OPERATIONS, FLOAT64_MATHS

images = arrays(np.float64, array_shapes(max_dims=3, max_side=5).map(lambda s: (*s, 3)), elements=st.floats(0, 1))


def test_black_white_and_the_primaries_have_the_studio_values_of_bt_601():
    rgb = np.array([[0.0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    expected = [
        [16, 128, 128],
        [235, 128, 128],
        [81.481, 90.203, 240],
        [144.553, 53.797, 34.214],
        [40.966, 240, 109.786],
    ]
    np.testing.assert_allclose(rgb_to_ycbcr(rgb) * 255, expected, atol=FLOAT64_MATHS, rtol=0)


@given(images)
def test_the_way_back_is_exact_in_double_precision(rgb):
    np.testing.assert_allclose(ycbcr_to_rgb(rgb_to_ycbcr(rgb)), rgb, atol=FLOAT64_MATHS, rtol=0)


@given(images)
def test_luma_is_the_first_channel(rgb):
    np.testing.assert_allclose(rgb_to_y(rgb), rgb_to_ycbcr(rgb)[..., 0], atol=FLOAT64_FEW_OPERATIONS, rtol=0)


def test_scikit_image_agrees():
    rgb = np.random.default_rng(0).random((7, 5, 3))
    np.testing.assert_allclose(rgb_to_ycbcr(rgb) * 255, rgb2ycbcr(rgb), atol=FLOAT64_MATHS, rtol=0)


def test_grey_has_no_chroma():
    grey = np.repeat(np.linspace(0, 1, 11)[:, None], 3, axis=1)
    np.testing.assert_allclose(rgb_to_ycbcr(grey)[:, 1:] * 255, 128, atol=FLOAT64_MATHS)


def test_single_precision_stays_single_and_close():
    rgb = np.random.default_rng(0).random((4, 6, 3))
    for convert in (rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb):
        single = convert(rgb.astype(np.float32))
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, convert(rgb), atol=FLOAT32_SAME_MATHS)


def test_input_is_left_alone():
    rgb = np.full((2, 2, 3), 0.25)
    for convert in (rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb):
        convert(rgb)
    assert (rgb == 0.25).all()


def test_levels_and_a_missing_channel_axis_are_refused():
    with pytest.raises(TypeError, match="uint8"):
        rgb_to_y(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(ValueError, match="3 channels"):
        rgb_to_y(np.zeros((2, 2)))

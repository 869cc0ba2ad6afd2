import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kukkiri.errors import ImageError
from kukkiri.images import Image, Metadata

shapes = st.one_of(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(2, 4)),
)
integers = st.sampled_from([np.uint8, np.uint16]).flatmap(lambda dtype: arrays(dtype, shapes))
floats = arrays(np.float32, shapes, elements=st.floats(0, 1, width=32))


@given(st.one_of(integers, floats))
def test_an_array_comes_back_as_it_went_in(array):
    back = Image.from_array(array).to_array()
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


@pytest.mark.parametrize(("channels", "colours", "alpha"), [(1, 1, False), (2, 1, True), (3, 3, False), (4, 3, True)])
def test_channels_are_colour_then_alpha(channels, colours, alpha):
    array = np.arange(2 * 3 * channels, dtype=np.uint8).reshape(2, 3, channels)
    image = Image.from_array(array)
    assert image.size == (2, 3)
    assert image.colour.shape == (2, 3, colours)
    assert image.colour.flags.c_contiguous
    np.testing.assert_array_equal(image.colour * 255, array[:, :, :colours])
    assert (image.alpha is not None) == alpha
    if alpha:
        np.testing.assert_array_equal(image.alpha * 255, array[:, :, -1])


@pytest.mark.parametrize(("dtype", "depth"), [(np.uint8, 8), (np.uint16, 16), (np.float32, 32), (np.float64, 32)])
def test_depth_follows_the_array(dtype, depth):
    assert Image.from_array(np.zeros((2, 2), dtype)).depth == depth


def test_samples_of_any_byte_order_are_taken():
    array = np.array([[0, 258, 65535]], np.uint16)
    for order in "<>":
        image = Image.from_array(array.astype(np.dtype(np.uint16).newbyteorder(order)))
        assert image.depth == 16
        np.testing.assert_array_equal(image.to_array(), array)


def test_floats_a_little_outside_are_clamped():
    array = np.array([[-0.1, 0.5, 1.2, 0.3]])
    np.testing.assert_array_equal(Image.from_array(array).to_array(), np.float32([[0, 0.5, 1, 0.3]]))


def test_floats_on_another_scale_are_refused_and_the_scale_is_named():
    with pytest.raises(ImageError, match="run from 2 to 250, expected"):
        Image.from_array(np.array([[2.0, 100.0], [250.0, 30.0]]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_a_number_is_refused(bad):
    with pytest.raises(ImageError, match="NaN or infinity"):
        Image.from_array(np.array([[0.5, bad]]))


@pytest.mark.parametrize("shape", [(3,), (1, 2, 2, 3), (2, 2, 5), (0, 4), (2, 0, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ImageError, match="is no image; expected"):
        Image.from_array(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.int64, np.int8, bool, np.complex64])
def test_other_types_are_refused(dtype):
    with pytest.raises(ImageError, match="is no image; expected uint8, uint16, or floats"):
        Image.from_array(np.zeros((2, 2), dtype))


def test_the_callers_array_is_neither_shared_nor_changed():
    array = np.full((2, 2, 3), 0.5, np.float32)
    image = Image.from_array(array)
    array[:] = 0
    assert (image.colour == 0.5).all()


def test_fields_that_do_not_fit_are_a_programmers_mistake():
    colour = np.zeros((2, 3, 3), np.float32)
    for wrong, match in (
        ({"colour": colour.astype(np.float64)}, "float32"),
        ({"colour": colour[:, :, :2]}, "1 or 3"),
        ({"colour": colour[:0]}, "at least one pixel"),
        ({"alpha": np.zeros((3, 2), np.float32)}, "alpha must be"),
        ({"depth": 12}, "8, 16 or 32, got 12"),
    ):
        with pytest.raises(ValueError, match=match):
            Image(**{"colour": colour} | wrong)


def test_a_changed_copy_keeps_the_rest():
    image = Image(colour=np.zeros((2, 2, 1), np.float32), depth=16, metadata=Metadata(icc=b"x" * 20))
    changed = dataclasses.replace(image, colour=np.zeros((4, 4, 1), np.float32))
    assert (changed.size, changed.depth, changed.metadata.icc) == ((4, 4), 16, b"x" * 20)


def test_the_space_of_a_profile_is_read_from_its_header(display_p3):
    assert Metadata(icc=display_p3).icc_space == b"RGB "
    assert Metadata().icc_space is None

import numpy as np
import pytest

from kukkiri.images import Image
from kukkiri.inference import Upscaler
from kukkiri.inference.wrapping import bleed_wrapped, find_wrap_margin, resize_wrapped, upscale_wrapped


@pytest.fixture
def cut_out(rng):
    colour = rng.random((13, 18, 3), dtype=np.float32)
    alpha = np.zeros((13, 18), np.float32)
    alpha[3:6, 15:] = alpha[3:6, :2] = 1  # a patch across the left and the right side
    alpha[9, 9] = 0.25
    return colour, alpha


def test_visible_colours_stay_and_hidden_ones_commute_with_a_cyclic_shift(cut_out):
    colour, alpha = cut_out
    filled = bleed_wrapped(colour, alpha)
    assert np.array_equal(filled[alpha > 0], colour[alpha > 0])
    moved = bleed_wrapped(np.roll(colour, (5, 7), (0, 1)), np.roll(alpha, (5, 7), (0, 1)))
    assert np.abs(np.roll(filled, (5, 7), (0, 1)) - moved).max() < 1e-6


def test_hidden_colours_come_from_around_across_the_sides(cut_out):
    colour, alpha = cut_out
    colour[:] = 1
    colour[alpha > 0] = (0.2, 0.4, 0.6)
    assert np.allclose(bleed_wrapped(colour, alpha), (0.2, 0.4, 0.6), atol=1e-5)
    colour[3:6, 15:] = colour[3:6, :2] = 0  # one patch dark; the single pixel stays
    filled = bleed_wrapped(colour, alpha)
    assert filled[4, 2].max() < 0.05  # beside the patch
    assert filled[4, 14].max() < 0.05  # beside its other half


def test_without_anything_to_hide_the_colours_are_the_same_array(cut_out):
    colour, _ = cut_out
    assert bleed_wrapped(colour, np.ones((13, 18), np.float32)) is colour
    assert bleed_wrapped(colour, np.zeros((13, 18), np.float32)) is colour


def test_the_margin_holds_what_the_networks_read(numpy_engine):
    assert find_wrap_margin([numpy_engine(receptive_field=11)]) == 32  # 20 + 11, in cells of 4
    assert (
        find_wrap_margin([numpy_engine(scale=2, receptive_field=11), numpy_engine(receptive_field=5)]) == 36
    )  # 20 + 11 + 2.5
    assert find_wrap_margin([numpy_engine(receptive_field=11, multiple=8)]) == 32
    assert find_wrap_margin([numpy_engine(receptive_field=None)]) == 52  # 20 + 32, as blended tiles overlap


def test_an_image_smaller_than_its_margin_wraps_several_times(numpy_engine):
    levels = np.arange(32, dtype=np.uint8).reshape(4, 8) * 7
    upscaler = Upscaler(numpy_engine(), wrap=True)
    whole = Upscaler(numpy_engine())(np.tile(levels, (21, 11)))
    assert np.array_equal(upscaler(levels), whole[80:88, 80:96])


def test_the_inner_result_is_cropped_and_resized_with_the_same_border(rng):
    image = Image(colour=rng.random((6, 8, 1), dtype=np.float32))

    def repeat(padded):
        assert padded.size == (6 + 10, 8 + 10)
        return Image(colour=padded.colour.repeat(2, 0).repeat(2, 1))

    sr = upscale_wrapped(image, repeat, margin=5, factor=2, output_size=(12, 16))
    assert np.array_equal(sr.colour, image.colour.repeat(2, 0).repeat(2, 1))
    smaller = upscale_wrapped(image, repeat, margin=5, factor=2, output_size=(9, 12))
    assert np.array_equal(smaller.colour, resize_wrapped(sr, (9, 12), kernel="cubic").colour)

import numpy as np
import pytest

from kukkiri.images import Image, Metadata, rgb_to_ycbcr, ycbcr_to_rgb
from kukkiri.inference.colour_plan import ColourPlan, interleave, is_grey, join_colour, split_colour
from kukkiri.resampling import resize
from tests.tolerances import FLOAT32_AGAINST_FLOAT64, FLOAT32_SAME_MATHS, STORED_FLOAT32


def test_split_and_join_at_the_same_size_is_the_image(rng):
    rgb = rng.random((6, 7, 3), dtype=np.float32)
    assert np.abs(join_colour(*split_colour(rgb)) - rgb).max() <= FLOAT32_SAME_MATHS


def test_joining_is_bicubic_chroma_with_the_given_luma(rng):
    rgb, luma = rng.random((6, 7, 3)), rng.random((18, 21))
    ycbcr = resize(rgb_to_ycbcr(rgb), scale=3)
    ycbcr[..., 0] = luma
    _, red, blue = split_colour(rgb.astype(np.float32))
    joined = join_colour(luma.astype(np.float32), red, blue)
    assert np.abs(joined - np.clip(ycbcr_to_rgb(ycbcr), 0, 1)).max() <= FLOAT32_AGAINST_FLOAT64


def test_grey_maps_to_studio_range_and_back():
    grey = np.float32([[0, 1], [0.25, 0.5]])
    plan = ColourPlan(Image(colour=grey[..., None]), "y")
    assert np.abs(plan.planes[0, 0, 0] - np.float32([16, 235]) / 255).max() <= STORED_FLOAT32
    assert np.abs(plan.join(plan.planes).colour[..., 0] - grey).max() <= FLOAT32_SAME_MATHS


@pytest.mark.parametrize("colour", ["y", "rgb"])
@pytest.mark.parametrize(("channels", "grey"), [(1, True), (3, True), (3, False)])
def test_what_is_split_is_joined_again(rng, colour, channels, grey):
    values = rng.random((9, 7, 1 if grey else 3), dtype=np.float32)
    image = Image(
        colour=np.repeat(values, channels, axis=2) if grey else values,
        alpha=np.ones((9, 7), np.float32),
        depth=16,
        metadata=Metadata(icc=b"profile"),
        notes=("a note",),
    )
    plan = ColourPlan(image, colour)
    assert plan.planes.shape == (1, 1 if colour == "y" else 3, 9, 7)
    joined = plan.join(plan.planes)
    assert np.abs(joined.colour - image.colour).max() <= FLOAT32_SAME_MATHS
    assert (joined.depth, joined.metadata, joined.notes) == (16, image.metadata, image.notes)
    assert np.all(joined.alpha == 1)


@pytest.mark.parametrize("colour", ["y", "rgb"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_result_outside_the_range_is_clamped(colour, channels):
    plan = ColourPlan(Image(colour=np.full((3, 4, channels), 0.5, np.float32)), colour)
    high, low = (plan.join(np.full(plan.planes.shape, value, np.float32)).colour for value in (1.5, -0.5))
    assert high.shape == low.shape == (3, 4, channels)
    assert np.all(high == 1)
    assert np.all(low == 0)


def test_colour_under_transparent_pixels_is_that_of_their_neighbours(rng):
    colour = rng.uniform(0.4, 0.6, (8, 8, 3)).astype(np.float32)
    alpha = np.ones((8, 8), np.float32)
    alpha[2:5, 2:5], colour[2:5, 2:5] = 0, 0
    planes = ColourPlan(Image(colour=colour, alpha=alpha), "rgb").planes
    assert planes.min() >= 0.4 - 1e-6


def test_grey_is_one_channel_or_three_equal_ones(rng):
    grey = rng.random((4, 5, 1), dtype=np.float32)
    assert is_grey(grey)
    assert is_grey(grey.repeat(3, axis=2))
    coloured = grey.repeat(3, axis=2)
    coloured[0, 0, 2] += 1e-3
    assert not is_grey(coloured)


def test_joining_gives_the_same_bits_for_any_number_of_threads(rng):
    rgb = rng.random((130, 200, 3), dtype=np.float32)  # upscaled: four strips
    luma = rng.random((390, 600), dtype=np.float32)
    _, red, blue = split_colour(rgb)
    joined = join_colour(luma, red, blue)
    for threads in (2, 3, 4, 7):
        assert np.array_equal(joined, join_colour(luma, red, blue, threads=threads))


def test_joining_in_strips_is_joining_the_whole(rng):
    rgb = rng.random((130, 200, 3), dtype=np.float32)
    luma = rng.random((390, 600), dtype=np.float32)
    _, red, blue = split_colour(rgb)
    joined = join_colour(luma, red, blue)
    grey = (luma - 16 / 255) * np.float32(255 / 219)
    for channel, chroma in ((0, red), (2, blue)):
        whole = np.clip(grey + resize(chroma, output_size=luma.shape), 0, 1)
        # BLAS adds in another order for another height
        assert np.abs(joined[..., channel] - whole).max() <= FLOAT32_SAME_MATHS


def test_planes_become_an_image_inside_the_range(rng):
    planes = rng.uniform(-0.2, 1.2, (3, 300, 400)).astype(np.float32)  # two strips
    expected = np.clip(planes, 0, 1).transpose(1, 2, 0)
    for threads in (1, 2, 3):
        assert np.array_equal(interleave(planes, threads=threads), expected)

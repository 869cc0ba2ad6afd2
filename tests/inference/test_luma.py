import numpy as np

from kukkiri.images import rgb_to_ycbcr, ycbcr_to_rgb
from kukkiri.inference.luma import grey_to_luma, interleave, is_grey, join_colour, luma_to_grey, split_colour
from kukkiri.resampling import resize


def test_split_and_join_at_the_same_size_is_the_image(rng):
    rgb = rng.random((6, 7, 3), dtype=np.float32)
    assert np.abs(join_colour(*split_colour(rgb)) - rgb).max() <= 1e-6


def test_joining_is_bicubic_chroma_with_the_given_luma(rng):
    rgb, luma = rng.random((6, 7, 3)), rng.random((18, 21))
    ycbcr = resize(rgb_to_ycbcr(rgb), scale=3)
    ycbcr[..., 0] = luma
    _, red, blue = split_colour(rgb.astype(np.float32))
    joined = join_colour(luma.astype(np.float32), red, blue)
    assert np.abs(joined - np.clip(ycbcr_to_rgb(ycbcr), 0, 1)).max() <= 2e-6  # float32 against float64


def test_grey_maps_to_studio_range_and_back():
    grey = np.float32([[0, 1], [0.25, 0.5]])
    assert np.abs(grey_to_luma(grey)[0] - np.float32([16, 235]) / 255).max() <= 1e-7
    assert np.abs(luma_to_grey(grey_to_luma(grey)) - grey).max() <= 1e-6


def test_grey_is_one_channel_or_three_equal_ones(rng):
    grey = rng.random((4, 5, 1), dtype=np.float32)
    assert is_grey(grey)
    assert is_grey(grey.repeat(3, axis=2))
    coloured = grey.repeat(3, axis=2)
    coloured[0, 0, 2] += 1e-3
    assert not is_grey(coloured)


def test_joining_does_not_depend_on_the_threads(rng):
    rgb = rng.random((130, 200, 3), dtype=np.float32)  # upscaled: three strips
    luma = rng.random((390, 600), dtype=np.float32)
    _, red, blue = split_colour(rgb)
    one = join_colour(luma, red, blue)
    assert np.array_equal(one, join_colour(luma, red, blue, threads=2))
    resized = [resize(plane, output_size=luma.shape) for plane in (red, blue)]
    assert np.array_equal(one[..., 0], np.clip(luma_to_grey(luma) + resized[0], 0, 1))
    assert np.array_equal(one[..., 2], np.clip(luma_to_grey(luma) + resized[1], 0, 1))


def test_planes_become_a_image_inside_the_range(rng):
    planes = rng.uniform(-0.2, 1.2, (3, 300, 400)).astype(np.float32)  # two strips
    expected = np.clip(planes, 0, 1).transpose(1, 2, 0)
    for threads in (1, 2):
        assert np.array_equal(interleave(planes, threads=threads), expected)

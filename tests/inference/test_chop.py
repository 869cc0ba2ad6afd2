import numpy as np
import pytest

from kukkiri.errors import ConfigError
from kukkiri.inference import Upscaler
from kukkiri.inference.chop import chop, quantize_as_published
from tests.tolerances import FLOAT32_NETWORK, FLOAT64_FEW_OPERATIONS


def upscale(scale):
    return lambda lr: lr.repeat(scale, axis=0).repeat(scale, axis=1)


@pytest.mark.parametrize("size", [(40, 41), (21, 64), (33, 33), (5, 7), (1, 1), (2, 90)])
@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("min_size", [1, 160_000])
def test_a_pointwise_upscaler_gives_the_whole_image(size, scale, min_size):
    lr = np.arange(size[0] * size[1] * 2, dtype=np.float32).reshape(*size, 2)
    assert np.array_equal(chop(lr, upscale(scale), scale=scale, min_size=min_size), upscale(scale)(lr))


def test_the_quadrants_are_halves_rounded_down_and_ten_pixels():
    sizes = []

    def upscale(lr):
        sizes.append(lr.shape)
        return lr

    chop(np.zeros((61, 84)), upscale, scale=1)
    assert sizes == [(40, 52)] * 4  # 61 // 2 + 10, 84 // 2 + 10


def test_each_output_pixel_comes_from_its_own_quadrant():
    numbers = iter(range(1, 5))

    def upscale(lr):
        return np.full((2 * lr.shape[0], 2 * lr.shape[1]), next(numbers))

    sr = chop(np.zeros((31, 40)), upscale, scale=2)
    expected = np.empty((62, 80), int)
    expected[:30, :40], expected[:30, 40:], expected[30:, :40], expected[30:, 40:] = 1, 2, 3, 4  # 31 // 2 = 15
    assert np.array_equal(sr, expected)


def test_a_large_quadrant_is_split_again():
    calls = []

    def upscale(lr):
        calls.append(lr.shape)
        return lr

    chop(np.zeros((781, 781)), upscale, scale=1)  # 400 x 400 = 160,000 pixels: at the limit, so again
    assert calls == [(210, 210)] * 16
    calls.clear()
    chop(np.zeros((779, 781)), upscale, scale=1)
    assert calls == [(399, 400)] * 4


def test_global_statistics_are_those_of_a_quadrant():  # why published pixels need this
    lr = np.zeros((60, 60))
    lr[:10, :10] = 1  # only the upper left quadrant sees it
    sr = chop(lr, lambda part: np.full(part.shape, part.mean()), scale=1)
    assert sr[0, 0] == pytest.approx(100 / 40**2, rel=FLOAT64_FEW_OPERATIONS)
    assert sr[30:, :].max() == sr[:, 30:].max() == 0


@pytest.mark.parametrize(
    ("distance", "width", "same"), [(9, 47, True), (10, 47, False), (10, 48, True), (11, 48, False)]
)
def test_a_network_within_the_overlap_gives_the_same_as_whole(distance, width, same):
    lr = np.random.default_rng(0).random((50, width))

    def add_far(part):  # the pixel ``distance`` columns to the left and right
        padded = np.pad(part, ((0, 0), (distance, distance)))
        return padded[:, : -2 * distance] + part + padded[:, 2 * distance :]

    assert np.array_equal(chop(lr, add_far, scale=1), add_far(lr)) == same


def test_pixels_are_clamped_and_rounded_half_to_even():
    sr = np.array([-3.0, 0.5, 1.5, 254.5, 255.4, 300.0])
    assert quantize_as_published(sr).tolist() == [0, 0, 2, 254, 255, 255]
    assert quantize_as_published(np.array([0.5, 2.0]), white=1.0).tolist() == [128, 255]  # 127.5 to even


def test_an_upscaler_of_another_scale_is_refused():
    with pytest.raises(ValueError, match=r"mapped \(30, 31\) to \(60, 62\), expected \(90, 93\)"):
        chop(np.zeros((40, 43)), upscale(2), scale=3)


def test_arguments_out_of_range_are_refused():
    with pytest.raises(ValueError, match="at least 1, got 2, 0 and 160000"):
        chop(np.zeros((40, 40)), upscale(2), scale=2, shave=0)


def test_the_upscaler_chops_on_request(rng):
    image = rng.random((41, 57, 3), dtype=np.float32)
    whole, chopped = (Upscaler("espcn-x2", threads=1, chop=chop_it, bounded=False)(image) for chop_it in (False, True))
    assert np.abs(whole - chopped).max() < FLOAT32_NETWORK  # reads 4 pixels, and quadrants share 10
    both = Upscaler("espcn-x2", threads=1, chop=True, ensemble=True)(image)
    assert np.abs(both - Upscaler("espcn-x2", threads=1, ensemble=True, bounded=False)(image)).max() < FLOAT32_NETWORK
    with pytest.raises(ConfigError, match="chop and tile"):
        Upscaler("espcn-x2", chop=True, tile=64)

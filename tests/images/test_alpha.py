import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kukkiri.images import bleed
from kukkiri.resampling import resize
from tests.tolerances import FLOAT32_SAME_MATHS

shapes = st.tuples(st.integers(1, 23), st.integers(1, 23))
alphas = shapes.flatmap(lambda s: arrays(np.float32, s, elements=st.sampled_from([0.0, 0.0, 1 / 255, 0.5, 1.0])))


def disc(size: int, *, hard: bool = True) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    distance = size * 0.3 - np.hypot(x, y)
    return (distance > 0).astype(np.float32) if hard else np.clip(distance, 0, 1).astype(np.float32)


@given(alphas, st.sampled_from([1, 3]), st.integers(0, 9))
def test_visible_pixels_stay_bit_for_bit(alpha, channels, seed):
    colour = np.random.default_rng(seed).random((*alpha.shape, channels), np.float32)
    assert np.array_equal(bleed(colour, alpha)[alpha > 0], colour[alpha > 0])


@given(alphas, st.integers(0, 9))
def test_filled_colours_lie_between_the_visible_ones(alpha, seed):
    colour = np.random.default_rng(seed).random((*alpha.shape, 3), np.float32)
    filled = bleed(colour, alpha)
    if (alpha > 0).any():
        seen = colour[alpha > 0]
        assert (filled >= seen.min(axis=0) - 1e-6).all()
        assert (filled <= seen.max(axis=0) + 1e-6).all()


@given(alphas)
def test_one_visible_colour_fills_everything_exactly(alpha):
    colour = np.where(alpha[:, :, None] > 0, np.float32(1), np.float32(0))
    if (alpha > 0).any():
        assert (bleed(colour, alpha) == 1).all()


def test_fill_is_near_the_nearest_visible_pixels():
    # Left half red, right half blue, a transparent frame around them: each side of the frame takes its own colour.
    colour = np.zeros((40, 40, 3), np.float32)
    colour[10:30, 10:20, 0] = colour[10:30, 20:30, 2] = 1
    alpha = np.zeros((40, 40), np.float32)
    alpha[10:30, 10:30] = 1
    filled = bleed(colour, alpha)
    assert (filled[12:28, 8:10, 0] > 0.8).all()
    assert (filled[12:28, 30:32, 2] > 0.8).all()


def test_nearly_invisible_pixels_hardly_count():
    colour = np.zeros((8, 8, 1), np.float32)
    alpha = np.zeros((8, 8), np.float32)
    colour[2:4, 2:4] = 0.8
    alpha[2:4, 2:4] = 1
    alpha[2, 1] = 1 / 255  # black dirt beside it
    assert (bleed(colour, alpha)[alpha == 0] > 0.79).all()


def test_white_on_transparent_black_upscales_without_a_fringe():
    alpha = disc(33)
    colour = np.where(alpha[:, :, None] > 0, np.float32(1), np.float32(0)).repeat(3, axis=2)
    large_alpha = np.clip(resize(alpha, scale=3), 0, 1)
    fringed = resize(colour, scale=3)[large_alpha > 0.01]
    clean = resize(bleed(colour, alpha), scale=3)[large_alpha > 0.01]
    assert fringed.min() < 0.2  # without bleeding, grey and black would show at the edge
    np.testing.assert_allclose(clean, 1, atol=FLOAT32_SAME_MATHS)


def test_a_coloured_cut_out_with_a_soft_edge_keeps_its_colours_at_the_edge():
    size = 40
    ramp = np.linspace(0.3, 0.9, size, dtype=np.float32)
    truth = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], np.float32(0.5)), axis=2)
    alpha = disc(size, hard=False)
    colour = np.where(alpha[:, :, None] > 0, truth, np.float32(0))
    large_alpha = np.clip(resize(alpha, scale=2), 0, 1)[:, :, None]
    large_truth = resize(truth, scale=2)
    error = np.abs(resize(bleed(colour, alpha), scale=2) - large_truth) * large_alpha
    error_without = np.abs(resize(colour, scale=2) - large_truth) * large_alpha
    assert error.max() < 0.015  # the slope of the ramp, per pixel
    assert error_without.max() > 0.1


def test_opaque_and_empty_images_are_returned_unchanged():
    colour = np.random.default_rng(0).random((5, 6, 3), np.float32)
    assert bleed(colour, np.ones((5, 6), np.float32)) is colour
    assert bleed(colour, np.zeros((5, 6), np.float32)) is colour

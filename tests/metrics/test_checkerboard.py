import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kukkiri.errors import ImageError
from kukkiri.metrics.checkerboard import (
    checkerboard,
    network_checkerboard,
    overlap_count,
    phase_means,
    phase_response,
    smooth_probe,
    spectrum,
    sub_pixel_residual,
    texture_probe,
)
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_LARGE_VALUES, FLOAT64_MATHS


def tiled(pattern, size):
    scale = pattern.shape[0]
    return np.tile(pattern, (size // scale, size // scale))


def test_phase_means_are_those_of_the_tiled_pattern():
    pattern = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(phase_means(tiled(pattern, 12), scale=3), pattern)
    colour = np.stack([tiled(pattern, 12), 2 * tiled(pattern, 12)], axis=2)
    np.testing.assert_array_equal(phase_means(colour, scale=3)[..., 1], 2 * pattern)


def test_phase_response_of_a_layer_whose_phases_have_known_gains():
    gains = np.array([[1.0, 2.0], [3.0, 4.0]])

    def upscale(lr):
        return np.kron(lr[..., 0], gains)[:, :, None] + lr.sum(axis=2).repeat(2, 0).repeat(2, 1)[:, :, None]

    found = phase_response(upscale, scale=2, channels=3, level=0.5)
    np.testing.assert_allclose(found[..., 0], 0.5 * gains + 1.5, atol=FLOAT64_MATHS)


def test_phase_response_refuses_another_size():
    with pytest.raises(ImageError, match="expected x3"):
        phase_response(lambda lr: lr, scale=3, channels=1)


def test_overlap_of_kernel_three_stride_two_alternates_and_of_kernel_four_does_not():
    assert overlap_count(4, kernel_size=3, stride=2).tolist() == [1, 1, 2, 1, 2, 1, 2, 1, 1]
    assert overlap_count(4, kernel_size=4, stride=2).tolist() == [1, 1, 2, 2, 2, 2, 2, 2, 1, 1]
    assert overlap_count(4, kernel_size=4, stride=2, padding=1).tolist() == [1, 2, 2, 2, 2, 2, 2, 1]


@settings(max_examples=50, deadline=None)
@given(stride=st.integers(1, 5), kernel=st.integers(1, 11), length=st.integers(24, 30))
def test_overlap_is_even_in_the_middle_exactly_when_the_kernel_is_a_multiple(stride, kernel, length):
    count = overlap_count(length, kernel_size=kernel, stride=stride)
    middle = count[kernel:-kernel]
    assert (len(set(middle.tolist())) == 1) == (kernel % stride == 0)
    assert count.sum() == length * kernel


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_amplitude_is_the_root_mean_square_of_the_pattern(scale):  # Hann: exactly the 3x3 bins, so to rounding
    pattern = np.random.default_rng(scale).normal(size=(scale, scale)) * 0.05
    image = 0.5 + tiled(pattern, 48 * scale)
    found = checkerboard(image, scale=scale)
    np.testing.assert_allclose(found.amplitude, pattern.std(), rtol=1e-9)
    floor = (0.5 / 255) ** 2 / 2
    np.testing.assert_allclose(found.score, 10 * np.log10(pattern.var() / floor + 1), rtol=1e-9)


def test_score_does_not_depend_on_the_size_of_the_image():
    noise = np.random.default_rng(0)
    pattern = np.array([[0.01, -0.01], [-0.01, 0.01]])
    scores = [
        checkerboard(0.5 + tiled(pattern, size) + noise.normal(size=(size, size)) * 0.02, scale=2).score
        for size in (96, 192, 384)
    ]
    assert max(scores) - min(scores) < 1.5  # the peak of one 64-pixel block in noise scatters by a fraction of a dB


@settings(max_examples=20, deadline=None)
@given(scale=st.integers(2, 4), seed=st.integers(0, 999))
def test_noise_without_a_pattern_scores_about_zero(scale, seed):
    noise = np.random.default_rng(seed).normal(size=(256, 256)) * 0.1
    found = checkerboard(0.5 + noise, scale=scale)
    assert abs(found.score) < 1.5
    assert found.amplitude < 0.1 * 0.15  # 27 of some 4096 bins hold a hundredth of the energy


def test_a_flat_image_and_a_constant_scores_zero():
    assert checkerboard(np.full((64, 64), 0.3), scale=2).score == pytest.approx(0.0, abs=FLOAT64_LARGE_VALUES)
    assert checkerboard(np.full((64, 64, 3), 0.3, dtype=np.float32), scale=2).amplitude == pytest.approx(
        0.0, abs=FLOAT32_SAME_MATHS
    )


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_staircases_of_a_texture_are_no_pattern_but_uneven_phases_are(scale):
    stairs = np.kron(texture_probe(96, scale=scale)[..., 0], np.ones((scale, scale)))
    assert checkerboard(stairs, scale=scale).score < 0.0
    pattern = np.ones((scale, scale))
    pattern[0, 0] += 0.05 * scale
    marked = checkerboard(stairs * tiled(pattern, 96 * scale), scale=scale)
    assert marked.score > 15.0
    np.testing.assert_allclose(marked.amplitude, 0.5 * pattern.std(), rtol=0.05)  # the texture around is subtracted


def test_score_grows_with_the_pattern_on_a_sharp_image():
    random = np.random.default_rng(1)
    sharp = np.clip(smooth_probe(128)[..., 0] + (random.uniform(size=(128, 128)) > 0.9) * 0.2, 0, 1)
    pattern = tiled(np.array([[1.0, 0.0], [0.0, 0.0]]), 128)
    scores = [checkerboard(sharp + strength * pattern, scale=2).score for strength in (0.0, 0.02, 0.05, 0.1)]
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] > 5


def test_network_measurement_leaves_out_the_border_and_finds_the_uneven_phase():
    gains = np.ones((3, 3))
    gains[1, 2] = 1.02

    def upscale(lr):
        sr = np.kron(lr[..., 0], gains)
        sr[:36] = sr[-36:] = sr[:, :36] = sr[:, -36:] = 0.0  # 12 LR pixels
        return sr[:, :, None]

    found = network_checkerboard(upscale, scale=3, channels=1, margin=12, multiple=8)
    np.testing.assert_allclose(found.response[..., 0], 0.5 * gains, atol=FLOAT64_MATHS)
    np.testing.assert_allclose(found.spread, 0.01, atol=FLOAT64_MATHS)
    even = network_checkerboard(lambda lr: lr.repeat(3, 0).repeat(3, 1), scale=3, channels=1)
    assert found.texture.score > even.texture.score + 5
    assert even.spread == 0.0


def test_a_pattern_of_another_period_does_not_count():
    image = 0.5 + tiled(np.diag([0.1, 0.0, -0.1]), 192)
    assert checkerboard(image, scale=2).score < 1.0
    assert checkerboard(image, scale=3).score > 20.0


def test_spectrum_sums_to_the_mean_square():
    image = np.random.default_rng(0).normal(size=(64, 64))
    window = np.outer(*[0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)] * 2)
    expected = (((image - image.mean()) * window) ** 2).sum() / (window**2).sum()
    np.testing.assert_allclose(spectrum(image, scale=2).sum(), expected, rtol=FLOAT64_MATHS)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_residual_keeps_a_pattern_and_drops_a_slope(scale):
    pattern = np.random.default_rng(0).normal(size=(scale, scale))
    pattern -= pattern.mean()
    slope = np.add.outer(np.arange(12.0 * scale), 2 * np.arange(12.0 * scale))
    found = sub_pixel_residual(slope + tiled(pattern, 12 * scale), scale=scale)
    inner = (slice(scale, -scale), slice(scale, -scale))
    np.testing.assert_allclose(found[inner], tiled(pattern, 12 * scale)[inner], atol=1e-11)  # the slope reaches 100


def test_probe_stays_in_its_range_and_is_the_same_every_time():
    probe = smooth_probe(64, channels=3)
    texture = texture_probe(96, scale=3, channels=3)
    assert texture.shape == (96, 96, 3)
    np.testing.assert_allclose([texture.mean(), texture[..., 0].std()], [0.5, 0.02], atol=1e-5)
    assert (probe.min(), probe.max()) == (np.float32(0.1), np.float32(0.9))
    np.testing.assert_array_equal(probe, smooth_probe(64, channels=3))


def test_mistakes_are_refused():
    with pytest.raises(ImageError, match="too small"):
        checkerboard(np.zeros((20, 64)), scale=2)
    with pytest.raises(ValueError, match="at least 2"):
        spectrum(np.zeros((64, 64)), scale=1)
    with pytest.raises(ImageError, match="no complete x4 cell"):
        phase_means(np.zeros((3, 8)), scale=4)

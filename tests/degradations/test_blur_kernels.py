import math

import numpy as np
import pytest

from kukkiri.degradations import blur_kernels as k
from kukkiri.degradations.alignment import centre_of_mass, kernel_covariance
from tests.tolerances import FLOAT64_LARGE_VALUES, FLOAT64_MATHS

ROUNDING = 1e-15  # weights are below 1; the same formula in float64


@pytest.mark.parametrize("index", range(5))
def test_gaussians_by_variance_equal_mzsr(golden_arrays, index):
    vector = golden_arrays("kernels")
    size, angle, first, second = vector[f"params.aniso.{index}"].tolist()
    mine = k.gaussian_kernel(first, second, angle, size=int(size))
    np.testing.assert_allclose(mine, vector[f"output.aniso.{index}.MZSR"], atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("index", range(3))
def test_gaussians_by_sigma_equal_fspecial(golden_arrays, index):
    vector = golden_arrays("kernels")
    size, sigma = vector[f"params.iso.{index}"].tolist()
    mine = k.gaussian_kernel_from_sigmas(sigma, size=int(size))
    np.testing.assert_allclose(mine, vector[f"output.iso.{index}"], atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("index", range(2))
def test_generalized_plateau_and_sinc_equal_basicsr(golden_arrays, index):
    vector = golden_arrays("kernels")
    size, first, second, angle, beta = vector[f"params.generalized.{index}"].tolist()
    shape = {"variance": first**2, "second": second**2, "angle": angle, "beta": beta, "size": int(size)}
    theirs = vector[f"output.generalized_gaussian.{index}"]
    np.testing.assert_allclose(k.generalized_gaussian_kernel(**shape), theirs, atol=ROUNDING, rtol=0)
    np.testing.assert_allclose(k.plateau_kernel(**shape), vector[f"output.plateau.{index}"], atol=ROUNDING, rtol=0)
    cutoff, size = vector[f"params.sinc.{index}"].tolist()
    np.testing.assert_allclose(
        k.sinc_kernel(cutoff, size=int(size)), vector[f"output.sinc.{index}"], atol=ROUNDING, rtol=0
    )


def test_variances_and_angle_are_those_of_the_weights():
    kernel = k.gaussian_kernel(4.0, 1.0, -0.5, size=31)
    axis = np.arange(31) - 15
    xx, yy = kernel.sum(axis=0) @ axis**2, kernel.sum(axis=1) @ axis**2
    xy = axis @ kernel @ axis
    rotation = np.array([[math.cos(-0.5), -math.sin(-0.5)], [math.sin(-0.5), math.cos(-0.5)]])
    expected = rotation @ np.diag([4.0, 1.0]) @ rotation.T
    # sampling and cutting a Gaussian at 15 pixels changes its moments by less than exp(-2 pi^2) = 3e-9
    np.testing.assert_allclose([[xx, xy], [xy, yy]], expected, atol=1e-7)


def test_offset_moves_the_centre_down_and_right():
    row, column = centre_of_mass(k.gaussian_kernel(2.0, size=31, offset=(0.5, 1.5)))
    assert (row, column) == (pytest.approx(15.5, abs=1e-7), pytest.approx(16.5, abs=1e-7))  # as above


def test_mzsr_samples_variances_within_its_bounds(rng):
    for _ in range(20):
        kernel = k.sample_gaussian_kernel(rng, scale=2, size=41)  # wide, so that nothing is cut
        axis = np.arange(41) - 20
        second = axis @ kernel @ axis
        xx, yy = kernel.sum(axis=0) @ axis**2, kernel.sum(axis=1) @ axis**2
        low, high = np.linalg.eigvalsh([[xx, second], [second, yy]])
        assert 1 - 1e-6 <= low <= high <= 5 + 1e-6


def test_large_disk_is_flat_and_its_rim_is_exact():
    kernel = k.disk_kernel(3.0)
    area = math.pi * 9
    assert kernel.shape == (7, 7)
    assert kernel[3, 3] == pytest.approx(1 / area, rel=FLOAT64_MATHS)
    fine = (np.arange(7 * 400) + 0.5) / 400 - 3.5  # counted on 400x400 points for each pixel
    counted = (np.hypot(fine[:, None], fine) <= 3).reshape(7, 400, 7, 400).mean(axis=(1, 3)) / area
    np.testing.assert_allclose(kernel, counted, atol=1e-5)  # the counting's own error at the rim


def test_a_disk_s_rim_survives_the_rounding_of_its_square():
    kernel = k.disk_kernel(4.053247629614951)  # whose square rounds below the square of the same number in an array
    assert np.isfinite(kernel).all()
    assert kernel_covariance(kernel)[0] == pytest.approx(kernel_covariance(k.disk_kernel(4.0532))[0], abs=1e-3)


def test_disk_within_one_pixel_is_a_delta_and_a_shifted_one_keeps_its_centre():
    np.testing.assert_array_equal(k.disk_kernel(0.4), [[1.0]])
    shifted = k.disk_kernel(2.2, offset=(0.5, -0.25))
    middle = (len(shifted) - 1) / 2
    # the mass of a cut pixel counts at its centre, so the rim leaves an error
    assert centre_of_mass(shifted) == pytest.approx((middle + 0.5, middle - 0.25), abs=0.02)


def test_horizontal_motion_of_five_pixels_is_five_even_weights():
    expected = np.zeros((5, 5))
    expected[2] = 0.2
    np.testing.assert_allclose(k.motion_kernel(5), expected, atol=ROUNDING)
    np.testing.assert_allclose(k.motion_kernel(5, math.pi / 2), expected.T, atol=ROUNDING)


def test_motion_at_a_positive_angle_falls_to_the_right():
    kernel = k.motion_kernel(9, 0.6)
    axis = np.arange(9) - 4
    assert axis @ kernel @ axis > 0
    np.testing.assert_allclose(kernel, k.flip_kernel(kernel), atol=ROUNDING)


def test_shaken_motion_is_centred_repeatable_and_inside(rng):
    kernel = k.sample_motion_kernel(rng, size=25)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=FLOAT64_MATHS)
    assert centre_of_mass(kernel) == pytest.approx((12, 12), abs=FLOAT64_LARGE_VALUES)
    again = k.sample_motion_kernel(np.random.default_rng(2016), size=25)
    np.testing.assert_array_equal(kernel, again)


def test_bicubic_kernel_for_two_has_the_known_weights():
    # Keys' cubic at +-1/4, 3/4, 5/4, 7/4 over its sum: MATLAB's weights for one half
    side = np.array([-0.01171875, -0.03515625, 0.11328125, 0.43359375])
    row = np.concatenate([[0], side, side[::-1]])
    np.testing.assert_allclose(k.bicubic_kernel(2), np.outer(row, row), atol=ROUNDING)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: k.gaussian_kernel(0.0), "variance must be positive and finite, got 0.0"),
        (lambda: k.gaussian_kernel(1.0, -1.0), "variance must be positive"),
        (lambda: k.gaussian_kernel(1.0, size=0), "size must be at least 1, got 0"),
        (lambda: k.plateau_kernel(1.0, beta=math.nan), "beta must be positive"),
        (lambda: k.disk_kernel(-1.0), "radius must be positive"),
        (lambda: k.motion_kernel(0.5), "length must be at least 1"),
        (lambda: k.sample_motion_kernel(np.random.default_rng(0), size=3), "size must be at least 5"),
        (lambda: k.sinc_kernel(4.0), "cutoff must be above 0"),
        (lambda: k.bicubic_kernel(0), "scale must be at least 1"),
        (lambda: k.as_kernel([1.0, 2.0]), "a kernel is a matrix"),
        (lambda: k.as_kernel([[1.0, math.inf]]), "finite"),
        (lambda: k.as_kernel([[1.0, -1.0]]), "sums to 0"),
        (lambda: k.as_kernel([[-1.0, -1.0]]), "sums to a negative number"),
        (lambda: k.as_kernel([[1.0, 1j]]), "real numbers, got complex ones"),
    ],
)
def test_impossible_kernels_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_array_becomes_a_kernel_that_sums_to_one():
    np.testing.assert_allclose(k.as_kernel([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]]) / 10, atol=ROUNDING)


def test_a_kernel_far_narrower_than_a_pixel_is_its_nearest_samples():
    """An even kernel has no sample at its centre; exp(-d / 2 variance) underflows at all of them."""
    kernel = k.gaussian_kernel(1e-6, size=2)
    assert np.allclose(kernel, 0.25, atol=FLOAT64_MATHS)


def test_kernels_of_huge_and_tiny_weights_are_normalized():
    for weight in (1e308, 1e-299, 3):
        np.testing.assert_allclose(k.as_kernel(np.full((3, 3), weight)), np.full((3, 3), 1 / 9), atol=FLOAT64_MATHS)

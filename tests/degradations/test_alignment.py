import numpy as np
import pytest

from kukkiri.degradations.alignment import (
    align_kernel,
    aligned_centre,
    centre_kernel,
    centre_of_mass,
    crop_kernel,
    kernel_covariance,
    lies_aligned,
    move_kernel,
    odd_sided,
    shrink_kernel,
)
from kukkiri.degradations.blur_kernels import gaussian_kernel
from kukkiri.degradations.degradation import Degradation
from tests.tolerances import FLOAT64_LARGE_VALUES, FLOAT64_MATHS, STORED_FLOAT32


@pytest.mark.parametrize(("index", "scale"), [(0, 2), (1, 3), (3, 4)])
def test_odd_kernels_are_aligned_as_kernelgan_does(golden_arrays, index, scale):
    vector = golden_arrays("kernels")
    mine = align_kernel(vector[f"input.shift.{index}"], scale=scale)
    # SciPy's spline of another version may differ by 1e-7; here the linear system is solved exactly
    np.testing.assert_allclose(mine, vector[f"output.kernel_shift.{index}.KernelGAN"], atol=FLOAT64_LARGE_VALUES)


def test_kernelgan_aims_half_a_pixel_too_far_for_an_even_kernel(golden_arrays):
    vector = golden_arrays("kernels")
    kernel, theirs = vector["input.shift.2"], vector["output.kernel_shift.2.KernelGAN"]
    np.testing.assert_allclose(move_kernel(kernel, to=(7.0, 7.0)), theirs, atol=FLOAT64_LARGE_VALUES)
    assert aligned_centre((12, 12), 2) == (6.5, 6.5)


def test_post_processed_kernels_equal_kernelgan(golden_arrays):
    for name in ("kernelgan_post_1", "kernelgan_post_2"):
        vector = golden_arrays(name)
        mine = align_kernel(vector["output.zeroized"], scale=2)
        np.testing.assert_allclose(mine, vector["output.post_processed"], atol=STORED_FLOAT32)


def test_a_whole_shift_moves_the_weights_unchanged(rng):
    kernel = rng.uniform(size=(5, 7))
    row, column = centre_of_mass(kernel)
    moved = move_kernel(kernel, to=(row + 2, column - 1))
    expected = np.zeros((11, 13))
    expected[5:10, 2:9] = kernel
    np.testing.assert_allclose(moved, expected, atol=FLOAT64_MATHS)


def test_a_shifted_gaussian_is_the_gaussian_sampled_elsewhere():
    moved = move_kernel(gaussian_kernel(4.0, size=25), to=(12.5, 12.25))
    expected = gaussian_kernel(4.0, size=len(moved), offset=(0.5, 0.25))
    np.testing.assert_allclose(moved, expected, atol=2e-4)  # two axes of 5/384 of the 4th derivative


def test_centring_undoes_an_offset():
    centred = centre_kernel(gaussian_kernel(3.0, size=21, offset=(0.5, -1.5)))
    middle = (len(centred) - 1) / 2
    assert centre_of_mass(centred) == pytest.approx((middle, middle), abs=1e-3)  # the spline's error


@pytest.mark.parametrize("size", [5, 6, 15, 20])
def test_cropping_keeps_the_anchor(size):
    kernel = np.zeros((11, 11))
    kernel[5, 5] = 3.0
    cropped = crop_kernel(kernel, size=size)
    assert cropped.shape == (size, size)
    assert cropped[size // 2, size // 2] == 1.0


def test_the_covariance_is_that_of_the_gaussian_that_was_sampled():
    variance, second, angle = 3.0, 1.5, 0.4
    cosine, sine = np.cos(angle), np.sin(angle)
    expected = (
        variance * cosine**2 + second * sine**2,
        variance * sine**2 + second * cosine**2,
        (variance - second) * cosine * sine,
    )
    kernel = gaussian_kernel(variance, second, angle, size=25)
    assert kernel_covariance(kernel) == pytest.approx(expected, abs=1e-6)  # seven deviations are inside
    assert kernel_covariance(5 * np.pad(kernel, ((3, 0), (0, 7)))) == pytest.approx(expected, abs=1e-6)
    assert kernel_covariance(np.ones((1, 4)) / 4) == pytest.approx((1.25, 0, 0), abs=FLOAT64_MATHS)


def test_an_even_kernel_is_anchored_above_and_left_of_its_middle():
    """As in MATLAB's ``imfilter``: the mean of pixels 0 and 1 is kept as pixel 0, which is x2's bicubic grid."""
    ramp = np.tile(np.arange(8.0), (8, 1)) / 10
    lr = Degradation.parse("array:1,1,1,1,rows=2+direct").apply(ramp, scale=2)
    np.testing.assert_allclose(lr[1], [0.05, 0.25, 0.45, 0.65], atol=1e-12)
    assert odd_sided(np.ones((3, 4))).shape == (3, 5)
    assert lies_aligned(odd_sided(np.ones((4, 4))), scale=2)
    assert not lies_aligned(np.ones((3, 3)), scale=2)


def test_a_shrunk_kernel_keeps_its_mass_and_centre_and_loses_variance():
    whole = gaussian_kernel(4.0, 1.0, 0.3, size=25)
    small = shrink_kernel(whole, by=(0.5, 1.0))
    before, after = kernel_covariance(whole), kernel_covariance(small)
    assert small.sum() == pytest.approx(1)
    assert centre_of_mass(small) == pytest.approx((small.shape[0] // 2, small.shape[0] // 2))
    assert after[0] == pytest.approx(before[0])
    assert before[1] / 4 <= after[1] <= before[1] / 4 + 0.25
    np.testing.assert_allclose(
        shrink_kernel(gaussian_kernel(2.0, size=9), by=(0.0, 0.0)), [[0] * 3, [0, 1, 0], [0] * 3]
    )


def test_a_kernel_that_shrinks_about_its_anchor_keeps_a_share_of_its_shift():
    shifted = gaussian_kernel(2.0, size=25, offset=(1.0, -2.0))
    small = shrink_kernel(shifted, by=(0.25, 0.5), about=(12, 12))
    middle = small.shape[0] // 2
    assert centre_of_mass(small) == pytest.approx((middle + 0.25, middle - 1.0), abs=1e-6)

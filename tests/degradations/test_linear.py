import numpy as np
import pytest

from kukkiri.degradations import align_kernel, bicubic_kernel, flip_kernel, gaussian_kernel
from kukkiri.degradations.linear import blur, blur_downsample, crop_to_multiple, subsample
from kukkiri.errors import ImageError
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_FEW_OPERATIONS, FLOAT64_MATHS, FLOAT64_SUMS

BORDERS = ["symmetric", "reflect", "replicate", "wrap"]
SCIPY = {"symmetric": "reflect", "reflect": "mirror", "replicate": "nearest", "wrap": "wrap"}


def vectors(golden_arrays, scale):
    vector = golden_arrays(f"degradation_x{scale}")
    return vector, vector["input"], vector["input.k"]


def assert_equal(mine, vector, name):
    # the same sums in float64; SciPy and the FFT add in another order
    np.testing.assert_allclose(mine, vector[f"output.{name}"], atol=FLOAT64_SUMS, rtol=0)


@pytest.mark.parametrize("scale", [2, 3])
def test_mzsr_direct_and_bicubic_are_reproduced(golden_arrays, scale):
    vector, hr, kernel = vectors(golden_arrays, scale)
    assert_equal(blur_downsample(hr, kernel, scale=scale), vector, "mzsr_direct")
    assert_equal(blur_downsample(hr, kernel, scale=scale, method="bicubic"), vector, "mzsr_bicubic")


@pytest.mark.parametrize("scale", [2, 3])
def test_the_numeric_kernel_of_kernelgan_is_reproduced(golden_arrays, scale):
    vector, hr, kernel = vectors(golden_arrays, scale)
    # despite its name it was recorded with KernelGAN's default, kernel_shift_flag=False;
    # the shift itself is checked in test_alignment.py
    assert_equal(blur_downsample(hr, kernel, scale=scale), vector, "kernelgan_numeric_kernel_shifted")


@pytest.mark.parametrize("scale", [2, 3])
def test_usrnet_srmd_and_dpsr_in_kair_are_reproduced(golden_arrays, scale):
    vector, hr, kernel = vectors(golden_arrays, scale)
    flipped = flip_kernel(kernel)  # KAIR convolves
    wrap = {"scale": scale, "border": "wrap"}
    assert_equal(blur_downsample(hr, flipped, **wrap), vector, "classical_wrap_convolve")
    assert_equal(blur_downsample(hr, flipped, method="bicubic", **wrap), vector, "srmd_wrap_convolve_bicubic")
    assert_equal(
        blur_downsample(hr, flipped, method="bicubic", blur_last=True, **wrap), vector, "dpsr_bicubic_wrap_convolve"
    )


@pytest.mark.parametrize("scale", [2, 3])
def test_the_blur_of_ikc_is_reproduced(golden_arrays, scale):
    vector, hr, kernel = vectors(golden_arrays, scale)
    mine = blur(hr, kernel, border="reflect")
    np.testing.assert_allclose(mine, vector["output.ikc_blur_reflectpad_float32"], atol=FLOAT32_SAME_MATHS)


@pytest.mark.parametrize("size", [3, 5, 11, 21])
@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_large_images_are_blurred_in_bands_and_by_a_column_and_a_row(rng, size, angle):
    ndimage = pytest.importorskip("scipy.ndimage")
    image, kernel = rng.random((90, 500)), gaussian_kernel(2.0, 1.0, angle, size=size)  # several bands
    np.testing.assert_allclose(blur(image, kernel), ndimage.correlate(image, kernel, mode="reflect"), atol=FLOAT64_SUMS)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("shape", [(5, 5), (4, 6), (15, 13), (1, 7)])
def test_blur_equals_scipy_for_every_border_and_size(rng, border, shape):
    ndimage = pytest.importorskip("scipy.ndimage")
    image, kernel = rng.uniform(size=(19, 23)), rng.normal(size=shape)
    expected = ndimage.correlate(image, kernel, mode=SCIPY[border])
    np.testing.assert_allclose(blur(image, kernel, border=border), expected, atol=FLOAT64_MATHS)
    np.testing.assert_allclose(blur(image, kernel, border=border, step=3), expected[::3, ::3], atol=FLOAT64_MATHS)


def test_a_kernel_larger_than_the_image_is_folded(rng):
    image = rng.uniform(size=(4, 3, 2))
    np.testing.assert_allclose(
        blur(image, np.full((21, 21), 1 / 441), border="wrap").std(axis=(0, 1)).max(), 0, atol=0.05
    )
    constant = np.full((4, 3), 0.7)
    np.testing.assert_allclose(blur(constant, gaussian_kernel(4.0)), constant, atol=FLOAT64_FEW_OPERATIONS)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_bicubic_matrix_with_direct_subsampling_is_imresize(rng, scale):
    hr = rng.uniform(size=(12 * scale, 14 * scale))
    direct = blur_downsample(hr, bicubic_kernel(scale), scale=scale)
    inner = (slice(3, -3),) * 2  # MATLAB normalizes nothing at the border either, but mirrors the same way
    np.testing.assert_allclose(direct[inner], subsample(hr, scale=scale)[inner], atol=FLOAT64_SUMS)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_an_aligned_kernel_keeps_a_ramp_where_bicubic_has_it(scale):
    hr = np.broadcast_to(np.arange(20.0 * scale), (20 * scale, 20 * scale)) / 100
    kernel = gaussian_kernel(2.0, size=21)
    inner = (slice(6, -6),) * 2
    bicubic = subsample(hr, scale=scale)[inner]
    aligned = blur_downsample(hr, align_kernel(kernel, scale=scale), scale=scale)[inner]
    plain = blur_downsample(hr, kernel, scale=scale)[inner]
    np.testing.assert_allclose(aligned, bicubic, atol=1e-4)  # the spline loses 1e-5 of the kernel's sum
    np.testing.assert_allclose(plain, bicubic - (scale - 1) / 2 / 100, atol=FLOAT64_MATHS)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_of_8_bit_is_bit_exact(golden_arrays, scale):
    from kukkiri.resampling import resize

    vector = golden_arrays("imresize_36x48_smooth")
    hr = vector["input"]
    key = {2: "0.5", 3: "0.333333", 4: "0.25"}[scale]
    theirs = vector[f"output.uint8_input_fatheral_only.{key}"]  # a NumPy port: rounds halves to even
    assert np.count_nonzero(resize(hr, scale=1 / scale, rounding="half-even") != theirs) == 0
    mine = subsample(hr, scale=scale)
    assert mine.dtype == np.uint8
    exact = subsample(hr.astype(np.float64), scale=scale)
    assert np.abs(mine - np.clip(exact, 0, 255)).max() < 1.7  # two roundings, the first one amplified by 1.17


def test_direct_and_nearest_keep_the_pixels_they_say():
    hr = np.arange(81.0).reshape(9, 9)
    np.testing.assert_array_equal(subsample(hr, scale=3, method="direct"), hr[::3, ::3])
    np.testing.assert_array_equal(subsample(hr, scale=3, method="nearest"), hr[1::3, 1::3])


def test_sides_that_do_not_divide_are_refused_with_the_remedy():
    with pytest.raises(ImageError, match=r"101x80 .* not a multiple of scale 4\. Crop to 100x80 or pad to 104x80"):
        subsample(np.zeros((101, 80)), scale=4)
    assert crop_to_multiple(np.zeros((101, 80, 3)), 4).shape == (100, 80, 3)


def test_wrong_types_and_names_are_refused():
    with pytest.raises(TypeError, match="float32 or float64, got uint8"):
        blur(np.zeros((4, 4), dtype=np.uint8), np.ones((1, 1)))
    with pytest.raises(ValueError, match="not empty"):
        blur(np.zeros((0, 4)), np.ones((1, 1)))
    with pytest.raises(ValueError, match="unknown subsampling 'area'"):
        subsample(np.zeros((4, 4)), scale=2, method="area")
    for scale in (0, 1.5):
        with pytest.raises(ValueError, match=f"scale must be a whole number of at least 1, got {scale}"):
            subsample(np.zeros((4, 4)), scale=scale)

import numpy as np
import pytest

from kukkiri.degradations.blur_kernels import gaussian_kernel, sample_gaussian_kernel
from kukkiri.degradations.kernel_families import KernelBasis, double_scale_kernel, suppress_small_weights
from tests.tolerances import FLOAT64_FEW_OPERATIONS, FLOAT64_LARGE_VALUES, FLOAT64_MATHS, STORED_FLOAT32


def test_kernelgan_clean_up_and_doubling_are_reproduced(golden_arrays):
    for name in ("kernelgan_post_1", "kernelgan_post_2"):
        vector = golden_arrays(name)
        cleaned = suppress_small_weights(vector["input"], keep=vector_keep(vector))
        np.testing.assert_allclose(cleaned, vector["output.zeroized"], atol=STORED_FLOAT32)
        doubled = double_scale_kernel(vector["output.post_processed"])
        np.testing.assert_allclose(doubled, vector["output.analytic_x4"], atol=FLOAT64_LARGE_VALUES)


def vector_keep(vector):
    return vector.constructor["n"]


def test_doubling_adds_four_times_the_variance():
    doubled = double_scale_kernel(gaussian_kernel(1.5, size=17))
    axis = np.arange(len(doubled)) - len(doubled) // 2
    assert doubled.sum(axis=0) @ axis**2 == pytest.approx(1.5 + 4 * 1.5, rel=1e-3)  # the rim is cut


def test_fifteen_components_hold_a_family_of_gaussians(rng):
    family = [sample_gaussian_kernel(rng, scale=2) for _ in range(400)]
    basis = KernelBasis.fit(family, count=15)
    fresh = sample_gaussian_kernel(rng, scale=2)
    assert basis.energy > 0.9999
    np.testing.assert_allclose(basis.decode(basis.encode(fresh)), fresh, atol=1e-3)  # the energy left out
    flat = basis.components.reshape(15, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(15), atol=FLOAT64_MATHS)


def test_all_components_with_the_mean_give_every_kernel_back(rng):
    family = [sample_gaussian_kernel(rng, scale=2, size=5) for _ in range(40)]
    basis = KernelBasis.fit(family, count=25, remove_mean=True)
    np.testing.assert_allclose(basis.decode(basis.encode(family[7])), family[7], atol=FLOAT64_MATHS)
    np.testing.assert_allclose(basis.mean, np.mean(family, axis=0), atol=FLOAT64_FEW_OPERATIONS)
    assert basis.energy == pytest.approx(1.0)


def test_impossible_requests_are_refused(rng):
    with pytest.raises(ValueError, match="count must be 1 to 2 for 2 kernels, got 3"):
        KernelBasis.fit([np.ones((3, 3)), np.eye(3)], count=3)
    with pytest.raises(ValueError, match="keep must be 1 to 8, got 9"):
        suppress_small_weights(np.ones((3, 3)), keep=9)
    with pytest.raises(ValueError, match="odd side of at least 3"):
        double_scale_kernel(np.ones((4, 4)))

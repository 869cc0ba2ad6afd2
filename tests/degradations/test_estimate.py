import numpy as np
import pytest

from kukkiri.degradations import estimate as module
from kukkiri.degradations.alignment import centre_of_mass
from kukkiri.degradations.blur_kernels import gaussian_kernel
from kukkiri.degradations.degradation import Degradation
from kukkiri.degradations.estimate import estimate_kernel
from kukkiri.errors import ImageError
from tests.tolerances import FLOAT64_MATHS


def stars(rng, side):
    """Wedges of every size: edges and corners that look the same at each scale."""
    y, x = np.mgrid[:side, :side].astype(float)
    image = np.full((side, side), 0.4)
    for _ in range(60):
        row, column, direction, length = rng.uniform([0, 0, 0, 20], [side, side, 6.28, 160])
        angle = np.arctan2(y - row, x - column) - direction
        inside = (np.abs(np.angle(np.exp(1j * angle))) < rng.uniform(0.3, 1.4)) & (
            np.hypot(y - row, x - column) < length
        )
        image[inside] = rng.uniform(0, 1)
    return image


def test_a_blur_of_scale_invariant_edges_is_found(rng):
    hr, kernel = stars(rng, 420), gaussian_kernel(4.0, 1.0, -0.5, size=13)
    lr = Degradation.parse("gaussian:4.0,1.0,-0.5+direct").apply(hr, scale=2)
    found = estimate_kernel(lr, scale=2)
    assert found.kernel.shape == (13, 13)
    assert found.kernel.min() >= 0
    assert found.kernel.sum() == pytest.approx(1, abs=FLOAT64_MATHS)
    assert centre_of_mass(found.kernel) == pytest.approx((6, 6), abs=0.05)
    error = np.linalg.norm(found.kernel - kernel) / np.linalg.norm(kernel)
    axis = np.arange(13) - 6
    # edges of one image do not determine every weight; the initial delta has an error of 2.8
    assert error < 0.6
    assert axis @ found.kernel @ axis < -0.3  # its axis is oriented as that of the true kernel (-1.26)
    assert found.distances[-1] < found.distances[0]


def test_the_quadratic_form_is_that_of_the_objective(rng):
    """A and b, gathered pixel by pixel, against the sum over patches as the paper writes it."""
    luma = rng.uniform(size=(60, 64)).astype(np.float32)
    search = module._Search(luma, scale=2, size=7, patch=5, patches=20, seed=0)
    kernel = gaussian_kernel(1.5, size=7).ravel()
    form, linear, _ = search.quadratic(kernel)
    project = np.eye(25) - 1 / 25
    parents = [project @ search.windows[corner + search.inside].astype(float) for corner in search.corners]
    expected_form, expected_linear = np.zeros((49, 49)), np.zeros(49)
    downscaled = np.array([parent @ kernel for parent in parents])
    for patch in search.queries.astype(float):
        squared = ((downscaled - patch) ** 2).sum(axis=1)
        nearest = np.argsort(squared)[:5]
        weights = np.exp(-(squared[nearest] - squared.min()) / (2 * (10 / 255) ** 2))
        for weight, place in zip(weights / weights.sum(), nearest, strict=True):
            expected_form += weight * parents[place].T @ parents[place]
            expected_linear += weight * parents[place].T @ patch
    scale = np.abs(expected_form).max()
    np.testing.assert_allclose(form, expected_form, atol=1e-4 * scale)  # float32 sums, means subtracted afterwards
    np.testing.assert_allclose(linear, expected_linear, atol=1e-4 * scale)


def test_nearest_neighbours_are_exact(rng):
    queries, candidates = (rng.normal(size=(count, 25)).astype(np.float32) for count in (300, 900))
    squared, place = module._nearest(queries, candidates, count=4)
    distances = ((queries[:, None].astype(float) - candidates) ** 2).sum(axis=2)
    np.testing.assert_allclose(
        np.sort(squared, axis=1), np.sort(distances, axis=1)[:, :4], rtol=1e-4
    )  # float32: differences of large squares
    np.testing.assert_array_equal(np.sort(place, axis=1), np.sort(np.argsort(distances, axis=1)[:, :4], axis=1))


def test_the_minimizer_keeps_weights_non_negative(rng):
    optimize = pytest.importorskip("scipy.optimize")
    matrix, target = rng.normal(size=(40, 9)), rng.normal(size=40)
    expected, _ = optimize.nnls(matrix, target)
    found = module._minimize(matrix.T @ matrix, matrix.T @ target, np.ones(9), steps=2000)
    np.testing.assert_allclose(found, expected, atol=1e-6)  # as far as 2000 steps come


def test_the_most_textured_window_is_chosen(rng):
    luma = np.zeros((200, 300), dtype=np.float32)
    luma[120:184, 192:256] = rng.uniform(size=(64, 64))
    chosen = module._most_textured(luma, 64)
    assert chosen.shape == (64, 64)
    np.testing.assert_array_equal(chosen, luma[120:184, 192:256])
    assert module._most_textured(luma, 500).shape == (200, 300)


def test_impossible_requests_are_refused():
    with pytest.raises(ImageError, match="from 80x40 pixels, expected at least 41x41"):
        estimate_kernel(np.zeros((40, 80)), scale=2)
    with pytest.raises(ImageError, match="one colour"):
        estimate_kernel(np.zeros((80, 80)), scale=2)
    with pytest.raises(ValueError, match="scale must be at least 2"):
        estimate_kernel(np.zeros((80, 80)), scale=1)
    with pytest.raises(ValueError, match="size must be odd"):
        estimate_kernel(np.zeros((80, 80)), scale=2, size=12)

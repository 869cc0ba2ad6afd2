import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kukkiri.resampling import resize
from kukkiri.resampling.point import bicubic, bilinear, cubic, linear, nearest, nearest_2d, output_positions
from tests.tolerances import FLOAT64_FEW_OPERATIONS, FLOAT64_MATHS


def test_linear_is_the_weighted_mean_of_two_neighbours():
    f = np.array([3.0, 5.0, 11.0])
    np.testing.assert_allclose(linear(f, 1.6), 0.6 * f[2] + 0.4 * f[1], atol=FLOAT64_MATHS)


def test_cubic_is_the_sum_of_four_neighbours():
    f = np.array([3.0, 5.0, 11.0, 2.0])

    def h(x):
        return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2

    np.testing.assert_allclose(
        cubic(f, 1.6), h(1.6) * f[0] + h(0.6) * f[1] + h(0.4) * f[2] + h(1.4) * f[3], atol=FLOAT64_MATHS
    )


def test_nearest_takes_the_nearest_sample_and_the_right_one_half_way():
    f = np.array([3.0, 5.0, 11.0])
    assert nearest(f, [0.4, 0.5, 0.6, 1.5, 2.0]).tolist() == [3.0, 5.0, 5.0, 11.0, 11.0]


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-10, 10), min_size=1, max_size=9),
    position=st.floats(-6, 15),
    border=st.sampled_from(["symmetric", "replicate", "reflect", "wrap"]),
)
def test_every_interpolation_equals_a_sum_over_a_long_extended_line(values, position, border):
    modes = {"symmetric": "symmetric", "replicate": "edge", "reflect": "reflect", "wrap": "wrap"}
    f = np.array(values)
    far = np.pad(f, 30, mode=modes[border])
    distance = np.abs(position - (np.arange(len(far)) - 30))
    tent = np.maximum(0, 1 - distance)
    keys = np.where(
        distance <= 1,
        1.5 * distance**3 - 2.5 * distance**2 + 1,
        np.where(distance <= 2, -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2, 0),
    )
    np.testing.assert_allclose(linear(f, position, border=border), (tent * far).sum(), atol=FLOAT64_MATHS)
    np.testing.assert_allclose(
        cubic(f, position, border=border), (keys * far).sum(), atol=1e-11
    )  # cubes of distances up to 30


@pytest.mark.parametrize("scale", [2, 3, 1.7])
@pytest.mark.parametrize(("kernel", "interpolate"), [("nearest", nearest_2d), ("linear", bilinear), ("cubic", bicubic)])
def test_at_the_positions_of_a_resize_they_are_the_resize(scale, kernel, interpolate):
    image = np.random.default_rng(0).normal(size=(7, 10, 3))
    expected = resize(image, scale=scale, kernel=kernel)
    rows = output_positions(expected.shape[0], scale=scale)[:, None]
    columns = output_positions(expected.shape[1], scale=scale)[None, :]
    np.testing.assert_allclose(interpolate(image, rows, columns), expected, atol=FLOAT64_MATHS)


def test_two_dimensions_are_two_passes_of_one():
    image = np.random.default_rng(1).normal(size=(5, 6))
    for line, plane in ((nearest, nearest_2d), (linear, bilinear), (cubic, bicubic)):
        columns = np.array([line(row, 2.3) for row in image])
        np.testing.assert_allclose(plane(image, 3.7, 2.3), line(columns, 3.7), atol=FLOAT64_MATHS)


def test_cubic_reproduces_a_parabola_and_linear_a_line_between_samples():
    x = np.arange(12.0)
    inside = np.linspace(2, 9, 50)
    np.testing.assert_allclose(cubic(x**2 - 3 * x, inside), inside**2 - 3 * inside, atol=FLOAT64_MATHS)
    np.testing.assert_allclose(linear(2 * x - 1, inside), 2 * inside - 1, atol=FLOAT64_MATHS)


def test_samples_are_kept_where_they_are():
    f = np.random.default_rng(2).normal(size=8)
    for line in (nearest, linear, cubic):
        np.testing.assert_allclose(line(f, np.arange(8)), f, atol=FLOAT64_FEW_OPERATIONS)


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="one line"):
        linear(np.zeros((2, 2)), 0.0)
    with pytest.raises(ValueError, match="not empty"):
        bicubic(np.zeros((0, 2)), 0.0, 0.0)

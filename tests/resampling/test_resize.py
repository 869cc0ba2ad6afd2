import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kukkiri.resampling import KERNELS, border_indices, output_length, resize, weight_table
from tests.tolerances import FLOAT32_AGAINST_FLOAT64, FLOAT64_LARGE_VALUES, FLOAT64_MATHS

VECTORS = ["imresize_36x48_smooth", "imresize_down_37x53", "imresize_up_37x53"]
SCALES = {"0.333333": 1 / 3}


def cases(golden_arrays, name, kind):
    case = golden_arrays(name)
    for key in case.tensors:
        if key.startswith(f"output.{kind}."):
            text = key.removeprefix(f"output.{kind}.")
            yield case["input"], SCALES.get(text, float(text)), case[key]


@pytest.mark.parametrize("name", VECTORS)
def test_floats_equal_the_vectors(golden_arrays, name):
    for image, scale, expected in cases(golden_arrays, name, "double"):
        tolerance = 1e-12 if expected.dtype == np.float64 else 1e-6  # stored in single precision when upscaled
        assert np.abs(resize(image / 255.0, scale=scale) - expected).max() < tolerance
        single = resize((image / 255.0).astype(np.float32), scale=scale)
        assert single.dtype == np.float32
        assert np.abs(single - expected).max() < FLOAT32_AGAINST_FLOAT64


@pytest.mark.parametrize("name", VECTORS[:2])
def test_without_antialiasing_they_equal_the_vectors_too(golden_arrays, name):
    for image, scale, expected in cases(golden_arrays, name, "noantialias_BasicSR64_only"):
        assert np.abs(resize(image / 255.0, scale=scale, antialias=False) - expected).max() < FLOAT64_LARGE_VALUES


@pytest.mark.parametrize("name", VECTORS)
def test_eight_bit_images_equal_the_vectors_in_every_value(golden_arrays, name):
    """The vectors come from a NumPy port, which rounds halves to even where MATLAB rounds them away from zero.

    With the port's rounding nothing differs but one value at x2.5, an exact tie that the order of four additions
    decides; with MATLAB's, only values whose unrounded first or second pass is such a tie.
    """
    for image, scale, expected in cases(golden_arrays, name, "uint8_input_fatheral_only"):
        port = resize(image, scale=scale, rounding="half-even")
        assert np.count_nonzero(port != expected) <= (1 if scale == 2.5 else 0)
        matlab = resize(image, scale=scale).astype(int)
        different = matlab != expected
        assert np.abs(matlab - expected).max() <= 2  # a tie in the first pass and one in the second
        assert different.mean() < 0.05
        if scale in (1 / 3, 0.37):  # weights that are no short fractions do not tie
            assert not different.any()


def test_halves_round_away_from_zero_after_each_pass():
    assert resize(np.array([[1, 2]], np.uint8), output_size=(1, 1), kernel="linear").item() == 2  # 1.5
    column = np.array([[0, 1], [2, 3]], np.uint8)  # rows give 1 and 2 (each from .5 less 0): see below
    rows_first = resize(column, output_size=(1, 1), kernel="linear").item()
    assert rows_first == 2  # (0+2)/2 = 1, (1+3)/2 = 2, then 1.5 -> 2


@given(
    image=st.integers(1, 9).flatmap(lambda h: st.tuples(st.just(h), st.integers(1, 9))),
    scale=st.floats(0.2, 4.0),
    kernel=st.sampled_from(sorted(KERNELS)),
)
def test_a_constant_image_stays_constant(image, scale, kernel):
    assert np.abs(resize(np.full(image, 0.7), scale=scale, kernel=kernel) - 0.7).max() < FLOAT64_MATHS


@given(scale=st.sampled_from([1.5, 2, 3, 4]), kernel=st.sampled_from(["linear", "cubic"]))
def test_a_ramp_stays_a_ramp_away_from_the_border(scale, kernel):
    ramp = np.arange(20.0)[None].repeat(3, 0)
    upscaled = resize(ramp, output_size=(3, int(20 * scale)), kernel=kernel)
    inner = upscaled[:, int(3 * scale) : -int(3 * scale)]
    assert np.abs(np.diff(inner, axis=1) - 1 / scale).max() < FLOAT64_MATHS


def test_nearest_upscaling_repeats_pixels(rng):
    image = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    assert np.array_equal(resize(image, scale=3, kernel="nearest"), np.kron(image, np.ones((3, 3, 1), np.uint8)))


def test_sixteen_bit_stays_sixteen_bit(rng):
    image = rng.integers(20_000, 45_000, (9, 8), dtype=np.uint16)  # no overshoot is clipped
    upscaled = resize(image, scale=2)
    exact = resize(image.astype(np.float64), scale=2)
    assert upscaled.dtype == np.uint16
    assert np.abs(upscaled - exact).max() <= 1.5  # rounded twice


@pytest.mark.parametrize(
    ("border", "expected"),
    [
        ("symmetric", [1, 0, 0, 1, 2, 2, 1]),
        ("reflect", [2, 1, 0, 1, 2, 1, 0]),
        ("replicate", [0, 0, 0, 1, 2, 2, 2]),
        ("wrap", [1, 2, 0, 1, 2, 0, 1]),
    ],
)
def test_borders_fold_positions_by_their_names(border, expected):
    assert border_indices(np.arange(-2, 5), 3, border=border).tolist() == expected


@given(length=st.integers(1, 60), scale=st.sampled_from([0.1, 1 / 3, 0.7, 1.1, 2.0, 3.0]))
def test_output_length_is_the_ceiling_without_float_noise(length, scale):
    exact = {0.1: (1, 10), 1 / 3: (1, 3), 0.7: (7, 10), 1.1: (11, 10), 2.0: (2, 1), 3.0: (3, 1)}[scale]
    assert output_length(length, scale) == -(-length * exact[0] // exact[1])


def test_a_table_as_a_matrix_gives_the_same_sums(rng):
    signal = rng.random(11)
    table = weight_table(11, 25, scale=25 / 11, kernel="lanczos3")
    assert np.abs(table.dense().sum(axis=1) - 1).max() < FLOAT64_MATHS
    assert (
        np.abs(table.dense() @ signal - resize(signal[:, None], output_size=(25, 1), kernel="lanczos3")[:, 0]).max()
        < FLOAT64_MATHS
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, ValueError),
        ({"scale": 2.0, "output_size": (2, 2)}, ValueError),
        ({"scale": 0.0}, ValueError),
        ({"scale": float("nan")}, ValueError),
        ({"scale": 2.0, "kernel": "bicubic"}, ValueError),
        ({"scale": 2.0, "border": "mirror"}, ValueError),
    ],
)
def test_impossible_arguments_are_refused(arguments, error):
    with pytest.raises(error):
        resize(np.zeros((3, 3)), **arguments)


def test_other_types_and_shapes_are_refused():
    with pytest.raises(TypeError, match="int64"):
        resize(np.zeros((3, 3), np.int64), scale=2)
    with pytest.raises(ValueError, match="not empty"):
        resize(np.zeros((0, 3)), scale=2)
    with pytest.raises(ValueError, match=r"\(H, W\)"):
        resize(np.zeros(3), scale=2)

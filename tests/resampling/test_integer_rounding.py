"""Integer images: quick sums, and MATLAB's rounding of them in every value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kukkiri.resampling import KERNELS, StripResize, resize, weight_table
from kukkiri.resampling.integer_rounding import LevelRounding, sum_type


def tap_by_tap(levels, table, *, axis, rounding="half-away"):
    """The pass as it is defined: a sum in float64 in the order of the taps, rounded and clipped."""
    total = np.zeros((*levels.shape[:axis], table.outputs, *levels.shape[axis + 1 :]))
    trailing = (1,) * (levels.ndim - 1 - axis)
    for tap in range(table.taps):
        total += table.weights[:, tap].reshape(-1, *trailing) * levels.take(table.indices[:, tap], axis=axis)
    rounded = np.floor(total + 0.5) if rounding == "half-away" else np.rint(total)
    return np.clip(rounded, 0, np.iinfo(levels.dtype).max).astype(levels.dtype)


def expected(image, size, **options):
    rounding = options.pop("rounding", "half-away")
    scales = [output / length for output, length in zip(size, image.shape[:2], strict=True)]
    for axis in (0, 1) if scales[0] <= scales[1] else (1, 0):
        table = weight_table(image.shape[axis], size[axis], scale=scales[axis], **options)
        image = tap_by_tap(image, table, axis=axis, rounding=rounding)
    return image


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    size=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    kernel=st.sampled_from(sorted(KERNELS)),
    rounding=st.sampled_from(["half-away", "half-even"]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    steps=st.sampled_from([1, 2, 255]),  # two levels: most ties
)
def test_every_value_is_that_of_the_sum_tap_by_tap(seed, shape, size, kernel, rounding, dtype, steps):
    levels = np.random.default_rng(seed).integers(0, steps + 1, (*shape, 2)) * (np.iinfo(dtype).max // steps)
    image = levels.astype(dtype)
    found = resize(image, output_size=size, kernel=kernel, rounding=rounding)
    assert found.dtype == dtype
    assert np.array_equal(found, expected(image, size, kernel=kernel, rounding=rounding))


@pytest.mark.parametrize("scale", [2, 2.5, 3, 4, 6, 1 / 2, 1 / 3, 1 / 4, 0.37])
@pytest.mark.parametrize("rounding", ["half-away", "half-even"])
def test_every_value_of_whole_images_is_that_of_the_sum_tap_by_tap(rng, scale, rounding):
    image = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    size = (round(300 * scale), round(400 * scale))
    found = resize(image, output_size=size, rounding=rounding)
    assert np.array_equal(found, expected(image, size, rounding=rounding))


def test_short_binary_fractions_leave_no_doubt_and_others_a_little():
    doubts = {}
    for scale in (2, 4, 3, 2.5):
        table = weight_table(40, int(40 * scale), scale=scale)
        assert sum_type(table, 255) == np.float32
        doubts[scale] = LevelRounding(table, dtype=np.float32, top=255, rounding="half-away").doubt
    assert doubts[2] == doubts[4] == 0
    assert 0 < doubts[3] < 1e-3  # 4 taps of at most 255 with 24 bits
    assert 0 < doubts[2.5] < 1e-3
    assert sum_type(weight_table(40, 120, scale=3), 65_535) == np.float64
    assert sum_type(weight_table(40, 80, scale=2), 65_535) == np.float32  # 16 bits of a level and 7 of a weight


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sums_differ_by_less_than_the_doubt_and_the_rounding_hangs_on_it(rng, dtype):
    table = weight_table(64, 96, scale=1.5)
    levels = rng.integers(0, 256, (64, 20_000))
    rounding = LevelRounding(table, dtype=dtype, top=255, rounding="half-away")
    exact = np.zeros((96, 20_000))
    for tap in range(table.taps):
        exact += table.weights[:, tap, None] * levels[table.indices[:, tap]]
    backwards = np.zeros((96, 20_000), dtype)
    for tap in reversed(range(table.taps)):
        backwards += table.weights[:, tap, None].astype(dtype) * levels[table.indices[:, tap]].astype(dtype)
    assert 0 < np.abs(backwards - exact).max() < rounding.doubt
    wanted = np.clip(np.floor(exact + 0.5), 0, 255)
    hasty = np.clip(np.floor(backwards + dtype(0.5)), 0, 255)
    assert np.any(hasty != wanted)  # in float32 about one of 1,400, in float64 of 50,000
    rounding.round(backwards, table, levels, axis=0)
    assert np.array_equal(backwards, wanted)


@pytest.mark.parametrize("size", [(60, 140), (61, 140), (60, 143), (30, 71), (200, 40)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_strips_of_levels_are_the_rows_of_the_whole(rng, size, dtype):
    image = rng.integers(0, np.iinfo(dtype).max + 1, (30, 70, 2)).astype(dtype)
    strips = StripResize(image.transpose(2, 0, 1), output_size=size)
    assert strips.output_size == size
    whole = expected(image, size)
    for start, stop in ((0, 1), (3, 20), (size[0] - 5, size[0])):
        rows = strips.rows(start, stop)
        assert rows.dtype == dtype
        assert np.array_equal(rows.transpose(1, 2, 0), whole[start:stop])

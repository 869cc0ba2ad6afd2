import numpy as np
import pytest

from kukkiri.inference.bounds import LUMA_RANGE, hold_to_lr
from kukkiri.inference.flat_bound import FlatBound, bound_flat
from kukkiri.inference.parts import Part
from tests.tolerances import FLOAT32_SAME_MATHS

LEVEL = 1 / 255


def levels(values):
    return (np.asarray(values, dtype=np.float32) / 255)[..., None]


def test_an_equal_neighbourhood_leaves_one_level_and_one_that_differs_by_two_leaves_two():
    lr = levels([[100] * 3, [100] * 3, [100] * 3])
    assert find_interval(lr)[1, 1] == (99, 101)
    lr[0, 0] = 102 / 255
    assert find_interval(lr)[1, 1] == (98, 104)
    lr[0, 0] = 101 / 255
    assert find_interval(lr)[1, 1] == (98.5, 102.5)
    lr[0, 0] = 103 / 255  # not flat
    assert find_interval(lr)[1, 1] == (0, 255)


def find_interval(lr):
    low, high = np.zeros(lr.shape, np.float32), np.ones(lr.shape, np.float32)
    for sr in (low, high):
        bound_flat(sr, lr)
    return {(y, x): (round(255 * low[y, x, 0], 2), round(255 * high[y, x, 0], 2)) for y in range(3) for x in range(3)}


def test_the_border_repeats_its_pixels():
    lr = levels([[50, 50, 90], [50, 50, 90], [90, 90, 90]])
    sr = np.ones((6, 6, 1), np.float32)
    bound_flat(sr, lr)
    flat = np.zeros((6, 6), bool)
    flat[:2, :2] = True
    assert np.allclose(sr[flat], 51 / 255)
    assert np.all(sr[~flat] == 1)


@pytest.mark.parametrize("size", [(40, 36), (25, 23), (33, 61)])
def test_any_rows_are_bounded_as_the_whole_is(size, rng):
    lr = np.round(rng.random((20, 18, 3)) * 2).astype(np.float32) / 255
    lr[5:9] = rng.random((4, 18, 3))
    whole = rng.random((*size, 3), dtype=np.float32)
    rows = whole.copy()
    bound_flat(whole, lr)
    bound = FlatBound(lr, size)
    for start in range(0, size[0], 7):
        bound.clip(rows[start : start + 7], start)
    assert np.array_equal(rows, whole)
    assert not np.array_equal(whole, rng.random((*size, 3)))


@pytest.mark.parametrize("output_height", [160, 120, 197])
def test_a_part_is_held_as_the_whole_is(output_height, rng):
    y, x = np.mgrid[:80, :40]
    lr = np.where((y + x) % 2 == 0, 1, 0.3).astype(np.float32)
    lr[60:] = 0.5
    sr = rng.random((output_height, 80, 1), dtype=np.float32) ** 2
    whole = sr.copy()
    hold_to_lr(whole, lr[..., None])
    part = Part(16, 80, 0, output_height)
    starts = Part.whole(80, output_height).locate(80)
    part = Part(16, 80, int(starts[16]), output_height)
    rows = sr[starts[16] : starts[72]].copy()
    hold_to_lr(rows, lr[16:72, :, None], part=part)
    kept = slice(starts[32], starts[52])  # the reach of the local mean is 16 LR rows, and a part of a cell
    offset = starts[16]
    assert np.abs(rows[kept.start - offset : kept.stop - offset] - whole[kept]).max() <= FLOAT32_SAME_MATHS
    assert np.abs(whole - sr).max() > 0.05


def test_luma_has_levels_and_ends_of_its_own():
    lr = np.full((5, 5, 1), LUMA_RANGE[1], np.float32)
    sr = np.zeros((10, 10, 1), np.float32)
    hold_to_lr(sr, lr, samples=LUMA_RANGE)
    assert np.allclose(sr, LUMA_RANGE[1] - 219 / 255 / 255, atol=1e-7)


def bound_plainly(sr, lr):
    """The definition, sample by sample of LR: the same operations on the same numbers, so the same bits."""
    near = np.pad(lr, ((1, 1), (1, 1), (0, 0)), mode="edge")
    windows = np.stack([near[y : y + len(lr), x : x + lr.shape[1]] for y in range(3) for x in range(3)])
    low, high = windows.min(axis=0), windows.max(axis=0)
    level = np.float32(LEVEL)
    slack = (high - low) * np.float32(0.5) + level
    rows, columns = (
        np.minimum(((np.arange(length) + 0.5) * small / length).astype(int), small - 1)
        for length, small in zip(sr.shape[:2], lr.shape[:2], strict=True)
    )
    clipped = np.minimum(np.maximum(sr, (low - slack)[rows][:, columns]), (high + slack)[rows][:, columns])
    return np.where((high - low <= np.float32(2.002) * level)[rows][:, columns], clipped, sr)


@pytest.mark.parametrize("scale", [1, 2, 3, 2.3])
@pytest.mark.parametrize("shape", [(40, 30, 3), (33, 18, 1), (7, 1, 1), (1, 9, 4), (2, 2, 3)])
@pytest.mark.parametrize("rough", [0.0, 0.002, 0.5, 1.0])
def test_few_and_many_flat_samples_are_bounded_to_the_bit(scale, shape, rough, rng):
    lr = np.round(rng.random(shape) * 2 + 100).astype(np.float32) / 255
    lr = np.where(rng.random(shape) < rough, rng.random(shape), lr).astype(np.float32)
    lr[: len(lr) // 2] += np.linspace(0, 0.3, shape[1], dtype=np.float32)[:, None] * (rough == 0.002)
    sr = rng.random((round(shape[0] * scale), round(shape[1] * scale), shape[2]), dtype=np.float32)
    expected = bound_plainly(sr, lr)
    padded = np.zeros((sr.shape[0], sr.shape[1] + 2, sr.shape[2]), np.float32)
    padded[:, 1:-1] = sr  # rows that do not follow each other in memory
    bound_flat(padded[:, 1:-1], lr)
    bound_flat(sr, lr)
    assert np.array_equal(sr, expected)
    assert np.array_equal(padded[:, 1:-1], expected)
    assert not padded[:, [0, -1]].any()


def test_a_few_flat_samples_of_an_image_of_many_strips_are_bounded_to_the_bit(rng):
    lr = rng.random((300, 90, 3), dtype=np.float32)
    lr[100:140, 20:50, 1] = 0.25
    lr[280:, 80:] = 0.75
    sr = rng.random((900, 270, 3), dtype=np.float32)
    expected = bound_plainly(sr, lr)
    for threads in (1, 3):
        bounded = sr.copy()
        bound_flat(bounded, lr, threads=threads)
        assert np.array_equal(bounded, expected)
    assert np.count_nonzero(expected != sr) > 9 * 38 * 28

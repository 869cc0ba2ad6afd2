import numpy as np
import pytest

from kukkiri.video.reuse import BLOCK, Rectangle, cover_changes, find_changes, grow


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("side", [(8, 8), (4, 4), (8, 4)])
@pytest.mark.parametrize("size", [(48, 64), (45, 61), (9, 3)])
def test_changed_blocks_are_those_with_a_changed_sample(dtype, side, size):
    random = np.random.default_rng(0)
    before = np.zeros((size[0], size[1] + 5), dtype=dtype)[:, : size[1]]  # rows with padding, as frames have
    plane = before.copy()
    for _ in range(5):
        plane[random.integers(size[0]), random.integers(size[1])] += 1
    blocks = (-(-size[0] // side[0]), -(-size[1] // side[1]))
    expected = np.zeros(blocks, dtype=bool)
    for row, column in np.argwhere(plane != before):
        expected[row // side[0], column // side[1]] = True
    np.testing.assert_array_equal(find_changes(plane, before, blocks=blocks, side=side), expected)


def test_blocks_grow_to_all_sides():
    mask = np.zeros((7, 9), dtype=bool)
    mask[0, 4] = True
    grown = np.zeros_like(mask)
    grown[:2, 2:7] = True
    np.testing.assert_array_equal(grow(mask, (1, 2)), grown)


@pytest.mark.parametrize("count", [1, 3, 12, 60])
@pytest.mark.parametrize("bands", [False, True])
def test_rectangles_hold_every_dirty_block_once(count, bands):
    random, size = np.random.default_rng(count), (355, 633)
    dirty = np.zeros((-(-size[0] // BLOCK), -(-size[1] // BLOCK)), dtype=bool)
    for _ in range(count):
        dirty[random.integers(dirty.shape[0]), random.integers(dirty.shape[1])] = True
    seen = np.zeros(size, dtype=int)
    for rectangle in cover_changes(dirty, size, margin=6, bands=bands):
        seen[rectangle.box] += 1
        assert not bands or (rectangle.left, rectangle.right) == (0, size[1])
    wanted = np.repeat(np.repeat(dirty, BLOCK, axis=0), BLOCK, axis=1)[: size[0], : size[1]]
    assert seen[wanted].min() == 1
    assert seen.max() == 1


def test_changes_everywhere_are_the_whole_frame_and_none_are_nothing():
    size, dirty = (80, 160), np.zeros((10, 20), dtype=bool)
    assert cover_changes(dirty, size, margin=5, bands=False) == []
    dirty[::3, ::3] = True
    assert cover_changes(dirty, size, margin=20, bands=False) == [Rectangle.whole(size)]


def test_rectangles_grow_inside_the_frame_and_begin_on_the_grid():
    assert Rectangle(8, 16, 40, 48).grown(10, (20, 60), multiple=4) == Rectangle(0, 20, 28, 58)

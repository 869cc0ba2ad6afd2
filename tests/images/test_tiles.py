import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kukkiri.errors import ConfigError
from kukkiri.images import Tile, pad_to_multiple, plan_tiles


@st.composite
def plans(draw):
    size = draw(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    overlap, multiple = draw(st.integers(0, 9)), draw(st.integers(1, 8))
    margin = -(-overlap // multiple) * multiple
    smallest = 2 * margin + multiple
    tile = draw(st.tuples(*[st.integers(smallest, smallest + 60)] * 2))
    return size, tile, overlap, multiple


@given(plans())
def test_cores_cover_each_pixel_exactly_once(plan):
    size, tile, overlap, multiple = plan
    count = np.zeros(size, int)
    for planned in plan_tiles(size, tile=tile, overlap=overlap, multiple=multiple):
        count[planned.write] += 1
    assert (count == 1).all()


@given(plans())
def test_every_core_has_its_margin_unless_the_image_ends(plan):
    size, tile, overlap, multiple = plan
    for planned in plan_tiles(size, tile=tile, overlap=overlap, multiple=multiple):
        for read, write, length in zip(planned.read, planned.write, size, strict=True):
            assert 0 <= read.start <= write.start < write.stop <= read.stop <= length
            assert read.start == 0 or write.start - read.start >= overlap
            assert read.stop == length or read.stop - write.stop >= overlap


@given(plans())
def test_no_tile_reads_more_than_was_allowed(plan):
    size, tile, overlap, multiple = plan
    for planned in plan_tiles(size, tile=tile, overlap=overlap, multiple=multiple):
        assert planned.size[0] <= tile[0]
        assert planned.size[1] <= tile[1]


@given(plans())
def test_reads_lie_on_the_grid_of_the_multiple(plan):
    size, tile, overlap, multiple = plan
    for planned in plan_tiles(size, tile=tile, overlap=overlap, multiple=multiple):
        for read, length in zip(planned.read, size, strict=True):
            assert read.start % multiple == 0
            assert read.stop % multiple == 0 or read.stop == length


@given(plans(), st.integers(1, 4))
def test_upscaling_tile_by_tile_equals_upscaling_the_whole(plan, scale):
    size, tile, overlap, multiple = plan
    lr = np.arange(size[0] * size[1]).reshape(size)
    whole = np.kron(lr, np.ones((scale, scale), int))
    sr = np.zeros_like(whole)
    for planned in plan_tiles(size, tile=tile, overlap=overlap, multiple=multiple):
        sr[planned.target(scale)] = np.kron(lr[planned.read], np.ones((scale, scale), int))[planned.kept(scale)]
    assert np.array_equal(sr, whole)


def test_an_image_that_fits_is_one_tile():
    whole = (slice(0, 48), slice(0, 64))
    assert plan_tiles((48, 64), tile=64, overlap=16) == [Tile(read=whole, write=whole)]


def test_tiles_are_of_nearly_equal_size():
    # 100 columns in cores of at most 44: three of 34, 34 and 32, not 44, 44 and 12.
    tiles = plan_tiles((10, 100), tile=(10, 48), overlap=2)
    widths = [planned.write[1].stop - planned.write[1].start for planned in tiles]
    assert widths == [34, 34, 32]


def test_a_tile_without_room_for_a_core_is_refused_with_the_smallest_that_has():
    with pytest.raises(ConfigError, match="Use a tile of 41 or more"):
        plan_tiles((100, 100), tile=40, overlap=20)
    assert plan_tiles((100, 100), tile=41, overlap=20)


def test_impossible_arguments_are_a_programmers_mistake():
    for wrong in ({"size": (0, 4)}, {"overlap": -1}, {"multiple": 0}):
        with pytest.raises(ValueError, match="must be positive"):
            plan_tiles(**{"size": (4, 4), "tile": 4, "overlap": 0, "multiple": 1} | wrong)


def test_padding_mirrors_with_the_edge_pixel_repeated():
    array = np.array([[1, 2, 3], [4, 5, 6]])
    assert pad_to_multiple(array, 4).tolist() == [[1, 2, 3, 3], [4, 5, 6, 6], [4, 5, 6, 6], [1, 2, 3, 3]]


@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 20))
def test_padded_sides_are_multiples_and_hold_the_image(height, width, multiple):
    array = np.arange(height * width * 2).reshape(height, width, 2)
    padded = pad_to_multiple(array, multiple)
    assert padded.shape[0] % multiple == padded.shape[1] % multiple == 0
    assert padded.shape[0] - height < multiple
    assert np.array_equal(padded[:height, :width], array)


def test_channels_first_arrays_are_padded_at_their_last_axes():
    array = np.arange(2 * 3 * 5).reshape(1, 2, 3, 5)
    padded = pad_to_multiple(array, 4, axes=(-2, -1))
    assert padded.shape == (1, 2, 4, 8)
    assert np.array_equal(padded[0, 1], pad_to_multiple(array[0, 1], 4))


def test_nothing_is_copied_when_nothing_is_missing():
    array = np.zeros((4, 8, 3))
    assert pad_to_multiple(array, 4) is array

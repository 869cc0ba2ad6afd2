import numpy as np
import pytest

from kukkiri.inference.colour_plan import split_colour
from kukkiri.video.layouts import FLOAT_DEPTH, PlaneLayout
from kukkiri.video.rounding import round_into, to_units


@pytest.mark.parametrize("depth", [8, 9, 10, 12, 16])
def test_limited_range_is_the_studio_range_of_the_networks_at_every_depth(depth):
    samples = PlaneLayout("yuv", depth=depth).luma
    levels = np.array([[0, 16, 126, 235, 255]]) << (depth - 8)
    units = to_units(levels.astype(samples.dtype), samples)
    np.testing.assert_allclose(units, [[0, 16 / 255, 126 / 255, 235 / 255, 1]], atol=1e-7)


@pytest.mark.parametrize("depth", [8, 10, 16])
def test_full_range_is_mapped_to_the_luma_of_grey_images(depth):
    samples = PlaneLayout("grey", depth=depth, full_range=True).luma
    levels = np.array([[0, 77, 128, 255]]) * ((1 << depth) - 1) // 255
    grey = (levels / ((1 << depth) - 1)).astype(np.float32)
    y, _, _ = split_colour(np.repeat(grey[..., None], 3, axis=2))
    np.testing.assert_allclose(to_units(levels.astype(samples.dtype), samples), y, atol=1e-6)


@pytest.mark.parametrize(
    "layout", [PlaneLayout("yuv"), PlaneLayout("yuv", depth=12), PlaneLayout("grey", full_range=True)]
)
def test_every_level_survives_the_way_there_and_back(layout):
    samples = layout.luma
    levels = np.arange(int(samples.top) + 1).reshape(2, -1).astype(samples.dtype)
    back = np.empty_like(levels)
    round_into(back, to_units(levels, samples), samples)
    np.testing.assert_array_equal(back, levels)


def test_results_are_rounded_half_up_and_clipped_to_the_depth_only():
    plane = np.empty((1, 7), dtype=np.uint8)
    round_into(plane, np.array([[-3, 3.49, 3.5, 4.5, 249.6, 255.4, 300]], dtype=np.float32), top=255)
    assert plane.tolist() == [[0, 3, 4, 5, 250, 255, 255]]


def test_floats_are_neither_rounded_nor_clipped():
    samples = PlaneLayout("rgb", depth=FLOAT_DEPTH).rgb
    plane = np.empty((1, 3), dtype=np.float32)
    round_into(plane, np.array([[-0.1, 0.123456, 1.5]], dtype=np.float32), samples)
    np.testing.assert_array_equal(plane, np.array([[-0.1, 0.123456, 1.5]], dtype=np.float32))


def test_chroma_planes_of_odd_frames_are_rounded_up():
    layout = PlaneLayout("yuv", subsampling=(2, 2), has_alpha=True)
    assert [layout.find_plane_size(plane, (5, 7)) for plane in range(layout.planes)] == [(5, 7), (3, 4), (3, 4), (5, 7)]

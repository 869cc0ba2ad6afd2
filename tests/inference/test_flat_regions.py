import math

import numpy as np
import pytest

from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.inference import Footprint, Upscaler
from kukkiri.inference.flat_regions import CURVATURE, SkipStatistics, find_flat_cells, run_skipping_flat
from kukkiri.inference.tiling import SeamScore, run_pass
from kukkiri.resampling import resize
from tests.tolerances import FLOAT32_SAME_MATHS, SAVED_PIXELS

from .conftest import NumpyEngine


class Sharpener(NumpyEngine):
    """Bicubic interpolation, and one more filter where the image is curved; its receptive field is three pixels."""

    def run(self, batch):
        self.seen.append(batch.shape)
        assert batch.shape[2] % self.multiple == batch.shape[3] % self.multiple == 0
        padded = np.pad(batch, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
        sharp = 1.8 * batch - 0.2 * (padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1])
        sharp -= 0.2 * (padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:])
        sharp = self.gain * sharp + np.float32(self.offset)
        scale = 1 if self.pre_upsampled else self.scale
        return np.stack([resize(plane, scale=scale) for plane in sharp[0]])[None].astype(np.float32)


def sharpener(**options):
    return Sharpener(**{"receptive_field": 3, **options})


def gradient(height, width):
    """A slope without noise, (H, W), [0.2, 0.8]."""
    rows, columns = np.mgrid[:height, :width]
    return (0.2 + 0.4 * rows / height + 0.2 * columns / width).astype(np.float32)


def half_textured(rng, height=160, width=240):
    """A slope with noise in its right third."""
    plane = gradient(height, width)
    plane[:, 2 * width // 3 :] += 0.2 * rng.random((height, width - 2 * width // 3), dtype=np.float32)
    return plane


def run(engine, lr, *, tile=None):
    statistics = SkipStatistics()
    sr = run_skipping_flat(engine, lr, tile=tile, seams=SeamScore(), statistics=statistics)
    return sr, statistics


def test_a_slope_is_flat_and_a_bend_is_not():
    plane = gradient(64, 64)
    assert find_flat_cells(plane[None]).all()
    plane[40, 20] += 1.01 * CURVATURE / 2  # |a - 2 b + c| = 2 x 1.01 x CURVATURE / 2
    textured = ~find_flat_cells(plane[None])
    assert np.argwhere(textured).tolist() == [[2, 1]]


def test_what_lies_within_four_pixels_of_a_bend_is_textured():
    plane = np.zeros((64, 64), np.float32)
    plane[30, 20] = 1  # two pixels from the cell below, four from the cell to the left
    assert np.argwhere(~find_flat_cells(plane[None])).tolist() == [[1, 0], [1, 1], [2, 0], [2, 1]]


def test_flat_is_flat_in_every_plane_and_turns_with_the_image(rng):
    planes = np.stack([half_textured(rng, 64, 96), gradient(64, 96), gradient(64, 96)])
    flat = find_flat_cells(planes)
    assert np.array_equal(flat, find_flat_cells(planes[:1]))
    assert np.array_equal(flat.T, find_flat_cells(np.ascontiguousarray(planes.swapaxes(1, 2))))
    assert np.array_equal(flat[::-1], find_flat_cells(np.ascontiguousarray(planes[:, ::-1])))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (2, 2), (17, 33), (300, 1000)])
def test_curvature_is_that_of_the_definition(shape, rng):
    plane = (rng.random(shape, dtype=np.float32) > 0.99).astype(np.float32)
    curved = np.zeros(shape, bool)
    if shape[0] > 2:
        curved[1:-1] |= np.abs(plane[2:] + plane[:-2] - 2 * plane[1:-1]) > CURVATURE
    if shape[1] > 2:
        curved[:, 1:-1] |= np.abs(plane[:, 2:] + plane[:, :-2] - 2 * plane[:, 1:-1]) > CURVATURE
    flat = find_flat_cells(plane[None])
    assert flat.shape == tuple(math.ceil(side / 16) for side in shape)
    for row, column in np.ndindex(*flat.shape):
        area = (slice(max(0, 16 * row - 4), 16 * row + 20), slice(max(0, 16 * column - 4), 16 * column + 20))
        assert flat[row, column] == (not curved[area].any())


@pytest.mark.parametrize("multiple", [1, 2, 12])
def test_textured_pixels_are_those_of_the_whole_run_and_flat_ones_are_bicubic(rng, multiple):
    lr = half_textured(rng, 157, 241)[None, None]
    engine = sharpener(scale=3, multiple=multiple)
    whole = run_pass(engine, lr, tile=None, seams=SeamScore())
    engine.seen.clear()
    sr, statistics = run(engine, lr)
    assert sr.shape == whole.shape
    assert np.abs(sr[..., 3 * 160 :] - whole[..., 3 * 160 :]).max() <= FLOAT32_SAME_MATHS
    assert np.array_equal(sr[..., : 3 * 120], resize(lr[0, 0], scale=3)[None, None, :, : 3 * 120])
    assert 0.5 <= statistics.share <= 2 / 3
    assert sum(h * w for *_, h, w in engine.seen) < 0.6 * lr.size
    assert np.abs(sr - whole).max() <= 0.5 / 255


def test_the_step_at_the_edge_of_a_rectangle_is_no_step(rng):
    """Rows across the seam of a slope step by as much as they do in the network's own result, to half a level."""
    lr = half_textured(rng)[None, None]
    engine = sharpener(scale=2, offset=0.3 / 255)  # as much as a trained network is off in flat parts
    sr, statistics = run(engine, lr)
    whole = run_pass(engine, lr, tile=None, seams=SeamScore())
    assert statistics.cheap
    difference = np.diff(sr, axis=-1) - np.diff(whole, axis=-1)
    assert np.abs(difference).max() <= 0.5 / 255


def test_a_textured_image_is_run_once_as_a_whole(rng):
    lr = rng.random((1, 1, 100, 90), dtype=np.float32)
    engine = sharpener()
    sr, statistics = run(engine, lr)
    assert engine.seen == [(1, 1, 100, 90)]
    assert statistics.cheap == 0
    assert np.array_equal(sr, engine.run(lr))


def test_a_network_that_changes_flat_parts_sees_them_all(rng):
    lr = half_textured(rng)[None, None]
    engine = sharpener(offset=1.0 / 255)
    sr, statistics = run(engine, lr)
    assert np.array_equal(sr, engine.run(lr))
    assert statistics.note() == "skip-flat: 0 % of the pixels took the cheap path (numpy-x2 changes flat parts, too)"


def test_a_network_without_a_finite_receptive_field_sees_everything(rng):
    lr = gradient(80, 80)[None, None]
    engine = sharpener(receptive_field=None)
    sr, statistics = run(engine, lr)
    assert np.array_equal(sr, engine.run(lr))
    assert "looks at the whole image" in statistics.note()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (20, 20), (33, 17)])
def test_tiny_images_come_back_in_size(shape, rng):
    for plane in (np.full(shape, 0.5, np.float32), rng.random(shape, dtype=np.float32)):
        sr, _ = run(sharpener(scale=4, multiple=2), plane[None, None])
        assert sr.shape[-2:] == (4 * shape[0], 4 * shape[1])
        assert np.isfinite(sr).all()


def test_a_flat_image_needs_the_network_only_for_its_probes():
    lr = gradient(400, 400)[None, None]
    engine = sharpener()
    sr, statistics = run(engine, lr)
    assert statistics.share == 1
    assert np.array_equal(sr[0, 0], resize(lr[0, 0], scale=2))
    assert {shape[-2:] for shape in engine.seen} == {(22, 22)}
    assert len(engine.seen) <= 0.01 * lr.size / 22**2


def test_rectangles_fit_in_the_tile(rng):
    lr = half_textured(rng)[None, None]
    engine = sharpener()
    whole, _ = run(engine, lr)
    engine.seen.clear()
    sr, _ = run(engine, lr, tile=(60, 50))
    assert max(h for *_, h, _ in engine.seen) <= 60
    assert max(w for *_, w in engine.seen) <= 50
    assert np.abs(sr - whole).max() <= FLOAT32_SAME_MATHS


def test_a_tile_without_room_for_a_cell_is_plain_tiling(rng):
    lr = half_textured(rng)[None, None]
    engine = sharpener()
    sr, statistics = run(engine, lr, tile=(20, 20))
    assert statistics.cheap == 0
    assert np.abs(sr - engine.run(lr)).max() <= FLOAT32_SAME_MATHS


def test_a_network_on_the_upscaled_image_keeps_its_flat_parts(rng):
    upscaled = resize(half_textured(rng), scale=2)[None, None]
    sr, statistics = run(sharpener(pre_upsampled=True), upscaled)
    assert statistics.share > 0.4
    assert np.array_equal(sr[..., :200], upscaled[..., :200])


def test_a_note_tells_the_skipped_share(rng):
    image = Image.from_array(half_textured(rng))
    whole = Upscaler(sharpener())(image)
    upscaled = Upscaler(sharpener(), skip_flat=True)(image)
    assert whole.notes == ()
    (note,) = upscaled.notes
    assert note.startswith("skip-flat: ")
    assert 45 <= float(note.split()[1]) <= 66
    assert np.abs(upscaled.colour - whole.colour).max() <= 0.6 / 255  # half a level of luma is 0.58 of grey


@pytest.mark.parametrize("scale", [2, 4])
def test_a_shipped_network_leaves_no_edges_in_a_sky(rng, scale):
    """Eight-bit gradient with rounding noise of the file, beside noise: no pixel moves by more than one level."""
    image = np.round(255 * half_textured(rng)).astype(np.uint8)
    upscaled, whole = (
        Upscaler("balanced", scale=scale, threads=1, skip_flat=skip_flat)(image).astype(int)
        for skip_flat in (True, False)
    )
    inner = (slice(8 * scale, -8 * scale),) * 2  # at the border the network meets its padding, bicubic does not
    difference = (upscaled - whole)[inner]
    assert np.abs(difference).max() <= SAVED_PIXELS
    assert np.abs(difference).mean() <= 0.15  # of a level
    assert np.count_nonzero(difference[:, -difference.shape[1] // 4 :]) == 0


def test_alpha_chains_and_other_scales_go_with_it(rng):
    plane = half_textured(rng, 64, 96)
    rgba = np.stack([plane, plane[::-1], plane, np.ones_like(plane)], axis=2)
    for colour in ("y", "rgb"):
        for scale in (2, 2.5, 4):
            engine = sharpener(scale=2, colour=colour)
            upscaled = Upscaler(engine, scale=scale, skip_flat=True)(rgba)
            whole = Upscaler(engine, scale=scale)(rgba)
            assert upscaled.shape == whole.shape
            assert np.all(upscaled[..., 3] == 1)
            assert np.abs(upscaled - whole).max() <= 1 / 255  # half a level, and what the second run makes of it


def test_the_ensemble_skips_in_every_orientation(rng):
    plane = half_textured(rng)[None]
    engine = sharpener()
    whole = Upscaler(engine, ensemble=True).upscale_planes(plane)
    engine.seen.clear()
    upscaled = Upscaler(engine, ensemble=True, skip_flat=True).upscale_planes(plane)
    assert np.abs(upscaled - whole).max() <= 0.5 / 255
    assert sum(h * w for *_, h, w in engine.seen) < 8 * 0.55 * plane.size


def test_little_memory_means_small_rectangles(rng):
    plane = half_textured(rng)[None]
    engine = sharpener(footprint=Footprint(linear=100.0))
    whole = Upscaler(engine, skip_flat=True).upscale_planes(plane)
    engine.seen.clear()
    upscaled = Upscaler(engine, skip_flat=True, memory=3_800_000).upscale_planes(plane)
    assert max(h * w for *_, h, w in engine.seen) * 200 < 3_800_000 - 20 * 4 * plane.size
    assert np.abs(upscaled - whole).max() <= FLOAT32_SAME_MATHS


def test_options_that_exclude_one_another_are_refused(numpy_engine):
    with pytest.raises(ConfigError, match="chop is for published numbers"):
        Upscaler(numpy_engine(), chop=True, skip_flat=True)
    with pytest.raises(ConfigError, match="skip_flat saves runs of a network, and bicubic has none"):
        Upscaler("bicubic", skip_flat=True)

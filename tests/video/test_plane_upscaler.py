import numpy as np
import pytest

from kukkiri.errors import ConfigError
from kukkiri.inference import Upscaler
from kukkiri.resampling import resize
from kukkiri.video.layouts import FLOAT_DEPTH, PlaneLayout
from kukkiri.video.plane_upscaler import PlaneUpscaler
from tests.inference.conftest import NumpyEngine

SIZE = (96, 120)
LARGE = (184, 240)
"""Large enough that a change and its margins are a small part."""
YUV420 = PlaneLayout("yuv", subsampling=(2, 2))
GREY = PlaneLayout("grey", full_range=True)
RGB = PlaneLayout("rgb", full_range=True)


def make_frame(layout, size, *, seed=0):
    """Smooth planes with a dithered, a flat and a noisy part."""
    random, planes = np.random.default_rng(seed), []
    for plane in range(layout.planes):
        height, width = layout.find_plane_size(plane, size)
        values = np.clip(resize(random.random((height // 6 + 2, width // 6 + 2)), output_size=(height, width)), 0, 1)
        values[: height // 3, : width // 3] = np.where(random.random((height // 3, width // 3)) < 0.5, 0.2, 0.8)
        values[height // 2 :, width // 2 :] = 0.5
        values[height // 2 :, : width // 4] = random.random((height - height // 2, width // 4))
        levels = values * layout.rgb.top
        planes.append((levels if layout.depth == FLOAT_DEPTH else np.round(levels)).astype(layout.rgb.dtype))
    return planes


def upscale(upscaler, planes, before=None, result_before=None):
    target = upscaler.make_target()
    prepared = upscaler.prepare(planes, before, target)
    upscaler.compose(prepared, target, result_before)
    return target, prepared.reused


def change(planes, layout, where, *, plane=0):
    """The same frame with another few samples."""
    changed = [samples.copy() for samples in planes]
    rows, columns = where
    part = changed[plane][rows, columns]
    part[...] = layout.rgb.top - part
    return changed


CASES = {
    "4:2:0": (YUV420, {}),
    "odd sides": (YUV420, {"size": (183, 241)}),
    "ten bits, 4:2:2, alpha": (PlaneLayout("yuv", depth=10, subsampling=(2, 1), has_alpha=True), {}),
    "full range": (PlaneLayout("yuv", full_range=True), {}),
    "grey": (GREY, {}),
    "RGB": (RGB, {}),
    "floats": (PlaneLayout("rgb", depth=FLOAT_DEPTH, full_range=True), {}),
    "a fraction": (YUV420, {"model": "plain-xs", "scale": 1.5}),
    "RGB to a width": (RGB, {"width": 200}),
    "two networks": (YUV420, {"model": "plain-xs", "scale": 6}),
    "not bounded": (YUV420, {"bounded": False}),
    "self-ensemble": (YUV420, {"ensemble": True}),
    "interpolation": (YUV420, {"model": "lanczos", "scale": 3}),
    "an RGB network": (YUV420, {"model": NumpyEngine(colour="rgb")}),
    "an RGB network, grey": (GREY, {"model": NumpyEngine(colour="rgb")}),
    "an RGB network, RGB": (RGB, {"model": NumpyEngine(colour="rgb")}),
    "flat parts skipped": (YUV420, {"skip_flat": True}),
    "flat parts skipped, RGB network": (YUV420, {"model": NumpyEngine(colour="rgb"), "skip_flat": True}),
    "a grid": (YUV420, {"model": NumpyEngine(multiple=4), "size": (182, 238)}),
}


@pytest.mark.parametrize(("layout", "options"), CASES.values(), ids=CASES)
def test_reuse_changes_no_pixel(layout, options):
    options = {"model": "plain-xs-x2", "size": LARGE, **options}
    model, size = options.pop("model"), options.pop("size")
    upscaler = PlaneUpscaler(Upscaler(model, threads=1, **options), layout, size)
    frame = make_frame(layout, size)
    result, _ = upscale(upscaler, frame)
    for where, plane in (
        ((slice(40, 44), slice(60, 66)), 0),
        ((slice(2, 5), slice(50, 54)), min(1, layout.planes - 1)),
    ):
        changed = change(frame, layout, where, plane=plane)
        with_reuse, reused = upscale(upscaler, changed, frame, result)
        without, nothing = upscale(upscaler, changed)
        assert nothing == 0 < reused
        for one, other in zip(with_reuse, without, strict=True):
            tolerance = 1e-6 if layout.depth == FLOAT_DEPTH else 1
            differences = np.abs(one.astype(np.float64) - other)
            assert differences.max() <= tolerance
            assert np.count_nonzero(differences > tolerance / 2) <= 2  # ties that float32 sums may round either way
        assert any((one != old).any() for one, old in zip(with_reuse, result, strict=True))
        frame, result = changed, with_reuse


def test_a_duplicate_needs_no_network_and_a_network_that_sees_everything_only_reuses_duplicates():
    engine = NumpyEngine(receptive_field=None)
    upscaler = PlaneUpscaler(Upscaler(engine), YUV420, SIZE)
    frame = make_frame(YUV420, SIZE)
    result, _ = upscale(upscaler, frame)
    again, reused = upscale(upscaler, frame, [plane.copy() for plane in frame], result)
    assert (len(engine.seen), reused) == (1, 1.0)
    for one, other in zip(again, result, strict=True):
        np.testing.assert_array_equal(one, other)
    _, reused = upscale(upscaler, change(frame, YUV420, (slice(0, 1), slice(0, 1))), frame, result)
    assert (len(engine.seen), reused) == (2, 0.0)
    chroma_only = change(frame, YUV420, (slice(0, 1), slice(0, 1)), plane=1)
    _, reused = upscale(upscaler, chroma_only, frame, result)
    assert (len(engine.seen), reused) == (2, 1.0)


def test_a_small_change_reads_a_small_part():
    engine = NumpyEngine()
    upscaler = PlaneUpscaler(Upscaler(engine, bounded=False), GREY, (240, 320))
    frame = make_frame(GREY, (240, 320))
    result, _ = upscale(upscaler, frame)
    upscale(upscaler, change(frame, GREY, (slice(100, 104), slice(200, 203))), frame, result)
    *_, height, width = engine.seen[-1]
    assert max(height, width) <= 3 * 8 + 2 * 4  # blocks around the one that changed, and the margin on a grid of four


@pytest.mark.parametrize("depth", [8, 10])
def test_luma_is_what_the_network_gives_for_it(depth):
    layout = PlaneLayout("yuv", depth=depth)
    frame = make_frame(layout, SIZE)
    upscaler = Upscaler("plain-xs-x3", threads=1, bounded=False)
    result, _ = upscale(PlaneUpscaler(upscaler, layout, SIZE), frame)
    unit = 255 << (depth - 8)
    expected = unit * upscaler.upscale_planes((frame[0] / unit).astype(np.float32)[None])[0]
    difference = np.abs(result[0] - np.clip(np.floor(expected + 0.5), 0, layout.rgb.top))
    assert difference.max() <= 1  # at ties, which products and quotients in float32 meet differently
    assert np.mean(difference > 0) < 1e-4


@pytest.mark.parametrize("colour", ["y", "rgb"])
def test_values_outside_the_studio_range_are_kept(colour):
    layout = PlaneLayout("yuv")
    planes = [np.full(SIZE, value, dtype=np.uint8) for value in (250, 128, 128)]
    planes[0][:, 60:] = 4
    upscaler = PlaneUpscaler(Upscaler(NumpyEngine(colour=colour, gain=1.0)), layout, SIZE)
    result, _ = upscale(upscaler, planes)
    assert (result[0][8:-8, :100] == 250).all()
    assert (result[0][8:-8, 140:-8] == 4).all()
    assert (result[1][8:-8, 8:-8] == 128).all()


@pytest.mark.parametrize(("layout", "shape"), [(GREY, ()), (RGB, (3,))], ids=["grey", "RGB"])
def test_grey_and_rgb_frames_become_what_images_become(layout, shape):
    """Also where the local mean of a dither is corrected; there, grey is rounded once before and once behind."""
    frame = make_frame(layout, SIZE)
    frame[0][:48, :64] = np.random.default_rng(5).choice(np.array([0, 255], dtype=np.uint8), (48, 64))
    upscaler = Upscaler("plain-xs-x2", threads=1)
    result, _ = upscale(PlaneUpscaler(upscaler, layout, SIZE), frame)
    image = np.stack([frame[2], frame[0], frame[1]], axis=-1) if shape else frame[0]
    expected = upscaler(image)
    found = np.stack([result[2], result[0], result[1]], axis=-1) if shape else result[0]
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 2
    assert (difference > 0).mean() < 0.05
    uncorrected = Upscaler("plain-xs-x2", threads=1, bounded=False)(image)
    assert np.abs(uncorrected.astype(int) - expected).max() > 20


def test_colours_come_back_from_an_rgb_network():
    """Constant colours, also chroma at its limits, through the matrix, the network and back."""
    for depth, colour in ((8, (100, 90, 200)), (10, (300, 940, 100))):
        layout = PlaneLayout("yuv", depth=depth, subsampling=(2, 2), matrix="709")
        planes = [
            np.full(layout.find_plane_size(plane, SIZE), value, dtype=layout.rgb.dtype)
            for plane, value in enumerate(colour)
        ]
        result, _ = upscale(PlaneUpscaler(Upscaler(NumpyEngine(colour="rgb")), layout, SIZE), planes)
        for plane, value in zip(result, colour, strict=True):
            assert (np.abs(plane[8:-8, 8:-8].astype(int) - value) <= 1).all()


def test_alpha_is_upscaled_on_its_own():
    layout = PlaneLayout("yuv", subsampling=(2, 2), has_alpha=True)
    frame = make_frame(layout, SIZE)
    result, _ = upscale(PlaneUpscaler(Upscaler("plain-xs-x3", threads=1), layout, SIZE), frame)
    expected = np.clip(np.floor(resize(frame[3].astype(np.float64), scale=3) + 0.5), 0, 255)
    assert np.abs(result[3] - expected).max() <= 1  # ties
    assert np.mean(result[3] != expected) < 1e-3


def test_sides_that_share_chroma_become_even():
    upscaler = PlaneUpscaler(Upscaler("plain-xs-x3", threads=1), YUV420, (15, 21))
    frame = make_frame(YUV420, (15, 21))
    result, _ = upscale(upscaler, frame)
    assert [plane.shape for plane in result] == [(46, 64), (23, 32), (23, 32)]
    assert upscaler.notes == ["63x45 became 64x46, for this pixel format has one colour sample for 2x2 pixels"]
    np.testing.assert_array_equal(result[0][45], result[0][44])  # repeated, so that the other pixels stay as they are
    np.testing.assert_array_equal(result[0][:, 63], result[0][:, 62])
    full = PlaneUpscaler(Upscaler("plain-xs-x3", threads=1), PlaneLayout("yuv"), (15, 21))
    assert (full.output_size, full.notes) == ((45, 63), [])
    np.testing.assert_array_equal(upscale(full, [frame[0]] * 3)[0][0], result[0][:45, :63])


def test_a_size_instead_of_a_scale_and_what_skip_flat_skipped():
    frame = [np.full(YUV420.find_plane_size(plane, SIZE), 90, dtype=np.uint8) for plane in range(3)]
    upscaler = PlaneUpscaler(Upscaler("plain-xs", threads=1, fit=(180, 180), skip_flat=True), YUV420, SIZE)
    target = upscaler.make_target()
    prepared = upscaler.prepare(frame, None, target)
    assert upscaler.output_size == (144, 180)
    assert prepared.skipped.share > 0.9
    assert (target[0][8:-8, 8:-8] == 90).all()


def test_textures_are_no_clips():
    with pytest.raises(ConfigError, match="wrap is for textures"):
        PlaneUpscaler(Upscaler("plain-xs-x2", wrap=True), YUV420, SIZE)

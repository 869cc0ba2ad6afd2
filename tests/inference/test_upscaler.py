import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kukkiri.errors import ConfigError, ImageError, ModelError
from kukkiri.images import Image, Metadata, quantize, rgb_to_y, rgb_to_ycbcr, ycbcr_to_rgb
from kukkiri.inference import Footprint, Upscaler, upscale
from kukkiri.resampling import resize
from tests.tolerances import FLOAT32_AGAINST_FLOAT64, FLOAT32_SAME_MATHS

from .conftest import NumpyEngine

DTYPES = [np.uint8, np.uint16, np.float32, np.float64]


def noise(rng, shape, dtype):
    values = rng.random(shape)
    return (values * np.iinfo(dtype).max).astype(dtype) if np.issubdtype(dtype, np.integer) else values.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [(), (1,), (2,), (3,), (4,)])
@pytest.mark.parametrize("colour", ["y", "rgb"])
def test_every_layout_and_type_comes_back_upscaled_in_kind(channels, dtype, colour, numpy_engine, rng):
    array = noise(rng, (5, 7, *channels), dtype)
    upscaled = Upscaler(numpy_engine(scale=3, colour=colour))(array)
    assert upscaled.shape == (15, 21, *channels)
    assert upscaled.dtype == dtype


def test_luma_goes_through_the_network_and_chroma_through_bicubic(numpy_engine, rng):
    rgb = (0.3 + 0.4 * rng.random((9, 11, 3))).astype(np.float32)  # far from clamping
    engine = numpy_engine(scale=2)
    upscaled = Upscaler(engine)(rgb)
    ycbcr = rgb_to_ycbcr(rgb.astype(np.float64))
    expected = resize(ycbcr, scale=2)
    expected[..., 0] = engine.run(rgb_to_y(rgb)[None, None])[0, 0]
    assert np.abs(upscaled - ycbcr_to_rgb(expected)).max() <= FLOAT32_AGAINST_FLOAT64


def test_an_rgb_network_gets_the_channels_in_order(numpy_engine, rng):
    rgb = rng.random((6, 5, 3), dtype=np.float32)
    engine = numpy_engine(colour="rgb")
    expected = engine.run(np.ascontiguousarray(rgb.transpose(2, 0, 1)[None]))[0].transpose(1, 2, 0)
    assert np.array_equal(Upscaler(engine)(rgb), expected)


@pytest.mark.parametrize("colour", ["y", "rgb"])
def test_grey_stays_grey(colour, numpy_engine, rng):
    grey = noise(rng, (8, 9), np.uint8)
    upscaler = Upscaler(numpy_engine(colour=colour))
    flat = upscaler(grey)
    coloured = upscaler(np.repeat(grey[..., None], 3, axis=2))
    assert np.array_equal(coloured, np.repeat(flat[..., None], 3, axis=2))


def test_grey_meets_a_luma_network_in_studio_range(rng):
    grey = rng.random((6, 7), dtype=np.float32)
    seen = []

    class Spy(NumpyEngine):
        def run(self, batch):
            seen.append(batch)
            return super().run(batch)

    Upscaler(Spy(scale=2))(grey)
    assert np.abs(seen[0][0, 0] - rgb_to_y(np.repeat(grey[..., None], 3, axis=2))).max() <= FLOAT32_SAME_MATHS


@pytest.mark.parametrize(("offset", "value"), [(2.0, 255), (-2.0, 0)])
def test_the_result_is_clamped(numpy_engine, rng, offset, value):
    assert np.all(Upscaler(numpy_engine(colour="rgb", offset=offset))(noise(rng, (4, 4, 3), np.uint8)) == value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("colour", ["y", "rgb"])
def test_nan_and_infinity_end_in_an_error(bad, colour, numpy_engine):
    engine = numpy_engine(colour=colour, offset=bad)
    with pytest.raises(ModelError, match="numpy-x2: the network gave NaN or infinity"):
        Upscaler(engine)(np.zeros((4, 4, 3), np.uint8))


def test_an_image_keeps_depth_metadata_and_source(numpy_engine, rng, tmp_path):
    image = Image(
        colour=rng.random((5, 6, 3), dtype=np.float32),
        alpha=np.ones((5, 6), np.float32),
        depth=16,
        metadata=Metadata(icc=b"profile", exif=b"tags", xmp=b"<x/>"),
        source=tmp_path / "a.png",
        notes=("read with care",),
    )
    upscaled = Upscaler(numpy_engine(scale=3))(image)
    assert (upscaled.depth, upscaled.metadata, upscaled.source) == (16, image.metadata, image.source)
    assert upscaled.notes == image.notes
    assert upscaled.size == (15, 18)
    assert np.all(upscaled.alpha == 1)


def test_pre_upsampled_networks_get_the_upscaled_image(numpy_engine, rng):
    plane = rng.random((1, 6, 7), dtype=np.float32)
    engine = numpy_engine(scale=3, pre_upsampled=True)
    expected = engine.run(np.ascontiguousarray(resize(plane[0], scale=3)[None, None]))[0]
    assert np.array_equal(Upscaler(engine).upscale_planes(plane), expected)


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(1, 9), height=st.integers(1, 12), width=st.integers(1, 12))
def test_any_scale_gives_the_rounded_size(scale, height, width):
    upscaled = Upscaler(NumpyEngine(scale=2), scale=scale)(np.full((height, width), 100, np.uint8))
    assert upscaled.shape == (int(scale * height + 0.5), int(scale * width + 0.5))


def test_a_fractional_scale_is_the_network_and_then_the_antialiased_resize(numpy_engine, rng):
    plane = rng.random((1, 10, 14), dtype=np.float32)
    engine = numpy_engine(scale=3)
    expected = resize(engine.run(plane[None])[0, 0], output_size=(25, 35))
    assert np.array_equal(Upscaler(engine, scale=2.5).upscale_planes(plane)[0], expected)


def test_a_single_network_is_repeated_while_it_is_too_small(numpy_engine, rng):
    plane = 0.5 * rng.random((1, 4, 5), dtype=np.float32)
    engine = numpy_engine(scale=2)
    expected = engine.run(engine.run(engine.run(plane[None])))
    assert np.array_equal(Upscaler(engine, scale=8).upscale_planes(plane), expected[0])


def test_scale_one_gives_the_image_back(numpy_engine, rng):
    array = noise(rng, (5, 6, 4), np.uint8)
    for model in (numpy_engine(scale=2), "bicubic"):
        assert np.array_equal(Upscaler(model, scale=1)(array), array)


def test_a_network_of_scale_one_runs_once_and_does_not_upscale(numpy_engine, rng):
    engine = numpy_engine(scale=1, colour="rgb")
    array = rng.random((5, 6, 3), dtype=np.float32)
    assert not np.array_equal(Upscaler(engine)(array), array)
    with pytest.raises(ModelError, match="x1 model, which does not upscale"):
        Upscaler(engine, scale=2)


@pytest.mark.parametrize("scale", [0.5, 0, -2, float("nan"), float("inf")])
def test_an_impossible_scale_is_refused(numpy_engine, scale):
    with pytest.raises(ModelError, match="scale must be a number of at least 1"):
        Upscaler(numpy_engine(), scale=scale)


def test_the_ensemble_is_the_mean_over_flips_and_rotations(numpy_engine, rng):
    plane = rng.random((1, 5, 8), dtype=np.float32)
    engine = numpy_engine(scale=2)
    total = 0
    for turns in range(4):
        for flip in (False, True):
            view = np.rot90(plane[0, :, ::-1] if flip else plane[0], turns)
            back = np.rot90(engine.run(np.ascontiguousarray(view)[None, None])[0, 0], -turns)
            total = total + (back[:, ::-1] if flip else back)
    assert np.abs(Upscaler(engine, ensemble=True).upscale_planes(plane)[0] - total / 8).max() <= FLOAT32_SAME_MATHS


def test_the_ensemble_tiles_rotated_images_too(numpy_engine, rng):
    plane = rng.random((1, 40, 60), dtype=np.float32)
    whole = Upscaler(numpy_engine(), ensemble=True, tile=0).upscale_planes(plane)
    tiled = Upscaler(numpy_engine(footprint=Footprint(linear=50.0)), ensemble=True, memory=400_000).upscale_planes(
        plane
    )
    assert np.abs(tiled - whole).max() <= FLOAT32_SAME_MATHS


def test_tiles_come_from_the_memory_there_is(numpy_engine, rng):
    engine = numpy_engine(footprint=Footprint(linear=1000.0))
    array = noise(rng, (40, 50), np.uint8)
    plan = Upscaler(engine, memory=1_500_000).plan((40, 50), channels=1)
    assert plan.output_size == (80, 100)
    # the result takes (3 + 2) x 4 bytes x 8,000 pixels = 160,000, which leaves 670 pixels of 2,000 bytes: 25 x 25
    assert plan.passes == (("numpy-x2", (40, 50), (25, 25)),)
    assert plan.memory == 160_000 + 2000 * 25**2
    assert np.array_equal(Upscaler(engine, memory=1_500_000)(array), Upscaler(engine, tile=0)(array))


def test_workers_divide_the_free_memory_but_not_what_one_image_was_given(numpy_engine, monkeypatch):
    monkeypatch.setattr("kukkiri.inference.upscaler.find_free_memory", lambda: 3_750_000)
    engine = numpy_engine(footprint=Footprint(linear=1000.0))
    # 80 % are 3,000,000 bytes: alone 1,420 pixels of 2,000 bytes beside the result's 160,000, for one of two 670
    sides = [Upscaler(engine, workers=workers).plan((40, 50), channels=1).passes[0][2] for workers in (1, 2)]
    assert sides == [(28, 50), (25, 25)]
    assert Upscaler(engine, workers=2, memory=3_000_000).plan((40, 50), channels=1).passes[0][2] == (28, 50)
    with pytest.raises(ConfigError, match="workers must be at least 1, got 0"):
        Upscaler(engine, workers=0)


def test_a_result_that_does_not_fit_is_refused_before_work(numpy_engine):
    engine = numpy_engine(scale=4)
    with pytest.raises(ImageError, match=r"a result of 4000x8000 pixels needs about 1\.\d GB, but 0\.1 GB are free"):
        Upscaler(engine, memory=10**8)(np.zeros((1000, 2000, 3), np.uint8))
    assert engine.seen == []


def test_negative_options_are_refused(numpy_engine):
    for option in ("tile", "threads", "memory"):
        with pytest.raises(ConfigError, match="must not be negative"):
            Upscaler(numpy_engine(), **{option: -1})


def test_planes_of_another_number_are_refused(numpy_engine):
    with pytest.raises(ModelError, match="takes 1 planes, got 3"):
        Upscaler(numpy_engine()).upscale_planes(np.zeros((3, 4, 4), np.float32))


def test_progress_counts_network_runs(numpy_engine):
    calls = []
    Upscaler(numpy_engine(), scale=4, ensemble=True)(
        np.zeros((3, 4), np.uint8), progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(done, 16) for done in range(1, 17)]


@pytest.mark.parametrize(
    ("model", "kernel"), [("bicubic", "cubic"), ("nearest", "nearest"), ("bilinear", "linear"), ("lanczos", "lanczos3")]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_interpolations_are_those_of_resampling(model, kernel, dtype, rng):
    array = noise(rng, (9, 7, 3), dtype)
    upscaled = Upscaler(model, scale=3)(array)
    source = array.astype(np.float32) if dtype == np.float64 else array
    expected = resize(source, scale=3, kernel=kernel)
    expected = np.clip(expected, 0, 1) if np.issubdtype(dtype, np.floating) else expected
    assert np.array_equal(upscaled, expected.astype(dtype))  # for integers bit-equal to MATLAB's imresize


def test_a_float_image_is_not_changed_in_place(numpy_engine, rng):
    array = rng.random((6, 7, 4), dtype=np.float32)
    before = array.copy()
    Upscaler(numpy_engine(colour="rgb", gain=3.0))(array)
    assert np.array_equal(array, before)


def test_a_file_goes_in_and_an_image_comes_out(tmp_path, rng, exported):
    array = noise(rng, (11, 13, 3), np.uint8)
    Image.from_array(array).save(tmp_path / "a.png")
    upscaled = upscale(tmp_path / "a.png", scale=2.5, model=exported["espcn"], threads=1)
    assert np.array_equal(upscaled.to_array(), Upscaler(exported["espcn"], scale=2.5, threads=1)(array))
    assert upscaled.source == tmp_path / "a.png"


def test_saved_pixels_are_rounded_half_away_from_zero(numpy_engine):
    engine = numpy_engine(colour="rgb", gain=0.0, offset=100.5 / 255)
    upscaler = Upscaler(engine, bounded=False)
    assert np.all(upscaler(np.zeros((2, 2, 3), np.uint8)) == quantize(np.float32([100.5 / 255]), 8))

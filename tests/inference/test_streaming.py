import dataclasses

import numpy as np
import pytest

from kukkiri.images import Image, read_image
from kukkiri.images.row_source import RowSource
from kukkiri.inference import FolderRun, Upscaler, streamed_files, streaming
from kukkiri.inference.streamed_files import stream_file
from tests.tolerances import FLOAT32_NETWORK, FLOAT32_SAME_MATHS

HEIGHT, WIDTH = 203, 61


@pytest.fixture
def small_strips(monkeypatch):
    """Many cores and strips in a small image."""
    monkeypatch.setattr(streaming, "_CORE", (40, 40))
    monkeypatch.setattr(streaming, "_JOINED", 4000)


@pytest.fixture
def colour(rng):
    """Waves and noise, with a checkerboard, a flat part, and hard edges."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    colour = np.stack([0.5 + 0.4 * np.sin(x / 5 + k) * np.cos(y / 7 - k) for k in range(3)], axis=2)
    colour += 0.05 * rng.standard_normal(colour.shape)
    colour[60:110, 10:50] = ((x + y) % 2 == 0)[60:110, 10:50, None]
    colour[120:150] = 0.2
    colour[:30, 40:] = 1
    return (np.clip(colour, 0, 1) * 255).round().astype(np.float32) / 255


def make_source(image):
    """An image as a source that is only read in order."""
    read = [0]

    def rows(start, stop):
        assert start == read[0]
        assert stop > start
        read[0] = stop
        alpha = None if image.alpha is None else image.alpha[start:stop]
        return dataclasses.replace(image, colour=image.colour[start:stop], alpha=alpha)

    alpha = None if image.alpha is None else image.alpha[:1]
    template = dataclasses.replace(image, colour=image.colour[:1], alpha=alpha)
    return RowSource(template, image.size, rows, reopen=lambda: make_source(image))


def stream(upscaler, image):
    source = make_source(image)
    strips = list(upscaler.strips(source).run(source))
    assert len(strips) > 3
    alpha = None if image.alpha is None else np.concatenate([strip.alpha for strip in strips])
    return np.concatenate([strip.colour for strip in strips]), alpha


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("fast", {"scale": 2}),
        ("fast", {"scale": 6}),  # two networks
        ("balanced", {"scale": 3}),
        ("best", {"scale": 2}),
        ("espcn", {"scale": 4}),
        ("fast", {"scale": 2, "skip_flat": True}),
        ("fast", {"scale": 2, "tile": 32}),
        ("fast", {"scale": 2, "bounded": False}),
        ("fast", {"scale": 1.5}),
        ("balanced", {"scale": 2.71}),
        ("fast", {"scale": 5.3}),
        ("fast", {"width": 160}),
        ("fast", {"scale": 2.5, "bounded": False}),
    ],
)
@pytest.mark.parametrize("depth", [8, 32])
def test_strips_are_the_whole(model, options, depth, colour):
    upscaler = Upscaler(model, threads=1, **options)
    image = Image(colour=colour, depth=depth)
    strips, _ = stream(upscaler, image)
    assert np.abs(strips - upscaler(image).colour).max() <= FLOAT32_NETWORK


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("name", ["espcn", "fsrcnn", "rrdbnet", "srcnn"])  # a size multiple, RGB, and pre-upsampled
def test_strips_of_any_kind_of_network_are_the_whole(name, exported, colour):
    upscaler = Upscaler(exported[name], threads=1)
    image = Image(colour=colour)
    strips, _ = stream(upscaler, image)
    assert np.abs(strips - upscaler(image).colour).max() <= FLOAT32_NETWORK


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("model", ["bicubic", "bilinear", "lanczos", "nearest"])
@pytest.mark.parametrize("scale", [2.3, 3])
@pytest.mark.parametrize("depth", [8, 16, 32])
def test_strips_of_an_interpolation_are_the_whole(model, scale, depth, colour):
    upscaler = Upscaler(model, scale=scale)
    image = Image(colour=colour, alpha=colour[..., 0], depth=depth)
    strips, alpha = stream(upscaler, image)
    whole = upscaler(image)
    assert np.abs(strips - whole.colour).max() <= FLOAT32_SAME_MATHS
    assert np.abs(alpha - whole.alpha).max() <= FLOAT32_SAME_MATHS


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("scale", [2, 2.6])
@pytest.mark.parametrize("model", ["fast", "bicubic"])
def test_colours_under_transparent_pixels_are_those_of_the_whole(model, scale, colour):
    alpha = np.ones((HEIGHT, WIDTH), np.float32)
    alpha[40:130, 20:] = 0  # larger than any strip with its margins
    alpha[170:, :30] = 0.5
    alpha[190:, :9] = 0
    upscaler = Upscaler(model, scale=scale, threads=1)
    image = Image(colour=colour, alpha=alpha)
    strips, streamed_alpha = stream(upscaler, image)
    whole = upscaler(image)
    assert np.abs(strips - whole.colour).max() <= FLOAT32_NETWORK
    assert np.abs(streamed_alpha - whole.alpha).max() <= FLOAT32_SAME_MATHS


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_is_streamed_as_grey(channels, colour):
    image = Image(colour=np.repeat(colour[..., :1], channels, axis=2))
    upscaler = Upscaler("fast", scale=2, threads=1)
    strips, _ = stream(upscaler, image)
    assert strips.shape == (2 * HEIGHT, 2 * WIDTH, channels)
    assert np.abs(strips - upscaler(image).colour).max() <= FLOAT32_NETWORK


def test_what_has_to_be_whole_is_not_streamed(colour, numpy_engine):
    source = make_source(Image(colour=colour))
    whole = [
        Upscaler(numpy_engine(receptive_field=None)),
        Upscaler("fast", scale=2, chop=True),
        Upscaler("fast", scale=2, tile=0),
        Upscaler("fast", scale=2, wrap=True),
    ]
    assert [upscaler.strips(source) for upscaler in whole] == [None] * len(whole)
    extra = dataclasses.replace(source.template, extra=source.template.colour)
    assert Upscaler("fast", scale=2).strips(dataclasses.replace(source, template=extra)) is None


@pytest.mark.usefixtures("small_strips")
def test_progress_counts_up_to_the_end_and_may_stop_the_work(colour):
    upscaler, source, calls = Upscaler("fast", scale=2, threads=1), make_source(Image(colour=colour)), []
    for _ in upscaler.strips(source).run(source, lambda done, total: calls.append((done, total))):
        pass
    assert calls[-1][0] == calls[-1][1]
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert len({total for _, total in calls}) == 1

    class Stopped(BaseException):
        pass

    def stop(done, total):
        raise Stopped

    source = make_source(Image(colour=colour))
    with pytest.raises(Stopped):
        list(upscaler.strips(source).run(source, stop))


@pytest.fixture
def everything_streams(monkeypatch, small_strips):
    monkeypatch.setattr(streamed_files, "STREAMED", 1)


@pytest.mark.usefixtures("everything_streams")
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_file_that_is_streamed_is_the_file_that_is_saved_whole(tmp_path, colour, suffix, depth):
    alpha = colour[..., 1].copy()
    alpha[50:60] = 0
    Image(colour=colour, alpha=alpha, depth=depth).save(tmp_path / "in.png")
    upscaler = Upscaler("fast", scale=2, threads=1)
    done = stream_file(upscaler, tmp_path / "in.png", tmp_path / f"streamed{suffix}")
    assert (done.input_size, done.output_size) == ((HEIGHT, WIDTH), (2 * HEIGHT, 2 * WIDTH))
    whole = upscaler(read_image(tmp_path / "in.png"))
    notes = whole.save(tmp_path / f"whole{suffix}")
    assert set(done.notes) == {*whole.notes, *notes}
    streamed, saved = (read_image(tmp_path / f"{name}{suffix}") for name in ("streamed", "whole"))
    assert (streamed.depth, streamed.metadata) == (saved.depth, saved.metadata)
    levels = [image.to_array().astype(int) for image in (streamed, saved)]
    most = 1 if suffix != ".jpg" else 4  # a level in rare pixels, which a JPEG spreads over its block
    assert np.abs(levels[0] - levels[1]).max() <= most
    assert np.mean(levels[0] != levels[1]) < 1e-3


@pytest.mark.usefixtures("everything_streams")
def test_a_folder_run_streams_and_tells_what_it_did(tmp_path, colour):
    for name in ("a", "b"):
        Image(colour=colour).save(tmp_path / f"{name}.png")
    steps = []

    def make(*, threads, workers):
        return Upscaler("fast", scale=2, threads=threads, workers=workers)

    run = FolderRun(make, [str(tmp_path)], output=tmp_path / "out", progress=steps.append)
    results = sorted(run, key=lambda result: result.job.source)
    assert [(result.error, result.output_size) for result in results] == [("", (2 * HEIGHT, 2 * WIDTH))] * 2
    assert read_image(tmp_path / "out" / "b.png").size == (2 * HEIGHT, 2 * WIDTH)
    assert {step.output_size for step in steps if step.step == "upscaling"} == {(2 * HEIGHT, 2 * WIDTH)}


@pytest.mark.usefixtures("everything_streams")
def test_a_source_that_breaks_off_leaves_no_file(tmp_path, colour):
    Image(colour=colour).save(tmp_path / "in.png")
    data = (tmp_path / "in.png").read_bytes()
    (tmp_path / "in.png").write_bytes(data[: len(data) // 2])

    def make(*, threads, workers):
        return Upscaler("fast", scale=2, threads=threads, workers=workers)

    (result,) = FolderRun(make, [str(tmp_path / "in.png")], output=tmp_path / "out.png")
    assert "is truncated or corrupt" in result.error
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_the_estimate_for_a_hundred_megapixels_is_below_a_gigabyte_and_small_results_have_none(tmp_path):
    upscaler, target = Upscaler("fast", scale=2), tmp_path / "a.png"
    assert 700_000_000 < streamed_files.estimate_stream(upscaler, (5000, 5000), target) < 10**9  # measured: 726 MB
    assert streamed_files.estimate_stream(upscaler, (900, 900), target) is None
    assert streamed_files.estimate_stream(upscaler, (5000, 5000), tmp_path / "a.webp") is None
    assert streamed_files.estimate_stream(Upscaler("fast", scale=2, tile=0), (5000, 5000), target) is None

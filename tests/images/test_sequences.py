"""Animations and pages: what independent readers and writers see."""

import io
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest
import tifffile

from kukkiri.errors import ImageError
from kukkiri.images import Timing, open_sequence, read_image, read_page
from kukkiri.images.containers import gif_frames
from kukkiri.images.containers.apng import make_chunk
from kukkiri.images.metadata import Metadata
from kukkiri.images.sequence_sinks import open_sequence_sink
from kukkiri.images.sequences import find_default_suffix

TIMES = [100, 50, 200, 30, 30, 500]


def sprites(count: int = 6) -> list[PIL.Image.Image]:
    """A square of flat colour that moves over nothing."""
    frames = []
    for number in range(count):
        levels = np.zeros((30, 40, 4), np.uint8)
        levels[5:25, 3 + 4 * number : 14 + 4 * number] = [220, 40 * number, 30, 255]
        frames.append(PIL.Image.fromarray(levels))
    return frames


def save(path: Path, frames: list[PIL.Image.Image], **options: object) -> Path:
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    return path


def levels_of(image) -> np.ndarray:
    return np.floor(np.dstack([image.colour, image.alpha]) * 255 + 0.5).astype(int)


SAVED = {
    "a.gif": {"duration": TIMES, "loop": 0, "disposal": 2},
    "a.webp": {"duration": TIMES, "loop": 0, "lossless": True},
    "a.png": {"duration": TIMES, "loop": 0, "disposal": 1, "blend": 0},
    "b.png": {"duration": TIMES, "loop": 0, "disposal": 2, "blend": 1},
}


@pytest.mark.parametrize("name", sorted(SAVED))
def test_frames_are_read_as_they_are_shown(tmp_path, name):
    frames = sprites()
    sequence = open_sequence(save(tmp_path / name, frames, **SAVED[name]))
    assert sequence.count == 6
    assert sequence.timing == Timing(tuple(Fraction(time, 1000) for time in TIMES), 0)
    with PIL.Image.open(tmp_path / name) as opened:
        shown = [frame.convert("RGBA") for frame in PIL.ImageSequence.Iterator(opened)]
    if name == "b.png":  # Pillow shows something else after two frames that are to be restored
        shown = frames
    for image, frame in zip(sequence.images(), shown, strict=True):
        expected = np.asarray(frame).astype(int)
        visible = expected[..., 3:] > 0
        assert np.array_equal(levels_of(image) * visible, expected * visible)
        assert np.array_equal(image.alpha > 0, expected[..., 3] > 0)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".apng"])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_pillow_reads_the_same_frames_times_and_plays(tmp_path, suffix, plays):
    frames = sprites()
    images = list(open_sequence(save(tmp_path / "in.png", frames, **SAVED["a.png"])).images())
    timing = Timing(tuple(Fraction(time, 1000) for time in TIMES), plays)
    with open_sequence_sink(tmp_path / f"out{suffix}", count=6, timing=timing) as sink:
        for image in images:
            sink.write(image)
    with PIL.Image.open(tmp_path / f"out{suffix}") as back:
        assert back.n_frames == 6
        # Pillow counts a GIF's repetitions after the first play; a GIF that plays once says nothing
        assert back.info.get("loop", 1) == (plays - 1 if suffix == ".gif" and plays > 1 else plays)
        for number, frame in enumerate(PIL.ImageSequence.Iterator(back)):
            frame.load()
            assert frame.info["duration"] == TIMES[number]
            levels, expected = np.asarray(frame.convert("RGBA")), np.asarray(frames[number])
            assert np.array_equal(levels[..., 3], expected[..., 3])
            visible = expected[..., 3:] > 0  # the colour of what a GIF leaves out is that of its background
            assert np.array_equal(levels * visible, expected * visible)


def test_frames_laid_over_each_other_by_half_transparency_are_mixed(tmp_path):
    below, above = np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)
    below[:] = [200, 0, 0, 255]
    above[:] = [0, 100, 0, 128]
    both = [PIL.Image.fromarray(levels) for levels in (below, above)]
    path = save(tmp_path / "a.png", both, duration=100, blend=1, disposal=0)
    _, second = open_sequence(path).images()
    # 200 (1 - 128/255) = 99.6 of red and 100 * 128/255 = 50.2 of green
    assert np.array_equal(np.unique(levels_of(second).reshape(-1, 4), axis=0), [[100, 50, 0, 255]])


def test_a_page_is_counted_from_one(tmp_path):
    path = save(tmp_path / "a.gif", sprites(), **SAVED["a.gif"])
    assert levels_of(read_page(path, 3))[10, 20].tolist() == [220, 80, 30, 255]
    for number in (0, 7):
        with pytest.raises(ImageError, match=f"has 6 pages, so that there is no page {number}"):
            read_page(path, number)
    with pytest.raises(ImageError, match="is animated"):
        read_image(path)


def test_times_are_rounded_without_drift():
    timing = Timing((Fraction(1, 30),) * 30, 0)
    units = timing.count_units(Fraction(1, 100))
    assert sum(units) == 100
    assert set(units) == {3, 4}


def test_a_gif_that_ends_within_a_frame_is_refused_and_one_without_trailer_is_not(tmp_path):
    data = save(tmp_path / "a.gif", sprites(), **SAVED["a.gif"]).read_bytes()
    assert gif_frames.walk(data) == gif_frames.walk(data[:-1]) == gif_frames.GifBlocks(6, is_cut=False)
    (tmp_path / "cut.gif").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match=r"cut\.gif: this GIF is truncated: it ends within frame 3"):
        open_sequence(tmp_path / "cut.gif")
    (tmp_path / "whole.gif").write_bytes(data[:-1])
    assert open_sequence(tmp_path / "whole.gif").count == 6


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_damaged_animations_are_one_line(tmp_path, name):
    data = save(tmp_path / name, sprites(), **SAVED[name]).read_bytes()
    for length in range(len(data) // 4, len(data) - 13, 7):
        (tmp_path / name).write_bytes(data[:length])
        with pytest.raises(ImageError) as caught:
            list(open_sequence(tmp_path / name).images())
        assert len(str(caught.value).splitlines()) == 1


def test_many_small_frames_are_refused_with_the_remedy(tmp_path):
    frames = [PIL.Image.new("L", (2, 2), number % 256) for number in range(3000)]
    path = save(tmp_path / "many.gif", frames, duration=20)
    with pytest.raises(ImageError, match=r"3000 images .* exceed the limit .*--page.*--max-pixels"):
        open_sequence(path)
    assert open_sequence(path, pixel_limit=2**29).count == 3000
    assert np.abs(read_page(path, 44).colour * 255 - 43).max() < 1e-3
    with pytest.raises(ImageError, match="exceed the limit of 3"):
        read_page(path, 44, pixel_limit=3)


def test_a_large_canvas_is_refused_before_it_is_decoded(tmp_path):
    data = save(tmp_path / "a.png", sprites(), **SAVED["a.png"]).read_bytes()
    head = make_chunk(b"IHDR", struct.pack(">II", 40000, 40000) + data[24:29])
    (tmp_path / "a.png").write_bytes(data[:8] + head + data[33:])
    with pytest.raises(ImageError, match="6 images of 9600000000 pixels together exceed the limit"):
        open_sequence(tmp_path / "a.png")


def test_comments_and_xmp_stay_in_a_gif(tmp_path):
    plain = save(tmp_path / "a.gif", sprites(1)).read_bytes()
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    data = gif_frames.embed(plain, Metadata(comments=(b"c" * 300,), xmp=packet))
    with PIL.Image.open(io.BytesIO(data)) as opened, PIL.Image.open(tmp_path / "a.gif") as before:
        assert opened.info["comment"] == b"c" * 300
        assert np.array_equal(np.asarray(opened.convert("RGBA")), np.asarray(before.convert("RGBA")))
    (tmp_path / "b.gif").write_bytes(data)
    found = read_image(tmp_path / "b.gif").metadata
    assert (found.comments, found.xmp) == ((b"c" * 300,), packet)


def test_only_what_png_cannot_hold_keeps_its_suffix(tmp_path):
    save(tmp_path / "still.gif", sprites(1))
    save(tmp_path / "moving.gif", sprites(2), duration=20)
    save(tmp_path / "moving.webp", sprites(2), duration=20)
    sprites(1)[0].save(tmp_path / "still.webp")
    (tmp_path / "a.pfm").write_bytes(b"Pf\n1 1\n-1.0\n\0\0\0\0")
    found = {path.name: find_default_suffix(path) for path in tmp_path.iterdir()}
    assert found == {
        "still.gif": None, "moving.gif": ".gif", "moving.webp": ".webp", "still.webp": None, "a.pfm": ".pfm",
    }  # fmt: skip


# Pages --------------------------------------------------------------------------------------------------------------


def write_pages(path: Path, *, big: bool = False, byteorder: str = "<") -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    pages = [
        rng.integers(0, 256, (20, 30, 3)).astype(np.uint8),
        rng.integers(0, 65536, (31, 17)).astype(np.uint16),
        rng.integers(0, 256, (9, 11, 3)).astype(np.uint8),
    ]
    with tifffile.TiffWriter(path, bigtiff=big, byteorder=byteorder) as file:
        for number, page in enumerate(pages):
            kind = "rgb" if page.ndim == 3 else "minisblack"
            name = [(285, "s", 0, f"page {number + 1}", True)]
            file.write(page, photometric=kind, resolution=(300 + number, 200), resolutionunit="INCH", extratags=name)
            file.write(page[:4, :4], photometric=kind, subfiletype=1)  # a thumbnail
    return pages


@pytest.mark.parametrize(("big", "order"), [(False, "<"), (False, ">"), (True, "<")])
def test_pages_keep_pixels_names_and_resolution(tmp_path, big, order):
    pages = write_pages(tmp_path / "a.tif", big=big, byteorder=order)
    sequence = open_sequence(tmp_path / "a.tif")
    assert (sequence.count, sequence.timing) == (3, None)
    with open_sequence_sink(tmp_path / "b.tif", count=3) as sink:
        for image in sequence.images():
            sink.write(image)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert len(file.pages) == 3
        for number, (page, expected) in enumerate(zip(file.pages, pages, strict=True)):
            assert np.array_equal(page.asarray(), expected)
            tags = page.tags
            assert tags["PageNumber"].value == (number, 3)
            assert tags["NewSubfileType"].value == 2
            across, below = tags["XResolution"].value
            assert across / below == pytest.approx(300 + number, rel=1e-6)
            assert tags["PageName"].value == f"page {number + 1}"
    with PIL.Image.open(tmp_path / "b.tif") as opened:
        assert opened.n_frames == 3
        opened.seek(2)
        assert np.array_equal(np.asarray(opened), pages[2])


def test_a_large_result_is_a_big_tiff_of_pages(tmp_path, monkeypatch):
    pages = write_pages(tmp_path / "a.tif")
    monkeypatch.setattr("kukkiri.images.sequence_sinks._CLASSIC_TIFF", 0)
    with open_sequence_sink(tmp_path / "b.tif", count=3) as sink:
        for image in open_sequence(tmp_path / "a.tif").images():
            sink.write(image)
    assert (tmp_path / "b.tif").read_bytes()[:4] == b"II+\0"
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert [np.array_equal(page.asarray(), expected) for page, expected in zip(file.pages, pages, strict=True)] == [
            True
        ] * 3
        assert file.pages[1].tags["PageName"].value == "page 2"


def test_a_tiff_that_ends_before_its_last_page_is_refused(tmp_path):
    write_pages(tmp_path / "a.tif")
    data = (tmp_path / "a.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        last = file.pages[4].offset
    (tmp_path / "a.tif").write_bytes(data[: last - 2])
    with pytest.raises(ImageError, match="this TIFF is truncated: it ends before page 3"):
        open_sequence(tmp_path / "a.tif")


def write_one_and_stop(path, image):
    with open_sequence_sink(path, count=6, timing=Timing((Fraction(1),) * 6, 0)) as sink:
        sink.write(image)
        raise RuntimeError("stop")


def test_a_failure_leaves_nothing(tmp_path):
    image = next(open_sequence(save(tmp_path / "a.gif", sprites(), **SAVED["a.gif"])).images())
    for suffix in (".gif", ".webp", ".png", ".tif"):
        with pytest.raises(RuntimeError, match="stop"):
            write_one_and_stop(tmp_path / f"b{suffix}", image)
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]

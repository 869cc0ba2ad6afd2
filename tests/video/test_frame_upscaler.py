from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av")

from kukkiri.errors import VideoError  # noqa: E402
from kukkiri.inference import Upscaler  # noqa: E402
from kukkiri.video.frame_upscaler import FrameUpscaler, upscale_frames  # noqa: E402
from kukkiri.video.planes import new_frame, view_planes  # noqa: E402
from kukkiri.video.source import VideoSource  # noqa: E402
from tests.inference.conftest import NumpyEngine  # noqa: E402
from tests.video.clips import needs_ffmpeg  # noqa: E402


def read(path):
    with VideoSource(path) as source:
        return source.info, list(source.frames())


def run(info, frames, *, reuse=True, workers=2, begins=None, model="plain-xs-x2"):
    upscaler = FrameUpscaler(Upscaler(model, threads=1), info, reuse=reuse)
    return upscaler, list(upscale_frames(frames, upscaler, workers=workers, begins=begins))


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "gbrp", "yuva444p12le", "gray"])
def test_planes_of_a_frame_are_its_memory_without_padding(name):
    frame = new_frame(70, 50, name)  # 70 is no multiple of the alignment of rows
    planes = view_planes(frame)
    for number, plane in enumerate(planes):
        plane[...] = 17 + number
    again = view_planes(frame)
    assert again[0].shape == (50, 70)
    assert (
        [int(plane.min()) for plane in again]
        == [int(plane.max()) for plane in again]
        == [17 + n for n in range(len(planes))]
    )
    assert again[0].dtype == (np.uint16 if "1" in name.removeprefix("yuv4") and "le" in name else np.uint8)


def test_packed_frames_are_refused():
    with pytest.raises(VideoError, match="rgb24 are not planar"):
        view_planes(new_frame(8, 8, "rgb24"))


@needs_ffmpeg
@pytest.mark.parametrize("name", ["vfr.mkv", "ten-bit.mkv", "alpha-vp9.webm", "rgb.mkv", "full-range.mp4"])
def test_results_have_the_times_and_tags_of_their_frames_and_reuse_changes_nothing(clip, name):
    info, frames = read(clip(name))
    upscaler, with_reuse = run(info, frames)
    _, without = run(info, frames, reuse=False, workers=1)
    assert [result.source for result in with_reuse] == frames
    for result, other, frame in zip(with_reuse, without, frames, strict=True):
        assert (result.frame.width, result.frame.height) == upscaler.output_size == (2 * frame.width, 2 * frame.height)
        assert result.frame.format.name == upscaler.output_format == info.pixel_format.name
        for tag in ("pts", "time_base", "color_range", "colorspace", "color_trc", "color_primaries"):
            assert getattr(result.frame, tag) == getattr(frame, tag)
        for one, two in zip(view_planes(result.frame), view_planes(other.frame), strict=True):
            difference = np.abs(one.astype(int) - two)
            assert difference.max() <= 1
            assert np.count_nonzero(difference) <= 1
    assert all(result.reused == 0 for result in without)


@needs_ffmpeg
def test_equal_frames_are_copied_but_not_where_a_segment_begins(clip):
    info, frames = read(clip("plain.mkv"))
    engine, duplicates = NumpyEngine(), [frames[0]] * 6
    asked = []

    def begins(frame):
        asked.append(frame)
        return len(asked) in (1, 4)

    _, results = run(info, duplicates, begins=begins, model=engine)
    assert [result.reused for result in results] == [0, 1, 1, 0, 1, 1]
    assert (len(engine.seen), len(asked)) == (2, 6)
    first = view_planes(results[0].frame)
    for result in results[1:]:
        for one, other in zip(view_planes(result.frame), first, strict=True):
            np.testing.assert_array_equal(one, other)


@needs_ffmpeg
def test_frames_of_another_size_become_as_large_and_other_formats_are_refused(clip):
    info, frames = read(clip("plain.mkv"))
    larger = frames[1].reformat(width=80, height=60)
    larger.pts, larger.time_base = 99, Fraction(1, 1000)
    upscaler, results = run(info, [frames[0], larger, frames[1]])
    assert {(result.frame.width, result.frame.height) for result in results} == {(128, 96)}
    assert [result.reused for result in results] == [0, 0, 0]
    assert upscaler.notes == ["some frames are 80x60; they were made as large as the others"]
    # the same content, so that the results agree but for the two ways through another size
    same = [view_planes(result.frame)[0].astype(float) for result in results[1:]]
    assert np.abs(same[0] - same[1])[8:-8, 8:-8].mean() < 12
    with pytest.raises(VideoError, match="yuv444p in a clip of yuv420p"):
        run(info, [frames[0].reformat(format="yuv444p")])


@needs_ffmpeg
def test_closing_the_results_closes_the_frames(clip):
    info, frames = read(clip("plain.mkv"))
    closed = []

    def source():
        try:
            yield from frames
        finally:
            closed.append(True)

    upscaler = FrameUpscaler(Upscaler("plain-xs-x2", threads=1), info)
    results = upscale_frames(source(), upscaler, workers=2)
    next(results)
    results.close()
    assert closed == [True]


@needs_ffmpeg
def test_an_rgb_network_says_which_matrix_it_took(clip):
    info, _ = read(clip("plain.mkv"))
    assert FrameUpscaler(Upscaler(NumpyEngine()), info).notes == []
    notes = FrameUpscaler(Upscaler(NumpyEngine(colour="rgb")), info).notes
    assert notes == ["the clip does not say its colour matrix; BT.601 is taken, as players do, and no tag is added"]
    tagged, _ = read(clip("tagged-709.mkv"))
    upscaler = FrameUpscaler(Upscaler(NumpyEngine(colour="rgb")), tagged)
    assert (upscaler.layout.matrix, upscaler.notes) == ("709", [])

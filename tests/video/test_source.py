"""Reading clips: facts, frames in order, packets of other streams, damage."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kukkiri.errors import VideoError
from kukkiri.video.source import VideoSource
from tests.video.clips import damage, needs_ffmpeg, truncate

av = pytest.importorskip("av", reason="needs the extra video")

pytestmark = needs_ffmpeg

Clips = Callable[[str], Path]


def read(path: Path, **options) -> tuple[VideoSource, list[float], int]:
    """Read a clip to its end: the source, the times of its frames in seconds, the number of other packets."""
    with VideoSource(path, **options) as source:
        times, packets = [], 0
        for item in source.demux():
            if isinstance(item, av.VideoFrame):
                assert item.time_base == source.info.time_base
                assert (item.width, item.height) == (source.info.width, source.info.height)
                times.append(float(item.pts * item.time_base))
            else:
                packets += 1
        return source, times, packets


def test_facts_of_a_plain_clip(clip: Clips) -> None:
    with VideoSource(clip("plain.mp4")) as source:
        info = source.info
    assert (info.width, info.height, info.codec, info.rate, info.frames) == (64, 48, "h264", Fraction(12), 12)
    assert info.duration == pytest.approx(1.0)
    assert (info.colour_range, info.colour_primaries, info.colour_trc, info.colourspace) == (0, 2, 2, 2)
    assert (info.display_matrix, info.rotation, info.interlaced, info.has_alpha) == (None, 0, False, False)
    assert (info.mastering_display, info.content_light, info.dolby_vision, info.hdr10_plus) == (
        None,
        None,
        False,
        False,
    )
    assert [str(stream) for stream in info.streams] == ["stream 0 (video, h264)", "stream 1 (audio, aac)"]


def test_all_frames_come_also_the_first_of_a_file_without_decoding_times(clip: Clips) -> None:
    _, times, packets = read(clip("plain.mkv"))  # Matroska with B-frames: dts of the first packets is None
    assert times == pytest.approx([0.023 + n / 12 for n in range(12)], abs=0.001)
    assert packets == 45


def test_a_variable_frame_rate_keeps_every_timestamp(clip: Clips) -> None:
    _, times, _ = read(clip("vfr.mp4"))
    exact = [n / 12 + 0.013 * (n % 3) + 0.2 * (n >= 5) for n in range(12)]
    assert times == pytest.approx(exact, abs=1.1 / 90_000)  # ffmpeg cut fractions of a tick off when it made the clip


def test_the_start_time_of_a_transport_stream_is_subtracted_from_all_streams(clip: Clips) -> None:
    with VideoSource(clip("offset.ts")) as source:
        assert source.info.start_time > 11
        firsts: dict[str, float] = {}
        for item in source.demux():
            kind = "video" if isinstance(item, av.VideoFrame) else "audio"
            firsts.setdefault(kind, float(item.pts * item.time_base))
    assert firsts["audio"] == 0
    assert firsts["video"] == pytest.approx(2090 / 90_000)


def test_rotation_and_flips_come_as_a_matrix(clip: Clips) -> None:
    with VideoSource(clip("rotated.mp4")) as rotated, VideoSource(clip("flipped.mp4")) as flipped:
        assert rotated.info.rotation == 90
        assert rotated.info.display_matrix == (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)
        assert flipped.info.display_matrix == (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize(
    ("name", "pixel_format", "colours"),
    [
        ("hdr10.mkv", "yuv420p10le", (1, 9, 16, 9)),
        ("tagged-709.mkv", "yuv420p", (1, 1, 1, 1)),
        ("full-range.mp4", "yuv420p", (2, 2, 2, 2)),
        ("yuv422p.mkv", "yuv422p", (1, 2, 2, 2)),
        ("yuv444p.mkv", "yuv444p", (1, 2, 2, 2)),
        ("yuv420p12.mkv", "yuv420p12le", (1, 2, 2, 2)),
        ("grey.mkv", "gray", (2, 2, 2, 2)),
        ("rgb.mkv", "gbrp", (2, 2, 2, 0)),
        ("alpha-vp9.webm", "yuva420p", (1, 2, 2, 2)),
        ("alpha-prores.mov", "yuva444p12le", (1, 2, 2, 2)),
    ],
)
def test_formats_and_colours(name: str, pixel_format: str, colours: tuple[int, ...], clip: Clips) -> None:
    with VideoSource(clip(name)) as source:
        info = source.info
        frame = next(source.frames())
    assert info.pixel_format.name == pixel_format
    assert frame.format.name.replace("yuvj", "yuv") == pixel_format
    assert (info.colour_range, info.colour_primaries, info.colour_trc, info.colourspace) == colours


def test_alpha_of_vp9_is_read(clip: Clips) -> None:
    with VideoSource(clip("alpha-vp9.webm")) as source:
        frame = next(source.frames())
        plane = frame.planes[3]
        alpha = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
    ramp = 4 * np.arange(64)
    assert np.abs(alpha[24].astype(int) - ramp).max() < 24  # it is compressed with loss


def test_interlaced_frames_are_deinterlaced_unless_told_otherwise(clip: Clips) -> None:
    path = clip("interlaced.mkv")
    combed, kept = {}, []
    for mode in ("auto", "on", "off"):
        with VideoSource(path, deinterlace=mode) as source:
            assert source.info.interlaced
            frames = list(source.frames())
            combed[mode] = [frame.interlaced_frame for frame in frames]
            kept.append([frame.pts for frame in frames])
    assert combed["off"] == [True] * 25
    assert not any(combed["auto"])
    assert kept[0] == kept[1] == kept[2]


def test_progressive_frames_pass_auto_untouched(clip: Clips) -> None:
    planes = []
    for mode in ("auto", "off"):
        with VideoSource(clip("plain.mkv"), deinterlace=mode) as source:
            planes.append([bytes(frame.planes[0]) for frame in source.frames()])
    assert planes[0] == planes[1]


def test_a_truncated_clip_is_read_to_its_end_and_reported(clip: Clips) -> None:
    source, times, _ = read(clip("truncated.mkv"))
    assert source.damage.truncated
    assert 0 < len(times) < 12
    assert str(source.damage) == "the file ends early"
    whole, _, _ = read(clip("plain.mkv"))
    assert not whole.damage


def test_damage_in_the_middle_is_counted_and_the_rest_goes_on(clip: Clips) -> None:
    source, times, _ = read(clip("damaged.ts"))
    assert source.damage.corrupt_packets == 1
    assert times[-1] == pytest.approx(2090 / 90_000 + 11 / 12, abs=1 / 90_000)  # the last frame is there
    source, times, _ = read(clip("damaged.mkv"))
    assert (source.damage.corrupt_frames, len(times)) == (1, 12)
    assert str(source.damage) == "1 frame with repaired parts"


def test_no_damage_ends_in_a_traceback(clip: Clips, tmp_path: Path) -> None:
    for name in ("plain.mkv", "plain.mp4", "offset.ts"):
        for at in (0.02, 0.2, 0.4, 0.6, 0.8, 0.95):
            path = tmp_path / name
            damage(clip(name), path, at=at, size=400)
            _read_or_refuse(path)
            truncate(clip(name), path, share=at)
            _read_or_refuse(path)


def _read_or_refuse(path: Path) -> None:
    message = str(path)
    try:
        read(path)
    except VideoError as error:
        message = str(error)
    assert str(path) in message


def test_a_cover_is_not_the_video_and_another_video_can_be_chosen(clip: Clips) -> None:
    with VideoSource(clip("cover.mp4")) as source:
        assert source.info.stream == 0
        assert str(source.info.streams[2]) == "stream 2 (cover image, png)"
    with VideoSource(clip("two-video.mkv"), stream=1) as source:
        assert (source.info.width, source.info.height) == (32, 32)
        assert [stream.index for stream in source.other_streams] == [0, 2]


def test_a_clip_can_be_read_twice(clip: Clips) -> None:
    with VideoSource(clip("plain.mkv")) as source:
        first = [frame.pts for frame in source.frames()]
        assert [frame.pts for frame in source.frames()] == first


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"no such file"),
        (b"this is no clip at all\n" * 50, r"no clip that FFmpeg can read"),
        (b"", r"no clip that FFmpeg can read"),
    ],
)
def test_files_that_are_no_clips(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "holiday.mkv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoError, match=message):
        VideoSource(path)


def test_sound_alone_and_images_are_refused(clip: Clips, photographs: Path) -> None:
    with pytest.raises(VideoError, match=r"no video stream\. Found: stream 0 \(audio, aac\)"):
        VideoSource(clip("audio-only.mkv"))
    with pytest.raises(VideoError, match=r"stream 1 is no video\. Found: stream 0 \(video, h264\), stream 1"):
        VideoSource(clip("plain.mkv"), stream=1)
    with pytest.raises(VideoError, match=r"an image, no clip"):
        VideoSource(photographs / "es_city4.webp")


def test_a_playlist_cannot_fetch_from_the_network(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError, match=r"no clip that FFmpeg can read|no video stream"):
        VideoSource(path)


def test_an_unknown_way_of_deinterlacing_is_a_mistake_of_the_caller(clip: Clips) -> None:
    with pytest.raises(ValueError, match="deinterlace must be auto, on or off, got 'yes'"):
        VideoSource(clip("plain.mkv"), deinterlace="yes")  # type: ignore[arg-type]

"""Streams beside the video: copied, converted or dropped, decided before work; tags and chapters."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from kukkiri.errors import VideoError
from kukkiri.video.container_trials import lost_tags
from kukkiri.video.mp4_boxes import free_empty_video_tracks
from kukkiri.video.source import VideoSource
from kukkiri.video.stream_copies import StreamCopies
from kukkiri.video.stream_writers import CopyWriter
from kukkiri.video.tags import find_lost_tags, kept_stream_tags, kept_tags, shifted_chapters
from tests.video.clips import needs_ffmpeg, run_ffmpeg

av = pytest.importorskip("av", reason="needs the extra video")

Clips = Callable[[str], Path]


def _copied(path: Path, output: Path, container: str) -> list[str]:
    """Write all streams but the video into a file, and return the notes."""
    with VideoSource(path) as source, av.open(str(output), "w", format=container) as file:
        copies = StreamCopies(source, container)
        copies.attach(file)
        file.start_encoding()
        for item in source.demux():
            if isinstance(item, av.Packet):
                copies.mux(item)
        copies.finish()
        return copies.notes


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "container", "notes"),
    [
        ("srt.mkv", "matroska", []),
        ("srt.mkv", "mp4", ["stream 2 (subtitle, srt, ger): converted to mov_text, as mp4 asks."]),
        ("mov-text.mp4", "mp4", []),
        ("mov-text.mp4", "matroska", ["stream 2 (subtitle, mov_text, ger): converted to srt, as matroska asks."]),
        (
            "srt.mkv",
            "webm",
            [
                "stream 1 (audio, aac): webm cannot hold it; it is dropped. Write an .mkv file to keep it.",
                "stream 2 (subtitle, srt, ger): converted to webvtt, as webm asks.",
            ],
        ),
        (
            "ass.mkv",
            "mp4",
            [
                "stream 2 (subtitle, ssa): converted to mov_text, as mp4 asks; most styles and positions are lost.",
            ],
        ),
        (
            "attachment.mkv",
            "mp4",
            ["stream 2 (attachment): mp4 cannot hold it; it is dropped. Write an .mkv file to keep it."],
        ),
        ("chapters.mp4", "matroska", []),  # the text track of the chapters goes without a word
        ("two-video.mkv", "matroska", ["stream 1 (video, h264): a further video stream is copied, not upscaled."]),
    ],
)
def test_the_fate_of_each_stream_is_known_before_work(name: str, container: str, notes: list[str], clip: Clips) -> None:
    with VideoSource(clip(name)) as source:
        assert StreamCopies(source, container).notes == notes


@needs_ffmpeg
def test_a_further_video_stream_is_copied_with_rising_decoding_times(clip: Clips, tmp_path: Path) -> None:
    _copied(clip("two-video.mkv"), tmp_path / "rest.mp4", "mp4")  # Matroska leaves the first dts out, MP4 needs them
    with av.open(str(clip("two-video.mkv"))) as before, av.open(str(tmp_path / "rest.mp4")) as after:
        expected = [(round(float(p.pts * p.time_base), 3), bytes(p)) for p in before.demux(before.streams[1]) if p.size]
        packets = [p for p in after.demux(video=0) if p.size]
    found = [(round(float(p.pts * p.time_base), 3), bytes(p)) for p in packets]
    shift = found[0][0] - expected[0][0]
    assert [data for _, data in found] == [data for _, data in expected]
    assert [time for time, _ in found] == pytest.approx([time + shift for time, _ in expected], abs=0.0011)
    decoding = [p.dts for p in packets]
    assert decoding == sorted(set(decoding))


@needs_ffmpeg
def test_a_cover_becomes_an_attachment_of_matroska(clip: Clips, tmp_path: Path) -> None:
    _copied(clip("cover.mp4"), tmp_path / "rest.mkv", "matroska")
    with av.open(str(clip("cover.mp4"))) as before:
        data = next(bytes(packet) for packet in before.demux(before.streams[2]) if packet.size)
    assert data in (tmp_path / "rest.mkv").read_bytes()
    with av.open(str(tmp_path / "rest.mkv")) as after:
        cover = after.streams[1]
        assert (cover.metadata["filename"], cover.metadata["mimetype"]) == ("cover.png", "image/png")


@needs_ffmpeg
def test_a_refused_packet_is_said_in_one_line(clip: Clips, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(writer: CopyWriter, packet: Any) -> None:
        raise av.error.InvalidDataError(1094995529, "Invalid data found")

    monkeypatch.setattr(CopyWriter, "write", refuse)
    with pytest.raises(VideoError, match=r"plain\.mkv: stream 1 \(audio, aac\): matroska refuses a packet of it \(Inv"):
        _copied(clip("plain.mkv"), tmp_path / "rest.mkv", "matroska")


class _Recorder:
    """A container that only takes note of its packets."""

    def __init__(self) -> None:
        self.times: list[tuple[int | None, int | None]] = []

    def mux(self, packet: Any) -> None:
        self.times.append((packet.pts, packet.dts))


@needs_ffmpeg
def test_missing_and_falling_decoding_times_are_repaired(clip: Clips) -> None:
    recorder = _Recorder()
    with av.open(str(clip("plain.mp4"))) as file:
        video = file.streams.video[0]
        writer = CopyWriter(recorder, video, video)  # type: ignore[arg-type]
        for pts, dts in [(0, None), (30, None), (10, 0), (20, 10), (40, 5), (50, 20)]:
            packet = av.Packet(b"data")
            packet.pts, packet.dts, packet.duration, packet.time_base = pts, dts, 10, Fraction(1, 100)
            writer.write(packet)
        writer.finish()
    assert recorder.times == [(0, -20), (30, -10), (10, 0), (20, 10), (40, 11), (50, 20)]


@needs_ffmpeg
def test_chapters_move_with_the_start_time(clip: Clips, tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    marks = tmp_path / "marks.txt"
    chapters = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle={}\n"
    marks.write_text(chapters.format(2000, 2400, "First") + chapters.format(2400, 3000, "Second").partition("\n")[2])
    chaptered = ("-i", marks, "-map", "0", "-map_chapters", "1", "-c", "copy")
    run_ffmpeg("-i", clip("plain.mkv"), *chaptered, "-output_ts_offset", "2", late)
    with VideoSource(late) as source:
        assert source.info.start_time == 2
        found = [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]) for c in shifted_chapters(source)
        ]
    second = Fraction(1, 1000)
    assert found == [(0, 400 * second, {"title": "First"}), (400 * second, 1000 * second, {"title": "Second"})]


def test_tags_of_the_old_file_are_left_behind() -> None:
    tags = {
        "title": "A film",
        "encoder": "Lavf",
        "major_brand": "isom",
        "com.apple.quicktime.location.ISO6709": "+1+2/",
    }
    assert kept_tags(tags) == {
        "title": "A film",
        "com.apple.quicktime.location.ISO6709": "+1+2/",
        "location": "+1+2/",
    }
    stream = {"name": "Comment", "handler_name": "SoundHandler", "vendor_id": "FFMP", "language": "und", "BPS-eng": "9"}
    assert kept_stream_tags(stream, "matroska") == {"title": "Comment", "BPS-eng": "9"}
    assert kept_stream_tags(stream, "mp4", reencoded=True) == {"title": "Comment", "handler_name": "Comment"}
    assert kept_stream_tags({"handler_name": "Stereo mix"}, "mp4") == {"handler_name": "Stereo mix"}


@needs_ffmpeg
def test_tags_that_a_container_cannot_hold_are_named(tmp_path: Path, clip: Clips) -> None:
    tags = {"title": "t", "artist": "a", "DIRECTOR": "d", "creation_time": "2020-01-01T00:00:00.000000Z"}
    assert lost_tags("mp4", tags) == ["DIRECTOR"]
    assert lost_tags("matroska", tags) == lost_tags("webm", tags) == []
    tagged = tmp_path / "tagged.mkv"
    run_ffmpeg("-i", clip("plain.mkv"), "-c", "copy", "-metadata", "DIRECTOR=d", tagged)
    with VideoSource(tagged) as source:
        assert find_lost_tags(source, "matroska") == []
        assert find_lost_tags(source, "mp4") == [
            "tags that mp4 has no place for are lost: DIRECTOR. Write an .mkv file to keep them."
        ]


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _track(handler: bytes, samples: int) -> bytes:
    sizes = _box(b"stsz", bytes(8) + struct.pack(">I", samples))
    media = _box(b"hdlr", bytes(8) + handler + bytes(13)) + _box(b"minf", _box(b"stbl", sizes))
    return _box(b"trak", _box(b"mdia", media))


def test_empty_video_tracks_are_hidden_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film, empty, text = _track(b"vide", 12), _track(b"vide", 0), _track(b"sbtl", 0)
    data = _box(b"ftyp", b"isom") + _box(b"mdat", b"trak" * 9) + _box(b"moov", film + empty + text)
    path.write_bytes(data)
    assert free_empty_video_tracks(path) == 1
    assert path.read_bytes() == data.replace(empty, empty.replace(b"trak", b"free"))
    assert free_empty_video_tracks(path) == 0
    for cut in (0, 3, 7, 12, len(data) - 5):
        path.write_bytes(data[:cut])
        free_empty_video_tracks(path)
        assert len(path.read_bytes()) == cut


@needs_ffmpeg
def test_sound_that_an_edit_list_cuts_off_is_not_heard_in_matroska(tmp_path: Path) -> None:
    film = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=12:d=1.5", "-f", "lavfi", "-i", "sine=f=440:d=1.5")
    run_ffmpeg(*film, "-c:v", "libx264", "-c:a", "aac", tmp_path / "whole.mp4")
    run_ffmpeg("-ss", "0.4", "-i", tmp_path / "whole.mp4", "-c", "copy", tmp_path / "cut.mp4")
    assert _copied(tmp_path / "cut.mp4", tmp_path / "out.mkv", "matroska") == []
    with av.open(str(tmp_path / "cut.mp4")) as file:
        heard = [packet for packet in file.demux(audio=0) if packet.size and not packet.is_discard]
    with av.open(str(tmp_path / "out.mkv")) as file:
        kept = [packet for packet in file.demux(audio=0) if packet.size]
    assert len(heard) < len(kept) < len(heard) + 6  # a tenth of a second, which decoders may need
    assert [bytes(packet) for packet in kept[-len(heard) :]] == [bytes(packet) for packet in heard]

"""A clip before and after, compared stream by stream with the programs ffprobe and ffmpeg: a second reader.

Only the pixel format is read with kukkiri itself.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kukkiri.video.source import VideoSource

__all__ = ["CASES", "Case", "Comparison", "compare"]

_TEXT_CODECS = ("subrip", "mov_text", "ass", "ssa", "webvtt")
_COLOURS = ("color_range", "color_space", "color_transfer", "color_primaries")
_ROLES = ("default", "dub", "original", "comment", "forced", "attached_pic")
_HDR10 = ("Mastering display metadata", "Content light level metadata")


@dataclass(frozen=True)
class Case:
    """A clip of ``tests.video.clips`` and what it is there for."""

    clip: str
    shows: str
    to_mkv: tuple[str, ...] = ()
    """Beginnings of the notes that an MKV comes with."""
    to_mp4: tuple[str, ...] = ()
    """Beginnings of the notes that an MP4 comes with."""
    lost_in_mp4: tuple[str, ...] = ()
    """Subjects of the comparison that differ in an MP4, as a note says."""


_NO_ALPHA_IN_MP4: Any = {"to_mp4": ("transparency is dropped",), "lost_in_mp4": ("pixel format",)}

CASES = (
    Case("vfr.mp4", "variable frame rate"),
    Case("rotated.mp4", "rotated by 90 degrees"),
    Case("flipped.mp4", "mirrored"),
    Case("anamorphic.mkv", "sample aspect ratio 64:45"),
    Case("ten-bit.mkv", "10 bit"),
    Case("hdr10.mkv", "HDR10: BT.2020, PQ, mastering display, light level"),
    Case("interlaced.mkv", "interlaced"),
    Case("offset.ts", "transport stream that begins at 11 s"),
    Case("two-audio.mkv", "two audio tracks, one 0.3 s late, languages, roles"),
    Case("late-video.mkv", "video begins 0.5 s after audio"),
    Case("srt.mkv", "SRT subtitles", to_mp4=("stream 2 (subtitle, srt, ger): converted to mov_text",)),
    Case("mov-text.mp4", "mov_text subtitles", to_mkv=("stream 2 (subtitle, mov_text, ger): converted to srt",)),
    Case("ass.mkv", "ASS subtitles", to_mp4=("stream 2 (subtitle, ssa): converted to mov_text",)),
    Case("chapters.mp4", "chapters, title, artist"),
    Case("attachment.mkv", "attached font", to_mp4=("stream 2 (attachment): mp4 cannot hold it; it is dropped",)),
    Case("cover.mp4", "cover image"),
    Case("two-video.mkv", "two video streams", *([("stream 1 (video, h264): a further video stream is copied",)] * 2)),
    Case("tagged-709.mkv", "BT.709 tags"),
    Case("full-range.mp4", "full range (yuvj420p)"),
    Case("yuv422p.mkv", "4:2:2"),
    Case("yuv444p.mkv", "4:4:4"),
    Case("grey.mkv", "grey"),
    Case("time-code.mov", "time code track"),
    Case(
        "windows-media.wmv",
        "Windows Media Audio",
        to_mp4=("stream 1 (audio, wmav2): mp4 cannot hold it; it is dropped",),
        lost_in_mp4=("streams",),
    ),
    Case("alpha-vp9.webm", "alpha (VP9)", **_NO_ALPHA_IN_MP4),
    Case("alpha-prores.mov", "alpha (ProRes 4444)", to_mkv=("12 bits are rounded to 10",), **_NO_ALPHA_IN_MP4),
    Case("truncated.mkv", "truncated", *([("the source is damaged: the file ends early",)] * 2)),
    Case("damaged.ts", "damaged in the middle", *([("the source is damaged: ",)] * 2)),
)


class Comparison:
    """The differences between a clip and its upscaled copy, by subject; none when everything survived."""

    def __init__(self, source: Path, output: Path, *, scale: int) -> None:
        """Read both files."""
        self._scale = scale
        self.source, self.output = _Clip(source), _Clip(output)
        self.differences: dict[str, str] = {}

    def check(self, subject: str, expected: Any, found: Any) -> None:
        """Note a difference."""
        if expected != found:
            self.differences[subject] = f"expected {expected}, found {found}"

    def check_video(self) -> None:
        """Size, aspect, colours, depth, rotation and HDR10 blocks of the video."""
        before, after = self.source.video, self.output.video
        self.check(
            "size", (before["width"] * self._scale, before["height"] * self._scale), (after["width"], after["height"])
        )
        for name in ("sample_aspect_ratio", *_COLOURS):
            self.check(name, _tag(before.get(name)), _tag(after.get(name)))
        self.check("rotation", self.source.matrix, self.output.matrix)
        self.check("HDR10", self.source.hdr10, self.output.hdr10)
        self.check("pixel format", _pixels(self.source.path), _pixels(self.output.path))
        self.check("language", _language(before), _language(after))
        self.check("time code", _time_code(before), _time_code(after))

    def check_times(self, *, tolerance: float) -> None:
        """Every timestamp of every stream; all may be shifted alike, as AAC's priming shifts them in Matroska."""
        shift = self.output.times(self.output.video)[0] - self.source.times(self.source.video)[0]
        self.check("streams", len(self.source.others), len(self.output.others))
        pairs = [
            (self.source.video, self.output.video),
            *zip(self.source.others, self.output.others, strict=False),
        ]
        for before, after in pairs:
            if _role(before, "attached_pic"):
                continue
            expected, found = self.source.times(before), self.output.times(after)
            self.check(f"packets of stream {before['index']}", len(expected), len(found))
            worst = max((abs(new - old - shift) for old, new in zip(expected, found, strict=False)), default=0.0)
            if worst > tolerance:
                self.differences[f"times of stream {before['index']}"] = f"off by {worst:.6f} s"

    def check_others(self) -> None:
        """Bytes, texts, languages, titles and roles of all other streams."""
        for before, after in zip(self.source.others, self.output.others, strict=False):
            name = f"stream {before['index']}"
            if before["codec_name"] in _TEXT_CODECS:
                self.check(f"{name}, texts", self.source.texts(before), self.output.texts(after))
            elif "mpegts" in self.source.format["format_name"]:
                self.check(f"{name}, samples", self.source.sound(before), self.output.sound(after))
            else:
                self.check(f"{name}, bytes", self.source.hashes(before), self.output.hashes(after))
            self.check(f"{name}, language", _language(before), _language(after))
            self.check(f"{name}, title", _title(before), _title(after))
            self.check(f"{name}, roles", self.roles(before), _roles(after))

    def roles(self, stream: dict[str, Any]) -> list[str]:
        """The roles that a stream of the source has in the output: an MP4 enables one track of each kind."""
        alike = [s for s in self.source.streams if s["codec_type"] == stream["codec_type"]]
        none_default = not any(_role(s, "default") for s in alike)
        if self.output.path.suffix == ".mp4" and none_default and stream is alike[0]:
            return ["default", *_roles(stream)]
        return _roles(stream)

    def check_file(self) -> None:
        """Chapters, title and artist, and attachments."""
        self.check("chapters", self.source.chapters, self.output.chapters)
        for name in ("title", "artist"):
            self.check(name, self.source.tag(name), self.output.tag(name))
        if "matroska" in self.output.format["format_name"] or self.source.path.suffix == ".mp4":
            self.check("attachments", self.source.attachments, self.output.attachments)


def compare(source: Path, output: Path, *, scale: int = 2) -> dict[str, str]:
    """Return the differences between a clip and its upscaled copy, by subject."""
    comparison = Comparison(source, output, scale=scale)
    comparison.check_video()
    comparison.check_times(tolerance=0.0011 if output.suffix in (".mkv", ".webm") else 0.0002)
    comparison.check_others()
    comparison.check_file()
    return comparison.differences


class _Clip:
    """One file as ffprobe reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        show = ("-show_format", "-show_streams", "-show_chapters", "-show_packets", "-show_data_hash", "md5")
        read = _ffprobe(path, *show)
        self.format, self.packets = read["format"], read["packets"]
        self.streams = streams = read["streams"]
        films = [s for s in streams if s["codec_type"] == "video" and not _role(s, "attached_pic")]
        self.video = films[0]
        self.others = [
            s
            for s in streams
            if s is not self.video
            and s["codec_type"] in ("video", "audio", "subtitle")
            and not _role(s, "attached_pic")
        ]
        self.attachments = len([s for s in streams if s["codec_type"] == "attachment" or _role(s, "attached_pic")])
        self.chapters = [
            (round(float(c["start_time"]), 3), round(float(c["end_time"]), 3), c["tags"]["title"])
            for c in read["chapters"]
        ]
        first = _ffprobe(path, "-select_streams", str(self.video["index"]), "-read_intervals", "%+#1", "-show_frames")
        blocks = [block for frame in first["frames"][:1] for block in frame.get("side_data_list", [])]
        self.hdr10 = [block for block in blocks if block["side_data_type"] in _HDR10]
        blocks += self.video.get("side_data_list", [])
        self.matrix = next((block["displaymatrix"] for block in blocks if "displaymatrix" in block), None)

    def times(self, stream: dict[str, Any]) -> list[float]:
        packets = [p for p in self.packets if p["stream_index"] == stream["index"] and int(p["size"]) > 2]
        return sorted(float(p["pts_time"]) for p in packets)

    def hashes(self, stream: dict[str, Any]) -> list[str]:
        return [p["data_hash"] for p in self.packets if p["stream_index"] == stream["index"]]

    def texts(self, stream: dict[str, Any]) -> list[str]:
        shown = _ffmpeg(self.path, "-map", f"0:{stream['index']}", "-c:s", "webvtt", "-f", "webvtt", "-")
        lines = [line for line in shown.splitlines() if line and "-->" not in line]
        return [line.replace("<b>", "").replace("</b>", "") for line in lines]

    def sound(self, stream: dict[str, Any]) -> str:
        return _ffmpeg(self.path, "-map", f"0:{stream['index']}", "-c:a", "pcm_f32le", "-f", "md5", "-")

    def tag(self, name: str) -> str | None:
        tags = {key.lower(): value for key, value in self.format.get("tags", {}).items()}
        return tags.get(name)


def _ffprobe(path: Path, *options: str) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-of", "json", *options, str(path)]
    read: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return read


def _ffmpeg(path: Path, *options: str) -> str:
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _role(stream: dict[str, Any], name: str) -> bool:
    return bool(stream.get("disposition", {}).get(name))


def _roles(stream: dict[str, Any]) -> list[str]:
    return [name for name in _ROLES if _role(stream, name)]


def _language(stream: dict[str, Any]) -> str:
    language = stream.get("tags", {}).get("language", "und")
    return "" if language == "und" else str(language)


def _time_code(stream: dict[str, Any]) -> str | None:
    tags = {key.lower(): value for key, value in stream.get("tags", {}).items()}
    return tags.get("timecode")


def _title(stream: dict[str, Any]) -> str | None:
    tags = stream.get("tags", {})
    handler = tags.get("handler_name", "Handler")
    return tags.get("title", tags.get("name", None if handler.endswith("Handler") else handler))


def _tag(value: str | None) -> str | None:
    """None for what an absent tag says, too: square samples, limited range."""
    return None if value in ("1:1", "0:1", "unknown", "tv") else value


def _pixels(path: Path) -> tuple[str, int, tuple[int, int]]:
    """Planes, bits and subsampling; kukkiri's reader, as Debian's ffprobe sees no alpha in VP9 and FFV1."""
    with VideoSource(path) as clip:
        pixel_format = clip.info.pixel_format
    if pixel_format.is_grey:  # FFmpeg's H.264 decoder adds neutral 4:2:0 chroma to it
        return "yuv", pixel_format.depth, (2, 2)
    return pixel_format.planes, pixel_format.depth, pixel_format.subsampling

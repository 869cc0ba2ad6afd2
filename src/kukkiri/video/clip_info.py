"""Facts about a clip, as its container and its first decoded frame state them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from kukkiri.video.pixel_formats import PixelFormat
from kukkiri.video.side_data import ContentLight, MasteringDisplay

__all__ = ["Damage", "StreamInfo", "VideoInfo"]


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a clip."""

    index: int
    """Number in the file, from 0."""
    kind: str
    """``video``, ``audio``, ``subtitle``, ``data``, ``attachment`` or ``unknown``."""
    codec: str
    """FFmpeg's name of the codec, such as ``h264``; '' where FFmpeg knows none."""
    language: str = ""
    """Its language as tagged, such as ``jpn``."""
    title: str = ""
    """Its title as tagged."""
    is_image: bool = False
    """True for one attached image, such as a cover."""

    def __str__(self) -> str:
        """Return words for messages, such as ``stream 2 (subtitle, srt, ger)``."""
        kind = "cover image" if self.is_image else self.kind
        return f"stream {self.index} ({', '.join(part for part in (kind, self.codec, self.language) if part)})"


@dataclass(frozen=True)
class VideoInfo:
    """A clip: its container and the video stream that is upscaled.

    Colour tags are the numbers of ITU-T H.273 as FFmpeg uses them (matrix 1 is BT.709, 2 is unspecified, 9 is
    BT.2020); unspecified stays unspecified.
    """

    path: Path
    """The file."""
    container: str
    """FFmpeg's name of the format, such as ``matroska,webm``."""
    stream: int
    """Number of the video stream in the file."""
    codec: str
    """Name of the video codec, such as ``h264``."""
    lossy: bool
    """True when the codec loses detail, as all do that can (H.264 without loss is counted among them)."""
    width: int
    """Of the frames as stored, before rotation and aspect ratio, in pixels."""
    height: int
    """Of the frames as stored, before rotation and aspect ratio, in pixels."""
    source_format: str
    """FFmpeg's pixel format of the decoded frames, such as ``nv12``."""
    pixel_format: PixelFormat
    """The planar format that frames are handed on in."""
    time_base: Fraction
    """Unit of all timestamps of the frames, in seconds."""
    rate: Fraction | None
    """Frames a second, a hint: the clip may have a variable frame rate."""
    duration: float | None
    """Seconds, as the container states or estimates."""
    start_time: Fraction
    """Seconds that were subtracted from every timestamp (MPEG transport streams begin at any time)."""
    frames: int | None
    """Number of frames, a hint: few containers state it."""
    sample_aspect_ratio: Fraction
    """Width of a pixel by its height; 1 where none is tagged."""
    colour_range: int
    """0 unspecified, 1 limited (16..235), 2 full (0..255)."""
    colour_primaries: int
    """Colour primaries (H.273)."""
    colour_trc: int
    """Transfer characteristics (H.273)."""
    colourspace: int
    """Matrix coefficients (H.273)."""
    chroma_location: str
    """``left``, ``center`` or ``topleft``: the usual siting of codec and format; PyAV hides the stream's own tag."""
    interlaced: bool
    """True when the first frame is flagged interlaced."""
    display_matrix: tuple[int, ...] | None
    """Nine fixed-point numbers that turn and mirror the frames for display, or None."""
    rotation: int
    """Degrees counter-clockwise that the display matrix turns by; flips are in the matrix alone."""
    mastering_display: MasteringDisplay | None
    """HDR10: the display that the film was graded on."""
    content_light: ContentLight | None
    """HDR10: brightness of the film."""
    dolby_vision: bool
    """True when a Dolby Vision layer is there, which is lost."""
    hdr10_plus: bool
    """True when HDR10+ metadata are there, which are lost."""
    streams: tuple[StreamInfo, ...]
    """All streams of the file."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Tags of the container."""

    @property
    def has_alpha(self) -> bool:
        """True when frames have an alpha plane."""
        return self.pixel_format.has_alpha

    @property
    def full_range(self) -> bool:
        """True when luma takes all values; RGB always does."""
        return self.colour_range == 2 or self.pixel_format.is_rgb


@dataclass
class Damage:
    """Damage found in a clip while it is read; the counts grow during the run."""

    corrupt_packets: int = 0
    """Packets that the container marks as corrupt, or that the decoder refused."""
    corrupt_frames: int = 0
    """Frames that the decoder handed on with repaired parts."""
    truncated: bool = False
    """True when the file ends before its container says."""

    def __bool__(self) -> bool:
        """True when anything was damaged."""
        return bool(self.corrupt_packets or self.corrupt_frames or self.truncated)

    def __str__(self) -> str:
        """Return one line, such as ``3 corrupt packets, 1 frame with repaired parts, the file ends early``."""
        parts = []
        if self.corrupt_packets:
            parts.append(f"{self.corrupt_packets} corrupt packet{'s' * (self.corrupt_packets > 1)}")
        if self.corrupt_frames:
            parts.append(f"{self.corrupt_frames} frame{'s' * (self.corrupt_frames > 1)} with repaired parts")
        if self.truncated:
            parts.append("the file ends early")
        return ", ".join(parts)

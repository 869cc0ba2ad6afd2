"""Opening a clip and reading the facts of its video stream, the first frame among them."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kukkiri.errors import VideoError, did_you_mean_file, make_printable, require
from kukkiri.video.clip_info import StreamInfo, VideoInfo
from kukkiri.video.pixel_formats import PixelFormat
from kukkiri.video.side_data import (
    read_content_light,
    read_display_matrix,
    read_mastering_display,
    side_data_of,
)

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = ["Decoder", "choose_stream", "describe", "describe_stream", "is_attached_image", "is_time_code", "open_clip"]

_MICROSECONDS = 1_000_000
_ALPHA_DECODERS = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
"""Decoders that read the alpha plane of WebM; FFmpeg's own skip it."""


def open_clip(path: Path) -> "InputContainer":
    """Open a clip for reading; playlists in it may name local files only.

    Raises:
        BackendError: PyAV is not installed.
        VideoError: the file is missing or is no clip that FFmpeg reads.
    """
    require("av", for_what=f"{path}: reading a clip")
    import av

    if not path.is_file():
        raise VideoError(f"{path}: no such file. {did_you_mean_file(path)}")
    try:
        container = av.open(f"file:{path}", container_options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        reason = make_printable(getattr(error, "strerror", None) or error)
        message = f"{path}: no clip that FFmpeg can read ({reason})."
        raise VideoError(f"{message} Check that it is complete: an MP4 that was cut off cannot be read.") from error
    if "image2" in container.format.name or container.format.name.endswith("_pipe"):
        container.close()
        raise VideoError(f"{path}: an image, no clip.")
    return container


def is_attached_image(stream: "Stream") -> bool:
    """True for a video stream of one image, such as a cover or a thumbnail."""
    from av.stream import Disposition

    marks = Disposition.attached_pic | Disposition.timed_thumbnails
    return stream.type == "video" and bool(stream.disposition & marks)


def is_time_code(stream: "Stream") -> bool:
    """True for the time code track of a MOV, which holds one time that its tag tells, too."""
    return stream.type == "data" and "timecode" in stream.metadata


def describe_stream(stream: "Stream") -> StreamInfo:
    """Return the facts about one stream of a file."""
    context = getattr(stream, "codec_context", None)
    return StreamInfo(
        index=stream.index,
        kind=stream.type,
        codec=context.name if context is not None else "",
        language="" if stream.language in (None, "und") else str(stream.language),
        title=make_printable(stream.metadata.get("title", "")),
        is_image=is_attached_image(stream),
    )


def choose_stream(path: Path, container: "InputContainer", index: int | None) -> "VideoStream":
    """Return the video stream to upscale: the one asked for, or the first that is no cover image.

    Raises:
        VideoError: there is none, its codec is unknown, or it is encrypted.
    """
    films = [stream for stream in container.streams.video if not is_attached_image(stream)]
    if index is not None:
        films = [stream for stream in films if stream.index == index]
    if not films:
        found = ", ".join(str(describe_stream(stream)) for stream in container.streams) or "no streams"
        asked = "no video stream" if index is None else f"stream {index} is no video"
        raise VideoError(f"{path}: {asked}. Found: {found}.")
    stream = films[0]
    if getattr(stream.codec_context, "codec_tag", "") == "encv":
        raise VideoError(f"{path}: the video is encrypted (DRM), so that no frame can be read.")
    if stream.codec_context is None:
        raise VideoError(f"{path}: FFmpeg knows no decoder of its video. Convert it to H.264 first.")
    return stream


class Decoder:
    """Decodes the packets of a video stream, with alpha where the stream has it."""

    def __init__(self, stream: "VideoStream", *, threads: int | None = None) -> None:
        """Take the stream; ``threads`` of the decoder, by default as many as FFmpeg chooses."""
        from av.codec.context import CodecContext

        self._context: Any = stream.codec_context
        special = _ALPHA_DECODERS.get(stream.codec_context.name)
        if special and stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE")) == "1":
            self._context = CodecContext.create(special, "r")
            self._context.extradata = stream.codec_context.extradata
        self._context.thread_type = "AUTO"
        if threads is not None:
            self._context.thread_count = threads

    def decode(self, packet: "Packet[Any] | None") -> "list[VideoFrame]":
        """Return the frames that a packet completes, in presentation order; None gives the last ones.

        Raises:
            FFmpegError: the packet is damaged; the next one may be good.
        """
        frames: list[VideoFrame] = self._context.decode(packet)
        return frames


def _first_frame(path: Path, container: "InputContainer", stream: "VideoStream") -> "VideoFrame":
    from av.error import FFmpegError

    decoder = Decoder(stream, threads=1)
    reasons: list[str] = []
    for packet in _packets(container, stream):
        try:
            frames = decoder.decode(packet if packet.size else None)
        except FFmpegError as error:
            reasons.append(str(error.strerror))
            continue
        if frames:
            return frames[0]
    reason = f" ({make_printable(reasons[0])})" if reasons else ""
    message = f"{path}: no frame of its {stream.codec_context.name} video can be decoded{reason}."
    raise VideoError(f"{message} The file is damaged, encrypted, or holds no frames.")


def _packets(container: "InputContainer", stream: "VideoStream") -> "Iterator[Packet[Any]]":
    from av.error import FFmpegError

    try:
        yield from container.demux(stream)
    except FFmpegError:
        return


def describe(path: Path, container: "InputContainer", stream: "VideoStream") -> VideoInfo:
    """Return the facts about a clip; reads as far as its first frame.

    Raises:
        VideoError: no frame can be decoded, or its pixel format is none of brightness and colour.
    """
    frame = _first_frame(path, container, stream)
    side_data = side_data_of(frame)
    context = stream.codec_context
    source_format = frame.format.name
    duration = container.duration
    time_base = frame.time_base or stream.time_base  # the last frames of a stream come without
    if not time_base:
        raise VideoError(f"{path}: its video has no clock. Put it into a container such as MKV first.")
    return VideoInfo(
        path=path,
        container=container.format.name,
        stream=stream.index,
        codec=context.name,
        lossy=context.codec.lossy,
        width=frame.width,
        height=frame.height,
        source_format=source_format,
        pixel_format=PixelFormat.of(source_format),
        time_base=time_base,
        rate=_rate(stream, frame, time_base),
        duration=duration / _MICROSECONDS if duration and duration > 0 else None,
        start_time=Fraction(container.start_time or 0, _MICROSECONDS),
        frames=stream.frames or None,
        sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
        colour_range=2 if source_format.startswith("yuvj") else _tag(frame.color_range, context.color_range, 0),
        colour_primaries=_tag(frame.color_primaries, context.color_primaries, 2),
        colour_trc=_tag(frame.color_trc, context.color_trc, 2),
        colourspace=_tag(frame.colorspace, context.colorspace, 2),
        chroma_location=_chroma_location(context.name, source_format),
        interlaced=frame.interlaced_frame,
        display_matrix=read_display_matrix(side_data),
        rotation=frame.rotation,
        mastering_display=read_mastering_display(side_data),
        content_light=read_content_light(side_data),
        dolby_vision=context.codec_tag in ("dvh1", "dvhe", "dvav", "dva1") or any("DOVI" in name for name in side_data),
        hdr10_plus="DYNAMIC_HDR_PLUS" in side_data,
        streams=tuple(describe_stream(other) for other in container.streams),
        metadata=dict(container.metadata),
    )


def _rate(stream: "VideoStream", frame: "VideoFrame", time_base: Fraction) -> Fraction | None:
    """Frames a second; of a stream without timestamps what a frame says, for FFmpeg guesses fields."""
    if frame.pts is None and frame.dts is None and frame.duration:
        return 1 / (frame.duration * time_base)
    return stream.guessed_rate or None


def _tag(of_frame: int, of_context: int, unspecified: int) -> int:
    """Prefer what the frame says to what the header said before it."""
    return int(of_context if of_frame == unspecified else of_frame)


def _chroma_location(codec: str, source_format: str) -> str:
    if source_format.startswith("yuvj") or codec in ("mjpeg", "mpeg1video", "vp8", "theora"):
        return "center"
    return "topleft" if codec == "dvvideo" else "left"

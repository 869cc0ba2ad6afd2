"""Every stream but the video that is upscaled: copied packet by packet, converted, or dropped with a note.

The fate of each stream is decided before work starts, by trials in throw-away containers.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kukkiri.errors import VideoError
from kukkiri.video.clip_info import StreamInfo
from kukkiri.video.container_trials import add_copy, takes_stream
from kukkiri.video.probing import describe_stream, is_attached_image, is_time_code, open_clip
from kukkiri.video.source import VideoSource
from kukkiri.video.stream_writers import ConversionWriter, CopyWriter
from kukkiri.video.subtitle_conversion import SubtitleConversion, find_conversion
from kukkiri.video.tags import kept_stream_tags

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

__all__ = ["StreamCopies"]

_MIME_TYPES = {"png": "image/png", "mjpeg": "image/jpeg", "bmp": "image/bmp", "gif": "image/gif", "webp": "image/webp"}
_SUFFIXES = {"mjpeg": "jpg"}
_WITHOUT_EDITS = ("matroska", "webm")
"""Containers that cannot say that packets are decoded and not played."""
_PREROLL = Fraction(1, 10)
"""Seconds of sound that nobody hears and decoders may need, which stay."""


class StreamCopies:
    """Copies of all streams but the upscaled one, in a container of one format.

    Attributes:
        notes: one sentence for each stream that is converted or dropped.
    """

    def __init__(self, source: VideoSource, container_name: str) -> None:
        """Decide what happens to each stream.

        Args:
            source: the clip.
            container_name: FFmpeg's name of the format that is written, such as ``matroska`` or ``mp4``.
        """
        self._source, self._container_name = source, container_name
        self.notes: list[str] = []
        self._copied: list[Stream] = []
        self._conversions: list[SubtitleConversion] = []
        self._images: list[Stream] = []
        self._writers: dict[int, CopyWriter | ConversionWriter] = {}
        for stream in source.other_streams:
            self._plan(stream)

    def _plan(self, stream: "Stream") -> None:
        info = describe_stream(stream)
        if _is_chapter_track(stream) and self._source.container.chapters():
            return  # the container's chapters say the same
        if is_time_code(stream):
            return  # copy_tags keeps it as a tag
        if is_attached_image(stream) and self._container_name == "matroska" and info.codec in _MIME_TYPES:
            self._images.append(stream)
        elif takes_stream(self._container_name, stream, self._some_packets(stream)):
            self._copied.append(stream)
            if info.kind == "video" and not info.is_image:
                self.notes.append(f"{info}: a further video stream is copied, not upscaled.")
        elif (conversion := find_conversion(self._container_name, stream)) is not None:
            self._conversions.append(conversion)
            lost = "; most styles and positions are lost" if conversion.loses_styles else ""
            self.notes.append(f"{info}: converted to {conversion.codec}, as {self._container_name} asks{lost}.")
        else:
            self.notes.append(self._dropped(info))

    def _some_packets(self, stream: "Stream") -> "list[Packet[Any]]":
        """Return the first packet of a data stream, whose header alone does not tell whether a container takes it."""
        if stream.type not in ("data", "unknown"):
            return []
        with open_clip(self._source.info.path) as container:
            packets = container.demux(container.streams[stream.index])
            return list(islice((packet for packet in packets if packet.size), 1))

    def _dropped(self, info: StreamInfo) -> str:
        remedy = "" if self._container_name == "matroska" else " Write an .mkv file to keep it."
        if self._container_name == "matroska" or info.kind in ("data", "unknown"):
            remedy = ""
        return f"{info}: {self._container_name} cannot hold it; it is dropped.{remedy}"

    def attach(self, output: "OutputContainer") -> None:
        """Add the streams to a container whose header is not written yet, in the order of the source.

        Raises:
            VideoError: a cover image cannot be read.
        """
        conversions = {conversion.source.index: conversion for conversion in self._conversions}
        copied = {stream.index: stream for stream in self._copied}
        for stream in self._source.other_streams:
            if stream.index in copied:
                added = add_copy(output, stream)
                self._writers[stream.index] = CopyWriter(output, stream, added)
            elif stream.index in conversions:
                added = conversions[stream.index].add_to(output)
                self._writers[stream.index] = ConversionWriter(output, conversions[stream.index], added)
            else:
                continue
            added.metadata.update(kept_stream_tags(stream.metadata, self._container_name))
            added.disposition = stream.disposition
        images = _read_images(self._source.info.path, self._images)
        for stream in self._images:
            codec = stream.codec_context.name
            name = stream.metadata.get("filename", f"cover.{_SUFFIXES.get(codec, codec)}")
            output.add_attachment(name, stream.metadata.get("mimetype", _MIME_TYPES[codec]), images[stream.index])

    def mux(self, packet: "Packet[Any]") -> None:
        """Write a packet of the source into the container; packets of dropped streams are passed over.

        Raises:
            VideoError: the container refuses the packet.
            OSError: the file cannot be written.
        """
        writer = self._writers.get(packet.stream_index)
        if writer is not None and not self._is_cut_off(packet):
            with _Explained(self._source, packet.stream_index, self._container_name):
                writer.write(packet)

    def _is_cut_off(self, packet: "Packet[Any]") -> bool:
        """True for a packet of sound that an edit list cuts off, which would be heard where there are none."""
        if not packet.is_discard or packet.stream.type != "audio" or self._container_name not in _WITHOUT_EDITS:
            return False
        return ((packet.pts or 0) + (packet.duration or 0)) * (packet.time_base or 0) < -_PREROLL

    def finish(self) -> None:
        """Write the packets that are still held back; call it after the last packet.

        Raises:
            VideoError: the container refuses a packet.
            OSError: the file cannot be written.
        """
        for index, writer in self._writers.items():
            with _Explained(self._source, index, self._container_name):
                writer.finish()


class _Explained:
    """Turns FFmpeg's refusal of a packet into one line; a full disk stays an OSError."""

    def __init__(self, source: VideoSource, index: int, container: str) -> None:
        self._source, self._index, self._container = source, index, container

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from av.error import FFmpegError

        if isinstance(error, FFmpegError) and not isinstance(error, OSError):
            info = self._source.info.streams[self._index]
            message = f"{self._source.info.path}: {info}: {self._container} refuses a packet of it ({error.strerror})."
            raise VideoError(f"{message} Write an .mkv file.") from error


def _is_chapter_track(stream: "Stream") -> bool:
    """True for the text track that MP4 keeps the titles of its chapters in."""
    from av.stream import Discard

    return stream.type == "data" and stream.discard == Discard.all


def _read_images(path: Path, streams: "Iterable[Stream]") -> dict[int, bytes]:
    """Read the attached images of a clip."""
    wanted = {stream.index for stream in streams}
    found: dict[int, bytes] = {}
    if not wanted:
        return found
    with open_clip(path) as container:
        for packet in container.demux([container.streams[index] for index in sorted(wanted)]):
            if packet.size:
                found.setdefault(packet.stream_index, bytes(packet))
            if found.keys() == wanted:
                return found
    raise VideoError(f"{path}: a cover image cannot be read. The file is damaged; copy it without the cover first.")

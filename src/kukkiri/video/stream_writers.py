"""Writers of single streams: packets as they are, with decoding times that rise, or converted subtitles."""

from typing import TYPE_CHECKING, Any

from kukkiri.video.probing import is_attached_image
from kukkiri.video.subtitle_conversion import SubtitleConversion

if TYPE_CHECKING:
    from av.bitstream import BitStreamFilterContext
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

__all__ = ["ConversionWriter", "CopyWriter"]

_MAX_HELD = 64
"""Packets without a decoding time that are held back; codecs reorder by 16 frames at most."""


class CopyWriter:
    """Writes the packets of one copied stream; their decoding times rise."""

    def __init__(self, output: "OutputContainer", source: "Stream", target: "Stream") -> None:
        """Take the container, the stream whose packets come, and its copy in the container."""
        self._output, self._stream = output, target
        self._held: list[Packet[Any]] = []
        self._last_dts: int | None = None
        self._is_image = is_attached_image(source)
        self._filter = _unwrapping_filter(source)

    def write(self, packet: "Packet[Any]") -> None:
        """Write a packet, or hold it back until its decoding time is known.

        Raises:
            FFmpegError: the container refuses it.
        """
        if self._filter is not None:
            time_base = packet.time_base
            for unwrapped in self._filter.filter(packet):
                unwrapped.time_base = time_base
                self._write(unwrapped)
        else:
            self._write(packet)

    def _write(self, packet: "Packet[Any]") -> None:
        if self._is_image:
            packet.pts = packet.dts = 0
        if packet.dts is None and (self._stream.type != "video" or packet.pts is None):
            packet.dts = packet.pts
        if packet.pts is None and self._stream.type != "video":
            packet.pts = packet.dts
        if packet.dts is None and len(self._held) < _MAX_HELD:
            self._held.append(packet)  # Matroska has no decoding times: those of the first frames come late
            return
        self._release(packet.dts)
        self._put(packet)

    def _release(self, next_dts: int | None) -> None:
        """Give the packets that are held back decoding times that end just before the next one."""
        dts = next_dts if next_dts is not None else min((packet.pts or 0 for packet in self._held), default=0)
        for packet in reversed(self._held):
            dts -= packet.duration or 1
            packet.dts = dts
        for packet in self._held:
            self._put(packet)
        self._held.clear()

    def _put(self, packet: "Packet[Any]") -> None:
        if packet.dts is None:
            packet.dts = packet.pts
        if packet.dts is not None and self._last_dts is not None and packet.dts <= self._last_dts:
            packet.dts = self._last_dts + 1
        if packet.dts is not None and packet.pts is not None and packet.pts < packet.dts:
            packet.pts = packet.dts
        self._last_dts = packet.dts
        packet.stream = self._stream
        self._output.mux(packet)

    def finish(self) -> None:
        """Write the packets that are held back."""
        self._release(None)


class ConversionWriter:
    """Writes the packets of one converted subtitle stream."""

    def __init__(self, output: "OutputContainer", conversion: SubtitleConversion, target: "Stream") -> None:
        """Take the container, the conversion, and the stream that it added to the container."""
        self._conversion, self._stream = conversion, target
        self._writer = CopyWriter(output, target, target)

    def write(self, packet: "Packet[Any]") -> None:
        """Convert a packet and write the result.

        Raises:
            FFmpegError: the packet is damaged, or the container refuses the result.
        """
        for converted in self._conversion.convert(packet, self._stream):
            self._writer.write(converted)

    def finish(self) -> None:
        """Write the packets that are held back."""
        self._writer.finish()


def _unwrapping_filter(source: "Stream") -> "BitStreamFilterContext | None":
    """Return the filter that turns the AAC of transport streams into that of files, where it is needed.

    libavformat adds it by itself, but not to an MP4 that is written in fragments.
    """
    from av.bitstream import BitStreamFilterContext

    context: Any = getattr(source, "codec_context", None)
    if source.type != "audio" or context is None or context.name != "aac" or context.extradata:
        return None
    return BitStreamFilterContext("aac_adtstoasc", source)

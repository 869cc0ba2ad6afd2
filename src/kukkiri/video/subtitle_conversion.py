"""Text subtitles in another codec, packet by packet: SRT in an MP4 becomes mov_text, mov_text in an MKV becomes SRT."""

from typing import TYPE_CHECKING, Any

from kukkiri.video.container_trials import takes_codec

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

__all__ = ["SubtitleConversion", "find_conversion"]

_STYLED = ("ass", "ssa")
_TARGETS = ("srt", "mov_text", "webvtt")
"""Text codecs that a container may take, the plainest first."""


class SubtitleConversion:
    """Turns the packets of one text subtitle stream into those of another codec."""

    def __init__(self, stream: "Stream", codec: str, header: bytes | None) -> None:
        """Take the stream to convert, the name of the encoder, and the styles in the syntax of ASS."""
        self.source, self.codec, self._header = stream, codec, header

    @property
    def loses_styles(self) -> bool:
        """True when the source has styles and positions that the target has no words for."""
        name: str = self.source.codec_context.name
        return name in _STYLED

    def add_to(self, output: "OutputContainer") -> "Stream":
        """Add the new stream to a container whose header is not written yet."""
        stream: Any = output.add_stream(self.codec)
        stream.codec_context.subtitle_header = self._header
        added: Stream = stream
        return added

    def convert(self, packet: "Packet[Any]", target: Any) -> "list[Packet[Any]]":
        """Return the packets that show the same text at the same time; none for a pause.

        Args:
            packet: of the source stream, as it was read.
            target: the stream that :meth:`add_to` returned.

        Raises:
            FFmpegError: the packet is damaged.
        """
        from av.subtitles.subtitle import AssSubtitle, SubtitleSet

        texts: list[bytes] = [text.ass for text in packet.decode() if isinstance(text, AssSubtitle)]
        duration = packet.duration or 0
        converted: list[Packet[Any]] = []
        for text in texts:
            milliseconds = int(duration * packet.time_base * 1000)
            shown = SubtitleSet.create(text=text, start=0, end=milliseconds, pts=packet.pts or 0)
            made = target.codec_context.encode_subtitle(shown)
            made.pts = made.dts = packet.pts
            made.duration, made.time_base, made.stream = duration, packet.time_base, target
            converted.append(made)
        return converted


def find_conversion(container: str, stream: "Stream") -> SubtitleConversion | None:
    """Return a conversion of a text subtitle stream to a codec that a container takes, or None."""
    context: Any = getattr(stream, "codec_context", None)
    if stream.type != "subtitle" or context is None:
        return None
    header = _ass_header(context)
    if header is None:
        return None
    for codec in _TARGETS:
        if takes_codec(container, codec, header):
            return SubtitleConversion(stream, codec, header)
    return None


def _ass_header(context: Any) -> bytes | None:
    """Return a stream's styles in the syntax of ASS, which text decoders make when they open; bitmaps have none."""
    from av.error import FFmpegError

    try:
        context.open(strict=False)
    except (FFmpegError, ValueError):
        return None
    header: bytes | None = context.subtitle_header
    return header

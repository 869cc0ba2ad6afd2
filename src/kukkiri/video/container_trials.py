"""Trials in throw-away containers in memory: what a container takes is found out before any work is done."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

__all__ = ["add_copy", "lost_tags", "takes_codec", "takes_stream"]


_PLACEHOLDER = "mp3"
"""A codec of sound that Matroska takes."""


def add_copy(output: "OutputContainer", stream: "Stream") -> "Stream":
    """Add a stream to a container that takes the packets of another as they are.

    PyAV refuses sound whose codec is not on a list of libavformat, such as Windows Media Audio in Matroska, although
    the container holds it: there the parameters are copied onto another codec's, by a filter that does nothing.

    Raises:
        ValueError: FFmpeg knows no such codec, or the container is known not to take it.
    """
    from av.bitstream import BitStreamFilterContext

    try:
        return output.add_stream_from_template(stream)
    except ValueError:
        if stream.type != "audio" or output.format.name != "matroska":
            raise
        added = output.add_mux_stream(_PLACEHOLDER)
        BitStreamFilterContext("null", stream, added)
        return added


def takes_stream(container: str, stream: "Stream", packets: "Iterable[Packet[Any]]" = ()) -> bool:
    """True when packets of a stream can be copied into a container.

    Args:
        container: name of the format, such as ``mp4``.
        stream: of the source.
        packets: some of its packets, where the header alone does not tell.
    """

    def add(output: "OutputContainer") -> None:
        copied = add_copy(output, stream)
        copied.metadata.update(stream.metadata)
        copied.disposition = stream.disposition
        output.start_encoding()
        for packet in packets:
            packet.stream = copied
            output.mux(packet)

    return _writes(container, add)


def takes_codec(container: str, codec: str, header: bytes | None) -> bool:
    """True when a container takes subtitles that an encoder of that name makes.

    Args:
        container: name of the format, such as ``mp4``.
        codec: name of the subtitle encoder, such as ``mov_text``.
        header: styles of the subtitles, in the syntax of ASS.
    """

    def add(output: "OutputContainer") -> None:
        stream: Any = output.add_stream(codec)
        stream.codec_context.subtitle_header = header
        output.start_encoding()

    return _writes(container, add)


def _writes(container: str, add: "Callable[[OutputContainer], None]") -> bool:
    import av

    try:
        with av.open(io.BytesIO(), "w", format=container) as output:
            add(output)
    except (av.error.FFmpegError, ValueError, OSError):
        return False
    return True


def lost_tags(container: str, tags: Mapping[str, str]) -> list[str]:
    """Return the names of tags that a container does not keep, in their order."""
    import av

    if not tags:
        return []
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        output.metadata.update(tags)
        stream: Any = output.add_stream("libvpx-vp9" if container == "webm" else "mpeg4", rate=25)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(16, 16, "yuv420p")
        frame.pts = 0
        output.mux([*stream.encode(frame), *stream.encode(None)])
    file.seek(0)
    with av.open(file) as written:
        kept = {name.lower() for name in written.metadata}
    return [name for name in tags if name.lower() not in kept]

"""Trials in throw-away containers in memory: what a container takes is found out before any work is done."""

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.stream import Stream

__all__ = ["lost_tags", "takes_codec", "takes_stream"]


def takes_stream(container: str, stream: "Stream") -> bool:
    """Whether packets of a stream can be copied into a container of a format, such as ``mp4``."""

    def add(output: "OutputContainer") -> None:
        copied = output.add_stream_from_template(stream)
        copied.metadata.update(stream.metadata)
        copied.disposition = stream.disposition

    return _writes_header(container, add)


def takes_codec(container: str, codec: str, header: bytes | None) -> bool:
    """Whether a container takes subtitles that an encoder of that name makes.

    Args:
        container: name of the format, such as ``mp4``.
        codec: name of the subtitle encoder, such as ``mov_text``.
        header: styles of the subtitles, in the syntax of ASS.
    """

    def add(output: "OutputContainer") -> None:
        stream: Any = output.add_stream(codec)
        stream.codec_context.subtitle_header = header

    return _writes_header(container, add)


def _writes_header(container: str, add: "Callable[[OutputContainer], None]") -> bool:
    import av

    try:
        with av.open(io.BytesIO(), "w", format=container) as output:
            add(output)
            output.start_encoding()
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

"""Tags of a clip and of its video stream: titles, languages, roles, chapters, colours, aspect ratio and rotation."""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from kukkiri.errors import make_printable
from kukkiri.video.clip_info import VideoInfo
from kukkiri.video.container_trials import lost_tags
from kukkiri.video.probing import is_time_code
from kukkiri.video.source import VideoSource

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.container.core import Chapter
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

__all__ = ["copy_tags", "find_lost_tags", "kept_stream_tags", "kept_tags", "shifted_chapters", "tag_encoder"]

_OF_THE_FILE = ("encoder", "major_brand", "minor_version", "compatible_brands", "duration", "software")
"""Tags that describe the old file; the new one gets its own."""
_OF_THE_PACKETS = ("encoder", "alpha_mode")
"""Tags of a stream that describe its packets."""
_STATISTICS = ("bps", "number_of_frames", "number_of_bytes", "source_id")
"""Tags that mkvmerge computes from the packets of a stream."""
_OF_MP4 = ("vendor_id", "handler_name")
"""Tags that only MP4 and MOV have; there they are written anyway."""
_MP4_FORMATS = ("mp4", "mov")
_ALIASES = {"com.apple.quicktime.location.iso6709": "location"}
"""Names under which cameras write what containers keep under another."""
_TOLERATED_STRETCH = Fraction(1, 100)
"""A difference of the two scales up to this comes from rounding to whole pixels and is no change of aspect."""


def copy_tags(source: VideoSource, output_stream: "VideoStream", output_container: "OutputContainer") -> None:
    """Give the output the source's tags, before its header is written.

    Titles, languages, roles and chapters (shifted by the start time), colours, aspect ratio, and the display matrix.

    Args:
        source: the clip.
        output_stream: the video stream; its width and height are set.
        output_container: the file that is written.
    """
    info = source.info
    stream = source.container.streams[info.stream]
    name = output_container.format.name
    tag_encoder(info, output_stream.codec_context)
    output_stream.metadata.update(kept_stream_tags(stream.metadata, name, reencoded=True))
    for other in filter(is_time_code, source.other_streams):
        output_stream.metadata.setdefault("timecode", other.metadata["timecode"])
    if "yuva" in (output_stream.pix_fmt or ""):
        output_stream.metadata["alpha_mode"] = "1"  # by which Matroska marks a second, hidden film of alpha
    output_stream.disposition = stream.disposition
    if info.display_matrix is not None:
        output_stream.set_display_matrix(info.display_matrix)
    output_container.metadata.update(kept_tags(info.metadata))
    output_container.set_chapters(shifted_chapters(source))


def tag_encoder(info: VideoInfo, context: "VideoCodecContext") -> None:
    """Give an encoder the source's colours and the aspect ratio of its pixels; unspecified stays unspecified.

    Args:
        info: the source.
        context: an encoder that is not opened yet; its width and height are set.
    """
    context.color_range = info.colour_range
    context.color_primaries = info.colour_primaries
    context.color_trc = info.colour_trc
    context.colorspace = info.colourspace
    stretch = Fraction(context.width * info.height, context.height * info.width)
    ratio = info.sample_aspect_ratio
    if abs(stretch - 1) > _TOLERATED_STRETCH:
        ratio = (ratio / stretch).limit_denominator(255)
    context.sample_aspect_ratio = ratio


def kept_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a container that hold for the upscaled clip, too."""
    kept = {name: value for name, value in metadata.items() if not _is_dropped(name)}
    for name, value in list(kept.items()):
        alias = _ALIASES.get(name.lower())
        if alias and alias not in kept:
            kept[alias] = value
    return kept


def kept_stream_tags(metadata: Mapping[str, str], container: str, *, reencoded: bool = False) -> dict[str, str]:
    """Return the tags of a stream that hold in a new container.

    Args:
        metadata: tags of the source's stream.
        container: FFmpeg's name of the new container's format, such as ``mp4``.
        reencoded: the packets are new ones, so that what was computed from the old ones is wrong.
    """
    kept: dict[str, str] = {}
    for name, value in metadata.items():
        lower = name.lower()
        if lower in _OF_MP4 and not (container in _MP4_FORMATS and lower == "handler_name"):
            continue
        if lower == "duration" or (reencoded and (lower in _OF_THE_PACKETS or _is_statistic(lower))):
            continue
        kept["title" if lower == "name" else name] = value
    if kept.get("language") == "und":
        del kept["language"]
    title = next((value for name, value in kept.items() if name.lower() == "title"), None)
    if title and container in _MP4_FORMATS and kept.get("handler_name", "SoundHandler").endswith("Handler"):
        kept["handler_name"] = title  # players show it as the name of a track
    return kept


def _is_statistic(name: str) -> bool:
    base = name.split("-")[0]
    return base in _STATISTICS or base.startswith("_statistics")


def _is_dropped(name: str) -> bool:
    return name.lower() in _OF_THE_FILE


def shifted_chapters(source: VideoSource) -> "list[Chapter]":
    """Return the chapters with the clock of the output, which begins at the source's start time."""
    chapters: list[Any] = source.container.chapters()
    for chapter in chapters:
        ticks = source.ticks(chapter["time_base"] or Fraction(1, 1_000_000))
        chapter["start"] = max(0, chapter["start"] - ticks)
        chapter["end"] = max(0, chapter["end"] - ticks)
    return chapters


def find_lost_tags(source: VideoSource, container_name: str) -> list[str]:
    """Return a note about the tags of a clip that a container of that format has no place for, or nothing."""
    lost = lost_tags(container_name, kept_tags(source.info.metadata))
    kept_otherwise = {*_ALIASES, *(["timecode"] if container_name in _MP4_FORMATS else [])}  # it becomes a track there
    lost = [name for name in lost if name.lower() not in kept_otherwise]
    if not lost:
        return []
    names = make_printable(", ".join(lost))
    return [f"tags that {container_name} has no place for are lost: {names}. Write an .mkv file to keep them."]

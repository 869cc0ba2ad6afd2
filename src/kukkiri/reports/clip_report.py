"""The report of one upscaled clip: bicubic and the result under a slider."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kukkiri.errors import require
from kukkiri.inference import Upscaler
from kukkiri.reports.film import Film, FilmRecorder
from kukkiri.reports.film_viewer import film_viewer
from kukkiri.reports.page import build_page, write_page

if TYPE_CHECKING:
    import av

    from kukkiri.video.source import VideoSource

__all__ = ["write_clip_report"]

_BICUBIC = "bicubic"
_FRAMES = 300
"""Of the film, at most."""
_FOOTER = (
    "<p>The film is H.264 at crf 16, 8 bits, 4:2:0, made for this page: the clip itself may be finer. The left side is "
    "the source, enlarged by bicubic interpolation to the size of the result.</p>"
)


def write_clip_report(
    path: Path, *, source: Path, result: Path, model: str, notes: Sequence[str] = (), overwrite: bool = False
) -> None:
    """Write one self-contained HTML page that plays a clip before and after.

    Args:
        path: the ``.html`` file.
        source: the clip that was upscaled.
        result: what it became.
        model: that was asked for.
        notes: about the result.
        overwrite: replace an existing file.

    Raises:
        BackendError: the extra ``video`` is missing.
        ConfigError: the file exists or cannot be written.
        VideoError: a clip cannot be read.
    """
    require("av", for_what="a report of a clip")
    from kukkiri.video.source import VideoSource  # av

    with VideoSource(source) as before, VideoSource(result) as after:
        sizes = [(clip.info.width, clip.info.height) for clip in (before, after)]
        rotation = before.info.rotation
        film = _record(before, after, labels=(_BICUBIC, model))
    (width, height), (new_width, new_height) = sizes
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    turned = f"Frames are shown as they are stored, not turned by {rotation} degrees as players do." if rotation else ""
    body = film_viewer(film, left=_BICUBIC, right=model)
    body += f'<p class="note">{turned}</p>' * bool(turned)
    body += f"<h2>Notes</h2><ul>{listed}</ul>" * bool(listed)
    html = build_page(
        title=f"{source.name}: before and after",
        setup=f"{width}×{height} to <b>{new_width}×{new_height}</b> · <b>{escape(model)}</b> · {escape(result.name)}",
        body=body,
        footer=_FOOTER,
        film=True,
    )
    write_page(path, html, overwrite=overwrite)


def _record(before: "VideoSource", after: "VideoSource", *, labels: tuple[str, str]) -> Film:
    size = after.info.height, after.info.width
    if labels[0] == labels[1]:
        labels = ("source", labels[1])
    recorder = FilmRecorder(labels, size=size)
    for larger, result in islice(zip(_enlarge(before, size), after.frames(), strict=False), _FRAMES):
        recorder.take(0.0 if result.time is None else result.time, [larger, result])
    return recorder.finish()


def _enlarge(clip: "VideoSource", size: tuple[int, int]) -> "Iterator[av.VideoFrame]":
    """Frames of a clip by bicubic interpolation, (height, width) ``size``."""
    from kukkiri.video.frame_upscaler import FrameUpscaler  # av

    bicubic = Upscaler(_BICUBIC, width=size[1], height=size[0], stretch=True, threads=1)
    upscaler = FrameUpscaler(bicubic, clip.info, reuse=False)
    for frame in clip.frames():
        yield upscaler.upscale(frame).frame

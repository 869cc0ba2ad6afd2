"""Clips as work: the facts for their admission, and upscaling that goes on where a dead process stopped."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kukkiri.errors import ConfigError, require
from kukkiri.files import CLIP_OUTPUT_SUFFIXES
from kukkiri.inference import FileJob, FileProgress, FileResult, Upscaler
from kukkiri.inference.clip_files import choose_clip_suffix, is_clip
from kukkiri.web.jobs.options import JobOptions

__all__ = [
    "CLIP_MEDIA_TYPES",
    "ClipFacts",
    "check_clip_options",
    "choose_clip_target",
    "is_clip",
    "read_clip",
    "run_clip",
]

CLIP_MEDIA_TYPES = {
    ".m4v": "video/x-m4v",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
"""By the suffix of a result."""


@dataclass(frozen=True)
class ClipFacts:
    """The facts about a clip that its admission needs."""

    size: tuple[int, int]
    """(height, width) of a frame."""
    channels: int
    """Alpha included."""


def read_clip(path: Path) -> ClipFacts:
    """Read the header of a clip.

    Raises:
        BackendError: the extra ``video`` is not installed.
        VideoError: the clip cannot be opened.
    """
    require("av", for_what="a clip, which")
    from kukkiri.video import VideoSource  # av

    with VideoSource(path) as clip:
        return ClipFacts((clip.info.height, clip.info.width), 3 + clip.info.has_alpha)


def check_clip_options(options: JobOptions, *, clip: bool) -> None:
    """Check that the options have a meaning for a clip, or for an image.

    Raises:
        ConfigError: one has none.
    """
    is_container = options.suffix in CLIP_OUTPUT_SUFFIXES
    if not clip:
        if is_container:
            raise ConfigError(f"{options.format} is a container of clips, and this is an image. Ask for png or jpg.")
        return
    if options.suffix is not None and not is_container:
        known = ", ".join(suffix.removeprefix(".") for suffix in CLIP_OUTPUT_SUFFIXES)
        raise ConfigError(f"a clip cannot be written as {options.format}. Use same, or one of {known}.")
    given = {
        "quality": options.quality is not None,
        "page": options.page is not None,
        "metadata": options.metadata != "keep",
        "print_size": options.print_size is not None,
        "chop": options.chop,
        "wrap": options.wrap,
    }
    meant = [name for name, is_given in given.items() if is_given]
    if meant:
        raise ConfigError(f"{' and '.join(meant)} cannot be given for a clip, only for an image. Leave it out.")


def choose_clip_target(source: Path, options: JobOptions, folder: Path) -> Path:
    """Name the result of a clip in a folder."""
    return folder / f"result{choose_clip_suffix(source, options.suffix)}"


def run_clip(
    source: Path, target: Path, upscaler: Upscaler, *, workers: int, progress: Callable[[FileProgress], None]
) -> FileResult:
    """Upscale a clip; one that a dead process began is gone on with.

    Args:
        source: the clip.
        target: the result; what was begun lies beside it.
        upscaler: with one thread for each of several frames.
        workers: frames in work at one time.
        progress: called after each frame; what it raises ends the work.

    Raises:
        VideoError: the clip cannot be read, or the result cannot be written.
        BackendError: PyAV or an encoder is missing.
    """
    require("av", for_what="a clip, which")
    from kukkiri.video import VideoProgress, upscale_video  # av

    job, begun = FileJob(source, target), time.perf_counter()

    def tell(state: VideoProgress) -> None:
        progress(FileProgress(job, "upscaling", state.frames, state.total or 0, state.output_size))

    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = upscale_video(source, target, model=upscaler, workers=workers, resume=True, overwrite=True, progress=tell)
    return FileResult(
        job,
        notes=tuple(done.notes),
        input_size=done.input_size,
        output_size=done.output_size,
        seconds=time.perf_counter() - begun,
        domain=upscaler.domain,
    )

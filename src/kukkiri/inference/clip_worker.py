"""The contract between a run over files, and what upscales the clips among them on a higher level."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from kukkiri.files import CLIP_SUFFIXES
from kukkiri.inference.clip_files import is_clip
from kukkiri.inference.file_jobs import FileJob
from kukkiri.inference.file_results import FileProgress, FileResult

__all__ = ["ClipWorker", "is_clip_job"]


class ClipWorker(Protocol):
    """Upscale the clips of a run; :class:`kukkiri.inference.FolderRun` is given one by a level that knows video."""

    def measure(self, source: Path) -> tuple[int, int]:
        """(height, width) of a clip's frames as they are stored.

        Raises:
            KukkiriError: the clip cannot be opened.
        """
        ...

    def upscale(self, job: FileJob, *, progress: Callable[[FileProgress], None]) -> FileResult:
        """Upscale one clip in the calling thread, so that Ctrl-C is heard there.

        Raises:
            KukkiriError: there is no result.
        """
        ...


def is_clip_job(job: FileJob) -> bool:
    """True when a job has to go through video: its source is a clip, or an image would be written as one."""
    return job.target.suffix.lower() in CLIP_SUFFIXES or is_clip(job.source)

"""One job of a run over files: read, upscale and write, whatever process or machine it is done on."""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kukkiri.errors import ImageError, KukkiriError, make_printable
from kukkiri.files import make_folder
from kukkiri.images import Image, ImageSequence, check_output, read_header, read_jpeg_quality
from kukkiri.images.archives import is_comic
from kukkiri.inference.clip_worker import ClipWorker, is_clip_job
from kukkiri.inference.comics import ComicResult, check_comic, upscale_comic
from kukkiri.inference.file_jobs import SAME, FileJob
from kukkiri.inference.file_results import FileProgress, FileResult, Step
from kukkiri.inference.keeping import Keeping
from kukkiri.inference.sequences import SequenceResult, can_hold, find_sequence, read_one, upscale_sequence
from kukkiri.inference.side_by_side import StoppedError
from kukkiri.inference.streamed_files import StreamedFile, stream_file
from kukkiri.inference.upscaler import Upscaler

__all__ = ["JobExecutor", "JobSettings", "JobWorker", "UpscalerMaker", "require_clips"]


class UpscalerMaker(Protocol):
    """Make an upscaler, such as ``functools.partial(Upscaler, "fast", scale=3)``."""

    def __call__(self, *, threads: int | None, workers: int) -> Upscaler:
        """Take the two keywords of :class:`kukkiri.Upscaler` that a run over many files chooses itself."""


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """The choices of a run that each of its jobs needs; they can be pickled when the two callables can."""

    make_upscaler: UpscalerMaker
    overwrite: bool = False
    """Replace existing results."""
    resume: bool = False
    """Go on with a comic that is there in part."""
    quality: int | None = None
    """1 to 100; ``None``: the format's, and with ``same`` that of the source."""
    suffix: str | None = None
    """Of the results, see :class:`FolderRun`."""
    page: int | None = None
    """Of files of several pages, from 1; ``None``: all, where the result can hold them."""
    keeping: Keeping = field(default_factory=Keeping)
    after: Callable[[FileResult], None] | None = None
    """Called when a result was written; an error that it raises is the result's error."""


class JobExecutor(AbstractContextManager["JobExecutor"], Protocol):
    """Do jobs in other processes, through :class:`JobWorker`; entered before any job is begun.

    Raises:
        KukkiriError: on entry, the processes cannot be had.
    """

    def execute(self, settings: JobSettings, jobs: Sequence[FileJob]) -> Generator[FileResult]:
        """Do each job once.

        Args:
            settings: of the run.
            jobs: of images, whose targets may be replaced: a process that is lost has perhaps written some.

        Yields:
            Their outcomes as they come, each with :class:`RemoteFacts`.

        Raises:
            KukkiriError: the processes are lost, and some jobs are not done.
        """
        ...


class JobWorker:
    """Does the jobs of a run; safe to use from several threads."""

    def __init__(
        self,
        settings: JobSettings,
        upscaler: Upscaler,
        *,
        computing: int = 1,
        clips: ClipWorker | None = None,
        progress: Callable[[FileProgress], None] | None = None,
    ) -> None:
        """Take what all jobs share.

        Args:
            settings: of the run.
            upscaler: of the images.
            computing: images whose networks run at one time; others are read and written meanwhile.
            clips: does the clips; without it they are errors.
            progress: called whenever a step of a job is done.
        """
        self.upscaler = upscaler
        """May be replaced between two jobs."""
        self.stop = threading.Event()
        """Ends all jobs at their next step, by :class:`StoppedError`."""
        self._settings, self._keeping, self._quality = settings, settings.keeping, settings.quality
        self._suffix, self._page = settings.suffix, settings.page
        self._clips, self._progress = clips, progress
        self._computing = threading.Semaphore(computing)

    def attempt(self, job: FileJob) -> FileResult:
        """Do one job; what is wrong with it is the result's error."""
        try:
            result = self._do(job)
            if self._settings.after is not None and not result.skipped:
                self._settings.after(result)
        except KukkiriError as error:
            return FileResult(job, error=str(error), out_of_memory=isinstance(error, _MemoryShareError))
        return result

    def prepare_target(self, job: FileJob) -> None:
        """Make the folder of a result, and check that its files may be written, before any work.

        Raises:
            ConfigError: the folder cannot be made.
            ImageError: one exists, or cannot be written.
        """
        make_folder(job.target.parent)
        if is_comic(job.source):
            check_comic(job.source, job.target, overwrite=self._may_replace(job))
        else:
            check_output(job.target, source=job.source, overwrite=self._may_replace(job))
        self._keeping.check(job.target, overwrite=self._may_replace(job))

    def _do(self, job: FileJob) -> FileResult:
        if job.problem is not None:
            raise job.problem
        begun = time.perf_counter()
        self._tell(job, "reading")
        if is_clip_job(job):
            make_folder(job.target.parent)
            return require_clips(self._clips, job.source).upscale(job, progress=self._tell_clip)
        self.prepare_target(job)
        if is_comic(job.source):
            return self._do_comic(job, begun)
        sequence = find_sequence(job.source, page=self._page, pixel_limit=self._keeping.pixel_limit)
        if sequence is not None and can_hold(job.target, sequence):
            return self._do_sequence(job, sequence, begun)
        streamed = self._stream(job, begun) if sequence is None and self._page is None else None
        if streamed is not None:
            return streamed
        image = read_one(job.source, sequence=sequence, page=self._page, pixel_limit=self._keeping.pixel_limit)
        upscaler = self.upscaler.suited(image)
        image = self._keeping.settle(image, upscaler)
        with _within_memory():
            channels = image.colour.shape[2] + (image.alpha is not None)
            size = upscaler.plan(image.size, channels=channels).output_size
        check_output(
            job.target, overwrite=self._may_replace(job), size=size
        )  # too large for the format: before the work
        asked = time.perf_counter()
        with self._computing, _within_memory():
            begun += time.perf_counter() - asked
            self._tell(job, "upscaling", output_size=size)
            sr = upscaler(image, progress=lambda done, total: self._tell(job, "upscaling", done, total, size))
        self._tell(job, "writing", output_size=size)
        notes = sr.save(job.target, overwrite=self._may_replace(job), quality=self._choose_quality(job))
        self._keeping.finish(job.source, job.target, upscaler, sizes=(image.size, sr.size))
        return FileResult(
            job,
            notes=tuple(dict.fromkeys([*sr.notes, *notes])),
            input_size=image.size,
            output_size=sr.size,
            seconds=time.perf_counter() - begun,
            domain=upscaler.domain,
            domain_chosen=self.upscaler.has_photo or self.upscaler.has_line,
            degradation=upscaler.describe_degradation(),
        )

    def _do_sequence(self, job: FileJob, sequence: ImageSequence, begun: float) -> FileResult:
        """Do the frames of an animation, or the pages of a TIFF."""
        asked = time.perf_counter()
        with self._computing:
            begun += time.perf_counter() - asked
            self._tell(job, "upscaling")
            done = upscale_sequence(
                self.upscaler,
                sequence,
                job.target,
                overwrite=self._may_replace(job),
                quality=self._quality,
                settle=self._keeping.settle,
                check=_check_memory,
                progress=lambda done, total: self._tell(job, "upscaling", done, total),
            )
        return self._finish_written(job, done, begun)

    def _do_comic(self, job: FileJob, begun: float) -> FileResult:
        """Do the pages of a comic."""
        asked = time.perf_counter()
        with self._computing:
            begun += time.perf_counter() - asked
            self._tell(job, "upscaling")
            done = upscale_comic(
                self.upscaler,
                job.source,
                job.target,
                suffix=None if self._suffix == SAME else self._suffix,
                overwrite=self._may_replace(job),
                resume=self._settings.resume and not job.replaces,
                quality=self._quality,
                pixel_limit=self._keeping.pixel_limit,
                settle=self._keeping.settle,
                check=_check_memory,
                progress=lambda done, total: self._tell(job, "upscaling", done, total),
            )
        return self._finish_written(job, done, begun)

    def _finish_written(
        self, job: FileJob, done: SequenceResult | ComicResult | StreamedFile, begun: float
    ) -> FileResult:
        """Settle a file whose parts were written as they were done."""
        self._keeping.finish(job.source, job.target, done.upscaler, sizes=(done.input_size, done.output_size))
        return FileResult(
            job,
            notes=done.notes,
            input_size=done.input_size,
            output_size=done.output_size,
            seconds=time.perf_counter() - begun,
            domain=done.upscaler.domain,
            domain_chosen=self.upscaler.has_photo or self.upscaler.has_line,
            degradation=done.upscaler.describe_degradation(),
        )

    def _stream(self, job: FileJob, begun: float) -> FileResult | None:
        """Do a large image strip by strip; ``None`` when it has to be whole."""
        asked = time.perf_counter()
        with self._computing:
            begun += time.perf_counter() - asked
            size = self.upscaler.plan_size(read_header(job.source).size)
            self._tell(job, "upscaling", output_size=size)
            done = stream_file(
                self.upscaler,
                job.source,
                job.target,
                overwrite=self._may_replace(job),
                quality=self._choose_quality(job),
                check=lambda size: check_output(job.target, overwrite=self._may_replace(job), size=size),
                progress=lambda done, total: self._tell(job, "upscaling", done, total, size),
                pixel_limit=self._keeping.pixel_limit,
                settle=self._keeping.settle,
            )
        return None if done is None else self._finish_written(job, done, begun)

    def _may_replace(self, job: FileJob) -> bool:
        """True when an existing target of a job may be replaced."""
        return self._settings.overwrite or job.replaces

    def _choose_quality(self, job: FileJob) -> int | None:
        """The quality that was asked for, else for the format of each source that of a JPEG."""
        if self._quality is not None or self._suffix != SAME:
            return self._quality
        return read_jpeg_quality(job.source)

    def _tell(
        self, job: FileJob, step: Step, done: int = 0, total: int = 0, output_size: tuple[int, int] | None = None
    ) -> None:
        """Report a step of an image, unless the run was stopped."""
        if self.stop.is_set():
            raise StoppedError
        self._tell_clip(FileProgress(job, step, done, total, output_size))

    def _tell_clip(self, progress: FileProgress) -> None:
        if self._progress is not None:
            self._progress(progress)


def require_clips(clips: ClipWorker | None, source: Path) -> ClipWorker:
    """Return the worker of the clips.

    Raises:
        ImageError: there is none.
    """
    if clips is None:
        raise ImageError(f"{make_printable(source)}: a clip, not an image. Use kukkiri.upscale_video.")
    return clips


class _MemoryShareError(ImageError):
    """The free memory, or one worker's share of it, does not suffice."""


def _check_memory(image: Image, upscaler: Upscaler) -> None:
    """Check that one image of a file of several fits into the memory."""
    with _within_memory():
        upscaler.plan(image.size, channels=image.colour.shape[2] + (image.alpha is not None))


@contextmanager
def _within_memory() -> Iterator[None]:
    """Mark the errors of an upscaler that refuses an image because of its memory."""
    try:
        yield
    except ImageError as error:
        raise _MemoryShareError(str(error)) from error

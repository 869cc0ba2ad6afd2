"""Many image files through one upscaler: several at a time, and those that do not fit into memory together last.

Clips come after the images, one at a time, through a worker of a higher level."""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from kukkiri.errors import ConfigError, ImageError, KukkiriError, make_printable
from kukkiri.images import Image, ImageSequence, check_output, read_header, read_jpeg_quality, read_page
from kukkiri.images.archives import is_comic
from kukkiri.inference.clip_files import is_clip
from kukkiri.inference.clip_worker import ClipWorker, is_clip_job
from kukkiri.inference.comics import ComicResult, check_comic, upscale_comic
from kukkiri.inference.earlier_results import BESIDE, BESIDE_SIZED, Candidate, read_size
from kukkiri.inference.engine import count_usable_threads
from kukkiri.inference.file_jobs import SAME, FileJob, Naming, plan_jobs, sweep_targets
from kukkiri.inference.file_results import FileProgress, FileResult, Step
from kukkiri.inference.job_records import JobRecorder
from kukkiri.inference.keeping import Keeping
from kukkiri.inference.name_templates import NameTemplate
from kukkiri.inference.part_counts import read_first_header
from kukkiri.inference.sequences import SequenceResult, can_hold, find_sequence, read_one, upscale_sequence
from kukkiri.inference.side_by_side import StoppedError, work_side_by_side
from kukkiri.inference.source_files import Chooser, find_source_files, leave_out_results
from kukkiri.inference.streamed_files import StreamedFile, stream_file
from kukkiri.inference.upscaler import Upscaler

__all__ = ["FolderRun", "UpscalerMaker"]


class UpscalerMaker(Protocol):
    """Make an upscaler, such as ``functools.partial(Upscaler, "fast", scale=3)``."""

    def __call__(self, *, threads: int | None, workers: int) -> Upscaler:
        """Take the two keywords of :class:`kukkiri.Upscaler` that a run over many files chooses itself."""


class FolderRun:
    """Upscales the image files that some inputs name; iterate over it for the results as they come.

    One thread for each of several images is quicker than all threads for one image after the other. With a ``tile``
    or a number of ``threads`` one image is computed at a time, while the next is read and the last one written. An
    image for which a share of the memory does not suffice is done at the end, alone. An image that cannot be
    upscaled does not stop the others.

    ::

        for result in FolderRun(partial(Upscaler, "fast", scale=3), ["photos"], output=Path("large")):
            print(result.job.target, result.error or result.seconds)
    """

    def __init__(
        self,
        make_upscaler: UpscalerMaker,
        inputs: Sequence[str],
        *,
        output: Path | None = None,
        suffix: str | None = None,
        name: str | None = None,
        model_name: str = "",
        recursive: bool = False,
        overwrite: bool = False,
        resume: bool = False,
        quality: int | None = None,
        threads: int | None = None,
        one_at_a_time: bool = False,
        after: Callable[[FileResult], None] | None = None,
        progress: Callable[[FileProgress], None] | None = None,
        keeping: Keeping | None = None,
        page: int | None = None,
        clips: ClipWorker | None = None,
        listed: Iterable[Candidate] = (),
        choose: Chooser | None = None,
        recorder: JobRecorder | None = None,
    ) -> None:
        """Find the images and load the model.

        Args:
            make_upscaler: called once, and once more when an image needs all the memory.
            inputs: files, folders and globs.
            output: a file for one image, else a folder; ``None``: beside the sources.
            suffix: of the results, such as ``.jpg``; ``same``: the format of each source; ``None``: .tif for .tif,
                .png for everything else.
            name: template for the names of the results, see :class:`NameTemplate`; by default the source's name,
                beside the sources with the scale or the size.
            model_name: of the model, for the template; the upscaler's own when empty.
            recursive: look into folders below, too.
            overwrite: replace existing results.
            resume: skip images whose result is there already.
            quality: 1 to 100 for JPEG, WebP and AVIF; with the suffix ``same`` a JPEG's own when not given.
            threads: of the engine; ``None``: one for each of several images, all for a single one.
            one_at_a_time: compute one image at a time, with all threads; for an upscaler that cuts tiles.
            after: called when a result was written, in the thread that made it; an error that it raises is the
                result's error.
            progress: called from the threads that work, whenever a step of an image is done.
            keeping: metadata, provenance and the limit of pixels.
            page: of files of several pages or frames, counted from 1; by default all, where the format of the result
                holds them, else the first.
            clips: does the clips among the inputs; without it they are errors.
            listed: further sources, each with the place of its result below ``output``; read once, and once more when
                ``choose`` is given. None of them is left out as the result of an earlier run.
            choose: takes the sources that this process does; names are checked against the others all the same.
            recorder: decides instead of ``resume`` which results are there already, and keeps a record of all jobs.

        Raises:
            ConfigError: an unknown suffix or template, or both ``overwrite`` and ``resume``.
            ModelError: see :class:`kukkiri.Upscaler`.
        """
        if overwrite and resume:
            raise ConfigError("--overwrite makes everything again and --resume skips what is there. Use one of them.")
        self._make, self._threads = make_upscaler, threads
        self._overwrite, self._resume, self._quality, self._after = overwrite, resume, quality, after
        self._progress, self._stop = progress, threading.Event()
        self._keeping = keeping or Keeping()
        self._same_format, self._suffix, self._page = suffix == SAME, suffix, page
        template = NameTemplate(name) if name is not None else None
        found = find_source_files(inputs, recursive=recursive)
        self._clips = clips
        sources = leave_out_results(found, output=output, name=template, read_size=self._read_size)
        others: Iterable[Path] | None = None
        if choose is not None:
            others = _leave_to_others(choose, sources.images, listed)
            sources = sources.choose(choose)
        mine = (image for image in listed if choose is None or choose(image))
        sources = replace(sources, images=tuple(dict([*sources.images, *mine]).items()))
        self._recorder = recorder
        images = max(1, sum(not is_clip(path) for path, _ in sources.images))
        workers = 1 if one_at_a_time or threads is not None else min(images, count_usable_threads())
        self._computing = threading.Semaphore(workers)
        self.at_once = min(images, max(2, workers))
        """Images that are in memory at one time."""
        self.upscaler = make_upscaler(threads=1 if workers > 1 else threads, workers=self.at_once)
        sized = self.upscaler.target is not None
        if template is None:
            template = NameTemplate("{stem}") if output is not None else BESIDE_SIZED if sized else BESIDE
        naming = Naming(
            template=template,
            scale=None if sized else self.upscaler.scale,
            model=model_name or self.upscaler.name,
            measure=self._measure,
            read_size=self._read_size,
        )
        plan = plan_jobs(sources, output=output, naming=naming, suffix=suffix, others=others)
        self.jobs = plan.jobs
        self._nameless = {each.path for each in plan.sources.problems}
        self.notes = plan.sources.notes()
        """One line for each kind of files that are left out."""

    @property
    def clip_jobs(self) -> list[FileJob]:
        """The jobs that go through video."""
        return [job for job in self.jobs if job.problem is None and is_clip_job(job)]

    def _read_size(self, path: Path) -> tuple[int, int] | None:
        """(height, width) of a source or of an earlier result; ``None`` for what cannot be read."""
        if not is_clip(path):
            return read_size(path)
        try:
            return None if self._clips is None else self._clips.measure(path)
        except KukkiriError:
            return None

    def _measure(self, source: Path) -> tuple[float, tuple[int, int]]:
        """Scale and (height, width) of a source's result."""
        if is_clip(source):
            height, width = _require_clips(self._clips, source).measure(source)
        elif self._page is None:
            height, width = read_first_header(source).size
        else:
            height, width = read_page(source, self._page, pixel_limit=self._keeping.pixel_limit).size
        size = self.upscaler.plan_size((height, width))
        return max(size[0] / height, size[1] / width), size

    def __iter__(self) -> Generator[FileResult]:
        """Do every job; results in the order in which they are ready."""
        sweep_targets(self.jobs)
        late, clips = [], self.clip_jobs
        images = [job for job in self.jobs if job not in clips]
        for result in work_side_by_side(images, self._try, at_once=self.at_once, stop=self._stop):
            if result.out_of_memory and self.at_once > 1:
                late.append(result.job)
            else:
                yield result
        if late:
            self.upscaler = self._make(threads=self._threads, workers=1)
            yield from work_side_by_side(late, self._try, at_once=1, stop=self._stop)
        yield from map(self._try, clips)  # in this thread, which hears Ctrl-C; a clip takes all cores

    def _try(self, job: FileJob) -> FileResult:
        """Do one job; safe to call from several threads."""
        recorder = None if job.source in self._nameless else self._recorder
        try:
            if recorder is not None and job.problem is None:
                verdict = recorder.begin(job)
                if verdict == "skip":
                    return FileResult(job, skipped=True)
                job = replace(job, replaces=verdict == "replace")
            result = self._do(job)
            if self._after is not None and not result.skipped:
                self._after(result)
        except KukkiriError as error:
            result = FileResult(job, error=str(error), out_of_memory=isinstance(error, _MemoryShareError))
        if recorder is None or (result.out_of_memory and self.at_once > 1):  # that one is tried again
            return result
        try:
            return recorder.finish(result)
        except KukkiriError as error:
            return FileResult(job, error=str(error))

    def _do(self, job: FileJob) -> FileResult:
        if job.problem is not None:
            raise job.problem
        exists = self._resume and self._recorder is None and job.target.exists()
        if exists and not job.target.samefile(job.source):
            return FileResult(job, skipped=True)
        begun = time.perf_counter()
        self._tell(job, "reading")
        _make_folder(job.target.parent)
        if is_clip_job(job):
            return _require_clips(self._clips, job.source).upscale(job, progress=self._tell_clip)
        if is_comic(job.source):
            return self._do_comic(job, begun)
        check_output(job.target, source=job.source, overwrite=self._may_replace(job))
        self._keeping.check(job.target, overwrite=self._may_replace(job))
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
            domain_chosen=self.upscaler.has_photo,
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
        check_comic(job.source, job.target, overwrite=self._may_replace(job))
        self._keeping.check(job.target, overwrite=self._may_replace(job))
        asked = time.perf_counter()
        with self._computing:
            begun += time.perf_counter() - asked
            self._tell(job, "upscaling")
            done = upscale_comic(
                self.upscaler,
                job.source,
                job.target,
                suffix=None if self._same_format else self._suffix,
                overwrite=self._may_replace(job),
                resume=self._resume and not job.replaces,
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
            domain_chosen=self.upscaler.has_photo,
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
        return self._overwrite or job.replaces

    def _choose_quality(self, job: FileJob) -> int | None:
        """The quality that was asked for, else for the format of each source that of a JPEG."""
        if self._quality is not None or not self._same_format:
            return self._quality
        return read_jpeg_quality(job.source)

    def _tell(
        self, job: FileJob, step: Step, done: int = 0, total: int = 0, output_size: tuple[int, int] | None = None
    ) -> None:
        """Report a step of an image, unless the run was stopped."""
        if self._stop.is_set():
            raise StoppedError
        self._tell_clip(FileProgress(job, step, done, total, output_size))

    def _tell_clip(self, progress: FileProgress) -> None:
        if self._progress is not None:
            self._progress(progress)


def _leave_to_others(choose: Chooser, found: Iterable[Candidate], listed: Iterable[Candidate]) -> Iterator[Path]:
    """The sources that other processes do."""
    for images in (found, listed):
        yield from (image[0] for image in images if not choose(image))


def _require_clips(clips: ClipWorker | None, source: Path) -> ClipWorker:
    if clips is None:
        raise ImageError(f"{make_printable(source)}: a clip, not an image. Use kukkiri.upscale_video.")
    return clips


class _MemoryShareError(ImageError):
    """The free memory, or one worker's share of it, does not suffice."""


def _check_memory(image: Image, upscaler: Upscaler) -> None:
    """Check that one image of a file of several fits into the memory."""
    with _within_memory():
        upscaler.plan(image.size, channels=image.colour.shape[2] + (image.alpha is not None))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file is in its place" if isinstance(error, FileExistsError) else error.strerror or error
        raise ImageError(f"{make_printable(folder)}: this folder cannot be made ({reason}). Choose another.") from None


@contextmanager
def _within_memory() -> Iterator[None]:
    """Mark the errors of an upscaler that refuses an image because of its memory."""
    try:
        yield
    except ImageError as error:
        raise _MemoryShareError(str(error)) from error

"""Many image files through one upscaler: several at a time, and those that do not fit into memory together last.

Clips come after the images, one at a time, through a worker of a higher level."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from kukkiri.errors import ConfigError, KukkiriError, make_printable
from kukkiri.images import read_page
from kukkiri.inference.clip_files import is_clip
from kukkiri.inference.clip_worker import ClipWorker, is_clip_job
from kukkiri.inference.earlier_results import BESIDE, BESIDE_SIZED, Candidate, read_size
from kukkiri.inference.engine import count_usable_threads
from kukkiri.inference.file_jobs import FileJob, Naming, depends_on_content, plan_jobs, rename_job, sweep_targets
from kukkiri.inference.file_results import FileProgress, FileResult
from kukkiri.inference.job_records import JobRecorder, JobStage, RunEndedError
from kukkiri.inference.job_worker import JobExecutor, JobSettings, JobWorker, UpscalerMaker, require_clips
from kukkiri.inference.keeping import Keeping
from kukkiri.inference.name_templates import NameTemplate
from kukkiri.inference.part_counts import read_first_header
from kukkiri.inference.side_by_side import work_side_by_side
from kukkiri.inference.source_files import Chooser, find_source_files, leave_out_results
from kukkiri.inference.upscaler import Upscaler

__all__ = ["FolderRun"]

_ASKING, _BATCH = 16, 1024
"""Decisions at one time, and those that wait for a thread."""


class FolderRun:
    """Upscales the image files that some inputs name; iterate over it for the results as they come.

    One thread for each of several images is quicker than all threads for one image after the other, and while so many
    are computed a further one is read or written. With a ``tile`` or a number of ``threads`` one image is computed at
    a time, while the next is read or the last one written. An image for which a share of the memory does not suffice
    is done at the end, alone. An image that cannot be upscaled does not stop the others.

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
        stage: JobStage | None = None,
        executor: JobExecutor | None = None,
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
            stage: names results by the content of sources that are not on this disk when the jobs are planned.
            executor: does the images in other processes; names, decisions and records stay here. ``make_upscaler`` and
                ``after`` are pickled for it; clips are errors.

        Raises:
            ConfigError: an unknown suffix or template, or both ``overwrite`` and ``resume``.
            ModelError: see :class:`kukkiri.Upscaler`.
        """
        if overwrite and resume:
            raise ConfigError("--overwrite makes everything again and --resume skips what is there. Use one of them.")
        self._make, self._threads, self._resume, self._page = make_upscaler, threads, resume, page
        self._keeping, self._output = keeping or Keeping(), output
        self.settings = JobSettings(
            make_upscaler=make_upscaler,
            overwrite=overwrite,
            resume=resume,
            quality=quality,
            suffix=suffix,
            page=page,
            keeping=self._keeping,
            after=after,
        )
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
        self._recorder, self._stage, self._suffix, self._executor = recorder, stage, suffix, executor
        images = max(1, sum(not is_clip(path) for path, _ in sources.images))
        workers = 1 if one_at_a_time or threads is not None else min(images, count_usable_threads())
        self.at_once = min(images, workers + 1)
        """Images that are in memory at one time: one more is read or written while the others are computed."""
        upscaler = make_upscaler(threads=1 if workers > 1 else threads, workers=self.at_once)
        self._worker = JobWorker(self.settings, upscaler, computing=workers, clips=clips, progress=progress)
        sized = upscaler.target is not None
        if template is None:
            template = NameTemplate("{stem}") if output is not None else BESIDE_SIZED if sized else BESIDE
        self._naming = naming = Naming(
            template=template,
            scale=None if sized else upscaler.scale,
            model=model_name or upscaler.name,
            measure=self._measure,
            read_size=self._read_size,
        )
        plan = plan_jobs(sources, output=output, naming=naming, suffix=suffix, others=others)
        self.jobs = plan.jobs
        self._nameless = {each.path for each in plan.sources.problems}
        self.notes = plan.sources.notes()
        """One line for each kind of files that are left out."""

    @property
    def upscaler(self) -> Upscaler:
        """Of the images in work."""
        return self._worker.upscaler

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
            height, width = require_clips(self._clips, source).measure(source)
        elif self._page is None:
            height, width = read_first_header(source).size
        else:
            height, width = read_page(source, self._page, pixel_limit=self._keeping.pixel_limit).size
        size = self.upscaler.plan_size((height, width))
        return max(size[0] / height, size[1] / width), size

    def __iter__(self) -> Generator[FileResult]:
        """Do every job; results in the order in which they are ready."""
        sweep_targets(self.jobs)
        if self._executor is not None:
            yield from self._do_elsewhere(self._executor)
            return
        late, clips = [], self.clip_jobs
        images = [job for job in self.jobs if job not in clips]
        stop = self._worker.stop
        for result in work_side_by_side(images, self._try, at_once=self.at_once, stop=stop):
            if result.out_of_memory and self.at_once > 1:
                late.append(result.job)
            else:
                yield result
        if late:
            self._worker.upscaler = self._make(threads=self._threads, workers=1)
            yield from work_side_by_side(late, self._try, at_once=1, stop=stop)
        yield from map(self._try, clips)  # in this thread, which hears Ctrl-C; a clip takes all cores

    def _try(self, job: FileJob) -> FileResult:
        """Do one job; safe to call from several threads."""
        begun = self._begin(job)
        if isinstance(begun, FileJob):
            begun = self._worker.attempt(begun)
        elif begun.skipped:
            return begun
        if begun.out_of_memory and self.at_once > 1:  # that one is tried again
            return begun
        return self._finish(begun)

    def _do_elsewhere(self, executor: JobExecutor) -> Generator[FileResult]:
        """Do every job in other processes; all are begun before the first is done."""
        if all(job.problem is not None for job in self.jobs):  # nothing to start processes for
            yield from (self._finish(FileResult(job, error=str(job.problem))) for job in self.jobs)
            return
        with executor:
            sent = []
            for begun in self._begin_all_elsewhere():
                if isinstance(begun, FileJob):
                    sent.append(begun)
                else:
                    yield begun if begun.skipped else self._finish(begun)
            with closing(executor.execute(self.settings, sent)) as results:
                for result in results:
                    yield self._finish(result)

    def _begin_all_elsewhere(self) -> Iterator[FileJob | FileResult]:
        """Decide about every job in order, several at one time where a store is asked for each."""
        if self._stage is None:
            yield from map(self._begin_elsewhere, self.jobs)
            return
        with ThreadPoolExecutor(_ASKING) as pool:
            for first in range(0, len(self.jobs), _BATCH):
                yield from pool.map(self._begin_elsewhere, self.jobs[first : first + _BATCH])

    def _begin_elsewhere(self, job: FileJob) -> FileJob | FileResult:
        """Decide the same for a job that another process does, which takes what lies under its target as its own."""
        if job.problem is not None:
            return FileResult(job, error=str(job.problem))
        if is_clip_job(job):
            return FileResult(job, error=f"{make_printable(job.source)}: a clip. Upscale clips without --on.")
        begun = self._begin(job)
        if isinstance(begun, FileResult):
            return begun
        try:
            self._worker.prepare_target(begun)
        except KukkiriError as error:
            return FileResult(begun, error=str(error))
        return replace(begun, replaces=True)

    def _begin(self, job: FileJob) -> FileJob | FileResult:
        """Decide whether a job is to be done; its outcome when not."""
        if job.problem is not None:
            return job
        if self._recorder is None:
            skipped = self._resume and job.target.exists() and not _are_one_file(job.target, job.source)
            return FileResult(job, skipped=True) if skipped else job
        try:
            job = self._settle(job)
            verdict = self._recorder.begin(job)
        except RunEndedError:
            raise
        except KukkiriError as error:
            return FileResult(job, error=str(error))
        return FileResult(job, skipped=True) if verdict == "skip" else replace(job, replaces=verdict == "replace")

    def _settle(self, job: FileJob) -> FileJob:
        """Name the result by the content of a source that was not there when the job was planned."""
        if self._stage is None:
            return job
        rename = partial(rename_job, naming=self._naming, suffix=self._suffix)
        fixed = job.target == self._output or not depends_on_content(job.source, self._suffix)
        return self._stage.settle(job, rename=None if fixed else rename)

    def _finish(self, result: FileResult) -> FileResult:
        """Record an outcome."""
        if self._recorder is None or result.job.source in self._nameless:
            return result
        try:
            return self._recorder.finish(result)
        except RunEndedError:
            raise
        except KukkiriError as error:
            return FileResult(result.job, error=str(error))


def _leave_to_others(choose: Chooser, found: Iterable[Candidate], listed: Iterable[Candidate]) -> Iterator[Path]:
    """The sources that other processes do."""
    for images in (found, listed):
        yield from (image[0] for image in images if not choose(image))


def _are_one_file(path: Path, other: Path) -> bool:
    return other.exists() and path.samefile(other)

"""Jobs over objects that other processes do: URLs go to them, and each fetches its source and writes its result itself.

A job is sent with the URLs of its objects in place of files: ``s3:/bucket/a.jpg``, a path, which has one ``/`` less.
"""

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Self

from kukkiri.cluster.staging import StagedJobs, Staging
from kukkiri.errors import KukkiriError
from kukkiri.inference import FileJob, FileResult
from kukkiri.inference.job_worker import JobExecutor, JobSettings
from kukkiri.storage import find_url

__all__ = ["StagedExecutor", "do_staged_job"]

_ASKING = 16
"""Requests at one time."""


class StagedExecutor:
    """Does the jobs of a run by another executor, to which it sends URLs; see :class:`JobExecutor`."""

    def __init__(self, executor: JobExecutor, jobs: StagedJobs) -> None:
        """Keep the two.

        Args:
            executor: does the jobs through :class:`kukkiri.cluster.remote_worker.RemoteWorker`.
            jobs: of the run, which leaves objects to others.
        """
        self._executor, self._jobs = executor, jobs

    def __enter__(self) -> Self:
        self._executor.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._executor.__exit__(*details)  # type: ignore[arg-type]

    def execute(self, settings: JobSettings, jobs: Sequence[FileJob]) -> Generator[FileResult]:
        """Do each job once, when the rows that it was begun are safe; see :class:`JobExecutor`.

        Raises:
            KukkiriError: the processes are lost, or the rows cannot be written.
        """
        self._jobs.sync()
        staging, sent = self._jobs.staging, []
        for job, problem in self._check_beside(settings, jobs):
            if problem is None:
                sent.append(_map_paths(job, lambda path: _name_object(path, staging)))
            else:
                yield FileResult(job, error=str(problem))
        with closing(self._executor.execute(settings, sent)) as results:
            for result in results:
                yield replace(result, job=_map_paths(result.job, lambda path: _stand_in(path, staging)))

    def _check_beside(
        self, settings: JobSettings, jobs: Sequence[FileJob]
    ) -> Iterator[tuple[FileJob, KukkiriError | None]]:
        """Look for objects beside the results before any work: a process that is lost may have written some."""
        if not settings.keeping.provenance and settings.after is None:
            yield from ((job, None) for job in jobs)
            return

        def check(job: FileJob) -> KukkiriError | None:
            try:
                self._jobs.check_beside(job, report=settings.after is not None, sidecar=settings.keeping.provenance)
            except KukkiriError as error:
                return error
            return None

        with ThreadPoolExecutor(_ASKING) as pool:
            yield from zip(jobs, pool.map(check, jobs), strict=True)


def do_staged_job(job: FileJob, attempt: Callable[[FileJob], FileResult]) -> FileResult:
    """Do a job some of whose paths are URLs: fetch, do and write, as a run over objects does without an engine.

    Args:
        job: with paths of URLs; an object that lies under the URL of its target is replaced.
        attempt: does it on this disk.

    Returns:
        The outcome, with the job that was given; an object is there whole or not at all.

    Raises:
        KukkiriError: the source cannot be fetched, or the result cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="kukkiri-", ignore_cleanup_errors=True) as folder:
        staging = Staging(Path(folder))
        staged = _map_paths(job, lambda path: _stand_in(path, staging))
        try:
            staging.fetch(staged.source)
            result = attempt(staged)
            if not result.error:
                staging.publish(staged.target, replaces=True)
        except KukkiriError as error:
            raise type(error)(staging.name(str(error))) from error
        notes = tuple(map(staging.name, result.notes))
        return replace(result, job=job, error=staging.name(result.error), notes=notes)


def _map_paths(job: FileJob, change: Callable[[Path], Path]) -> FileJob:
    return replace(job, source=change(job.source), target=change(job.target))


def _name_object(path: Path, staging: Staging) -> Path:
    """The path that is sent for a file: of the URL of its object, if it stands for one."""
    url = staging.find(path)
    return path if url is None else Path(str(url))


def _stand_in(path: Path, staging: Staging) -> Path:
    """The file that stands for the object of such a path."""
    url = find_url(path)
    return path if url is None else staging.stand_in(url)

"""The worker of a cluster engine: the jobs of a run over files or objects, done in a process on some machine."""

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

from kukkiri.cluster.fingerprints import find_version
from kukkiri.cluster.remote_staging import do_staged_job
from kukkiri.errors import BackendError, ConfigError, KukkiriError, make_printable
from kukkiri.files import hash_file
from kukkiri.inference import FileJob, FileResult, RemoteFacts
from kukkiri.inference.job_worker import JobSettings, JobWorker
from kukkiri.storage import find_url

__all__ = ["RemoteSettings", "RemoteWorker", "show_source"]


@dataclass(frozen=True, kw_only=True)
class RemoteSettings:
    """A run as its workers need it; it is pickled."""

    jobs: JobSettings
    folder: Path
    """That relative paths count from, on every machine; not needed for objects."""
    version: str
    """Of the kukkiri that planned the run."""
    threads: int = 1
    """CPU threads of one worker."""
    workers: int = 1
    """That share the memory of a machine."""

    @classmethod
    def here(cls, jobs: JobSettings, *, threads: int = 1, workers: int = 1) -> Self:
        """Describe a run that is planned by this process, in its working directory."""
        return cls(jobs=jobs, folder=Path.cwd(), version=find_version(), threads=threads, workers=workers)


class RemoteWorker:
    """Does the jobs of a run one after the other, in its working directory; nothing is raised, results tell it.

    The model is loaded with the first job. libvips is held to as many threads as the engine. A path of a URL
    (``s3:/bucket/a.jpg``) is an object of a store, which this process reads or writes.
    """

    def __init__(self, settings: RemoteSettings) -> None:
        """Keep the run; nothing is loaded."""
        self._settings = settings
        self._worker: JobWorker | None = None
        self._problem: KukkiriError | None = None
        self._away: KukkiriError | None = None
        """The working directory is not here, which concerns jobs over files."""

    def do(self, job: FileJob) -> FileResult:
        """Do one job; a result has the bytes of a local run."""
        begun = time.process_time()
        try:
            result = self._do(job)
        except KukkiriError as error:
            result = FileResult(job, error=f"{show_source(job)}: {error}")
        except Exception as error:  # whatever it is, it ends this job and no other one
            result = FileResult(job, error=make_printable(f"{show_source(job)}: {type(error).__name__}: {error}"))
        facts = result.remote or RemoteFacts(0.0)
        return replace(result, remote=replace(facts, cpu_seconds=time.process_time() - begun))

    def _do(self, job: FileJob) -> FileResult:
        worker = self._open()
        objects = [find_url(path) is not None for path in (job.source, job.target)]
        if self._away is not None and not all(objects):
            raise self._away
        attempt = partial(_attempt, worker)
        return do_staged_job(job, attempt) if any(objects) else attempt(job)

    def _open(self) -> JobWorker:
        if self._problem is not None:
            raise self._problem
        if self._worker is None:
            try:
                self._worker = self._load()
            except KukkiriError as error:
                self._problem = type(error)(f"{error} (on {socket.gethostname()})")
                raise self._problem from error
        return self._worker

    def _load(self) -> JobWorker:
        settings = self._settings
        version = find_version()
        if version != settings.version:
            raise BackendError(
                f"kukkiri {version} here, and {settings.version} began the run. Install one version on all machines."
            )
        try:
            if Path.cwd() != settings.folder:
                os.chdir(settings.folder)
        except OSError as error:
            self._away = ConfigError(
                f"{make_printable(settings.folder)}: not here ({error.strerror or error}). Workers read and write a "
                f"disk that all machines see under one path, or objects of a store. (on {socket.gethostname()})"
            )
        os.environ.setdefault("VIPS_CONCURRENCY", str(settings.threads))
        upscaler = settings.jobs.make_upscaler(threads=settings.threads, workers=settings.workers)
        return JobWorker(settings.jobs, upscaler)


def show_source(job: FileJob) -> str:
    """The source of a job as messages name it: a file, or the URL of an object."""
    with suppress(KukkiriError):
        return make_printable(find_url(job.source) or job.source)
    return make_printable(job.source)


def _attempt(worker: JobWorker, job: FileJob) -> FileResult:
    """Do a job on this disk, and measure its result before it goes to a store."""
    result = worker.attempt(job)
    if result.error:
        return result
    return replace(result, remote=RemoteFacts(0.0, job.target.stat().st_size, hash_file(job.target)))

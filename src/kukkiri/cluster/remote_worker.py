"""The worker of a cluster engine: the jobs of a run over files, done in a process on some machine."""

import os
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from kukkiri.cluster.fingerprints import find_version
from kukkiri.errors import BackendError, ConfigError, KukkiriError, make_printable
from kukkiri.files import hash_file
from kukkiri.inference import FileJob, FileResult, RemoteFacts
from kukkiri.inference.job_worker import JobSettings, JobWorker

__all__ = ["RemoteSettings", "RemoteWorker"]


@dataclass(frozen=True, kw_only=True)
class RemoteSettings:
    """A run as its workers need it; it is pickled."""

    jobs: JobSettings
    folder: Path
    """That relative paths count from, on every machine."""
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

    The model is loaded with the first job. libvips is held to as many threads as the engine.
    """

    def __init__(self, settings: RemoteSettings) -> None:
        """Keep the run; nothing is loaded."""
        self._settings = settings
        self._worker: JobWorker | None = None
        self._problem: KukkiriError | None = None

    def do(self, job: FileJob) -> FileResult:
        """Do one job; a result has the bytes of a local run."""
        begun = time.process_time()
        try:
            result = self._open().attempt(job)
            size, sha256 = None, None
            if not result.error:
                size, sha256 = job.target.stat().st_size, hash_file(job.target)
        except KukkiriError as error:
            result, size, sha256 = FileResult(job, error=f"{make_printable(job.source)}: {error}"), None, None
        except Exception as error:  # whatever it is, it ends this job and no other one
            text = make_printable(f"{job.source}: {type(error).__name__}: {error}")
            result, size, sha256 = FileResult(job, error=text), None, None
        return replace(result, remote=RemoteFacts(time.process_time() - begun, size, sha256))

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
            raise ConfigError(
                f"{make_printable(settings.folder)}: not here ({error.strerror or error}). Workers read and write a "
                "disk that all machines see under one path."
            ) from error
        os.environ.setdefault("VIPS_CONCURRENCY", str(settings.threads))
        upscaler = settings.jobs.make_upscaler(threads=settings.threads, workers=settings.workers)
        return JobWorker(settings.jobs, upscaler)

"""Files of this disk that stand for the objects of a run: fetched before a job, and written to the store after it."""

import os
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import cast
from urllib.parse import quote, unquote

from kukkiri.cluster.manifest import SourceIdentity
from kukkiri.cluster.recording import Recorder, identify_file, measure_file
from kukkiri.cluster.stored_sources import StoredSources
from kukkiri.errors import ImageError, KukkiriError, make_printable
from kukkiri.inference import FileJob, FileResult
from kukkiri.inference.job_records import Verdict
from kukkiri.inference.keeping import name_sidecar
from kukkiri.storage import ObjectState, StoreURL, find_url, open_store
from kukkiri.storage.urls import SCHEMES

__all__ = ["StagedJobs", "Staging"]

_UNUSABLE = "unusable"


class _ShownURL(PurePosixPath):
    """A URL among paths, as messages show it: a path has one ``/`` less."""

    def __str__(self) -> str:
        return super().__str__().replace(":/", "://", 1)


class Staging:
    """The objects of a run, and the files of a temporary folder that stand for them.

    An object ``s3://bucket/a/b.jpg`` is the file ``FOLDER/s3/bucket/a/b.jpg``, while a job needs it.
    """

    def __init__(self, folder: Path) -> None:
        """Keep the folder.

        Args:
            folder: temporary, and of this run alone.
        """
        self._folder = folder
        self._shown = re.compile(re.escape(folder.as_posix()) + r"/([a-z0-9]+)(?=/)")
        self._listings = 0
        self._states: dict[Path, ObjectState] = {}
        """Of the sources in work, so that each is asked for once."""

    def stand_in(self, url: StoreURL) -> Path:
        """Return the file that stands for an object or a folder, which need not exist.

        An object whose key can be no path (``a//b``) has one as well, for its message.
        """
        if url.key and not url.is_plain and not (url.key.endswith("/") and replace(url, key=url.key[:-1]).is_plain):
            return self._folder / _UNUSABLE / url.scheme / url.bucket / quote(url.key, safe="")
        return self._folder.joinpath(url.scheme, url.bucket, url.key)

    def holds(self, path: Path) -> bool:
        """True for a file that stands for an object."""
        return path.is_relative_to(self._folder)

    def find(self, path: Path) -> StoreURL | None:
        """Return the object that a file stands for; ``None`` for any other file.

        Raises:
            ImageError: its key can be no path.
        """
        if not self.holds(path):
            return None
        first, *rest = path.relative_to(self._folder).parts
        if first == _UNUSABLE:
            url = StoreURL(rest[0], rest[1], unquote(rest[2]))
            raise ImageError(
                f"{make_printable(url)}: its key can be no path (// or ..). Copy the object under another key."
            )
        return StoreURL(first, rest[0], "/".join(rest[1:])) if first in SCHEMES else None

    def list_inputs(
        self, inputs: Sequence[str], *, recursive: bool, output: Path | None
    ) -> tuple[list[str], list[StoredSources]]:
        """Split inputs into those of this disk and those of a store.

        Args:
            inputs: of a command.
            recursive: look into folders below, too.
            output: of the command, or the file that stands for it.

        Raises:
            ConfigError, BackendError: a URL that is not read, or its store does not answer.
        """
        local, stored = [], []
        results = None if output is None else self.find(output)
        for text in inputs:
            url = find_url(text)
            if url is None:
                local.append(text)
                continue
            self._listings += 1
            self._folder.mkdir(parents=True, exist_ok=True)
            below = results is not None and str(results).startswith(f"{str(url).removesuffix('/')}/")
            stored.append(
                StoredSources(
                    url,
                    stand_in=self.stand_in,
                    listing=self._folder / f"listing-{self._listings}",
                    recursive=recursive,
                    leave_out=results if below else None,
                )
            )
        return local, stored

    def identify(self, path: Path) -> SourceIdentity:
        """Size and etag of an object, size and time of a file; nothing when it cannot be read."""
        url = self.find(path)
        if url is None:
            return identify_file(path)
        state = self._stat(path, url)
        return SourceIdentity() if state is None else SourceIdentity(state.size, etag=state.etag)

    def measure(self, path: Path) -> int | None:
        """Bytes of an object or a file; ``None`` when there is none."""
        url = self.find(path)
        if url is None:
            return measure_file(path)
        state = open_store(url.scheme).stat(url)
        return None if state is None else state.size

    def fetch(self, path: Path) -> None:
        """Fetch the object that a file stands for, unless it is there; nothing is done for any other file.

        Raises:
            ImageError: there is no such object, or its key can be no path.
            ConfigError, BackendError: see :class:`kukkiri.storage.Store`.
        """
        url = self.find(path)
        if url is None or path.exists():
            return
        state = self._stat(path, url)
        try:
            if state is None:
                raise FileNotFoundError(url)
            path.parent.mkdir(parents=True, exist_ok=True)
            open_store(url.scheme).fetch(state, path)
        except FileNotFoundError:
            raise ImageError(f"{make_printable(url)}: no such object. Check the bucket and the key.") from None
        except OSError as error:
            raise ImageError(f"{make_printable(url)}: cannot be staged ({error.strerror or error}).") from error

    def _stat(self, path: Path, url: StoreURL) -> ObjectState | None:
        state = self._states.get(path) or open_store(url.scheme).stat(url)
        if state is not None:
            self._states[path] = state
        return state

    def publish(self, target: Path, *, replaces: bool) -> None:
        """Write a result and what lies beside it to the store; nothing is done for a result of this disk.

        Raises:
            ImageError: a file beside it exists, and is not to be replaced.
            ConfigError, BackendError: see :class:`kukkiri.storage.Store`.
        """
        if self.find(target) is None:
            return
        beside = [path for path in _list_beside(target) if path.exists()]
        for path in [*beside, target]:  # the result last: when it is there, so is the rest
            url = self.find(path)
            if url is None:
                continue
            if path != target and not replaces:
                self.check_absent(path)
            open_store(url.scheme).write(url, path)

    def check_absent(self, path: Path) -> None:
        """Check that the object that a file stands for is not there.

        Raises:
            ImageError: it is, and is not to be replaced.
            ConfigError, BackendError: see :class:`kukkiri.storage.Store`.
        """
        url = self.find(path)
        if url is not None and open_store(url.scheme).stat(url) is not None:
            raise ImageError(f"{make_printable(url)}: exists already. Allow it with --overwrite.")

    def drop(self, *paths: Path) -> None:
        """Delete files that stand for objects, which no job needs any more."""
        for path in paths:
            with suppress(KukkiriError, OSError):
                if self.find(path) is not None:
                    self._states.pop(path, None)
                    path.unlink(missing_ok=True)

    def name(self, text: str) -> str:
        """Name objects instead of the files that stand for them in a message."""
        return self._shown.sub(
            lambda match: f"{match[1]}:/", text.replace(f"{self._folder}/{_UNUSABLE}/", f"{self._folder}/")
        )

    def name_job(self, job: FileJob) -> FileJob:
        """The same in a job, for displays."""
        return replace(job, source=self._name_path(job.source), target=self._name_path(job.target))

    def _name_path(self, path: Path) -> Path:
        if not self.holds(path):
            return path
        with suppress(KukkiriError):
            if (url := self.find(path)) is not None:
                return cast(Path, _ShownURL(str(url)))
        return path


@dataclass
class StagedJobs:
    """The jobs of a run of which some sources or results are objects; see :class:`kukkiri.inference.JobRecorder`.

    A source is fetched when its job begins, and its result is written when it is made; then both files are deleted.
    """

    staging: Staging
    recorder: Recorder | None = None
    """Of the run, when there are manifests."""
    resume: bool = False
    overwrite: bool = False
    sync: Callable[[], None] = lambda: None
    """Called before a result is written: the row that it was begun has to be safe."""
    elsewhere: bool = False
    """Other processes fetch and write, see :class:`kukkiri.cluster.remote_staging.StagedExecutor`."""
    _replaces: set[Path] = field(default_factory=set)
    _claimed: dict[str, Path] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def settle(self, job: FileJob, *, rename: Callable[[FileJob], FileJob] | None) -> FileJob:
        """Give a job the target that it has by the content of its source, which is fetched unless a row tells it.

        Args:
            job: with the target that the name of its source suggests.
            rename: names the target by the content of the source; ``None``: the name tells all.

        Raises:
            ImageError: the source cannot be fetched, or another one has that target.
        """
        if self.staging.find(job.source) is None:
            return job
        settled = job
        if rename is not None:
            recalled = None if self.recorder is None else self.recorder.recall(job)
            if recalled is None:
                self.staging.fetch(job.source)
            settled = rename(job) if recalled is None else replace(job, target=recalled)
        with self._lock:
            maker = self._claimed.setdefault(os.path.normcase(settled.target), job.source)
        if maker != job.source:
            raise ImageError(
                f"{job.source} and {maker} would both be written to {settled.target}. Rename one, or run them apart."
            )
        return settled

    def begin(self, job: FileJob) -> Verdict:
        """Decide, and fetch the source.

        Raises:
            ImageError: the target exists, or the source cannot be fetched.
            ConfigError, BackendError: see :class:`kukkiri.storage.Store`.
        """
        verdict = self._decide(job) if self.recorder is None else self.recorder.begin(job)
        if verdict == "skip":
            self.staging.drop(job.source)
            return verdict
        if verdict == "replace" or self.overwrite:
            with self._lock:
                self._replaces.add(job.target)
        if self.elsewhere:
            self.staging.drop(job.source)  # fetched for the name of its result, if at all
            return verdict
        if self.staging.find(job.target) is None:
            self.sync()  # the result will be there when it is made, not when it is written to a store
        self.staging.fetch(job.source)
        return verdict

    def _decide(self, job: FileJob) -> Verdict:
        """As a run without a record does, for which files of this disk are looked after by itself."""
        stored = self.staging.find(job.target) is not None
        if job.source == job.target or self.staging.measure(job.target) is None:
            return "make"
        if self.resume and (stored or not _is_same(job.source, job.target)):
            return "skip"
        if stored and not self.overwrite:
            raise ImageError(
                f"{make_printable(job.target)}: exists already. Choose another name, or allow it with --overwrite."
            )
        return "make"

    def finish(self, result: FileResult) -> FileResult:
        """Write the result to its store, and record it.

        Raises:
            KukkiriError: it cannot be recorded.
        """
        job = result.job
        with self._lock:
            replaces = job.target in self._replaces
            self._replaces.discard(job.target)
        try:
            if not result.error and not self.elsewhere:
                try:
                    if self.staging.find(job.target) is not None:
                        self.sync()
                    self.staging.publish(job.target, replaces=replaces)
                except KukkiriError as error:
                    result = FileResult(job, error=str(error))
            if self.recorder is not None:
                result = self.recorder.finish(replace(result, error=self.staging.name(result.error)))
            return result
        finally:
            self.staging.drop(job.source, job.target, *_list_beside(job.target))

    def check_beside(self, job: FileJob, *, sidecar: bool, report: bool) -> None:
        """Check that what a run writes beside the result of a job may be written to the store.

        Args:
            job: that has begun.
            sidecar: there will be a file that says how the result was made.
            report: there will be a page of numbers.

        Raises:
            ImageError: there is one, and it is not to be replaced.
            ConfigError, BackendError: see :class:`kukkiri.storage.Store`.
        """
        with self._lock:
            if job.target in self._replaces:
                return
        for path, wanted in zip(_list_beside(job.target), (sidecar, report), strict=True):
            if wanted:
                self.staging.check_absent(path)


def _list_beside(target: Path) -> tuple[Path, ...]:
    """The files that a run may write beside a result."""
    return name_sidecar(target), target.with_name(f"{target.stem}-report.html")


def _is_same(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return path.samefile(other)
    return False

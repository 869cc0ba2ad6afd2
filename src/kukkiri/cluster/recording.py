"""The record of a run in its manifests, and the decisions that a resumed run takes by them."""

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

from kukkiri.cluster.fingerprints import Making
from kukkiri.cluster.manifest import Header, Manifest, Row, SourceIdentity, find_manifests, name_manifest, read_manifest
from kukkiri.cluster.shards import Shard
from kukkiri.errors import ConfigError, ImageError, make_printable
from kukkiri.files import hash_file
from kukkiri.images import OUTPUT_SUFFIXES
from kukkiri.inference import FileJob, FileResult
from kukkiri.inference.job_records import Verdict

__all__ = ["ManifestOpener", "Recorder", "identify_file", "measure_file", "name_source"]


class ManifestOpener(Protocol):
    """Open a manifest, see :class:`Manifest`."""

    def __call__(self, path: Path, header: Header, *, anew: bool) -> Manifest:
        """Take the arguments of :class:`Manifest`."""


def identify_file(path: Path) -> SourceIdentity:
    """Size and time of a file; nothing when it cannot be read."""
    try:
        stated = path.stat()
    except OSError:
        return SourceIdentity()
    return SourceIdentity(stated.st_size, stated.st_mtime_ns)


def measure_file(path: Path) -> int | None:
    """Bytes of a file; ``None`` when there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def name_source(path: Path, below: Path | None, *, places: bool) -> str:
    """Name a source in a manifest.

    Args:
        path: the source.
        below: its place below the folder that was given, if one was.
        places: by that place, which is the same on every machine; else by its path, because results are beside it.
    """
    return ((below or Path(path.name)) if places else path).as_posix()


@dataclass(frozen=True, slots=True)
class _Known:
    """The last word of the manifests about a source."""

    state: str
    target: bytes
    """Digest of its name."""
    identity: SourceIdentity
    result_bytes: int | None
    ours: bool
    """An existing target was made by a run."""


class Recorder:
    """Keeps the manifests of a run, and skips what they say is done; see :class:`JobRecorder`.

    A result is skipped when its row says done, the source is what it was (size and time, or etag) and the result is
    there with the size of the row. A result that only a begun row explains, or whose source has changed, is made
    again. A result that no row explains is an error.
    """

    def __init__(
        self,
        folder: Path,
        making: Making,
        *,
        shard: Shard | None = None,
        output: Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        only_failed: bool = False,
        identify: Callable[[Path], SourceIdentity] = identify_file,
        measure: Callable[[Path], int | None] = measure_file,
        open_manifest: ManifestOpener = Manifest,
    ) -> None:
        """Open the manifests of a run.

        Args:
            folder: of the manifests; made when it is missing.
            making: options and model of the run.
            shard: of this process; ``None``: all, in one manifest or, with ``only_failed``, in those that are there.
            output: folder of the results, which targets are named below.
            resume: go on with a manifest that is there.
            overwrite: begin anew.
            only_failed: go on with the sources that failed or were interrupted, and no others.
            identify: identity of a source.
            measure: bytes of a result; ``None`` when there is none.
            open_manifest: opens a manifest that is being written.

        Raises:
            ConfigError: the folder's manifests are of other options, another model or another number of shards;
                another process works on the shard; or there is a manifest, and neither ``resume`` nor ``overwrite``.
        """
        self._folder, self._making, self._shard, self._output = folder, making, shard, output
        self._overwrite, self._identify = overwrite, identify
        self._measure, self._open_manifest = measure, open_manifest
        self._known: dict[bytes, _Known] = {}
        self._manifests: dict[Shard, Manifest] = {}
        self._sizes: dict[Shard, int] = {}
        self._before: dict[str, SourceIdentity] = {}
        self._notes: dict[str, str] = {}
        self._replacing = overwrite
        self._lock, self._cpu = threading.Lock(), time.process_time()
        self._stack = ExitStack()
        self.only_failed = only_failed
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = find_manifests(folder)
            self._count = self._find_count(found, any_count=only_failed)
            own = list(found) if shard is None and only_failed else [shard or Shard(1, 1)]
            self._check_own(own, found, resume=resume or only_failed)
            if not overwrite:
                self._check_making(found)
            for each in own:
                if not only_failed:
                    self._open(each, anew=overwrite)  # locked before it is read
                if not overwrite:
                    self._read(each)
        except OSError as error:
            self._stack.close()
            raise ConfigError(
                f"{make_printable(folder)}: manifests cannot be kept here ({error.strerror or error})."
            ) from error
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the rows are written; only their way to the disk is not sure
            self._stack.close()

    @property
    def count(self) -> int:
        """Number of shards."""
        return self._count

    def wants(self, path: Path, below: Path | None) -> bool:
        """True for a source that failed, or was begun and not finished."""
        known = self._known.get(_digest(name_source(path, below, places=self._output is not None)))
        return known is not None and known.state != "done"

    def recall(self, job: FileJob) -> Path | None:
        """Return the target that a done row tells of a job's source: its own, or one of another suffix."""
        known = self._known.get(_digest(self._name(job)))
        if known is None or known.state != "done":
            return None
        targets = (job.target, *(job.target.with_suffix(suffix) for suffix in OUTPUT_SUFFIXES))
        found = (
            target for target in targets if _digest(self._name_target(replace(job, target=target))) == known.target
        )
        return next(found, None)

    def begin(self, job: FileJob) -> Verdict:
        """Decide, and record that a job begins.

        Raises:
            ImageError: the target exists, and no row explains it or its size has changed since.
            ConfigError: the manifest cannot be written.
        """
        name, target = self._name(job), self._name_target(job)
        identity = self._identify(job.source)
        known = self._known.get(_digest(name))
        if known is not None and known.target != _digest(target):
            known = None
        verdict = self._decide(job, known, identity, size=self._measure(job.target))
        if verdict == "skip":
            return verdict
        with self._lock:
            self._before[name] = identity
            if known is not None and known.state == "done" and known.identity != identity:
                self._notes[name] = "the source has changed since its result was made; it was made again"
        self._append(job, Row(state="begun", source=name, target=target, at=round(time.time(), 3), identity=identity))
        return verdict

    def _decide(self, job: FileJob, known: _Known | None, identity: SourceIdentity, *, size: int | None) -> Verdict:
        if size is None:
            return "make"
        if _is_same_file(job.source, job.target):
            return "make"  # which is refused, by the message for an input that would be its own result
        if known is not None and known.state == "done":
            same = size == known.result_bytes
            if same and known.identity == identity:
                return "skip"
            if same or self._replacing:
                return "replace"
            raise ImageError(
                f"{make_printable(job.target)}: is not the file that the manifest describes: another size. Delete it, "
                "to have it made again, or begin anew with --overwrite."
            )
        if self._replacing or (known is not None and known.ours):
            return "replace"
        raise ImageError(
            f"{make_printable(job.target)}: exists already, and no manifest in {make_printable(self._folder)} tells "
            "how it was made. Delete it, choose another output, or begin anew with --overwrite."
        )

    def finish(self, result: FileResult) -> FileResult:
        """Record an outcome.

        Raises:
            ConfigError: the manifest cannot be written.
        """
        job = result.job
        name, target = self._name(job), self._name_target(job)
        with self._lock:
            identity = self._before.pop(name, None)
            note = self._notes.pop(name, None)
        begun = identity is not None
        identity = identity if identity is not None else self._identify(job.source)
        if note is not None and not result.error:
            result = replace(result, notes=(*result.notes, note))
        row = Row(
            state="failed" if result.error else "done",
            source=name,
            target=target,
            at=round(time.time(), 3),
            cpu_seconds=round(self._take_cpu() + (result.remote.cpu_seconds if result.remote else 0.0), 4),
            notes=result.notes,
            identity=identity,
        )
        if result.error:
            self._append(job, replace(row, error=result.error, left=begun and self._measure(job.target) is not None))
            return result
        try:
            size, sha256 = _measure_result(result)
        except OSError as error:
            message = f"{make_printable(job.target)}: cannot be read again ({error.strerror or error})."
            self._append(job, replace(row, state="failed", error=message, left=True))
            raise ImageError(message) from error
        self._append(job, replace(row, result_bytes=size, sha256=sha256, seconds=round(result.seconds, 4)))
        return result

    def _take_cpu(self) -> float:
        with self._lock:
            now = time.process_time()
            taken, self._cpu = now - self._cpu, now
        return round(taken, 4)

    def _append(self, job: FileJob, row: Row) -> None:
        with self._lock:
            shard = Shard.of(job.below or Path(job.source.name), count=self._count)
            manifest = self._manifests.get(shard) or self._open(shard, anew=False)
        manifest.append(row)

    def _open(self, shard: Shard, *, anew: bool) -> Manifest:
        header = Header(
            shard=shard,
            making=self._making,
            began=round(time.time(), 3),
            overwrite=self._overwrite,
            places=self._output is not None,
        )
        try:
            manifest = self._open_manifest(name_manifest(self._folder, shard), header, anew=anew)
        except OSError as error:
            raise ConfigError(
                f"{make_printable(self._folder)}: cannot be written ({error.strerror or error})."
            ) from error
        self._stack.callback(manifest.close)
        if shard in self._sizes and manifest.found_size != self._sizes[shard]:
            raise ConfigError(f"{make_printable(manifest.path)}: another process went on with it. Begin again.")
        self._manifests[shard] = manifest
        return manifest

    def _name(self, job: FileJob) -> str:
        return name_source(job.source, job.below, places=self._output is not None)

    def _name_target(self, job: FileJob) -> str:
        if job.target == job.source:  # it failed before its result had a name
            return ""
        if self._output is not None and job.target.is_relative_to(self._output) and job.target != self._output:
            return job.target.relative_to(self._output).as_posix()
        return job.target.as_posix()

    def _find_count(self, found: dict[Shard, Path], *, any_count: bool) -> int:
        counts = {shard.count for shard in found}
        here = 1 if self._shard is None else self._shard.count
        if self._shard is None and any_count and len(counts) == 1:
            return counts.pop()
        if counts - {here}:
            listed = " and ".join(map(str, sorted(counts)))
            raise ConfigError(
                f"{make_printable(self._folder)}: these manifests are of {listed} shards, and this run has {here}. A "
                f"source would be in another shard than before. Use --shard I/{max(counts)}, --only-failed, or another "
                "folder."
            )
        return here

    def _check_own(self, own: list[Shard], found: dict[Shard, Path], *, resume: bool) -> None:
        there = [found[shard] for shard in own if shard in found]
        if there and not resume and not self._overwrite:
            raise ConfigError(
                f"{make_printable(there[0])}: exists already. Go on with --resume, or begin anew with --overwrite."
            )
        if self.only_failed and not there:
            raise ConfigError(f"{make_printable(self._folder)}: no manifest of this run, so that nothing has failed.")

    def _check_making(self, found: dict[Shard, Path]) -> None:
        """Refuse to mix: the manifests of all shards are of one making."""
        for path in found.values():
            header, _ = read_manifest(path)
            if header is not None and header.fingerprint != self._making.fingerprint:
                differences = ", ".join(header.making.differences(self._making))
                raise ConfigError(
                    f"{make_printable(path)}: is of another run; different: {differences}. Use the same, another "
                    "folder of manifests and of results, or begin anew with --overwrite."
                )

    def _read(self, shard: Shard) -> None:
        path = name_manifest(self._folder, shard)
        self._sizes[shard] = path.stat().st_size
        header, rows = read_manifest(path)
        self._replacing |= header is not None and header.overwrite
        for row in rows:
            key = _digest(row.source)
            before = self._known.get(key)
            target = _digest(row.target)
            ours = row.state == "begun" or row.state == "done"
            if row.state == "failed":
                begun = before is not None and before.target == target and before.ours
                ours = begun and row.left
            self._known[key] = _Known(row.state, target, row.identity, row.result_bytes, ours)


def _measure_result(result: FileResult) -> tuple[int, str]:
    """Bytes and sha256 of a result, read again unless another process has given them."""
    remote = result.remote
    if remote is not None and remote.size is not None and remote.sha256 is not None:
        return remote.size, remote.sha256
    return result.job.target.stat().st_size, hash_file(result.job.target)


def _digest(text: str) -> bytes:
    """A short stand-in for a path: a million of them are in memory at one time."""
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _is_same_file(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return path.samefile(other)
    return False

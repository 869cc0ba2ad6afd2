"""Blocks of jobs, which a worker takes one at a time, and the ledger of the jobs on which workers are lost."""

import pickle
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from kukkiri.cluster.remote_worker import RemoteWorker, show_source
from kukkiri.inference import FileJob, FileResult

__all__ = ["CrashLedger", "Store", "do_rows", "split_into_blocks"]

_BLOCK_ROWS = 32  # Ray takes tens of milliseconds for a block
_BLOCK_BYTES = 2**20  # of sources: a block of large images would be reported late, and done again as a whole
_UNKNOWN_BYTES = _BLOCK_BYTES // 8  # taken for the size of an object, which is not asked for
_CRASHES = 2  # of processes that go on after a crash, with one and the same job


class Store(Protocol):
    """Keep small values by their keys, for all processes of a cluster."""

    def get(self, key: str, /) -> bytes | None:
        """Return a value; ``None`` when there is none."""
        ...

    def put(self, key: str, value: bytes, /) -> None:
        """Set a value."""
        ...


class CrashLedger:
    """The jobs that processes have begun and not ended, of those processes that replace lost ones."""

    def __init__(self, store: Store, name: str) -> None:
        """Keep the store.

        Args:
            store: of the cluster; one that fails is done without.
            name: of the run.
        """
        self._store, self._name = store, name

    def begin(self, index: int) -> int:
        """Count a job as begun; returns how often it was begun before and not ended."""
        count = self._read(index)
        self._write(index, count + 1)
        return count

    def end(self, index: int) -> None:
        """Count a job as ended."""
        self._write(index, max(0, self._read(index) - 1))

    def _read(self, index: int) -> int:
        try:
            return int(self._store.get(f"{self._name}/{index}") or b"0")
        except Exception:
            return 0

    def _write(self, index: int, count: int) -> None:
        with suppress(Exception):
            self._store.put(f"{self._name}/{index}", str(count).encode())


def split_into_blocks(jobs: Sequence[FileJob], *, workers: int) -> list[range]:
    """Split the indices of jobs into blocks, which a worker takes one at a time: of few files, or of one large one."""
    rows = max(1, min(_BLOCK_ROWS, len(jobs) // (4 * workers)))
    blocks, first, taken = [], 0, 0
    for index, job in enumerate(jobs):
        try:
            taken += job.source.stat().st_size
        except OSError:
            taken += _UNKNOWN_BYTES
        if index + 1 - first == rows or taken >= _BLOCK_BYTES:
            blocks.append(range(first, index + 1))
            first, taken = index + 1, 0
    return blocks if first == len(jobs) else [*blocks, range(first, len(jobs))]


def do_rows(worker: RemoteWorker, rows: Sequence[tuple[int, bytes]], ledger: CrashLedger | None) -> list[bytes]:
    """Do a block of jobs.

    Args:
        worker: of this process.
        rows: index of each job in the run, and the job, pickled.
        ledger: in a process that replaces a lost one.

    Returns:
        The outcomes, pickled.
    """
    results = []
    for index, data in rows:
        job: FileJob = pickle.loads(data)
        if ledger is not None and ledger.begin(index) >= _CRASHES:
            result = FileResult(
                job,
                error=f"{show_source(job)}: {_CRASHES + 1} processes were lost while they worked on "
                "it; perhaps the memory does not suffice. Upscale it alone.",
            )
        else:
            result = worker.do(job)
        if ledger is not None:
            ledger.end(index)
        results.append(pickle.dumps(result))
    return results

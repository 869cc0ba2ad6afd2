"""The queue of work, as worker processes use it: claim, report, finish; and the return of what dead ones had."""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kukkiri.files import hash_file
from kukkiri.web.jobs.database import JobFolder, sync_folder
from kukkiri.web.jobs.job import JobOptions, ResultInfo
from kukkiri.web.jobs.presence import is_alive
from kukkiri.web.jobs.problems import ErrorInfo
from kukkiri.web.jobs.rows import WAITING, read_options

__all__ = ["MOST_DEATHS", "MOST_FALLS", "Work", "WorkQueue"]

MOST_DEATHS = 3
"""Worker processes that may die over one piece of work while their server lives."""
MOST_FALLS = 10
"""Times that the whole server may die while it is being done, as by a power cut, or because the work kills all."""
_DIED = ErrorInfo(
    what="the process that worked on this image ended unexpectedly, several times.",
    remedy="Ask for a smaller scale, or convert the image to PNG; the server's log may say why.",
    status=500,
)


@dataclass(frozen=True, kw_only=True)
class Work:
    """A piece of work that a worker has claimed."""

    number: int
    attempt: int
    worker: str
    source: Path
    options: JobOptions
    budget: int | None
    """Bytes that it may take; ``None``: a share of what is free."""


class WorkQueue:
    """The works of a folder; safe to use from several threads and processes.

    A worker that lost its work, because it was taken for dead, cannot report on it any more: each report names the
    worker and the attempt.
    """

    def __init__(self, folder: JobFolder, *, memory: int = 0) -> None:
        """Take a folder.

        Args:
            folder: that is open.
            memory: bytes that the running works may take together; 0: no limit.
        """
        self.folder = folder
        self._memory = memory

    def claim(self, worker: str, *, pool: str = "") -> Work | None:
        """Claim the next work in the fair order; ``None`` when there is none, or it does not fit into the memory yet.

        Args:
            worker: name of its :class:`kukkiri.web.jobs.presence.Presence`.
            pool: the same of the process that started it.
        """
        if not self.folder.read("SELECT 1 FROM works WHERE state = 'queued' LIMIT 1"):
            return None
        with self.folder.change() as connection:
            head = connection.execute(f"{WAITING} LIMIT 1").fetchone()
            if head is None or not self._fits(connection, head["work"]):
                return None
            now = time.time()
            row = connection.execute(
                "UPDATE works SET state = 'running', worker = ?, pool = ?, attempts = attempts + 1, started = ?, "
                "done = 0, total = 0, stop = 0, revision = revision + 1 WHERE id = ? RETURNING *",
                (worker, pool, now, head["work"]),
            ).fetchone()
            connection.execute(
                "INSERT INTO clients (client, served) VALUES (?, ?) ON CONFLICT (client) DO UPDATE SET served = ?",
                (head["client"], now, now),
            )
        return self._read(row)

    def report(self, work: Work, *, done: int, total: int) -> bool:
        """Store the progress; False when the work is to end: it was cancelled, or taken away."""
        with self.folder.change() as connection:
            row = connection.execute(
                "UPDATE works SET done = ?, total = ?, revision = revision + 1 WHERE id = ? AND worker = ? "
                "AND attempts = ? AND state = 'running' RETURNING stop",
                (done, total, work.number, work.worker, work.attempt),
            ).fetchone()
        return row is not None and not row["stop"]

    def is_wanted(self, work: Work) -> bool:
        """False when the work is to end: it was cancelled, or taken away."""
        return bool(
            self.folder.read(
                "SELECT 1 FROM works WHERE id = ? AND worker = ? AND attempts = ? AND state = 'running' AND stop = 0",
                (work.number, work.worker, work.attempt),
            )
        )

    def finish(self, work: Work, file: Path, result: ResultInfo, *, tiles: int = 1) -> bool:
        """Take a result in: the file is on the disk under its own name before the job says that it is done.

        Args:
            work: that was claimed.
            file: on the file system of the store; it is moved away.
            result: its sha256 and size in bytes are filled in here, and its file name for each job.
            tiles: of all network runs.

        Returns:
            False when it is not wanted any more.
        """
        sha256, size = hash_file(file, sync=True), file.stat().st_size
        name = f"{work.number}-{work.attempt}{file.suffix}"
        info = replace(result, sha256=sha256, bytes=size)
        with self.folder.change() as connection:
            if not self._settle(connection, work, "done"):
                return False
            file.replace(self.folder.results / name)
            sync_folder(self.folder.results)
            connection.execute(
                "UPDATE works SET result = ?, result_file = ?, result_bytes = ?, done = ?, total = ? WHERE id = ?",
                (json.dumps(info.as_json()), name, size, tiles, tiles, work.number),
            )
        return True

    def fail(self, work: Work, error: ErrorInfo) -> bool:
        """Say why there is no result; False when nobody wants to know any more."""
        with self.folder.change() as connection:
            if not self._settle(connection, work, "failed"):
                return False
            connection.execute("UPDATE works SET error = ? WHERE id = ?", (json.dumps(error.as_json()), work.number))
        return True

    def give_back(self, work: Work) -> None:
        """Let another worker do the work from its beginning; the attempt does not count."""
        with self.folder.change() as connection:
            connection.execute(
                "UPDATE works SET state = 'queued', attempts = attempts - 1, worker = NULL, started = NULL, done = 0, "
                "revision = revision + 1 WHERE id = ? AND worker = ? AND attempts = ? AND state = 'running' "
                "AND stop = 0",
                (work.number, work.worker, work.attempt),
            )
            self._settle_cancelled(connection, work.number)

    def requeue_dead(self) -> int:
        """Put the work of dead workers back into the queue, or give it up when that happens again and again.

        Returns:
            Number of works that were running in dead processes.
        """
        found = 0
        for row in self.folder.read("SELECT DISTINCT worker, pool FROM works WHERE state = 'running'"):
            if not is_alive(self.folder.locks, row["worker"]):
                found += self._requeue(row["worker"], alone=is_alive(self.folder.locks, row["pool"]))
        return found

    def list_running(self, workers: Sequence[str], *, seconds: float = 0.0) -> list[Work]:
        """List the works of some workers that have been running for some seconds or more."""
        marks = ", ".join("?" * len(workers))
        rows = self.folder.read(
            f"SELECT * FROM works WHERE state = 'running' AND started <= ? AND worker IN ({marks})",
            (time.time() - seconds, *workers),
        )
        return [self._read(row) for row in rows]

    def _read(self, row: sqlite3.Row) -> Work:
        return Work(
            number=row["id"],
            attempt=row["attempts"],
            worker=row["worker"],
            source=self.folder.name_upload(row["sha256"], row["suffix"]),
            options=read_options(row["options"]),
            budget=row["budget"],
        )

    def _fits(self, connection: sqlite3.Connection, number: int) -> bool:
        """True when the running works and this one fit into the memory; one alone always may run."""
        if not self._memory:
            return True
        running, taken = connection.execute(
            "SELECT COUNT(*), COALESCE(SUM(memory), 0) FROM works WHERE state = 'running'"
        ).fetchone()
        (asked,) = connection.execute("SELECT memory FROM works WHERE id = ?", (number,)).fetchone()
        return not running or taken + asked <= self._memory

    def _settle(self, connection: sqlite3.Connection, work: Work, state: str) -> bool:
        """Give a work that is still this worker's its final state; a cancelled one is cancelled whatever came of it."""
        row = connection.execute(
            "UPDATE works SET state = CASE WHEN stop THEN 'cancelled' ELSE ? END, finished = ?, worker = NULL, "
            "revision = revision + 1 WHERE id = ? AND worker = ? AND attempts = ? AND state = 'running' RETURNING stop",
            (state, time.time(), work.number, work.worker, work.attempt),
        ).fetchone()
        return row is not None and not row["stop"]

    def _settle_cancelled(self, connection: sqlite3.Connection, number: int) -> None:
        connection.execute(
            "UPDATE works SET state = 'cancelled', finished = ?, worker = NULL, revision = revision + 1 "
            "WHERE id = ? AND state = 'running' AND stop = 1",
            (time.time(), number),
        )

    def _requeue(self, worker: str, *, alone: bool) -> int:
        """Take the work of a dead worker, which died alone, or with its server."""
        with self.folder.change() as connection:
            rows = connection.execute(
                "UPDATE works SET deaths = deaths + ?, falls = falls + ? WHERE state = 'running' AND worker = ? "
                "RETURNING id, deaths, falls",
                (alone, not alone, worker),
            ).fetchall()
            for row in rows:
                self._settle_cancelled(connection, row["id"])
                if row["deaths"] >= MOST_DEATHS or row["falls"] >= MOST_FALLS:
                    connection.execute(
                        "UPDATE works SET state = 'failed', error = ?, finished = ?, worker = NULL, "
                        "revision = revision + 1 WHERE id = ? AND state = 'running'",
                        (json.dumps(_DIED.as_json()), time.time(), row["id"]),
                    )
                connection.execute(
                    "UPDATE works SET state = 'queued', worker = NULL, started = NULL, done = 0, "
                    "revision = revision + 1 WHERE id = ? AND state = 'running'",
                    (row["id"],),
                )
        return len(rows)

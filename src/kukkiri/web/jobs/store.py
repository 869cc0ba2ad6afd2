"""The store of jobs, as the server uses it: submit, look up, cancel, forget."""

import json
import math
import secrets
import shutil
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from kukkiri.errors import KukkiriError
from kukkiri.files import hash_file
from kukkiri.web.jobs.admission import Admission
from kukkiri.web.jobs.database import JobFolder, sync_folder
from kukkiri.web.jobs.identity import identify
from kukkiri.web.jobs.job import STATES, Job, JobOptions, State
from kukkiri.web.jobs.presence import Presence, is_alive, list_present
from kukkiri.web.jobs.rows import JOB_COLUMNS, WAITING, clean_name, read_job
from kukkiri.web.limits import name_option
from kukkiri.web.settings import ServerSettings

__all__ = ["JobStore", "QueueFullError", "TooManyOfClientError"]

_RECENT = 20  # finished works whose mean time says when a place in the queue will be free
_USUAL_SECONDS = 5.0  # before any has finished
_TICK = 0.1
_AT_ONCE = 500  # values in one query


class QueueFullError(KukkiriError):
    """As many jobs wait as the limit allows."""

    status = 503

    def __init__(self, message: str, *, retry_after: float) -> None:
        """Keep the time after which a place is likely to be free, in seconds."""
        super().__init__(message)
        self.retry_after = retry_after


class TooManyOfClientError(KukkiriError):
    """One client has as many unfinished jobs as the limit allows."""

    status = 429


class JobStore:
    """The jobs of a folder; safe to use from several threads and processes."""

    def __init__(self, settings: ServerSettings) -> None:
        """Open the folder, or make it.

        Raises:
            ConfigError: it cannot be made, or was written by another version.
            StoreError: the database is damaged, or the disk is full.
        """
        self.settings = settings
        self.folder = JobFolder(settings.folder)
        self._presence = Presence(self.folder.locks, kind="server")
        self._incoming = self.folder.temporary / self._presence.name
        self._incoming.mkdir(mode=0o700)

    def incoming_path(self) -> Path:
        """Return a fresh path for a body that arrives; it is swept when this process is dead."""
        return self._incoming / secrets.token_hex(16)

    def submit(self, upload: Path, *, name: str, options: JobOptions, client: str, admission: Admission) -> Job:
        """Take a job in.

        Work on an equal input with equal options that is done, waits or runs is shared: the job has an id of its own,
        and its own cancelling.

        Args:
            upload: the input, on the file system of the store; it is moved away, or deleted whatever happens.
            name: of the input, as the client gave it.
            options: of the job.
            client: its name.
            admission: of the input, see :class:`kukkiri.web.jobs.admission.Admissions`.

        Raises:
            QueueFullError: too many jobs wait.
            TooManyOfClientError: too many jobs of this client wait or run.
            StoreError: the disk is full.
        """
        try:
            job_id = self._store(upload, name=name, options=options, client=client, admission=admission)
        finally:
            upload.unlink(missing_ok=True)
        job = self.get(job_id)
        if job is None:
            raise RuntimeError(f"job {job_id} vanished")  # only a sweep with no time to keep results does that
        return job

    def _store(self, upload: Path, *, name: str, options: JobOptions, client: str, admission: Admission) -> str:
        """Store a job, and the work on it if there is none yet; return its id."""
        sha256 = hash_file(upload, sync=True)
        key, job_id, now = identify(sha256, options), secrets.token_urlsafe(16), time.time()
        with self.folder.change() as connection:
            work = self._find_equal(connection, key)
            if work is None or work["state"] != "done":
                self._check_client(connection, client)
            if work is None:
                self._check_queue(connection)
            stored = self.folder.name_upload(sha256, admission.suffix)
            if not stored.exists():
                _move(upload, stored)
            number = work["id"] if work else _insert_work(connection, key, sha256, options, admission, now)
            connection.execute(
                "INSERT INTO jobs (id, work, client, name, created, cached) VALUES (?, ?, ?, ?, ?, ?)",
                (job_id, number, client, clean_name(name), now, work is not None),
            )
        return job_id

    def get(self, job_id: str) -> Job | None:
        """Look up a job; ``None``: unknown, or forgotten."""
        return self.get_many([job_id]).get(job_id)

    def get_many(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """Look up several jobs; those that are unknown are left out."""
        rows: list[sqlite3.Row] = []
        for start in range(0, len(job_ids), _AT_ONCE):
            part = tuple(job_ids[start : start + _AT_ONCE])
            marks = ", ".join("?" * len(part))
            rows += self._read_jobs(f"WHERE jobs.id IN ({marks})", part)
        places = self._find_places(rows)
        return {row["job"]: read_job(row, places) for row in rows}

    def list_jobs(self, client: str | None = None, *, limit: int = 100) -> list[Job]:
        """List the latest jobs, of one client or of all, the newest first."""
        which, values = ("", ()) if client is None else ("WHERE jobs.client = ?", (client,))
        rows = self._read_jobs(f"{which} ORDER BY jobs.created DESC, jobs.rowid DESC LIMIT ?", (*values, limit))
        places = self._find_places(rows)
        return [read_job(row, places) for row in rows]

    def wait(self, job_id: str, *, since: int = -1, timeout: float = 20.0) -> Job | None:
        """Wait until a job is final, its revision is above ``since``, or seconds have passed; then look it up."""
        end = time.monotonic() + timeout
        while True:
            job = self.get(job_id)
            if job is None or job.is_final or job.revision > since or time.monotonic() >= end:
                return job
            time.sleep(_TICK)

    def cancel(self, job_id: str) -> Job | None:
        """Cancel a job that is not final; work that others wait for goes on, other work ends at its next tile."""
        with self.folder.change() as connection:
            _cancel(connection, job_id)
        return self.get(job_id)

    def delete(self, job_id: str) -> bool:
        """Cancel a job and forget it; its files go with the last job that shares them.

        Returns:
            False when there is no such job.
        """
        with self.folder.change() as connection:
            _cancel(connection, job_id)
            row = connection.execute("DELETE FROM jobs WHERE id = ? RETURNING work", (job_id,)).fetchone()
            if row is not None:
                forget_works(connection)
        return row is not None

    def result_path(self, job_id: str) -> Path | None:
        """Return the file of a result; ``None`` unless the job is done."""
        rows = self._read_jobs("WHERE jobs.id = ? AND works.state = 'done' AND jobs.cancelled IS NULL", (job_id,))
        return self.folder.results / rows[0]["result_file"] if rows else None

    def input_path(self, job_id: str) -> Path | None:
        """Return the file of an input; ``None``: no such job."""
        rows = self._read_jobs("WHERE jobs.id = ?", (job_id,))
        return self.folder.name_upload(rows[0]["sha256"], rows[0]["suffix"]) if rows else None

    def count(self) -> dict[State, int]:
        """Count the jobs in every state."""
        rows = self.folder.read(
            "SELECT CASE WHEN jobs.cancelled IS NULL THEN works.state ELSE 'cancelled' END AS state, COUNT(*) number "
            "FROM jobs JOIN works ON works.id = jobs.work GROUP BY 1"
        )
        found = {row["state"]: row["number"] for row in rows}
        return {state: found.get(state, 0) for state in STATES}

    def queue_length(self) -> int:
        """Count the works that wait; equal jobs are one."""
        return int(self.folder.read("SELECT COUNT(*) FROM works WHERE state = 'queued'")[0][0])

    def running_memory(self) -> int:
        """Bytes that the running work takes, by the planner's estimates."""
        return int(self.folder.read("SELECT COALESCE(SUM(memory), 0) FROM works WHERE state = 'running'")[0][0])

    def count_workers(self) -> int:
        """Count the worker processes of this folder that live, of all servers."""
        locks = self.folder.locks
        return sum(name.startswith("worker-") and is_alive(locks, name) for name in list_present(locks))

    def close(self) -> None:
        """Close the database and give up what was arriving."""
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._presence.end()
        self.folder.close()

    def _read_jobs(self, end: str, values: tuple[str | int, ...]) -> list[sqlite3.Row]:
        return self.folder.read(f"SELECT {JOB_COLUMNS} FROM jobs JOIN works ON works.id = jobs.work {end}", values)

    def _find_places(self, rows: Sequence[sqlite3.Row]) -> dict[int, int]:
        if not any(row["state"] == "queued" for row in rows):
            return {}
        order = dict.fromkeys(row["work"] for row in self.folder.read(WAITING))
        return {work: place for place, work in enumerate(order, start=1)}

    def _find_equal(self, connection: sqlite3.Connection, key: str) -> sqlite3.Row | None:
        rows = connection.execute(
            "SELECT id, state, result_file FROM works WHERE key = ? AND state IN ('done', 'running', 'queued') "
            "AND stop = 0 ORDER BY state = 'done' DESC, id",
            (key,),
        ).fetchall()
        there = (row for row in rows if row["state"] != "done" or (self.folder.results / row["result_file"]).exists())
        return next(there, None)

    def _check_client(self, connection: sqlite3.Connection, client: str) -> None:
        limit = self.settings.limits.max_client_jobs
        (number,) = connection.execute(
            "SELECT COUNT(*) FROM jobs JOIN works ON works.id = jobs.work "
            "WHERE jobs.client = ? AND jobs.cancelled IS NULL AND works.state IN ('queued', 'running')",
            (client,),
        ).fetchone()
        if limit and number >= limit:
            raise TooManyOfClientError(
                f"you have {number} jobs that wait or run, and the limit is {limit} for one client "
                f"({name_option('max_client_jobs')}). Wait for one to finish, or cancel one."
            )

    def _check_queue(self, connection: sqlite3.Connection) -> None:
        limit = self.settings.limits.max_queue
        (number,) = connection.execute("SELECT COUNT(*) FROM works WHERE state = 'queued'").fetchone()
        if limit and number >= limit:
            seconds = self._estimate_wait(connection)
            raise QueueFullError(
                f"{number} jobs wait already, and the limit is {limit} ({name_option('max_queue')}). Try again in "
                f"about {seconds:.0f} s.",
                retry_after=seconds,
            )

    def _estimate_wait(self, connection: sqlite3.Connection) -> float:
        """Seconds until the next place in the queue is free, by the mean time of the latest works."""
        (mean,) = connection.execute(
            "SELECT AVG(finished - started) FROM (SELECT started, finished FROM works WHERE state = 'done' "
            "ORDER BY finished DESC LIMIT ?)",
            (_RECENT,),
        ).fetchone()
        seconds = (_USUAL_SECONDS if mean is None else mean) / max(1, self.count_workers())
        return float(min(600, max(1, math.ceil(seconds))))


def forget_works(connection: sqlite3.Connection) -> None:
    """Delete the final works that no job has any more; a sweep deletes their files."""
    connection.execute(
        "DELETE FROM works WHERE state IN ('done', 'failed', 'cancelled') "
        "AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.work = works.id)"
    )


def _insert_work(
    connection: sqlite3.Connection, key: str, sha256: str, options: JobOptions, admission: Admission, now: float
) -> int:
    height, width = admission.size
    cursor = connection.execute(
        "INSERT INTO works (key, sha256, suffix, bytes, width, height, options, memory, budget, state, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?)",
        (
            key,
            sha256,
            admission.suffix,
            admission.bytes,
            width,
            height,
            json.dumps(options.as_json()),
            admission.memory,
            admission.budget,
            now,
        ),
    )
    return int(cursor.lastrowid or 0)


def _cancel(connection: sqlite3.Connection, job_id: str) -> None:
    """Mark a job as cancelled, and end the work on it when nobody else waits for that."""
    now = time.time()
    row = connection.execute(
        "UPDATE jobs SET cancelled = ? WHERE id = ? AND cancelled IS NULL AND EXISTS (SELECT 1 FROM works "
        "WHERE works.id = jobs.work AND works.state IN ('queued', 'running')) RETURNING work",
        (now, job_id),
    ).fetchone()
    if row is None:
        return
    connection.execute("UPDATE works SET revision = revision + 1 WHERE id = ?", (row["work"],))
    alone = "id = ? AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.work = works.id AND jobs.cancelled IS NULL)"
    connection.execute(f"UPDATE works SET stop = 1 WHERE state = 'running' AND {alone}", (row["work"],))
    connection.execute(
        f"UPDATE works SET state = 'cancelled', finished = ? WHERE state = 'queued' AND {alone}", (now, row["work"])
    )


def _move(upload: Path, stored: Path) -> None:
    try:
        upload.replace(stored)
    except OSError:  # on another file system
        copy = stored.with_suffix(".part")
        shutil.copyfile(upload, copy)
        hash_file(copy, sync=True)
        copy.replace(stored)
    sync_folder(stored.parent)

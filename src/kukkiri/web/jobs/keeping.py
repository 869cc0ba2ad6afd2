"""Removal of finished jobs beyond their number, age and bytes, and of the files of dead processes."""

import shutil
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from kukkiri.web.jobs.database import JobFolder
from kukkiri.web.jobs.presence import is_alive, list_present
from kukkiri.web.jobs.store import forget_works
from kukkiri.web.limits import Limits

__all__ = ["sweep"]

_ABANDONED = 3600.0
_FINAL = """
    SELECT jobs.id AS job, MAX(jobs.created, COALESCE(jobs.cancelled, works.finished)) AS ended
    FROM jobs JOIN works ON works.id = jobs.work
    WHERE works.state IN ('done', 'failed', 'cancelled') OR jobs.cancelled IS NOT NULL
    ORDER BY ended DESC, jobs.rowid DESC
"""


def sweep(folder: JobFolder, limits: Limits) -> int:
    """Forget the oldest finished jobs beyond the limits, and delete every file that nothing refers to.

    Args:
        folder: of the store.
        limits: ``keep_results``, ``keep_hours`` and ``kept_bytes``; 0: no limit.

    Returns:
        Number of jobs that were forgotten.
    """
    with folder.change() as connection:
        before = connection.total_changes
        _forget_by_number(connection, limits.keep_results)
        _forget_by_age(connection, limits.keep_hours)
        _forget_by_bytes(connection, limits.kept_bytes)
        forgotten = connection.total_changes - before
        forget_works(connection)
        connection.execute("DELETE FROM clients WHERE client NOT IN (SELECT client FROM jobs)")
    _sweep_files(folder)
    _sweep_dead(folder)
    return forgotten


def _forget_by_number(connection: sqlite3.Connection, most: int) -> None:
    if most:
        connection.execute(
            f"DELETE FROM jobs WHERE id IN (SELECT job FROM ({_FINAL}) LIMIT -1 OFFSET ?)",
            (most,),
        )


def _forget_by_age(connection: sqlite3.Connection, hours: float) -> None:
    if hours:
        connection.execute(
            f"DELETE FROM jobs WHERE id IN (SELECT job FROM ({_FINAL}) WHERE ended < ?)",
            (time.time() - 3600 * hours,),
        )


def _forget_by_bytes(connection: sqlite3.Connection, most: int) -> None:
    """Forget the jobs of the works that lie beyond a number of bytes; inputs that works share count once."""
    if not most:
        return
    works = connection.execute(
        "SELECT works.id, works.sha256, works.bytes, works.result_bytes FROM works JOIN jobs ON jobs.work = works.id "
        "WHERE works.state IN ('done', 'failed', 'cancelled') GROUP BY works.id "
        "ORDER BY MAX(jobs.created, works.finished) DESC, works.id DESC"
    ).fetchall()
    taken, inputs = 0, set[str]()
    for work in works:
        taken += work["result_bytes"] + (0 if work["sha256"] in inputs else work["bytes"])
        inputs.add(work["sha256"])
        if taken > most:
            connection.execute("DELETE FROM jobs WHERE work = ?", (work["id"],))


def _sweep_files(folder: JobFolder) -> None:
    """Delete uploads, results and begun clips without a row, in a transaction, as they are put in their places."""
    with folder.change() as connection:
        rows = connection.execute("SELECT sha256 || suffix AS upload, result_file FROM works").fetchall()
        uploads, results = {row["upload"] for row in rows}, {row["result_file"] for row in rows}
        for place, wanted in ((folder.uploads, uploads), (folder.results, results)):
            for file in place.iterdir():
                if file.name not in wanted:
                    _unlink(file)
        unfinished = connection.execute("SELECT id FROM works WHERE state IN ('queued', 'running')").fetchall()
        numbers = {str(row["id"]) for row in unfinished}
        for begun in folder.parts.iterdir():
            if begun.name not in numbers:
                shutil.rmtree(begun, ignore_errors=True)


def _sweep_dead(folder: JobFolder) -> None:
    """Delete the temporary files and the locks of dead processes."""
    for name in list_present(folder.locks):
        if not is_alive(folder.locks, name):
            shutil.rmtree(folder.temporary / name, ignore_errors=True)
            _unlink(folder.locks / f"{name}.lock")
    for lock in folder.locks.glob(".*.new"):  # of a process that died before it had its name
        if time.time() - lock.stat().st_mtime > _ABANDONED:
            _unlink(lock)
    for place in folder.temporary.iterdir():
        if not (folder.locks / f"{place.name}.lock").exists() and not is_alive(folder.locks, place.name):
            shutil.rmtree(place, ignore_errors=True)


def _unlink(file: Path) -> None:
    with suppress(OSError):
        file.unlink()

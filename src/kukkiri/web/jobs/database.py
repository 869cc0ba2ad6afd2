"""The folder of a server's jobs: a SQLite database that many processes share, and the files beside it."""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kukkiri.errors import ConfigError, KukkiriError, make_printable

__all__ = ["JobFolder", "StoreError", "sync_folder"]

_VERSION = 1
_PATIENCE = 30.0  # seconds that a connection waits for others
_SCHEMA = """
CREATE TABLE works (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    suffix TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    options TEXT NOT NULL,
    memory INTEGER NOT NULL,
    budget INTEGER,
    state TEXT NOT NULL,
    stop INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    pool TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    falls INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    revision INTEGER NOT NULL DEFAULT 0,
    result TEXT,
    result_file TEXT,
    result_bytes INTEGER NOT NULL DEFAULT 0,
    error TEXT
);
CREATE INDEX works_by_state ON works (state);
CREATE INDEX works_by_key ON works (key);
CREATE INDEX works_by_sha256 ON works (sha256);
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    work INTEGER NOT NULL REFERENCES works (id),
    client TEXT NOT NULL,
    name TEXT NOT NULL,
    created REAL NOT NULL,
    cached INTEGER NOT NULL DEFAULT 0,
    cancelled REAL
);
CREATE INDEX jobs_by_work ON jobs (work);
CREATE INDEX jobs_by_client ON jobs (client, created);
CREATE TABLE clients (client TEXT PRIMARY KEY, served REAL NOT NULL);
"""


class StoreError(KukkiriError):
    """The database of the jobs cannot be read or written."""

    status = 507


class _Connection(sqlite3.Connection):
    """A connection that can be referred to weakly, so that those of threads that ended do not pile up."""


class JobFolder:
    """The database and the folders of a server's jobs; a connection for each thread, many processes at a time.

    Connections wait for one another. A transaction that has ended is on the disk.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, or make it.

        Raises:
            ConfigError: it cannot be made, or was written by a later version.
        """
        self.folder = folder
        self.uploads, self.results = folder / "uploads", folder / "results"
        self.temporary, self.locks = folder / "tmp", folder / "locks"
        self.parts = folder / "parts"
        try:
            for each in (folder, self.uploads, self.results, self.temporary, self.locks, self.parts):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{make_printable(folder)}: this folder for jobs cannot be made ({error.strerror}). Choose another."
            ) from None
        self._path = folder / "jobs.sqlite"
        self._local = threading.local()
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
        with self._explained():
            self._prepare()

    def read(self, query: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Run a query and return its rows."""
        with self._explained():
            return self._connect().execute(query, values).fetchall()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that alone may write, in a transaction that is undone when anything is raised.

        Raises:
            StoreError: the disk is full, or the database is damaged.
        """
        with self._explained():
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def name_upload(self, sha256: str, suffix: str) -> Path:
        """The file of an input."""
        return self.uploads / f"{sha256}{suffix}"

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in tuple(self._connections):
            connection.close()
        self._local = threading.local()

    def _connect(self) -> _Connection:
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, factory=_Connection
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL")
            self._local.connection = connection
            self._connections.add(connection)
        return connection

    def _prepare(self) -> None:
        """Make the tables, once, whichever process comes first."""
        with suppress(OSError):  # SQLite gives the same mode to the files beside it; it says what is wrong itself
            os.close(os.open(self._path, os.O_CREAT, 0o600))
        _set_journal(self._connect())
        with self.change() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise ConfigError(
                    f"{make_printable(self._path)}: was written by another version of kukkiri (tables of version "
                    f"{version}, expected {_VERSION}). Choose another folder, or delete this one."
                )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"{self._path.name}: the jobs cannot be read or written ({error}). Check the disk's free space and the "
                "permissions of the server's folder."
            ) from error


def _set_journal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; two processes that do so at once are not made to wait by SQLite."""
    for _ in range(100):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            time.sleep(0.05)
        else:
            return
    connection.execute("PRAGMA journal_mode = WAL")


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk, where the system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

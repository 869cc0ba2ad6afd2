"""The processes that use a folder of jobs: each holds a lock, which the system takes back when the process dies."""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows, where a file in use cannot be deleted and liveness is told by the time of the lock
    fcntl = None  # type: ignore[assignment]

__all__ = ["BEAT", "Presence", "is_alive", "list_present"]

BEAT = 5.0
"""Seconds between two signs of life."""
_DEAD_AFTER = 60.0  # seconds without one, where the system has no locks


class Presence:
    """A lock file in a folder, held while the process lives."""

    def __init__(self, folder: Path, *, kind: str) -> None:
        """Take the lock.

        Args:
            folder: of the locks.
            kind: beginning of its name, such as ``worker``.
        """
        self.name = f"{kind}-{os.getpid()}-{secrets.token_hex(6)}"
        self._path = folder / f"{self.name}.lock"
        hidden = folder / f".{self.name}.new"  # named when it is locked, so that nobody sees it free
        self._file: IO[bytes] = hidden.open("xb")
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        hidden.rename(self._path)

    def beat(self) -> None:
        """Give a sign of life."""
        with suppress(OSError):
            os.utime(self._path)

    def end(self) -> None:
        """Give the lock back."""
        with suppress(OSError):
            self._path.unlink()
        self._file.close()


def list_present(folder: Path) -> list[str]:
    """List the names of all locks, whether their processes live or not."""
    return sorted(path.stem for path in folder.glob("*.lock"))


def is_alive(folder: Path, name: str) -> bool:
    """True while the process of a lock lives."""
    path = folder / f"{name}.lock"
    try:
        if fcntl is None:
            return time.time() - path.stat().st_mtime < _DEAD_AFTER
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False

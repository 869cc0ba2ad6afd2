"""A ZIP archive written while it is sent: memory does not grow with the files in it."""

import zipfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO

__all__ = ["stream_zip", "unique_names"]

_CHUNK = 1 << 18


class _Pipe:
    """Takes what the writer of the archive writes, until it is sent."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        data = b"".join(self._written)
        self._written.clear()
        return data


def stream_zip(entries: Iterable[tuple[str, BinaryIO]]) -> Iterator[bytes]:
    """Write an archive of files that are open; images are compressed already, so that they are stored as they are.

    Args:
        entries: name in the archive and open file of each; the files are closed.
    """
    pipe, opened = _Pipe(), list(entries)
    try:
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
            for name, file in opened:
                with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                    while chunk := file.read(_CHUNK):
                        member.write(chunk)
                        yield pipe.take()
        yield pipe.take()
    finally:
        for _, file in opened:
            file.close()


def unique_names(names: Iterable[str]) -> list[str]:
    """Number the names that come again: ``a.png``, ``a (2).png``."""
    taken: set[str] = set()
    unique = []
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{stem} ({number}).{suffix}" if dot and stem else f"{name} ({number})"
        taken.add(candidate.casefold())
        unique.append(candidate)
    return unique

"""The manifest of a shard: JSON lines that say of every source what was begun, done or failed.

The first line is a header, see :class:`Header`; every further line is a row, see :class:`Row`. Lines are only added. A
last line that is torn, because the process or the machine died, is cut when the manifest is opened again.
"""

import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Self, get_args

from kukkiri.cluster.fingerprints import Making
from kukkiri.cluster.shards import Shard
from kukkiri.errors import ConfigError, make_printable
from kukkiri.files import try_lock

__all__ = ["Header", "Manifest", "Row", "SourceIdentity", "find_manifests", "name_manifest", "read_manifest"]

_FORMAT = "kukkiri manifest 1"
_NAME = re.compile(r"shard-(\d+)-of-(\d+)\.jsonl")
State = Literal["begun", "done", "failed"]
_SYNC_EVERY = 1.0  # seconds; a power cut may take the rows since


@dataclass(frozen=True, kw_only=True)
class Header:
    """The run that a manifest is about."""

    shard: Shard
    making: Making
    began: float
    """Unix time."""
    overwrite: bool = False
    """Existing results were to be replaced."""
    places: bool = True
    """Sources are named by their place below the folder that was given; else, as they were given."""

    @property
    def fingerprint(self) -> str:
        """Of the making."""
        return self.making.fingerprint

    def to_json(self) -> dict[str, Any]:
        """The first line of a manifest."""
        return {
            "format": _FORMAT,
            "kukkiri": self.making.kukkiri,
            "shard": self.shard.index,
            "count": self.shard.count,
            "options": dict(self.making.options),
            "model": {"name": self.making.model, "sha256": self.making.sha256},
            "fingerprint": self.fingerprint,
            "began": self.began,
            "overwrite": self.overwrite,
            "places": self.places,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read the first line of a manifest.

        Raises:
            KeyError, TypeError: it is none.
        """
        if value["format"] != _FORMAT:
            raise KeyError(value["format"])
        model = value["model"]
        making = Making(value["options"], model["name"], model["sha256"], value["kukkiri"])
        return cls(
            shard=Shard(value["shard"], value["count"]),
            making=making,
            began=value["began"],
            overwrite=value["overwrite"],
            places=value["places"],
        )


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """The state of a source: when it is the same, so is the source."""

    size: int | None = None
    """Bytes; ``None`` when it could not be read."""
    mtime_ns: int | None = None
    """Time of the file."""
    etag: str | None = None
    """Of an object of a store, instead of the time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line about one source."""

    state: State
    source: str
    target: str
    """Below the output folder when there is one; empty when a source failed before its result had a name."""
    at: float
    """Unix time."""
    identity: SourceIdentity = SourceIdentity()
    """In the line, its fields stand beside the others."""
    result_bytes: int | None = None
    sha256: str | None = None
    """Of the result."""
    seconds: float | None = None
    """To read, upscale and write it."""
    cpu_seconds: float | None = None
    """Of the whole process since its row before, which may be about an image beside this one."""
    notes: tuple[str, ...] = ()
    error: str | None = None
    left: bool = False
    """The job failed, and its target is there all the same."""

    def to_line(self) -> bytes:
        """The line, without what is not known."""
        value = {
            "state": self.state,
            "source": self.source,
            "target": self.target,
            "at": self.at,
            "size": self.identity.size,
            "mtime_ns": self.identity.mtime_ns,
            "etag": self.identity.etag,
            "result_bytes": self.result_bytes,
            "sha256": self.sha256,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "notes": self.notes or None,
            "error": self.error,
            "left": self.left or None,
        }
        return json.dumps({key: item for key, item in value.items() if item is not None}).encode() + b"\n"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read a line; fields of a later version are left out.

        Raises:
            KeyError, TypeError: it is none.
        """
        if value["state"] not in get_args(State):
            raise KeyError(value["state"])
        return cls(
            state=value["state"],
            source=value["source"],
            target=value["target"],
            at=value["at"],
            identity=SourceIdentity(value.get("size"), value.get("mtime_ns"), value.get("etag")),
            result_bytes=value.get("result_bytes"),
            sha256=value.get("sha256"),
            seconds=value.get("seconds"),
            cpu_seconds=value.get("cpu_seconds"),
            notes=tuple(value.get("notes", ())),
            error=value.get("error"),
            left=value.get("left", False),
        )


class Manifest:
    """A manifest that is being written, by one process at a time; safe to use from several threads."""

    def __init__(self, path: Path, header: Header, *, anew: bool) -> None:
        """Begin a manifest, or go on with one.

        Args:
            path: in an existing folder.
            header: of this run.
            anew: whatever is there is dropped.

        Raises:
            ConfigError: another process writes it, it is damaged, or it is about another run.
            OSError: it cannot be written.
        """
        self.path, self.header = path, header
        self._lock, self._synced = threading.Lock(), time.monotonic()
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._file: IO[bytes] = os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
        try:
            if not try_lock(self._file):
                raise ConfigError(
                    f"{make_printable(path)}: another process works on this shard. Wait for it, or name another shard."
                )
            if anew:
                self._file.truncate(0)
            self.found_size = os.fstat(self._file.fileno()).st_size
            """Bytes when it was opened."""
            end = _find_end(path)
            self._file.truncate(end)
            self._file.seek(end)
            if end == 0:
                self._write(json.dumps(header.to_json()).encode() + b"\n")
                os.fsync(self._file.fileno())
        except BaseException:
            self._file.close()
            raise

    def append(self, row: Row) -> None:
        """Add a row, which a killed process cannot lose; once a second all are flushed to the disk, for a power cut.

        Raises:
            ConfigError: the disk is full or gone.
        """
        try:
            with self._lock:
                self._write(row.to_line())
                if time.monotonic() - self._synced >= _SYNC_EVERY:
                    os.fsync(self._file.fileno())
                    self._synced = time.monotonic()
        except OSError as error:
            raise ConfigError(
                f"{make_printable(self.path)}: cannot be written ({error.strerror or error}). Go on with --resume."
            ) from error

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:  # an unbuffered file may take less at a time
            view = view[self._file.write(view) :]

    def close(self) -> None:
        """Flush all rows to the disk."""
        with self._lock:
            if not self._file.closed:
                try:
                    os.fsync(self._file.fileno())
                finally:
                    self._file.close()


def name_manifest(folder: Path, shard: Shard) -> Path:
    """Name the manifest of a shard, such as ``shard-0003-of-0016.jsonl``."""
    return folder / f"shard-{shard.index:04}-of-{shard.count:04}.jsonl"


def find_manifests(folder: Path) -> dict[Shard, Path]:
    """Find the manifests of a folder, sorted by the shards that their names tell."""
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        if match and 1 <= int(match[1]) <= int(match[2]):
            found[Shard(int(match[1]), int(match[2]))] = path
    return dict(sorted(found.items(), key=lambda item: (item[0].count, item[0].index)))


def read_manifest(path: Path) -> tuple[Header | None, Iterator[Row]]:
    """Read a manifest, which another process may be writing.

    Returns:
        Its header, ``None`` when there is none yet; and its rows, which are read when they are asked for.

    Raises:
        ConfigError: it is none, or damaged before its last line; also while the rows are read.
    """
    values = (value for _, value in _read_lines(path))
    first = next(values, None)
    if first is None:
        return None, iter(())
    try:
        header = Header.from_json(first)
    except (KeyError, TypeError, AttributeError):
        raise ConfigError(f"{make_printable(path)}: no manifest of kukkiri, or of a later version.") from None

    def rows() -> Iterator[Row]:
        for number, value in enumerate(values, start=2):
            try:
                yield Row.from_json(value)
            except (KeyError, TypeError, AttributeError):
                raise _damaged(path, number) from None

    return header, rows()


def _read_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The values of the lines, each with the first byte behind it; what is torn at the end is left out."""
    torn = 0
    with path.open("rb") as file:
        end = 0
        for number, line in enumerate(file, start=1):
            end += len(line)
            try:
                value = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:  # UnicodeDecodeError, too
                value = None
            if value is None:
                torn = torn or number
                continue
            if torn:
                raise _damaged(path, torn)
            yield end, value


def _find_end(path: Path) -> int:
    """The first byte behind the last whole line."""
    end = 0
    for end, _ in _read_lines(path):  # noqa: B007
        pass
    return end


def _damaged(path: Path, line: int) -> ConfigError:
    return ConfigError(
        f"{make_printable(path)}, line {line}: damaged. Take the line out to have its image made again, or begin anew "
        "with --overwrite."
    )

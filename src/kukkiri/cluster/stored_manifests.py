"""Manifests in a store, where an object cannot grow: parts that are written whole, one after the other.

::

    manifests/run.json                                  the header of the process that began the run
    manifests/shard-0003-of-0016/0001-000001.jsonl      first process of the shard, part 1: a header, then rows
    manifests/shard-0003-of-0016/0001-000002.jsonl      part 2, after 1,000 rows
    manifests/shard-0003-of-0016/0002-000001.jsonl      second process, which goes on where the first was

A manifest of a temporary folder of this disk gets the rows first. What is new in it is written to the part at work,
which is replaced by a longer one, and closed after some rows: before a result is written, so that no result is there
that no row explains; every half minute; and at the end. All parts of a shard, in the order of their names, are its
manifest. A process that begins on a shard takes the next number. One that finds a higher number than its own knows
that another process took its place, and ends.
"""

import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kukkiri.cluster.manifest import Header, Manifest, Row, name_manifest
from kukkiri.cluster.shards import Shard
from kukkiri.errors import ConfigError, KukkiriError, make_printable
from kukkiri.inference.job_records import RunEndedError
from kukkiri.storage import ObjectState, StoreURL, open_store

__all__ = ["StoredManifests"]

_PART = re.compile(r"shard-(\d+)-of-(\d+)/(\d+)-(\d+)\.jsonl")
_RUN = "run.json"
_ROWS = 1000
_EVERY, _LOOK_EVERY = 30.0, 5.0  # seconds
_HEADER_BYTES = 1 << 20


@dataclass(frozen=True, order=True)
class _Part:
    process: int
    """Number of the process on this shard, from 1."""
    number: int
    """From 1."""
    state: ObjectState


class StoredManifests:
    """The manifests of a run below a URL, and their copies on this disk."""

    def __init__(self, url: StoreURL, folder: Path) -> None:
        """Keep the two places.

        Args:
            url: folder of the manifests.
            folder: temporary, of this process alone; the copies are made there.
        """
        self._url, self.folder = url, folder
        self._store = open_store(url.scheme)
        self._processes: dict[Shard, int] = {}
        self._open: list[_GrowingManifest] = []
        folder.mkdir(parents=True, exist_ok=True)

    def pull(self, shard: Shard | None = None, *, only_headers: bool = False) -> None:
        """Copy manifests to this disk, each in one file.

        Args:
            shard: ``None``: those of all shards.
            only_headers: the first lines.

        Raises:
            ConfigError: a part is none.
            BackendError: the store does not answer.
        """
        parts = self._find_parts(shard)
        for each, found in sorted(parts.items(), key=lambda item: item[0].index):
            self._processes[each] = max(part.process for part in found)
            lines = _read_parts(self._store, sorted(found), only_headers=only_headers)
            with name_manifest(self.folder, each).open("wb") as file:
                file.writelines(lines)
        if shard is not None:
            self._pull_other(shard)

    def _pull_other(self, shard: Shard) -> None:
        """Take the header of the run for the manifest of another shard, so that they can be compared."""
        with suppress(FileNotFoundError):
            header = _read_header(self._store.read(self._url / _RUN), self._url / _RUN)
            other = header.shard if header.shard != shard else None
            if other is not None:
                line = json.dumps(header.to_json()).encode() + b"\n"
                name_manifest(self.folder, other).write_bytes(line)

    def _find_parts(self, shard: Shard | None) -> dict[Shard, list[_Part]]:
        folder = self._url if shard is None else self._url / _name_folder(shard)
        base = f"{self._url.key.removesuffix('/')}/" if self._url.key else ""
        found = defaultdict(list)
        for state in self._store.list(folder):
            match = _PART.fullmatch(state.url.key.removeprefix(base))
            if match and 1 <= int(match[1]) <= int(match[2]):
                part = _Part(int(match[3]), int(match[4]), state)
                found[Shard(int(match[1]), int(match[2]))].append(part)
        return found

    def open(self, path: Path, header: Header, *, anew: bool) -> Manifest:
        """Open the copy of a manifest to add rows, which go to the store, too; see :class:`Manifest`.

        Raises:
            ConfigError: another process began on the shard at the same moment, or the store refuses.
            BackendError: the store does not answer.
        """
        process = self._processes.get(header.shard, 0) + 1
        manifest = _GrowingManifest(
            path, header, anew=anew, folder=self._url / _name_folder(header.shard), process=process
        )
        self._open.append(manifest)
        run = self._url / _RUN
        data = json.dumps(header.to_json()).encode() + b"\n"
        with suppress(FileExistsError):
            self._store.write(run, data, create=not anew)
        return manifest

    def sync(self) -> None:
        """Write all rows that the store has not got.

        Raises:
            RunEndedError: another process took the place of this one.
            ConfigError, BackendError: see :class:`kukkiri.storage.Store`.
        """
        for manifest in tuple(self._open):
            manifest.sync()


class _GrowingManifest(Manifest):
    """A manifest of this disk whose new rows go to parts in a store."""

    def __init__(self, path: Path, header: Header, *, anew: bool, folder: StoreURL, process: int) -> None:
        super().__init__(path, header, anew=anew)
        self._store, self._folder, self._process = open_store(folder.scheme), folder, process
        self._first = json.dumps({**header.to_json(), "process": process, "anew": anew}).encode() + b"\n"
        self._number, self._sending = 1, threading.Lock()
        self._begin = self._sent = path.stat().st_size
        self._ended, self._failure, self._looked = threading.Event(), "", 0.0
        try:
            self._store.write(self._name_part(process, 1), self._first, create=True)
        except FileExistsError:
            super().close()
            raise ConfigError(
                f"{make_printable(folder)}: another process began on this shard at this moment. Wait for it, or name "
                "another shard."
            ) from None
        except BaseException:
            super().close()
            raise
        threading.Thread(target=self._sync_now_and_then, name="kukkiri-manifest", daemon=True).start()

    def append(self, row: Row) -> None:
        """Add a row, which the next :meth:`sync` writes to the store."""
        if self._failure:
            raise RunEndedError(self._failure)
        super().append(row)

    def sync(self) -> None:
        """Write the rows that the store has not got; of several threads that ask at one time, one does it for all."""
        wanted = self.path.stat().st_size
        with self._sending:
            if self._sent >= wanted:
                return
            with self.path.open("rb") as file:
                file.seek(self._begin)
                data = file.read()
            data = data[: data.rindex(b"\n") + 1]
            self._check_place()
            self._store.write(self._name_part(self._process, self._number), self._first + data)
            self._sent = self._begin + len(data)
            if data.count(b"\n") >= _ROWS:
                self._begin, self._number = self._sent, self._number + 1

    def close(self) -> None:
        """Write what is left, and flush the copy."""
        if self._ended.is_set():
            return
        self._ended.set()
        try:
            if not self._failure:
                self.sync()
        finally:
            super().close()

    def _check_place(self) -> None:
        """Look, now and then, whether another process has begun on this shard since."""
        if time.monotonic() - self._looked < _LOOK_EVERY:
            return
        self._looked = time.monotonic()
        if self._store.stat(self._name_part(self._process + 1, 1)) is not None:
            self._failure = (
                f"{make_printable(self._folder)}: another process went on with this shard, so this one ends. Run one "
                "at a time."
            )
            raise RunEndedError(self._failure)

    def _sync_now_and_then(self) -> None:
        while not self._ended.wait(_EVERY):
            with suppress(KukkiriError, OSError):  # the next result tries it again, and says why it fails
                self.sync()

    def _name_part(self, process: int, number: int) -> StoreURL:
        return self._folder / f"{process:04}-{number:06}.jsonl"


def _name_folder(shard: Shard) -> str:
    return name_manifest(Path(), shard).stem


def _read_parts(store: Any, parts: list[_Part], *, only_headers: bool) -> Iterator[bytes]:
    """The lines of a manifest: one header, and the rows of all parts since it was last begun anew."""
    begun = 0
    for place, part in enumerate(parts):
        if part.number == 1:
            line = _first_line(store.read(part.state.url, begin=0, end=_HEADER_BYTES))
            if place and _is_anew(line):
                begun = place
    for place, part in enumerate(parts[begun : begun + 1] if only_headers else parts[begun:]):
        data = store.read(part.state.url)
        first = _first_line(data)
        header = _read_header(first, part.state.url)
        if place == 0:
            yield json.dumps(header.to_json()).encode() + b"\n"
        if not only_headers:
            yield data[len(first) :]


def _first_line(data: bytes) -> bytes:
    return data[: data.find(b"\n") + 1]


def _is_anew(line: bytes) -> bool:
    with suppress(ValueError, KeyError, TypeError):
        return bool(json.loads(line)["anew"])
    return False


def _read_header(line: bytes, url: StoreURL) -> Header:
    try:
        return Header.from_json(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{make_printable(url)}: no manifest of kukkiri, or of a later version.") from None

"""Lists of sources: a line or a NUL-terminated name each, or a column of a CSV, TSV or Parquet file; streamed."""

import codecs
import csv
import os
import posixpath
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, Self

from kukkiri.errors import BackendError, ConfigError, did_you_mean, did_you_mean_file, make_printable
from kukkiri.storage import StoreURL, find_url, locate, open_store
from kukkiri.storage.urls import place_of

__all__ = ["SourceList"]

_TABLES = {".csv": ",", ".tsv": "\t"}
_PARQUET = ".parquet"
_BLOCK = 1 << 16
_BIG_FIELD = 1 << 20


class SourceList:
    """The files that a list names, in its order; iterate over it as often as needed, nothing is kept in memory.

    A relative path counts from the working directory, as with ``tar -T``. A list whose beginning holds a NUL ends each
    name with one, as ``find -print0`` does; otherwise each line is a name, whatever it begins with.
    """

    def __init__(self, text: str, *, stand_in: Callable[[StoreURL], Path] | None = None) -> None:
        """Open a list.

        Args:
            text: a file; ``FILE.csv:COLUMN``, the same of .tsv and .parquet; an object of a store, and ``-``, standard
                input, which are copied to a temporary file.

            stand_in: gives the file that stands for an object that a line names.

        Raises:
            ConfigError: no such file or column.
            BackendError: Parquet without pyarrow, or a store that does not answer.
        """
        self._stack, self._stand_in = ExitStack(), stand_in
        self.name = text
        name, self._column = _split_column(text)
        try:
            path = self._copy(name)
        except BaseException:
            self._stack.close()
            raise
        column, self._path = self._column, path
        if not path.is_file():
            raise ConfigError(f"{path}: no such list of files. {did_you_mean_file(path)}")
        if column is None and path.suffix.lower() in (*_TABLES, _PARQUET):
            raise ConfigError(f"{path}: a table. Name the column of the paths: --files-from {path}:COLUMN.")

    def _copy(self, name: str) -> Path:
        """Copy a list that is no file of this disk."""
        place = Path(name) if name == "-" else locate(name)
        if isinstance(place, Path) and name != "-":
            return place
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="kukkiri-")))
        if isinstance(place, StoreURL):
            path = folder / place.name
            store = open_store(place.scheme)
            state = store.stat(place)
            if state is None:
                raise ConfigError(f"{make_printable(place)}: no such list of files. Check the bucket and the key.")
            store.fetch(state, path)
            return path
        path, self.name = folder / "list", "standard input"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[tuple[Path, Path]]:
        """Each file, and the place of its result below the output folder."""
        for name in self._read_names():
            path = Path(name)
            if "://" in name and (url := find_url(name)) is not None:
                yield path if self._stand_in is None else self._stand_in(url), Path(place_of(url))
                continue
            yield path, path if _is_plain(name) else Path(place_below(name))

    def _read_names(self) -> Iterator[str]:
        suffix = self._path.suffix.lower()
        try:
            if self._column is None:
                yield from self._read_lines()
            elif suffix == _PARQUET:
                yield from self._read_parquet(self._column)
            else:
                yield from self._read_table(self._column, _TABLES[suffix])
        except OSError as error:
            raise ConfigError(f"{self.name}: cannot be read ({error.strerror or error}).") from error

    def _read_lines(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            start = file.read(_BLOCK)
            if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise ConfigError(f"{self.name}: the list is in UTF-16. Save it in UTF-8.")
            file.seek(len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0)
            separator = b"\0" if b"\0" in start else b"\n"
            for line in _split(file, separator):
                if separator == b"\n":
                    line = line.removesuffix(b"\r")
                if line:
                    yield os.fsdecode(line)

    def _read_table(self, column: str, delimiter: str) -> Iterator[str]:
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            csv.field_size_limit(_BIG_FIELD)
            rows = csv.reader(file, delimiter=delimiter)
            try:
                head = next(rows, [])
                if column not in head:
                    raise ConfigError(f"{self._path}: no column {column!r}{did_you_mean(column, head)}")
                place = head.index(column)
                for row in rows:
                    if not row:
                        continue
                    if len(row) != len(head):
                        raise ConfigError(
                            f"{self._path}, line {rows.line_num}: {len(row)} cells, expected {len(head)}. Repair "
                            "the table."
                        )
                    if row[place]:
                        yield row[place]
            except csv.Error as error:
                raise ConfigError(f"{self._path}, line {rows.line_num}: {error}.") from error

    def _read_parquet(self, column: str) -> Iterator[str]:
        try:
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile
        except ImportError as error:
            raise BackendError(f"{self._path}: a Parquet list needs pyarrow. Install pyarrow, or use CSV.") from error
        try:
            with ParquetFile(self._path) as table:
                names = table.schema_arrow.names
                if column not in names:
                    raise ConfigError(f"{self._path}: no column {column!r}{did_you_mean(column, names)}")
                for batch in table.iter_batches(columns=[column]):
                    for name in batch.column(0).to_pylist():
                        if name is not None and not isinstance(name, str):
                            raise ConfigError(
                                f"{self._path}: column {column!r} holds {type(name).__name__}, expected paths."
                            )
                        if name:
                            yield name
        except ArrowException as error:
            raise ConfigError(f"{self._path}: cannot be read as Parquet ({error}).") from error


def _is_plain(name: str) -> bool:
    """True for most names, which are their own places."""
    return not (name.startswith("/") or "//" in name or "./" in name or ".." in name or os.name == "nt")


def place_below(name: str) -> PurePosixPath:
    """Return the place of a listed file in the tree of the results: without a root, a drive and leading ``..``.

    It is a matter of the text alone, so that it is the same on every machine.
    """
    text = posixpath.normpath(name.replace(os.sep, "/"))
    if os.name == "nt":
        text = os.path.splitdrive(text)[1]
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    return PurePosixPath(*parts)


def _split_column(text: str) -> tuple[str, str | None]:
    """Split ``list.csv:path``; the colon of a drive or of a plain name is none of a column."""
    name, colon, column = text.rpartition(":")
    if colon and column and Path(name).suffix.lower() in (*_TABLES, _PARQUET):
        return name, column
    return text, None


def _split(file: IO[bytes], separator: bytes) -> Iterator[bytes]:
    rest = b""
    while block := file.read(_BLOCK):
        *whole, rest = (rest + block).split(separator)
        yield from whole
    if rest:
        yield rest

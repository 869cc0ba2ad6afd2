"""Download of benchmarks from their public addresses: only when asked for by name, resumable, checked, atomic."""

import contextlib
import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO, Any

from kukkiri.errors import BackendError, ConfigError
from kukkiri.evaluation.benchmarks import Archive, named_benchmark
from kukkiri.evaluation.sets import TestSet
from kukkiri.files import IMAGE_SUFFIXES, list_images

__all__ = ["download", "download_benchmark"]

_CHUNK = 2**20
_TIMEOUT = 60.0
Report = Callable[[int, int | None], None]


def download_benchmark(name: str, folder: Path, *, report: Report | None = None) -> TestSet:
    """Fetch a set into ``folder/NAME``, check it, and delete the archive.

    Args:
        name: a key of ``BENCHMARKS``.
        folder: created when it is missing.
        report: called with the bytes so far, and the total where it is known.

    Raises:
        ConfigError: an unknown name, a set without a public address, or the target is there already.
        BackendError: the network failed, or the file is not the expected one; an incomplete file is kept, and the
            next call continues it.
    """
    benchmark = named_benchmark(name)
    if benchmark.archive is None:
        raise ConfigError(
            f"{benchmark.name} has no public address that can be checked ({benchmark.terms}). "
            "docs/how-to/evaluate.md says where to ask for it."
        )
    target = folder / benchmark.name
    if target.exists():
        raise ConfigError(f"{target} exists. Move it away to fetch {benchmark.name} again.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / PurePosixPath(urllib.parse.urlsplit(benchmark.archive.url).path).name
        download(benchmark.archive.url, file, sha256=benchmark.archive.sha256, report=report)
        with _temporary(folder / f".{benchmark.name}.unpacking") as unpacked:
            _unpack(file, unpacked, benchmark.archive)
            benchmark.check(TestSet(benchmark.name, list_images(unpacked)))
            unpacked.rename(target)
        file.unlink()
    except OSError as error:
        raise BackendError(f"{folder}: cannot be written ({error}). Free some space or choose another.") from error
    return TestSet(benchmark.name, list_images(target))


def download(url: str, path: Path, *, sha256: str, report: Report | None = None) -> None:
    """Fetch a file; it appears under its name only when its checksum is right.

    Until then it is ``NAME.part`` beside it, which is continued if the server can. A complete file with the right
    checksum is not fetched again.

    Args:
        url: http or https.
        path: in a folder that exists.
        sha256: of the whole file, in hexadecimal.
        report: see :func:`download_benchmark`.

    Raises:
        BackendError: the network failed (the part is kept), or the checksum is wrong (the file is deleted).
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"http or https is expected, got {url}")
    if path.is_file() and _digest(path) == sha256.lower():
        return
    part = path.with_name(path.name + ".part")
    if not (part.is_file() and _digest(part) == sha256.lower()):  # interrupted just before the end
        _fetch(url, part, report=report)
    found = _digest(part)
    if found != sha256.lower():
        part.unlink()
        raise BackendError(
            f"{url}: the file is not the expected one (sha256 {found}, expected {sha256.lower()}), so it was deleted. "
            "Try again; if that does not help, the file at the address has changed."
        )
    part.replace(path)


def _fetch(url: str, part: Path, *, report: Report | None) -> None:
    """Append the missing bytes to ``part``."""
    here = part.stat().st_size if part.exists() else 0
    try:
        with _open(url, here) as answer:
            resumed = answer.status == 206 and _starts_at(answer.headers.get("Content-Range", ""), here)
            if here and not resumed:
                here = 0  # the server starts from the beginning
            length = answer.headers.get("Content-Length")
            total = here + int(length) if length and length.isdigit() else None
            with part.open("ab" if here else "wb") as file:
                while block := answer.read(_CHUNK):
                    file.write(block)
                    here += len(block)
                    if report is not None:
                        report(here, total)
                file.flush()
                os.fsync(file.fileno())
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise BackendError(f"{url}: {reason}. The part so far is kept; run it again to continue.") from error
    if total is not None and here < total:
        raise BackendError(f"{url}: it ended after {here} of {total} bytes. Run it again to continue.")


def _open(url: str, start: int) -> Any:
    """Open the URL from byte ``start`` on, or from the beginning where the server cannot."""
    headers = {"User-Agent": "kukkiri", "Accept-Encoding": "identity"}
    if start:
        try:
            return urllib.request.urlopen(
                urllib.request.Request(url, headers={**headers, "Range": f"bytes={start}-"}), timeout=_TIMEOUT
            )
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 416:  # the part is as long as the file, or longer
                raise
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)


def _starts_at(content_range: str, start: int) -> bool:
    return content_range.replace("bytes", "").strip().split("-")[0] == str(start)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(file: Path, folder: Path, archive: Archive) -> None:
    """Extract the images of one folder of an archive by their bare names, so that no path can leave ``folder``."""
    wanted = PurePosixPath(archive.inside)
    for name, stream in _members(file):
        place = PurePosixPath(name)
        if place.parent == wanted and place.suffix.lower() in IMAGE_SUFFIXES and "\\" not in name:
            with stream() as source, (folder / place.name).open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)


def _members(file: Path) -> Iterator[tuple[str, Callable[[], IO[bytes]]]]:
    """Iterate over the regular files of a zip or tar archive: name and content."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                for entry in archive.infolist():
                    if not entry.is_dir():
                        yield entry.filename, lambda entry=entry: archive.open(entry)  # type: ignore[misc]
            return
        with tarfile.open(file) as tape:
            for member in tape:
                if member.isfile():
                    yield member.name.removeprefix("./"), lambda member=member: _content(tape, member)  # type: ignore[misc]
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise BackendError(f"{file}: not a readable archive ({error}). Remove it and fetch it again.") from error


def _content(tape: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = tape.extractfile(member)
    if stream is None:
        raise tarfile.TarError(f"{member.name} has no content")
    return stream


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Create an empty folder, which is deleted afterwards unless it was renamed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

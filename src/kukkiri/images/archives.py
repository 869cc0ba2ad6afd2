"""CBZ: comics as ZIP archives of images, read within limits and without writing a name of theirs to the disk.

Reference: PKWARE APPNOTE 6.3; ComicInfo.xml by the Anansi Project.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kukkiri.errors import ImageError, make_printable
from kukkiri.files import IMAGE_SUFFIXES
from kukkiri.images.reading import PIXEL_LIMIT, read_limit

__all__ = ["COMIC_SUFFIX", "Comic", "ComicEntry", "copy_info", "is_comic", "open_comic"]

COMIC_SUFFIX = ".cbz"
_MOST_ENTRIES = 10_000
_MOST_BYTES = 2**34
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_INFO = "comicinfo.xml"
_SIZES = re.compile(rb"""\s(?:ImageSize|ImageWidth|ImageHeight)\s*=\s*(?:"[^"]*"|'[^']*')""")
_PAGE = re.compile(rb"<Page\b[^>]*>")


@dataclass(frozen=True)
class ComicEntry:
    """One file of an archive."""

    info: zipfile.ZipInfo
    is_page: bool
    """An image, by its suffix."""

    @property
    def name(self) -> str:
        """For messages."""
        return make_printable(self.info.filename)


@dataclass(frozen=True)
class Comic:
    """An archive that is open for reading."""

    path: Path
    archive: zipfile.ZipFile
    entries: tuple[ComicEntry, ...]
    limit: int
    """Bytes that one entry may have."""

    @property
    def pages(self) -> tuple[ComicEntry, ...]:
        """The images, in the order of the archive."""
        return tuple(entry for entry in self.entries if entry.is_page)

    def read(self, entry: ComicEntry) -> bytes:
        """Read an entry; its checksum is compared.

        Raises:
            ImageError: it is damaged, or longer than the archive says.
        """
        try:
            with self.archive.open(entry.info) as stream:
                data = stream.read(self.limit + 1)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise ImageError(
                f"{make_printable(self.path)}: {entry.name} in it is truncated or corrupt "
                f"({make_printable(error)}). Get the file again."
            ) from error
        if len(data) > self.limit:
            raise _make_size_error(self.path, entry.name, self.limit)
        if entry.info.filename.lower() == _INFO:
            return copy_info(data)
        return data


@contextmanager
def open_comic(path: Path, *, pixel_limit: int = PIXEL_LIMIT) -> Iterator[Comic]:
    """Open a comic, and check everything that its directory says.

    Args:
        path: of the archive.
        pixel_limit: of each page, which also bounds the bytes of an entry.

    Raises:
        ImageError: no archive, encrypted, without pages, too large, or with a name that leaves the archive.
    """
    name = make_printable(path)
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file.") from None
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ImageError(
            f"{name}: is no ZIP archive, or a damaged one ({make_printable(error)}). A comic in RAR (.cbr) is to be "
            "repacked as ZIP first."
        ) from error
    limit = read_limit(pixel_limit)
    with archive:
        entries = tuple(_check(path, info, limit) for info in archive.infolist())
        if len(entries) > _MOST_ENTRIES or sum(entry.info.file_size for entry in entries) > _MOST_BYTES:
            raise ImageError(
                f"{name}: holds {len(entries)} files, {sum(entry.info.file_size for entry in entries)} bytes unpacked; "
                f"at most {_MOST_ENTRIES} files and {_MOST_BYTES} bytes are unpacked. Split it."
            )
        if not any(entry.is_page for entry in entries):
            raise ImageError(f"{name}: holds no images. Expected a comic: a ZIP archive of images.")
        yield Comic(path, archive, entries, limit)


def is_comic(path: Path) -> bool:
    """True for a file that is named as a comic."""
    return path.suffix.lower() == COMIC_SUFFIX


def copy_info(data: bytes) -> bytes:
    """Return ComicInfo.xml without the sizes of its pages, which change; everything else stays in every byte."""
    return _PAGE.sub(lambda match: _SIZES.sub(b"", match[0]), data)


def _check(path: Path, info: zipfile.ZipInfo, limit: int) -> ComicEntry:
    name = make_printable(info.filename)
    parts = PurePosixPath(info.filename.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or re.match(r"[A-Za-z]:", info.filename):
        raise ImageError(f"{make_printable(path)}: holds the name {name}, which leads out of the archive. Repack it.")
    if info.flag_bits & _ENCRYPTED:
        raise ImageError(f"{make_printable(path)}: {name} in it is encrypted. Repack it without a password.")
    if info.compress_type not in _METHODS:
        raise ImageError(
            f"{make_printable(path)}: {name} in it is packed by method {info.compress_type}; expected stored or "
            "deflated. Repack it."
        )
    if info.file_size > limit:
        raise _make_size_error(path, name, limit)
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts.parts)
    return ComicEntry(info, not info.is_dir() and not hidden and parts.suffix.lower() in IMAGE_SUFFIXES)


def _make_size_error(path: Path, name: str, limit: int) -> ImageError:
    return ImageError(
        f"{make_printable(path)}: {name} in it is longer than {limit} bytes unpacked. Raise the limit if the file can "
        "be trusted: --max-pixels of kukkiri upscale, pixel_limit in Python."
    )

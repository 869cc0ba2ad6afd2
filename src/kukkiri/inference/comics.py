"""Comics (CBZ) page by page; finished pages stay beside the result until it is whole, so that a run can go on."""

import dataclasses
import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from kukkiri.errors import ImageError, make_printable
from kukkiri.files import replacing
from kukkiri.images import Image, check_output, find_own_suffix, read_header, read_image, read_jpeg_quality
from kukkiri.images.archives import COMIC_SUFFIX, Comic, ComicEntry, is_comic, open_comic
from kukkiri.images.reading import PIXEL_LIMIT
from kukkiri.inference.keeping import describe_making
from kukkiri.inference.sequences import PartProgress
from kukkiri.inference.upscaler import Upscaler

__all__ = ["ComicResult", "check_comic", "upscale_comic"]

_REPLACED = {None: ".png", ".gif": ".png", ".bmp": ".png", ".tga": ".png"}
"""For formats that hold the result badly, or that comic readers do not know."""


@dataclasses.dataclass(frozen=True)
class ComicResult:
    """A comic that was written."""

    upscaler: Upscaler
    pages: int
    input_size: tuple[int, int]
    """(height, width) of the first page."""
    output_size: tuple[int, int]
    """(height, width) of the first result."""
    notes: tuple[str, ...]


def check_comic(source: Path, target: Path, *, overwrite: bool) -> None:
    """Check the target of a comic, before any work.

    Raises:
        ImageError: it is no comic, exists, or is the source.
    """
    if not is_comic(target):
        raise ImageError(f"{make_printable(target)}: a comic is written as {COMIC_SUFFIX}. Choose such a name.")
    check_output(target.with_name(f".{target.name}.png"), overwrite=True)
    if target.exists():
        if target.samefile(source):
            raise ImageError(f"{make_printable(target)}: is the input itself, which is never overwritten.")
        if not overwrite:
            raise ImageError(
                f"{make_printable(target)}: exists already. Choose another name, or allow it with --overwrite."
            )


def upscale_comic(
    upscaler: Upscaler,
    source: Path,
    target: Path,
    *,
    suffix: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    quality: int | None = None,
    pixel_limit: int = PIXEL_LIMIT,
    settle: Callable[[Image, Upscaler], Image] = lambda image, _: image,
    check: Callable[[Image, Upscaler], None] = lambda image, _: None,
    progress: Callable[[int, int], None] | None = None,
) -> ComicResult:
    """Upscale the pages of a comic into a new one; names and order stay, other files are copied.

    Args:
        upscaler: that the user asked for.
        source: the archive.
        target: the new archive.
        suffix: of the pages, such as ``.webp``; by default each keeps its format and a JPEG its quality; GIF becomes
            PNG.
        overwrite: an existing archive may be replaced.
        resume: use the pages that an interrupted run has finished with the same model and options.
        quality: of the pages, see :func:`kukkiri.images.save_image`.
        pixel_limit: of each page.
        settle: gives a page the metadata of its result.
        check: called with each page before the work on it; what it raises ends the work.
        progress: called with (done, total) tiles of all pages; what it raises ends the work.

    Raises:
        ImageError: the archive or one of its pages cannot be read, or the target cannot be written.
    """
    check_comic(source, target, overwrite=overwrite)
    work = target.with_name(f".{target.name}.pages")
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    try:
        with open_comic(source, pixel_limit=pixel_limit) as comic:
            work.mkdir(exist_ok=True)
            pages = _Pages(upscaler, comic, work, suffix=suffix, quality=quality, settle=settle, check=check)
            made = _make_pages(pages, comic, pixel_limit, progress)
            _write(comic, made, target, overwrite=overwrite)
    except OSError as error:
        raise ImageError(f"{make_printable(target)}: cannot be written ({error.strerror or error}).") from error
    finally:
        with suppress(OSError):
            work.rmdir()  # unless there are pages to go on from
    first = next(iter(made.values()))
    sizes = pages.first_size, read_header(first).size
    shutil.rmtree(work, ignore_errors=True)
    if pages.found:
        pages.notes[f"{pages.found} of {len(made)} pages were there from an interrupted run"] = None
    return ComicResult(pages.suited or upscaler, len(made), *sizes, tuple(pages.notes))


def _make_pages(
    pages: "_Pages", comic: Comic, pixel_limit: int, progress: Callable[[int, int], None] | None
) -> dict[int, Path]:
    """Make every page; returns the file of each, by its place in the archive."""
    parts = PartProgress(len(comic.pages), progress)
    made: dict[int, Path] = {}
    for entry in comic.pages:
        try:
            made[entry.info.header_offset] = pages.make(entry, pixel_limit, parts)
        except ImageError as error:
            rest = " The finished pages are kept for --resume." if made else ""
            what = _shorten(error, pages.work)
            raise type(error)(f"{make_printable(comic.path)}: {entry.name}: {what}{rest}") from error
        parts.finish_part()
    return made


def _shorten(error: ImageError, work: Path) -> str:
    """The message without the name of the page's file on the disk."""
    text = str(error)
    start = f"{make_printable(work)}/"
    return text.split(": ", 1)[1] if text.startswith(start) else text


class _Pages:
    """Makes the pages of one comic."""

    def __init__(
        self,
        upscaler: Upscaler,
        comic: Comic,
        work: Path,
        *,
        suffix: str | None,
        quality: int | None,
        settle: Callable[[Image, Upscaler], Image],
        check: Callable[[Image, Upscaler], None],
    ) -> None:
        self._upscaler, self._comic, self._suffix = upscaler, comic, suffix
        self._quality, self._settle, self._check = quality, settle, check
        self.work = work
        self.suited: Upscaler | None = None
        self.first_size = (0, 0)
        self.notes: dict[str, None] = {}
        self.found = 0

    def make(self, entry: ComicEntry, pixel_limit: int, parts: PartProgress) -> Path:
        """Return the file of a page's result."""
        data = self._comic.read(entry)
        own = PurePosixPath(entry.info.filename).suffix.lower()
        page = self.work / f"page{own}"
        page.write_bytes(data)
        try:
            result = self.work / f"{self._hash(data)}{self._choose_suffix(page)}"
            image = None
            if self.first_size == (0, 0) or not result.exists():
                image = read_image(page, pixel_limit=pixel_limit)
                self.first_size = image.size if self.first_size == (0, 0) else self.first_size
            if image is None or result.exists():
                self.found += 1
                return result
            suited = self.suited = self._upscaler.suited(image)
            self._check(image, suited)
            check_output(result, size=suited.plan_size(image.size))
            sr = suited(self._settle(image, suited), progress=parts.tell)
            quality = self._quality
            if quality is None and self._suffix is None:
                quality = read_jpeg_quality(page)
            notes = sr.save(result, quality=quality)
            self.notes |= dict.fromkeys([*sr.notes, *notes])
            return result
        finally:
            page.unlink(missing_ok=True)

    def _choose_suffix(self, page: Path) -> str:
        if self._suffix is not None:
            return self._suffix
        own = find_own_suffix(page)
        return _REPLACED.get(own, own or ".png")

    def _hash(self, data: bytes) -> str:
        """Twenty-four digits that stand for the page and everything that its result depends on."""
        settings = [describe_making(self._upscaler), self._suffix, self._quality, self._upscaler.name]
        text = json.dumps(settings, sort_keys=True, default=str).encode()
        return hashlib.sha256(hashlib.sha256(data).digest() + text).hexdigest()[:24]


def _write(comic: Comic, made: dict[int, Path], target: Path, *, overwrite: bool) -> None:
    with replacing(target, overwrite=overwrite) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.comment = comic.archive.comment
        taken = {entry.info.filename for entry in comic.entries}
        for entry in comic.entries:
            result = made.get(entry.info.header_offset)
            name = entry.info.filename if result is None else _name_page(entry.info.filename, result.suffix, taken)
            info = zipfile.ZipInfo(name, entry.info.date_time)
            info.external_attr, info.comment = entry.info.external_attr, entry.info.comment
            if result is not None:
                archive.writestr(info, result.read_bytes(), zipfile.ZIP_STORED)
            else:
                data = b"" if entry.info.is_dir() else comic.read(entry)
                archive.writestr(info, data, zipfile.ZIP_DEFLATED if data else zipfile.ZIP_STORED)


def _name_page(name: str, suffix: str, taken: set[str]) -> str:
    """Name a page as it was, with another end when its format changed."""
    own = PurePosixPath(name)
    if own.suffix.lower() == suffix:
        return name
    renamed = str(own.with_suffix(suffix))
    return f"{name}{suffix}" if renamed in taken else renamed

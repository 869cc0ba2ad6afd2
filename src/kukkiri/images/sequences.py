"""Files of several images: animated GIF, WebP and PNG frame by frame, multi-page TIFF page by page."""

import dataclasses
import mmap
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import accumulate, pairwise
from os import PathLike
from pathlib import Path
from typing import Literal

from kukkiri.errors import ImageError
from kukkiri.images.animation_frames import compose_apng, split_stack, take_frame
from kukkiri.images.containers import gif_frames, webp_frames
from kukkiri.images.containers.apng import read_apng
from kukkiri.images.containers.tiff_linking import count_lost_pages
from kukkiri.images.containers.tiff_pages import read_pages
from kukkiri.images.decoding import find_strictness
from kukkiri.images.encoded_file import EncodedFile
from kukkiri.images.formats import recognize
from kukkiri.images.image import Image
from kukkiri.images.libvips import clear_errors, failure_types, vips
from kukkiri.images.pixel_limit import PixelLimitError
from kukkiri.images.reading import PIXEL_LIMIT, decode_file, explain, load_file

__all__ = ["ImageSequence", "Timing", "find_default_suffix", "open_sequence", "read_page"]

_START = 1024
_LEAST = 2**17
"""Pixels that each frame or page counts for at least, so that tiny ones have a limit, too: 2,048 by default."""
_ANIMATION_SUFFIXES = {"GIF": ".gif", "WebP": ".webp", "PNG": ".png"}
_RANGE_SUFFIXES = {"OpenEXR": ".exr", "Radiance HDR": ".hdr", "PFM": ".pfm"}
_LOADERS = {"GIF": "gifload_buffer", "WebP": "webpload_buffer"}


@dataclasses.dataclass(frozen=True)
class Timing:
    """The course of an animation."""

    durations: tuple[Fraction, ...]
    """Seconds of each frame."""
    plays: int
    """Number of plays; 0 for ever."""

    def count_units(self, each: Fraction) -> list[int]:
        """Round the durations to whole units so that no frame begins more than half a unit off, and the sum stays.

        Args:
            each: seconds of a unit.
        """
        ends = [int(end / each + Fraction(1, 2)) for end in accumulate(self.durations)]
        return [end - start for start, end in pairwise([0, *ends])]


@dataclasses.dataclass(frozen=True)
class ImageSequence:
    """The images of a file that holds several."""

    path: Path
    form: Literal["GIF", "WebP", "PNG", "TIFF"]
    count: int
    images: Callable[[], Iterator[Image]] = dataclasses.field(repr=False)
    """Decode them one after the other.

    Raises:
        ImageError: one is damaged.
    """
    timing: Timing | None = None
    """``None`` for pages."""


def open_sequence(path: str | PathLike[str], *, pixel_limit: int = PIXEL_LIMIT) -> ImageSequence | None:
    """Open a file of several images; ``None`` for a still image and for anything else.

    Args:
        path: taken literally.
        pixel_limit: more pixels than this in all images together are refused before anything is decoded; an image
            counts for 131,072 at least.

    Raises:
        ImageError: the file is truncated, or holds too much.
    """
    return _open(Path(path), pixel_limit, taken_whole=True)


def _open(file: Path, pixel_limit: int, *, taken_whole: bool) -> ImageSequence | None:
    """Open a sequence; where only one of its images is taken, the limit is for that one."""
    form = _find_form(file)
    if form == "TIFF":
        return _open_pages(file, pixel_limit, taken_whole=taken_whole)
    if form is None or not _may_be_animated(file, form):
        return None
    _, name, _, data = load_file(file, pixel_limit)
    if form == "PNG":
        animation = read_apng(data)
        if animation is None:
            raise ImageError(f"{name}: the frames of this animated PNG are damaged or not all there. Get it again.")
        if len(animation.frames) < 2:
            return None
        count, size = len(animation.frames), animation.size
        timing = Timing(tuple(frame.duration for frame in animation.frames), animation.plays)
    else:
        found = _read_stack(data, name, form)
        if found is None:
            return None
        count, size, timing = found
    if taken_whole:
        _check_amount(name, count, size[0] * size[1] * count, pixel_limit)

    def images() -> Iterator[Image]:
        first = decode_file(file, name, form, data, pixel_limit, number=1)
        frames = compose_apng(data, name) if form == "PNG" else split_stack(data, _LOADERS[form], find_strictness(form))
        try:
            for levels in frames:
                yield take_frame(levels, first)
        except failure_types() as error:
            raise ImageError(explain(EncodedFile(file, name, form, data), error)) from error

    return ImageSequence(file, form, count, images, timing)


def find_default_suffix(path: Path) -> str | None:
    """Return the suffix of a result that holds what a still PNG cannot: an animation, or light of any range.

    Returns:
        ``None`` for everything else, and for what cannot be read.
    """
    try:
        with path.open("rb") as stream:
            form = recognize(stream.read(_START))
        if form in _RANGE_SUFFIXES:
            return _RANGE_SUFFIXES[form]
        if form not in _ANIMATION_SUFFIXES or not _may_be_animated(path, form):
            return None
        if form == "GIF" and gif_frames.walk(path.read_bytes()).frames < 2:
            return None
    except (OSError, ValueError):
        return None
    return _ANIMATION_SUFFIXES[form]


def read_page(path: str | PathLike[str], number: int, *, pixel_limit: int = PIXEL_LIMIT) -> Image:
    """Read one page of a TIFF or one frame of an animation, as it is shown.

    Args:
        path: taken literally.
        number: counted from 1; reduced images and masks of a TIFF do not count. A still image has one page.
        pixel_limit: see :func:`kukkiri.images.read_image`; other pages do not count.

    Raises:
        ImageError: there is no such page; otherwise see :func:`kukkiri.images.read_image`.
    """
    file = Path(path)
    sequence = _open(file, pixel_limit, taken_whole=False)
    count = 1 if sequence is None else sequence.count
    loaded = load_file(file, pixel_limit)
    if not 1 <= number <= count:
        raise ImageError(f"{loaded[1]}: has {count} page{'s' if count > 1 else ''}, so that there is no page {number}.")
    if sequence is None or sequence.timing is None:
        return decode_file(*loaded, pixel_limit, number=number)
    for at, image in enumerate(sequence.images(), start=1):
        if at == number:
            return image
    raise ImageError(f"{loaded[1]}: ends before frame {number}. Get the file again.")


def _find_form(file: Path) -> Literal["GIF", "WebP", "PNG", "TIFF"] | None:
    try:
        if not file.is_file():
            return None
        with file.open("rb") as stream:
            form = recognize(stream.read(_START))
    except (OSError, ValueError):
        return None
    return form if form in ("GIF", "WebP", "PNG", "TIFF") else None  # type: ignore[return-value]


def _may_be_animated(file: Path, form: str) -> bool:
    """True unless the head of the file tells that it is a still image; a GIF tells by its blocks alone."""
    with file.open("rb") as stream:
        if form == "WebP":
            return webp_frames.is_animated(stream.read(_START))
        if form == "PNG":
            stream.seek(8)
            while len(head := stream.read(8)) == 8:
                length, kind = struct.unpack(">I4s", head)
                if kind in (b"IDAT", b"acTL"):
                    return kind == b"acTL" and int.from_bytes(stream.read(4), "big") > 1
                stream.seek(length + 4, 1)
            return False
    return True


def _read_stack(data: bytes, name: str, form: Literal["GIF", "WebP"]) -> tuple[int, tuple[int, int], Timing] | None:
    """Read number, (height, width) and timing of the frames of a GIF or WebP."""
    if form == "GIF":
        blocks = gif_frames.walk(data)
        if blocks.is_cut:
            raise ImageError(
                f"{name}: this GIF is truncated: it ends within frame {blocks.frames + 1}. Get the file again."
            )
        if blocks.frames < 2:
            return None
    clear_errors()
    try:
        stack = getattr(vips().Image, _LOADERS[form])(data, n=-1, access="sequential")
    except failure_types() as error:
        raise ImageError(explain(EncodedFile(None, name, form, data), error)) from error

    def field(key: str, default: int) -> int:
        return int(stack.get(key)) if stack.get_typeof(key) else default

    count = field("n-pages", 1)
    if count < 2:
        return None
    if form == "GIF" and count != blocks.frames:
        raise ImageError(
            f"{name}: this GIF is corrupt ({count} of {blocks.frames} frames can be read). Get the file again."
        )
    delays = stack.get("delay") if stack.get_typeof("delay") else []
    durations = tuple(Fraction(delay, 1000) for delay in (*delays, *(0,) * count)[:count])
    return count, (field("page-height", stack.height), stack.width), Timing(durations, field("loop", 1))


def _open_pages(file: Path, pixel_limit: int, *, taken_whole: bool) -> ImageSequence | None:
    with file.open("rb") as stream:
        try:
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            return None
        with content:
            data: bytes = content  # type: ignore[assignment]  # sliced as bytes are
            pages = read_pages(data)
            lost = bool(pages) and count_lost_pages(data, pages[-1].at)
    whole = [page for page in pages if page.is_whole] or list(pages)
    if len(whole) < 2 and not (whole and lost):
        return None
    if any(page.is_raw for page in pages):  # a camera's file, which is refused where it is read
        return None
    if lost:
        raise ImageError(f"{file}: this TIFF is truncated: it ends before page {len(whole) + 1}. Get the file again.")
    _, name, form, loaded = load_file(file, pixel_limit)
    if taken_whole:
        _check_amount(name, len(whole), sum(page.size[0] * page.size[1] for page in whole), pixel_limit)

    def images() -> Iterator[Image]:
        for number in range(1, len(whole) + 1):
            yield decode_file(file, name, form, loaded, pixel_limit, number=number)

    return ImageSequence(file, "TIFF", len(whole), images)


def _check_amount(name: str, count: int, pixels: int, pixel_limit: int) -> None:
    if max(pixels, count * _LEAST) > pixel_limit:
        raise PixelLimitError(
            f"{name}: {count} images of {pixels} pixels together exceed the limit of {pixel_limit}, to which each "
            f"counts for {_LEAST} at least. Choose one with --page, or raise the limit if the file can be trusted: "
            "--max-pixels of kukkiri upscale, pixel_limit in Python.",
            pixels=max(pixels, count * _LEAST),
            shown=f"{count} images of {pixels} pixels together",
        )

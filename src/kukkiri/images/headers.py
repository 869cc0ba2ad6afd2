"""The header of an image file: sides and channels without decoding the pixels."""

import mmap
import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import cast

from kukkiri.images.encoded_file import open_encoded
from kukkiri.images.exif import ORIENTATION
from kukkiri.images.formats import OUTPUT_SUFFIXES, find_output_format, make_printable, recognize
from kukkiri.images.libvips import clear_errors, failure_types, vips
from kukkiri.images.reading import PIXEL_LIMIT, read_image

__all__ = ["ImageHeader", "find_own_suffix", "read_header"]

_START = 1024
_NETPBM = {b"P1": ".pgm", b"P2": ".pgm", b"P3": ".ppm", b"P4": ".pgm", b"P5": ".pgm", b"P6": ".ppm"}
_ORIENTED = ("AVIF", "HEIC")  # their decoder turns the pixels, so that the sides are turned already


@dataclass(frozen=True)
class ImageHeader:
    """Sides and channels of a still image."""

    size: tuple[int, int]
    """(height, width), turned as the EXIF orientation says."""
    channels: int
    """Alpha included."""


def read_header(path: str | PathLike[str], *, pixel_limit: int = PIXEL_LIMIT) -> ImageHeader:
    """Read sides and channels; a file whose header libvips does not read is decoded.

    Args:
        path: of the file.
        pixel_limit: of what is decoded, see :func:`kukkiri.images.read_image`.

    Raises:
        ImageError: see :func:`kukkiri.images.read_image`.
    """
    form = _recognize(Path(path))
    if form == "TIFF":  # its first page may be a thumbnail, and its samples more than colour and alpha
        header = _read_tiff_header(Path(path))
        if header is not None:
            return header
    clear_errors()
    try:
        source = vips().Source.new_from_file(os.fsencode(path))
        image = vips().Image.new_from_source(source, "")
        turned = form not in _ORIENTED and "orientation" in image.get_fields() and image.get("orientation") >= 5
        bands = 3 if image.interpretation == "cmyk" else image.bands
        return ImageHeader((image.width, image.height) if turned else (image.height, image.width), bands)
    except failure_types():
        clear_errors()
    decoded = read_image(path, pixel_limit=pixel_limit)
    return ImageHeader(decoded.size, decoded.colour.shape[2] + (decoded.alpha is not None))


def _read_tiff_header(path: Path) -> ImageHeader | None:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        page = open_encoded(path, make_printable(path), "TIFF", cast("bytes", data)).page
        if page is None or min(page.size) < 1:
            return None
        colours = 1 if page.photometric in (0, 1, 4) else 3
        alpha = any(role in (1, 2) for role in page.extra)
        size = page.size[::-1] if page.number(ORIENTATION, 1) >= 5 else page.size
        return ImageHeader(size, colours + alpha)


def find_own_suffix(path: Path) -> str | None:
    """Return a suffix that writes the format of a file's content: its own where that fits, else the usual one.

    Returns:
        Lower case, such as ``.jpg``; ``None`` when there is no such file, or its format cannot be written.
    """
    form = _recognize(path)
    fitting = [suffix for suffix in OUTPUT_SUFFIXES if find_output_format(Path(f"x{suffix}")).name == form]
    own = path.suffix.lower()
    if form == "Netpbm" and own not in fitting:  # its suffixes say whether there are colours
        with path.open("rb") as stream:
            return _NETPBM.get(stream.read(2), ".pnm")
    return own if own in fitting else min(fitting, key=len, default=None)


def _recognize(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return recognize(stream.read(_START))
    except (OSError, ValueError):
        return None

"""From a picture file to a :class:`Picture`: nothing lost, nothing guessed, and one clear line for what cannot be."""

import os
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images._engine import vips
from kukkiri.images.formats import READABLE, recognise
from kukkiri.images.levels import dequantise
from kukkiri.images.picture import Depth, Metadata, Picture, clamp, split_alpha

__all__ = ["PIXEL_LIMIT", "read_picture"]

PIXEL_LIMIT = 2**28
"""Most pixels that are decoded unless asked: 268 million, more than any camera takes, 3 GiB as RGB floats."""

_LOADERS = {
    # (libvips operation, how strict): JPEG and GIF report broken data only as a warning, while
    # warnings of the others are about harmless metadata.
    "PNG": ("pngload_buffer", "error"),
    "JPEG": ("jpegload_buffer", "warning"),
    "WebP": ("webpload_buffer", "error"),
    "TIFF": ("tiffload_buffer", "error"),
    "AVIF": ("heifload_buffer", "error"),
    "HEIC": ("heifload_buffer", "error"),
    "GIF": ("gifload_buffer", "warning"),
}


def read_picture(path: str | PathLike[str], *, pixel_limit: int = PIXEL_LIMIT) -> Picture:
    """Read a still picture: PNG, JPEG, WebP, TIFF, AVIF, or a GIF of one frame.

    The content decides, not the suffix. Grey, RGB and palette, with or without alpha, of 1 to 16 bits or float,
    are kept as they are, and so are the colour profile, EXIF and XMP. Changed, and then said in ``notes``:
    CMYK and Lab become sRGB; floats outside [0, 1] are clamped. The EXIF orientation is applied and reset.

    Args:
        path: taken literally, brackets and all.
        pixel_limit: more pixels than this, by the file's header, are refused before anything is decoded.

    Raises:
        ImageError: no such file, not a picture, animated, truncated, corrupt, or too large.
    """
    file = Path(path)
    data = _read_bytes(file, pixel_limit)
    form = recognise(data[:1024])
    if form not in _LOADERS:
        raise ImageError(f"{file}: {_what(form)}; kukkiri reads {', '.join(READABLE)}. {_remedy(form)}")
    image = _open(data, form, file, pixel_limit)
    samples, depth, notes = _decode(image, file)
    colour, alpha = split_alpha(samples)
    metadata = _metadata(image)
    return Picture(
        colour=colour,
        alpha=alpha,
        depth=depth,
        metadata=metadata,
        source=file,
        notes=tuple(notes),
        lossy=form in ("JPEG", "AVIF", "HEIC"),
    )


def _read_bytes(file: Path, pixel_limit: int) -> bytes:
    try:
        if file.is_dir():
            raise ImageError(f"{file}: is a folder; expected a picture file.")
        return file.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{file}: no such file.") from None
    except OSError as error:
        raise ImageError(f"{file}: cannot be read ({error.strerror}).") from error


def _what(form: str | None) -> str:
    return f"is {form}" if form else "is not a picture"


def _remedy(form: str | None) -> str:
    return "Convert it to PNG first." if form else "Check the file."


def _open(data: bytes, form: str, file: Path, pixel_limit: int) -> Any:
    operation, strictness = _LOADERS[form]
    try:
        image = getattr(vips().Image, operation)(data, fail_on=strictness, access="sequential")
    except vips().Error as error:
        raise ImageError(f"{file}: {error}") from error
    if image.width * image.height > pixel_limit:
        raise ImageError(
            f"{file}: {image.width}x{image.height} is more than the limit of {pixel_limit} pixels. Raise the limit."
        )
    return image


def _decode(image: Any, file: Path) -> tuple[NDArray[np.float32], Depth, list[str]]:
    pixels = image.numpy()
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.dtype == np.uint8:
        return dequantise(pixels), 8, []
    if pixels.dtype == np.uint16:
        return dequantise(pixels), 16, []
    return clamp(pixels.astype(np.float32), name=os.fspath(file)), 32, []


def _metadata(image: Any) -> Metadata:
    fields = image.get_fields()

    def blob(name: str) -> bytes | None:
        return bytes(image.get(name)) if name in fields else None

    return Metadata(icc=blob("icc-profile-data"), exif=blob("exif-data"), xmp=blob("xmp-data"), iptc=blob("iptc-data"))

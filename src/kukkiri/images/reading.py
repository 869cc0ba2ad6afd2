"""Reading an image file as an :class:`Image`: nothing is lost or guessed; an error is one clear line."""

import dataclasses
import os
import re
from os import PathLike
from pathlib import Path

from kukkiri.errors import ImageError
from kukkiri.images.camera_raw import refuse_camera_raw
from kukkiri.images.containers.png_damage import find_damage
from kukkiri.images.decoders import DECODERS, decode_other, find_decoder
from kukkiri.images.decoding import DECODED, decode, decode_rows, find_strictness
from kukkiri.images.encoded_file import EncodedFile, open_encoded
from kukkiri.images.formats import DAMAGED_SIGNATURE, READABLE, make_printable, recognize
from kukkiri.images.image import Image
from kukkiri.images.libvips import failure_types, find_reason
from kukkiri.images.row_source import RowSource, whole_rows

__all__ = [
    "PIXEL_LIMIT",
    "decode_file",
    "decode_image",
    "explain",
    "load_file",
    "read_image",
    "read_limit",
    "read_rows",
]

PIXEL_LIMIT = 2**28
"""Default limit of pixels that are decoded: 268 million, more than cameras take; 3 GiB as RGB floats."""

_STRAY_BYTES = re.compile(r"extraneous bytes before marker")
"""Some cameras leave a few bytes between the parts of a JPEG; every reader skips them, and the pixels are intact."""
# The formats that are containers for many codecs; the same words about a JPEG mean damage.
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|not configured|no decod|not been built in|not implemented|unimplemented", re.IGNORECASE
)
_START = 1024
_METADATA_ROOM = 2**26


def read_image(path: str | PathLike[str], *, pixel_limit: int = PIXEL_LIMIT) -> Image:
    """Read a still image: PNG, JPEG, WebP, TIFF, AVIF, or a GIF of one frame.

    The content decides, not the suffix. Grey, RGB and palette, with or without alpha, of 1 to 16 bits or float, are
    kept as they are, and so are the colour profile, EXIF and XMP. ``notes`` name every change: CMYK and Lab become
    sRGB, floats outside [0, 1] are clamped. The EXIF orientation is applied to the pixels and reset.

    Args:
        path: taken literally, also with brackets.
        pixel_limit: more pixels than this, by the file's header, are refused before anything is decoded.

    Raises:
        ImageError: no such file, not an image, a camera raw, animated, of several pages, truncated, corrupt, or too
            large.
    """
    return decode_file(*load_file(Path(path), pixel_limit), pixel_limit)


def read_rows(path: str | PathLike[str], *, pixel_limit: int = PIXEL_LIMIT) -> RowSource:
    """Open a still image whose rows are decoded in order, so that it need not fit into memory.

    Args:
        path: see :func:`read_image`, as for everything else.
        pixel_limit: of the file's header.

    Raises:
        ImageError: see :func:`read_image`; damage is found when its rows are fetched.
    """
    loaded = load_file(Path(path), pixel_limit)
    if find_decoder(loaded[2], loaded[3]) is not None:
        return whole_rows(decode_file(*loaded, pixel_limit))
    return _open_rows(open_encoded(*loaded), pixel_limit)


def _open_rows(file: EncodedFile, pixel_limit: int) -> RowSource:
    opened = {"strictness": find_strictness(file.form)}

    def open_rows() -> RowSource:
        return decode_rows(file, opened["strictness"], pixel_limit)

    try:
        source = open_rows()
    except failure_types() as error:
        raise ImageError(explain(file, error)) from error
    rows = [source]

    def fetch(start: int, stop: int) -> Image:
        try:
            try:
                return rows[0].fetch(start, stop)
            except failure_types() as error:
                if not _STRAY_BYTES.search(str(error)) or opened["strictness"] == "error":
                    raise
            opened["strictness"] = "error"
            rows[0] = open_rows()
            return rows[0].fetch(start, stop)
        except failure_types() as error:
            raise ImageError(explain(file, error)) from error

    return dataclasses.replace(source, fetch=fetch, reopen=lambda: _open_rows(file, pixel_limit))


def decode_image(data: bytes, *, name: str = "the bytes", pixel_limit: int = PIXEL_LIMIT) -> Image:
    """Read a still image from the bytes of a file; see :func:`read_image`.

    Args:
        data: the whole file.
        name: beginning of the messages.
        pixel_limit: see :func:`read_image`.

    Raises:
        ImageError: not an image, a camera raw, animated, of several pages, truncated, corrupt, or too large.
    """
    form = _recognize_format(data[:_START], name)
    _check_length(len(data), name, pixel_limit)
    return decode_file(None, name, form, data, pixel_limit)


def decode_file(
    path: Path | None, name: str, form: str, data: bytes, pixel_limit: int, *, number: int | None = None
) -> Image:
    """Decode a file that was loaded.

    Args:
        path: this and the next three: see :func:`load_file`.
        name: beginning of the messages.
        form: the format.
        data: the whole file.
        pixel_limit: see :func:`read_image`.
        number: of a page or frame, counted from 1.

    Raises:
        ImageError: see :func:`read_image`.
    """
    decoder = find_decoder(form, data)
    if decoder is not None:
        return decode_other(decoder, path, name, data, pixel_limit)
    file = open_encoded(path, name, form, data, number=number)
    strictness = find_strictness(form)
    try:
        try:
            return decode(file, strictness, pixel_limit)
        except failure_types() as error:
            if not _STRAY_BYTES.search(str(error)):
                raise
        return decode(file, "error", pixel_limit)
    except failure_types() as error:
        raise ImageError(explain(file, error)) from error
    except MemoryError as error:
        raise ImageError(f"{name}: there is not enough memory for its pixels.") from error


def explain(file: EncodedFile, error: Exception) -> str:
    """Describe in one line on a file that libvips cannot decode: damaged, or whole but of an unknown kind."""
    reason = find_reason(error)
    if file.form in ("AVIF", "HEIC", "TIFF") and _UNSUPPORTED.search(str(error)):
        if "HEVC" in str(error) or (file.form == "HEIC" and "decod" in str(error)):
            reason = "HEVC, the video codec of iPhone photographs, needs: pip install 'kukkiri[heif]'"
        what = f"this {file.form} is of a kind that cannot be decoded here"
        return f"{file.name}: {what} ({reason}). Convert it to PNG first."
    if file.form == "PNG":
        reason = find_damage(file.data) or reason
    return f"{file.name}: this {file.form} is truncated or corrupt ({reason}). Get the file again."


def load_file(path: Path, pixel_limit: int) -> tuple[Path, str, str, bytes]:
    """Read an image file into memory, and recognize its format.

    Returns:
        Path, name for messages, format, bytes.

    Raises:
        ImageError: it is no image, or larger than the limit allows.
    """
    name = make_printable(path)
    try:
        if path.is_dir():
            raise ImageError(f"{name}: is a folder; expected an image file.")
        if path.exists() and not path.is_file():
            raise ImageError(f"{name}: is a device or pipe; expected an image file.")
        with path.open("rb") as stream:
            start = stream.read(_START)
            form = _recognize_format(start, name)
            _check_length(os.fstat(stream.fileno()).st_size, name, pixel_limit)  # before the rest is read
            data = start + stream.read()
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file.") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{name}: cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    return path, name, form, data


def read_limit(pixel_limit: int) -> int:
    """Return the most bytes of a file of ``pixel_limit`` pixels: no format needs more than 16 for a pixel."""
    return 16 * pixel_limit + _METADATA_ROOM


def _check_length(length: int, name: str, pixel_limit: int) -> None:
    if length > read_limit(pixel_limit):
        raise ImageError(
            f"{name}: is larger than any image of {pixel_limit} pixels. Raise the limit to read it: --max-pixels of "
            "kukkiri upscale, pixel_limit in Python."
        )


def _recognize_format(start: bytes, name: str) -> str:
    if not start:
        raise ImageError(f"{name}: is empty; expected an image.")
    form = recognize(start)
    refuse_camera_raw(name, start, form)
    if form in DECODED or form in DECODERS:
        return form
    if form == DAMAGED_SIGNATURE:
        raise ImageError(f"{name}: is {form}. Get the file again, in binary mode.")
    readable = f"kukkiri reads {', '.join(READABLE)}"
    if form is None:
        raise ImageError(f"{name}: is not an image by its content; {readable}.")
    raise ImageError(f"{name}: is {form}; {readable}. Export a still image from it first, such as a PNG.")

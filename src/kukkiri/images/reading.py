"""Reading an image file as an :class:`Image`: nothing is lost or guessed; an error is one clear line."""

import dataclasses
import os
import re
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images import exif as exif_block
from kukkiri.images.containers import avif, jpeg, png, tiff, webp
from kukkiri.images.formats import READABLE, make_printable, recognize
from kukkiri.images.image import Depth, Image, clamp, split_alpha
from kukkiri.images.libvips import clear_errors, failure_types, find_reason, vips
from kukkiri.images.metadata import Metadata
from kukkiri.images.orientation import apply_orientation, settle_metadata
from kukkiri.images.quantization import dequantize

__all__ = ["PIXEL_LIMIT", "decode_image", "read_image", "read_limit"]

PIXEL_LIMIT = 2**28
"""Default limit of pixels that are decoded: 268 million, more than cameras take; 3 GiB as RGB floats."""

_LOADERS = {
    # libvips operation, and its strictness: broken pixels of a JPEG or GIF are only a warning to libvips, while
    # the other formats' warnings are about harmless metadata.
    "PNG": ("pngload_buffer", "error"),
    "JPEG": ("jpegload_buffer", "warning"),
    "WebP": ("webpload_buffer", "error"),
    "TIFF": ("tiffload_buffer", "error"),
    "AVIF": ("heifload_buffer", "error"),
    "HEIC": ("heifload_buffer", "error"),
    "GIF": ("gifload_buffer", "warning"),
}
_STRAY_BYTES = re.compile(r"extraneous bytes before marker")
"""Some cameras leave a few bytes between the parts of a JPEG; every reader skips them, and the pixels are intact."""
# The formats that are containers for many codecs; the same words about a JPEG mean damage.
_UNSUPPORTED = re.compile(r"unsupported|not supported|not configured|no decod", re.IGNORECASE)
_START = 1024
_METADATA_ROOM = 2**26
_DEVICE_INDEPENDENT = {"lab", "labq", "labs", "lch", "cmc", "xyz", "yxy", "hsv"}


@dataclasses.dataclass(frozen=True)
class _File:
    """A file's bytes, its format, and facts that libvips does not report."""

    path: Path | None
    name: str
    form: str
    data: bytes
    tiff: tiff.TiffFacts


def read_image(path: str | PathLike[str], *, pixel_limit: int = PIXEL_LIMIT) -> Image:
    """Read a still image: PNG, JPEG, WebP, TIFF, AVIF, or a GIF of one frame.

    The content decides, not the suffix. Grey, RGB and palette, with or without alpha, of 1 to 16 bits or float, are
    kept as they are, and so are the colour profile, EXIF and XMP. ``notes`` name every change: CMYK and Lab become
    sRGB, floats outside [0, 1] are clamped. The EXIF orientation is applied to the pixels and reset.

    Args:
        path: taken literally, also with brackets.
        pixel_limit: more pixels than this, by the file's header, are refused before anything is decoded.

    Raises:
        ImageError: no such file, not an image, animated, of several pages, truncated, corrupt, or too large.
    """
    return _decode_file(_load(Path(path), pixel_limit), pixel_limit)


def decode_image(data: bytes, *, name: str = "the bytes", pixel_limit: int = PIXEL_LIMIT) -> Image:
    """Read a still image from the bytes of a file; see :func:`read_image`.

    Args:
        data: the whole file.
        name: beginning of the messages.
        pixel_limit: see :func:`read_image`.

    Raises:
        ImageError: not an image, animated, of several pages, truncated, corrupt, or too large.
    """
    form = _recognize_format(data[:_START], name)
    _check_length(len(data), name, pixel_limit)
    return _decode_file(_File(None, name, form, data, _extract_tiff_facts(data, form)), pixel_limit)


def _decode_file(file: _File, pixel_limit: int) -> Image:
    strictness = _LOADERS[file.form][1]
    try:
        try:
            return _make_image(file, strictness, pixel_limit)
        except failure_types() as error:
            if not _STRAY_BYTES.search(str(error)):
                raise
        return _make_image(file, "error", pixel_limit)
    except failure_types() as error:
        if file.form in ("AVIF", "HEIC", "TIFF") and _UNSUPPORTED.search(str(error)):
            what, remedy = "is of a kind that cannot be decoded here", "Convert it to PNG first."
        else:
            what, remedy = "is truncated or corrupt", "Get the file again."
        raise ImageError(f"{file.name}: this {file.form} {what} ({find_reason(error)}). {remedy}") from error
    except MemoryError as error:
        raise ImageError(f"{file.name}: there is not enough memory for its pixels.") from error


def _make_image(file: _File, strictness: str, pixel_limit: int) -> Image:
    image = _open_header(file, strictness, pixel_limit)
    metadata, notes = _read_metadata(image, file)
    image, metadata, conversions = _convert_to_rgb(image, metadata)
    pixels, depth, changes = _decode_pixels(image, file)
    orientation = _find_orientation(image, file, metadata)
    colour, alpha = split_alpha(apply_orientation(pixels, orientation))
    metadata, left_out = settle_metadata(metadata, orientation, further=_find_further_images(file))
    return Image(
        colour=colour,
        alpha=alpha,
        depth=depth,
        metadata=metadata,
        source=file.path,
        lossy=_is_lossy(file),
        notes=(*notes, *left_out, *conversions, *changes),
    )


def _load(path: Path, pixel_limit: int) -> _File:
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
    return _File(path, name, form, data, _extract_tiff_facts(data, form))


def read_limit(pixel_limit: int) -> int:
    """Return the most bytes of a file of ``pixel_limit`` pixels: no format needs more than 16 for a pixel."""
    return 16 * pixel_limit + _METADATA_ROOM


def _check_length(length: int, name: str, pixel_limit: int) -> None:
    if length > read_limit(pixel_limit):
        raise ImageError(f"{name}: is larger than any image of {pixel_limit} pixels. Raise pixel_limit to read it.")


def _extract_tiff_facts(data: bytes, form: str) -> tiff.TiffFacts:
    return tiff.extract(data) if form == "TIFF" else tiff.TiffFacts()


def _recognize_format(start: bytes, name: str) -> str:
    if not start:
        raise ImageError(f"{name}: is empty; expected an image.")
    form = recognize(start)
    if form in _LOADERS:
        return form
    readable = f"kukkiri reads {', '.join(READABLE)}"
    if form is None:
        raise ImageError(f"{name}: is not an image by its content; {readable}.")
    raise ImageError(f"{name}: is {form}; {readable}. Export a still image from it first, such as a PNG.")


def _open_header(file: _File, strictness: str, pixel_limit: int) -> Any:
    """Read the header; refuse anything but one still image within the pixel limit."""
    facts = file.tiff
    if facts.kind not in (1, 3) or (facts.kind == 3 and facts.bits not in (16, 32)) or facts.bits > 32:
        kind = {1: "unsigned integer", 2: "signed integer", 3: "float"}.get(facts.kind, "non-numeric")
        raise ImageError(f"{file.name}: {facts.bits}-bit {kind} samples; expected 1 to 16 bit, or 32-bit float.")
    if facts.raw_ycbcr:
        raise ImageError(f"{file.name}: YCbCr samples without JPEG compression; expected RGB. Convert it to RGB first.")
    clear_errors()
    image = getattr(vips().Image, _LOADERS[file.form][0])(file.data, fail_on=strictness, access="sequential")
    if image.width * image.height > pixel_limit:
        raise ImageError(
            f"{file.name}: {image.width}x{image.height} pixels exceed the limit of {pixel_limit}. "
            "Raise pixel_limit if the file can be trusted."
        )
    pages = image.get("n-pages") if "n-pages" in image.get_fields() else 1
    if pages > 1 or (file.form == "PNG" and png.is_animated(file.data)):
        what = f"holds {pages} pages" if file.form == "TIFF" else "is animated or holds several images"
        raise ImageError(f"{file.name}: {what}; expected one still image. Save one of them to a file of its own.")
    return image


def _read_metadata(image: Any, file: _File) -> tuple[Metadata, list[str]]:
    fields = set(image.get_fields())

    def blob(name: str) -> bytes | None:
        return (bytes(image.get(name)) or None) if name in fields else None

    icc = blob("icc-profile-data")
    notes: list[str] = []
    if file.form == "PNG":
        return png.extract(file.data, icc=icc), notes
    exif, iptc = blob("exif-data"), None
    exif = exif and exif_block.strip_prefix(exif)
    resolution = exif and exif_block.read_resolution(exif)
    if file.form == "TIFF":
        exif, iptc = file.tiff.exif, blob("photoshop-data")
        if "resolution-unit" in fields:
            resolution = image.xres * 25.4, image.yres * 25.4
        if exif_block.find_byte_order(file.data) is None:
            notes.append("EXIF of a BigTIFF is not read")
    elif file.form == "JPEG":
        iptc = jpeg.extract_iptc(file.data)
        resolution = jpeg.read_resolution(file.data) or resolution
        if jpeg.has_extended_xmp(file.data):
            notes.append("the extended part of its XMP is dropped")
    return Metadata(icc=icc, exif=exif, xmp=blob("xmp-data"), iptc=iptc, resolution=resolution or None), notes


def _convert_to_rgb(image: Any, metadata: Metadata) -> tuple[Any, Metadata, list[str]]:
    """Convert CMYK and Lab, which no output format but TIFF could hold, to sRGB."""
    if image.interpretation in _DEVICE_INDEPENDENT:
        return image.colourspace("rgb16"), dataclasses.replace(metadata, icc=None), ["Lab was converted to sRGB"]
    if image.interpretation != "cmyk":
        return image, metadata, []
    depth = 16 if image.format == "ushort" else 8
    options = {"intent": "relative", "black_point_compensation": True, "depth": depth, "embedded": True}
    note = "CMYK was converted to sRGB by its own profile"
    converted = None
    if metadata.icc_space == b"CMYK":
        try:
            converted = image.icc_transform("srgb", **options)
        except failure_types():
            clear_errors()
    if converted is None:
        note = "CMYK has no usable profile and was converted to sRGB by a common one: colours may differ"
        converted = image.icc_transform("srgb", input_profile="cmyk", **options)
    profile = bytes(converted.get("icc-profile-data"))
    return converted, dataclasses.replace(metadata, icc=profile), [note]


def _decode_pixels(image: Any, file: _File) -> tuple[NDArray[np.float32], Depth, list[str]]:
    """Decode (H, W, 1 to 4) samples in [0, 1], their depth, and notes."""
    if image.bands > 4:
        raise ImageError(f"{file.name}: {image.bands} channels; expected grey or RGB, with or without alpha.")
    levels = image.numpy().reshape(image.height, image.width, image.bands)
    notes: list[str] = []
    depth: Depth = 32
    if levels.dtype == np.uint8:
        pixels, depth = dequantize(levels), 8
    elif levels.dtype == np.uint16:
        pixels, depth = _dequantize_words(levels, image, file), 16
    elif levels.dtype == np.float32:
        pixels = clamp(levels, name=file.name)
        if pixels is not levels:
            notes.append(f"float samples from {levels.min():g} to {levels.max():g} were clamped to [0, 1]")
    else:
        raise ImageError(f"{file.name}: samples of type {levels.dtype}; expected 1 to 16 bit, or 32-bit float.")
    return pixels, depth, notes


def _dequantize_words(levels: NDArray[np.uint16], image: Any, file: _File) -> NDArray[np.float32]:
    """Dequantize 16-bit words; libvips shifts the 10 or 12 bits of AVIF to the top, so that white would be grey."""
    bits = int(image.get("bits-per-sample")) if file.form in ("AVIF", "HEIC") else 16
    return dequantize(np.right_shift(levels, 16 - bits), bits)


def _find_orientation(image: Any, file: _File, metadata: Metadata) -> int | None:
    """Find the orientation that is to be applied, 1 to 8; ``None`` when the file states none.

    The decoder of AVIF and HEIC applies the one that counts there; their EXIF only repeats it.
    """
    stated = exif_block.read_orientation(metadata.exif) if metadata.exif else None
    if file.form in ("AVIF", "HEIC"):
        return None if stated is None and not avif.is_turned(file.data) else 1
    if file.form == "TIFF":
        return int(image.get("orientation")) if "orientation" in image.get_fields() else None
    return stated


def _find_further_images(file: _File) -> tuple[str, ...]:
    if file.form == "JPEG":
        return jpeg.find_further_images(file.data)
    return avif.find_further_images(file.data) if file.form in ("AVIF", "HEIC") else ()


def _is_lossy(file: _File) -> bool:
    if file.form == "WebP":
        return webp.is_lossy(file.data)
    return file.form in ("JPEG", "AVIF", "HEIC") or file.tiff.lossy

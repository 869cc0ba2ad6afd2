"""Decoding of an image file whose format is known: one still image, its channels told apart, its metadata settled."""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images.containers import png
from kukkiri.images.encoded_file import EncodedFile
from kukkiri.images.file_metadata import (
    find_further_images,
    find_orientation,
    get_field,
    is_lossy,
    read_metadata,
)
from kukkiri.images.image import Depth, Image, clamp
from kukkiri.images.libvips import clear_errors, failure_types, vips
from kukkiri.images.metadata import Metadata
from kukkiri.images.orientation import apply_orientation, settle_metadata
from kukkiri.images.pixel_limit import PixelLimitError
from kukkiri.images.quantization import dequantize
from kukkiri.images.row_source import RowSource
from kukkiri.images.tiff_samples import decode_page, is_unusual

__all__ = ["DECODED", "EncodedFile", "decode", "decode_rows", "find_strictness"]

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
DECODED = tuple(_LOADERS)
"""Formats that are tried, in the words of :func:`kukkiri.images.formats.recognize`."""
_DEVICE_INDEPENDENT = {"lab", "labq", "labs", "lch", "cmc", "xyz", "yxy", "hsv"}


def find_strictness(form: str) -> str:
    """Return the kind of trouble, in libvips' words, at which a file of a format counts as damaged."""
    return _LOADERS[form][1]


def decode(file: EncodedFile, strictness: str, pixel_limit: int) -> Image:
    """Decode a file.

    Raises:
        ImageError: it is not one still image within the pixel limit.
        Error: of libvips, see :func:`kukkiri.images.libvips.failure_types`.
    """
    image = _open_header(file, strictness, pixel_limit)
    metadata, notes = read_metadata(image, file)
    levels, bits, metadata, changes = _decode_levels(image, file, metadata, strictness)
    pixels, depth, clamped = _dequantize(levels, bits, file)
    orientation = find_orientation(image, file, metadata)
    metadata, left_out = settle_metadata(metadata, orientation, further=find_further_images(file))
    notes = [*notes, *left_out, *changes, *clamped]
    return _make_image(apply_orientation(pixels, orientation), file, depth=depth, metadata=metadata, notes=notes)


def decode_rows(file: EncodedFile, strictness: str, pixel_limit: int) -> RowSource:
    """Decode a file a few rows at a time.

    An image that is turned, and one that libvips does not give row by row, is decoded whole, but stays in integers.

    Raises:
        ImageError: see :func:`decode`.
        Error: of libvips; also when rows are fetched.
    """
    image = _open_header(file, strictness, pixel_limit)
    metadata, notes = read_metadata(image, file)
    orientation = find_orientation(image, file, metadata)
    straight = orientation in (None, 1) and file.form not in ("AVIF", "HEIC")
    if image is not None and straight and image.format in ("uchar", "ushort"):
        image, metadata, changes = _convert_to_rgb(image, metadata)
        size, bands, bits = (image.height, image.width), image.bands, 8 if image.format == "uchar" else 16
        region = vips().Region.new(image)

        def fetch(start: int, stop: int) -> NDArray[Any]:
            samples = region.fetch(0, start, size[1], stop - start)
            return np.frombuffer(samples, np.uint8 if bits == 8 else np.uint16).reshape(stop - start, size[1], bands)

    else:
        levels, bits, metadata, changes = _decode_levels(image, file, metadata, strictness)
        levels = apply_orientation(levels, orientation)
        if levels.dtype == np.float32:
            levels, _, clamped = _dequantize(levels, bits, file)
            changes = [*changes, *clamped]
        size, bands = (levels.shape[0], levels.shape[1]), levels.shape[2]

        def fetch(start: int, stop: int) -> NDArray[Any]:
            return levels[start:stop]

    metadata, left_out = settle_metadata(metadata, orientation, further=find_further_images(file))
    notes = [*notes, *left_out, *changes]

    def make(rows: NDArray[Any]) -> Image:
        pixels, depth = (rows, 32) if rows.dtype == np.float32 else _dequantize(rows, bits, file)[:2]
        return _make_image(pixels, file, depth=cast("Depth", depth), metadata=metadata, notes=notes)

    dtype = np.float32 if bits == 32 else np.uint8 if bits <= 8 else np.uint16
    template = make(np.zeros((1, size[1], bands), dtype=dtype))
    return RowSource(template, size, lambda start, stop: make(fetch(start, stop)))


def _make_image(
    pixels: "Planes", file: EncodedFile, *, depth: Depth, metadata: Metadata, notes: Sequence[str]
) -> Image:
    colour, alpha, extra = _split(pixels, file)
    return Image(
        colour=colour,
        alpha=alpha,
        extra=extra,
        depth=depth,
        metadata=metadata,
        source=file.path,
        lossy=is_lossy(file),
        notes=tuple(notes),
    )


def _open_header(file: EncodedFile, strictness: str, pixel_limit: int) -> Any:
    """Read the header; refuse anything but one still image within the pixel limit."""
    clear_errors()
    size = (0, 0) if file.page is None else file.page.size
    options = {"page": file.page_number} if file.page_number else {}
    if file.page is not None and is_unusual(file.page) and min(size) > 0:
        height, width = size
        image = None
    else:
        load = getattr(vips().Image, _LOADERS[file.form][0])
        image = load(file.data, fail_on=strictness, access="sequential", **options)
        height, width = image.height, image.width
    if width * height > pixel_limit:
        raise PixelLimitError(
            f"{file.name}: {width}x{height} pixels exceed the limit of {pixel_limit}. Raise it if the file can be "
            "trusted: --max-pixels of kukkiri upscale, pixel_limit in Python.",
            pixels=width * height,
            shown=f"{width}x{height}",
        )
    pages = 1 if image is None or file.form == "TIFF" else get_field(image, "n-pages", 1)
    if not file.is_chosen and (pages > 1 or (file.form == "PNG" and png.is_animated(file.data))):
        raise ImageError(
            f"{file.name}: is animated or holds several images; expected one still image. kukkiri upscale does all of "
            "them; in Python kukkiri.images.read_page(path, 1) reads one."
        )
    return image


def _decode_levels(
    image: Any, file: EncodedFile, metadata: Metadata, strictness: str
) -> tuple[NDArray[Any], int, Metadata, list[str]]:
    """Decode (H, W, C) samples of grey or RGB with what comes behind them, and their bits."""
    if image is None and file.page is not None:
        levels, bits, meaning = decode_page(file.data, file.page, fail_on=strictness)
        if meaning == "rgb":
            return levels, bits, metadata, []
        signed = file.page.photometric == 8
        image = _make_lab(levels, signed=signed)
    image, metadata, notes = _convert_to_rgb(image, metadata)
    if file.form == "TIFF" or image.bands <= 4:
        levels = image.numpy().reshape(image.height, image.width, image.bands)
    else:
        raise ImageError(f"{file.name}: {image.bands} channels; expected grey or RGB, with or without alpha.")
    bits = 8 * levels.dtype.itemsize
    if file.form in ("AVIF", "HEIC"):
        levels, bits = _settle_avif(levels, int(get_field(image, "bits-per-sample", 8)), file, metadata)
    return levels, bits, metadata, notes


def _make_lab(levels: NDArray[Any], *, signed: bool) -> Any:
    """Lab of the usual units from 8-bit or 16-bit levels; a* and b* are signed in CIELab and offset in ICCLab."""
    deep = levels.dtype == np.uint16
    lightness = levels[..., 0].astype(np.float32) * np.float32(100 / (65280 if deep else 255))
    if signed:
        rest = levels[..., 1:3].view(np.int16 if deep else np.int8).astype(np.float32) / (256 if deep else 1)
    else:
        rest = levels[..., 1:3].astype(np.float32) / (256 if deep else 1) - 128
    lab = np.dstack([lightness, rest]).astype(np.float32)
    return vips().Image.new_from_array(np.ascontiguousarray(lab), interpretation="lab")


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


def _settle_avif(levels: NDArray[Any], bits: int, file: EncodedFile, metadata: Metadata) -> tuple[NDArray[Any], int]:
    """Undo two things that the decoder leaves: levels shifted to the top of a word, and grey of limited range."""
    if levels.dtype == np.uint16:
        levels = np.right_shift(levels, 16 - bits)
    if file.colour is None or not file.colour.monochrome or metadata.icc_space == b"RGB ":
        return levels, bits
    grey, rest = levels[..., :1], levels[..., 3:]
    if not file.colour.full_range:
        black, span = 16 << (bits - 8), 219 << (bits - 8)
        white = 2**bits - 1
        spread = (grey.astype(np.int64) - black) * (2 * white) + span
        grey = np.clip(spread // (2 * span), 0, white).astype(levels.dtype)
    return np.concatenate([grey, rest], axis=2), bits


def _dequantize(levels: NDArray[Any], bits: int, file: EncodedFile) -> tuple[NDArray[np.float32], Depth, list[str]]:
    if levels.dtype == np.uint8 and bits == 8:
        return dequantize(levels), 8, []
    if levels.dtype in (np.uint8, np.uint16):
        return dequantize(levels, bits), 8 if bits <= 8 else 16, []
    if levels.dtype != np.float32:
        raise ImageError(f"{file.name}: samples of type {levels.dtype}; expected 1 to 16 bit, or 32-bit float.")
    pixels = clamp(levels, name=file.name)
    if pixels is levels:
        return pixels, 32, []
    return pixels, 32, [f"float samples from {levels.min():g} to {levels.max():g} were clamped to [0, 1]"]


Planes = NDArray[np.float32]


def _split(pixels: Planes, file: EncodedFile) -> tuple[Planes, Planes | None, Planes | None]:
    """Split channels into colour (H, W, 1 or 3), alpha (H, W) and extra samples (H, W, K)."""
    bands = pixels.shape[2]
    if file.page is None:
        roles: tuple[int, ...] = (2,) if bands in (2, 4) else ()
    else:
        roles = file.page.extra
    count = bands - len(roles)
    if count not in (1, 3):
        raise ImageError(f"{file.name}: {bands} channels; expected grey or RGB, with or without alpha.")
    colour = pixels[..., :count]
    behind = [pixels[..., count + at] for at in range(len(roles))]
    place = next((at for at, role in enumerate(roles) if role in (1, 2)), None)
    alpha = None if place is None else behind.pop(place)
    if alpha is not None and place is not None and roles[place] == 1 and len(roles) > 1:
        divisor = alpha[..., None]
        colour = np.divide(colour, divisor, out=np.zeros_like(colour), where=divisor > 0).clip(0, 1)
    extra = np.ascontiguousarray(np.stack(behind, axis=-1)) if behind else None
    return np.ascontiguousarray(colour), None if alpha is None else np.ascontiguousarray(alpha), extra

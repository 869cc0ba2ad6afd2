"""Images from any source: a path, bytes, an open file, an array, a Pillow image."""

import dataclasses
import re
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images import exif as exif_block
from kukkiri.images.image import Image
from kukkiri.images.metadata import Metadata
from kukkiri.images.orientation import apply_orientation, settle_metadata
from kukkiri.images.reading import PIXEL_LIMIT, decode_image, read_image, read_limit

__all__ = ["EncodedImage", "ImageSource", "PillowImage", "ReadableFile", "is_array", "open_image", "return_in_kind"]


class _ExifBlock(Protocol):
    def __len__(self) -> int: ...

    def tobytes(self) -> bytes: ...


@runtime_checkable
class ReadableFile(Protocol):
    """A file opened for reading, or anything like one: ``io.BytesIO``, a response, an upload."""

    def read(self, size: int = -1, /) -> bytes:
        """Return ``size`` bytes or fewer, all that are left when it is negative."""
        ...


@runtime_checkable
class PillowImage(Protocol):
    """The part of ``PIL.Image.Image`` that is used here; Pillow itself is never imported."""

    @property
    def mode(self) -> str:
        """Pixel format, such as ``RGB``, ``P`` or ``I;16``."""
        ...

    @property
    def info(self) -> Mapping[str | tuple[int, int], object]:
        """Metadata of the file."""
        ...

    @property
    def has_transparency_data(self) -> bool:
        """True with an alpha channel, or with a palette entry or a colour that is transparent."""
        ...

    def convert(self, mode: str, /) -> "PillowImage":
        """Return the image in another pixel format."""
        ...

    def getexif(self) -> _ExifBlock:
        """Return the EXIF block."""
        ...

    def load(self) -> object:
        """Decode the pixels."""
        ...


EncodedImage = str | PathLike[str] | bytes | bytearray | memoryview | ReadableFile
"""An image file: its path, its bytes, or an open file."""
ImageSource = EncodedImage | NDArray[np.generic] | PillowImage | Image
"""The types that :func:`open_image` takes."""

_ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+:/+(?!/)", re.IGNORECASE)  # two letters or more: C:/ is a drive
_EXPECTED = "a path, bytes, a binary file, a NumPy array, a PIL.Image or a kukkiri.Image"
_LOSSY = {"JPEG", "MPO", "AVIF", "HEIF"}
_CONVERTED = {
    "1": "L", "L": "L", "LA": "LA", "La": "LA",
    "RGB": "RGB", "RGBA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "P": "RGB", "PA": "RGBA",
    "YCbCr": "RGB", "HSV": "RGB",
}  # fmt: skip
"""For Pillow's 8-bit modes that lose nothing worth a note: the mode whose samples are taken."""
_WITH_ALPHA = {"L": "LA", "RGB": "RGBA", "LA": "LA", "RGBA": "RGBA"}
_REFUSED = {
    "CMYK": 'Give kukkiri the file itself, whose colour profile it uses, or image.convert("RGB").',
    "LAB": "Convert it with PIL.ImageCms first, or give kukkiri the file itself.",
    "I": 'Its white level is unknown: give an array, np.asarray(image) / white, or image.convert("I;16") when it is '
    "65535.",
}


def open_image(source: ImageSource, *, pixel_limit: int = PIXEL_LIMIT) -> Image:
    """Make an image from any source that holds one.

    Args:
        source: one of

            - a path, as str or ``os.PathLike``: see :func:`read_image`;
            - the bytes of an image file, or a file opened in binary mode, which is read to its end;
            - an array: see :meth:`Image.from_array`; lists and whatever NumPy can read as an array will do, too;
            - a ``PIL.Image``: its frame as it stands. The EXIF orientation is applied as it is for a file; colour
              profile, EXIF, XMP and resolution are kept where Pillow has them. Palettes become RGB, transparent colours
              and palette entries become alpha, 16-bit grey keeps its depth; ``F`` must be in [0, 1];
            - an :class:`Image`, which is given back.
        pixel_limit: for sources that are decoded here, see :func:`read_image`.

    Raises:
        ImageError: it cannot be read: no such file, not an image, an address, a Pillow mode without a clear meaning.
        TypeError: something else.
    """
    if isinstance(source, Image):
        return source
    if isinstance(source, str | PathLike):
        path = fspath(source)
        _refuse_address(path)
        return read_image(path, pixel_limit=pixel_limit)
    if isinstance(source, bytes | bytearray | memoryview):
        return decode_image(bytes(source), pixel_limit=pixel_limit)
    if isinstance(source, PillowImage):
        return _from_pillow(source)
    if isinstance(source, ReadableFile):
        return _from_file(source, pixel_limit)
    return _from_array(source)


def _refuse_address(path: str) -> None:
    if path.lower().startswith("file:/"):
        raise ImageError(f"{path}: is an address. Give the path alone, without file://.")
    if _ADDRESS.match(path):
        raise ImageError(f"{path}: is an address, not a file. Download it first, then give the path or the bytes.")


def _from_file(file: ReadableFile, pixel_limit: int) -> Image:
    name = getattr(file, "name", None)
    name = name if isinstance(name, str) and name else "the file object"
    try:
        data = file.read(read_limit(pixel_limit) + 1)
    except (OSError, ValueError) as error:  # closed, or opened for writing; UnicodeDecodeError of a text file
        raise ImageError(f"{name}: cannot be read ({error}). Open it in binary mode, 'rb'.") from error
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ImageError(f"{name}: gives {type(data).__name__}, not bytes. Open it in binary mode, 'rb'.")
    return decode_image(bytes(data), name=name, pixel_limit=pixel_limit)


def _from_array(source: object) -> Image:
    if (
        isinstance(source, list | tuple)
        and source
        and isinstance(source[0], str | bytes | PathLike | Image | PillowImage)
    ):
        raise TypeError(f"a {type(source).__name__} of images; expected one: {_EXPECTED}. Call it once for each.")
    if not isinstance(source, list | tuple) and not hasattr(source, "__array__"):
        hint = " cv2.imread gives None for a file that it cannot read." if source is None else ""
        raise TypeError(f"{type(source).__name__} is no image; expected {_EXPECTED}.{hint}")
    try:
        array = np.asarray(source)
    except (TypeError, ValueError, RuntimeError) as error:  # a tensor on a GPU or with a gradient; a ragged list
        raise ImageError(f"{type(source).__name__}: gives no array ({error}). Convert it to a NumPy array.") from error
    return Image.from_array(array)


def _from_pillow(image: PillowImage) -> Image:
    try:
        image.load()  # may settle the orientation, so that EXIF is read afterwards
        levels, notes = _pillow_samples(image)
        exif = _pillow_exif(image)
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"a PIL.Image that Pillow cannot decode ({error}). Get the file again.") from error
    orientation = exif_block.read_orientation(exif) if exif else None
    opened = Image.from_array(np.ascontiguousarray(apply_orientation(levels, orientation)))
    found = Metadata(icc=_blob(image, "icc_profile"), exif=exif, xmp=_blob(image, "xmp"), resolution=_resolution(image))
    if getattr(image, "is_animated", False):
        notes = (*notes, "only the frame at which the PIL.Image stands is used")
    metadata, left_out = settle_metadata(found, orientation)
    return dataclasses.replace(
        opened,
        metadata=metadata,
        lossy=getattr(image, "format", None) in _LOSSY,
        notes=(*notes, *left_out),
    )


def _pillow_samples(image: PillowImage) -> tuple[NDArray[np.generic], tuple[str, ...]]:
    """(H, W[, 2 to 4]) samples, and notes.

    Raises:
        ImageError: a mode whose samples have no clear meaning.
    """
    mode = image.mode
    if mode == "F":
        return np.asarray(image), ()
    if mode.startswith("I;16"):
        levels = np.asarray(image).astype(np.uint16)  # of any byte order
        key = image.info.get("transparency")
        if not isinstance(key, int):
            return levels, ()
        return np.stack((levels, np.where(levels == key, 0, 65535).astype(np.uint16)), axis=-1), ()
    target = _CONVERTED.get(mode)
    if target is None:
        remedy = _REFUSED.get(mode, 'Convert it first, with image.convert("RGB").')
        raise ImageError(f"a PIL.Image of mode {mode} cannot be used as it is. {remedy}")
    if image.has_transparency_data:
        target = _WITH_ALPHA[target]
    notes = (f"{mode} was converted to RGB",) if mode in ("YCbCr", "HSV") else ()
    return np.asarray(image if mode == target else image.convert(target)), notes


def _pillow_exif(image: PillowImage) -> bytes | None:
    """Return the block as the file held it, else what was set on the image since.

    Pillow's block of a TIFF file also tells how the pixels are stored, which is not true of the result.
    """
    block = _blob(image, "exif")
    if block is None and getattr(image, "format", None) != "TIFF":
        exif = image.getexif()
        block = exif.tobytes() if len(exif) else None
    return block and exif_block.strip_prefix(block)


def _blob(image: PillowImage, key: str) -> bytes | None:
    value = image.info.get(key)
    return value if isinstance(value, bytes) and value else None


def _resolution(image: PillowImage) -> tuple[float, float] | None:
    value = image.info.get("dpi")
    if not isinstance(value, tuple) or len(value) != 2 or value == (1, 1):  # Pillow's for a TIFF file without one
        return None
    across, down = (float(number) for number in value)
    return (across, down) if across > 0 and down > 0 else None


def is_array(source: ImageSource) -> bool:
    """True for a source of :func:`open_image` that is taken for an array."""
    return not isinstance(source, str | PathLike | bytes | bytearray | memoryview | PillowImage | ReadableFile | Image)


def return_in_kind(image: Image, source: ImageSource) -> NDArray[np.generic] | Image:
    """Return an image as its source was given: as an array of the same dtype and axes when that was an array.

    Args:
        image: made from ``source``, of any size.
        source: see :func:`open_image`.

    Returns:
        (H, W[, C]) of ``image``, else ``image`` itself.
    """
    if not is_array(source):
        return image
    values = np.asarray(source)
    result = image.to_array().astype(values.dtype, copy=False)
    return result.reshape(*result.shape[:2], *values.shape[2:])

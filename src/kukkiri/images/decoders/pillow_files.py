"""BMP, TGA and JPEG 2000 through Pillow, which reads more of their kinds than anything else this small."""

import io
import re
import struct
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images.containers.iso_media import boxes, find_box
from kukkiri.images.decoders.decoder import check_size, make_image
from kukkiri.images.decoders.deep_colours import read_deep_jpeg2000
from kukkiri.images.image import Image
from kukkiri.images.metadata import Metadata
from kukkiri.images.pixel_limit import PixelLimitError

__all__ = ["open_pillow", "read_bmp", "read_jpeg2000", "read_tga", "take_levels"]

_MODES = {"1": "L", "L": "L", "LA": "LA", "P": "RGB", "PA": "RGBA", "RGB": "RGB", "RGBA": "RGBA", "RGBX": "RGB"}
_INCH = 0.0254


def open_pillow(data: bytes, form: str, name: str, pixel_limit: int) -> Any:
    """Open an image of one of Pillow's formats, and check its size before it is decoded.

    Raises:
        ImageError: it exceeds the limit.
    """
    import PIL.Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = PIL.Image.open(io.BytesIO(data), formats=[form])
    except PIL.Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        pixels = int(found[0]) if found else pixel_limit + 1
        raise PixelLimitError(
            f"{name}: has {pixels} pixels, more than Pillow decodes of this format. Convert it to PNG or TIFF, which "
            "have no such limit.",
            pixels=pixels,
            shown=str(pixels),
        ) from error
    check_size((opened.height, opened.width), name, pixel_limit)
    return opened


def take_levels(opened: Any, name: str) -> NDArray[np.uint8]:
    """Take (H, W, 1 to 4) samples of 8 bits; transparent palette entries become alpha.

    Raises:
        ImageError: pixels of another kind, such as CMYK.
    """
    mode = _MODES.get(opened.mode)
    if mode is None:
        raise ImageError(
            f"{name}: has {opened.mode} pixels, which are not decoded from this format. Convert it to RGB first."
        )
    if opened.has_transparency_data and mode in ("L", "RGB"):
        mode = {"L": "LA", "RGB": "RGBA"}[mode]
    levels = np.asarray(opened if opened.mode == mode else opened.convert(mode))
    return levels.reshape(*levels.shape[:2], -1)


def read_bmp(data: bytes, name: str, pixel_limit: int) -> Image:
    """Read a Windows or OS/2 bitmap of 1 to 32 bits."""
    opened = open_pillow(data, "BMP", name, pixel_limit)
    kept, notes = _split_empty_alpha(take_levels(opened, name))
    density = struct.unpack_from("<ii", data, 38) if len(data) > 46 and data[14] >= 40 else (0, 0)
    resolution = (density[0] * _INCH, density[1] * _INCH) if min(density) > 0 else None
    return make_image(kept, bits=8, notes=notes, metadata=Metadata(resolution=resolution))


def read_tga(data: bytes, name: str, pixel_limit: int) -> Image:
    """Read a Targa file."""
    kept, notes = _split_empty_alpha(take_levels(open_pillow(data, "TGA", name, pixel_limit), name))
    return make_image(kept, bits=8, notes=notes)


def _split_empty_alpha(levels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Leave out an alpha that is 0 everywhere: programs that know no alpha write 32 bits so."""
    if levels.shape[2] in (2, 4) and not levels[..., -1].any():
        return np.ascontiguousarray(levels[..., :-1]), ("alpha is 0 everywhere and was taken for unused",)
    return levels, ()


def read_jpeg2000(data: bytes, name: str, pixel_limit: int) -> Image:
    """Read a JP2 file or a bare code stream."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(data) < start + 43:
        raise ValueError("no code stream")
    width, height, left, top = struct.unpack_from(">4I", data, start + 8)
    check_size((height - top, width - left), name, pixel_limit)
    (count,) = struct.unpack_from(">H", data, start + 40)
    coded = data[start + 42 : start + 42 + 3 * count : 3]
    bits = max((value & 0x7F) + 1 for value in coded)
    if any(value & 0x80 for value in coded):
        raise ImageError(f"{name}: has signed samples; expected unsigned ones. Convert it to PNG or TIFF first.")
    opened = open_pillow(data, "JPEG2000", name, pixel_limit)
    opened.load()
    metadata = Metadata(icc=_find_profile(data))
    if opened.mode == "I;16":
        levels = np.asarray(opened).astype(np.uint16)[..., None]
        return make_image(np.right_shift(levels, 16 - bits), bits=bits, metadata=metadata, lossy=True)
    kept = take_levels(opened, name)
    if bits <= 8:
        if kept.shape[2] == count:  # else a palette
            kept = _stretch(kept, [(value & 0x7F) + 1 for value in coded])
        return make_image(kept, bits=8, metadata=metadata, lossy=True)
    return make_image(read_deep_jpeg2000(data, name, kept, bits=bits), bits=bits, metadata=metadata, lossy=True)


def _stretch(levels: NDArray[np.uint8], bits: Sequence[int]) -> NDArray[np.uint8]:
    """Make white 255 in samples of fewer than 8 bits, which Pillow only shifts up, each component for itself."""
    kept = levels.copy()
    for place, depth in enumerate(bits):
        if depth < 8:
            whole = np.right_shift(levels[..., place], 8 - depth) * (255 / (2**depth - 1))
            kept[..., place] = np.rint(whole)
    return kept


def _find_profile(data: bytes) -> bytes | None:
    """Find the ICC profile of a JP2 file."""
    head = find_box(data, b"jp2h", 0, len(data))
    for kind, start, stop in [] if head is None else boxes(data, *head):
        if kind == b"colr" and data[start] == 2:
            return data[start + 3 : stop]
    return None

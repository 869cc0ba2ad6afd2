"""Colours of more than 8 bits of JPEG 2000 and JPEG XL, through imagecodecs (the extra deep).

imagecodecs gives samples and nothing else, so they are compared with those of 8 bits that Pillow gives: where the two
differ by more than the depth, one of them means other colours, another order, or another image of the file.
"""

import importlib.util
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError, require

__all__ = ["deepen_jpeg_xl", "read_deep_grey_alpha", "read_deep_jpeg2000"]

_Codec = Literal["jpeg2k", "jpegxl"]


def read_deep_jpeg2000(data: bytes, name: str, shallow: NDArray[np.uint8], *, bits: int) -> NDArray[np.uint16]:
    """Decode colours of more than 8 bits, for which Pillow has no substitute: it turns their brightest levels black.

    Args:
        data: of the file.
        name: beginning of messages.
        shallow: (H, W, C) of 8 bits, as Pillow decoded the file, whose rounding up wraps at white.
        bits: of a sample.

    Raises:
        BackendError: imagecodecs is missing.
        ImageError: it reads other values than Pillow.
    """
    require("imagecodecs", for_what=f"{name}: JPEG 2000 with colours of {bits} bits")
    deep = _decode(data, "jpeg2k")
    if deep is not None and deep.shape == shallow.shape:
        rounded = (deep.astype(np.uint32) + (1 << (bits - 9))) >> (bits - 8)
        apart = rounded.astype(np.uint8) - shallow  # modulo 256
        if np.minimum(apart, -apart).max(initial=0) <= 1:
            return deep
    raise ImageError(
        f"{name}: has colours of {bits} bits that its two decoders, imagecodecs and Pillow, do not agree about. "
        "Convert it to PNG or TIFF first."
    )


def deepen_jpeg_xl(
    data: bytes, shallow: NDArray[np.uint8], *, bits: int
) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], int, tuple[str, ...]]:
    """Decode the colours of a file at their full depth where that can be had.

    Args:
        data: of the file.
        shallow: (H, W, C) of 8 bits, as Pillow decoded the file.
        bits: of a sample.

    Returns:
        The levels, their bits, and a note where they are still those of 8 bits.
    """
    if bits <= 8:
        return shallow, 8, ()
    read_as = f"its {bits} bits per sample were read as 8"
    if importlib.util.find_spec("imagecodecs") is None:
        return shallow, 8, (f"{read_as}; with the extra deep (imagecodecs) all are",)
    deep = _decode(data, "jpegxl")
    if deep is not None and deep.shape == shallow.shape:
        apart = deep * np.float32(255 / (2**bits - 1)) - shallow
        if np.abs(apart).max(initial=0) <= 1.01:  # levels of 8 bits
            return deep, bits, ()
    return shallow, 8, (f"{read_as}: imagecodecs reads other values than Pillow",)


def read_deep_grey_alpha(data: bytes, name: str, size: tuple[int, int], *, bits: int) -> NDArray[np.uint16]:
    """Decode JPEG XL of grey and alpha of more than 8 bits, whose bytes pillow-jxl-plugin takes for samples of 8.

    Args:
        data: of the file.
        name: beginning of messages.
        size: (height, width).
        bits: of a sample.

    Raises:
        BackendError: imagecodecs is missing.
        ImageError: it cannot read the file as whole numbers.
    """
    require("imagecodecs", for_what=f"{name}: JPEG XL with grey and alpha of {bits} bits")
    deep = _decode(data, "jpegxl")
    if deep is None or deep.shape[2:] != (2,) or sorted(deep.shape[:2]) != sorted(size):  # an orientation turns them
        raise ImageError(
            f"{name}: has grey and alpha of {bits} bits in a form that is not read. Convert it to PNG or TIFF first."
        )
    return deep


def _decode(data: bytes, codec: _Codec) -> NDArray[np.uint16] | None:
    """(H, W, C), or ``None`` where imagecodecs cannot read a file that Pillow reads, or gives no whole numbers."""
    import imagecodecs

    decode = imagecodecs.jpeg2k_decode if codec == "jpeg2k" else imagecodecs.jpegxl_decode
    try:
        levels = np.asarray(decode(data))
    except (RuntimeError, ValueError):
        return None
    if levels.dtype != np.uint16:
        return None
    return levels[..., None] if levels.ndim == 2 else levels

"""OpenEXR through the package OpenEXR: half and float, RGB, RGBA or luminance, of one part."""

import contextlib
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images.decoders.decoder import check_size, make_linear_image
from kukkiri.images.image import Image

__all__ = ["read_openexr"]

_LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
"""Scan lines of a chunk, by compression."""
_TILED, _DEEP, _PARTS = 0x200, 0x800, 0x1000


def read_openexr(data: bytes, name: str, pixel_limit: int) -> Image:
    """Read the colours and alpha of a file; alpha is divided out, other channels are left out with a note."""
    import OpenEXR

    _check_chunks(data, name, pixel_limit)
    with tempfile.TemporaryDirectory(prefix="kukkiri-") as folder:  # the package reads files only
        file = Path(folder) / "image.exr"
        file.write_bytes(data)
        with contextlib.redirect_stdout(sys.stderr):  # where it prints warnings about damage
            opened = OpenEXR.File(str(file))
            if len(opened.parts) != 1:
                raise ImageError(f"{name}: holds {len(opened.parts)} parts; expected one. Save one part to a file.")
            channels = {key: np.asarray(channel.pixels) for key, channel in opened.channels().items()}
    return _compose(channels, name)


def _compose(channels: dict[str, NDArray[Any]], name: str) -> Image:
    joined = next((channels[key] for key in ("RGBA", "RGB") if key in channels), None)
    used = {"RGBA", "RGB"}
    alpha = None
    if joined is not None:
        colour = joined[..., :3].astype(np.float32)
        alpha = joined[..., 3].astype(np.float32) if joined.shape[2] == 4 else channels.get("A")
    elif "Y" in channels and not {"RY", "BY"} & channels.keys():
        colour, alpha, used = channels["Y"].astype(np.float32)[..., None], channels.get("A"), {"Y"}
    else:
        found = ", ".join(sorted(channels)) or "none"
        raise ImageError(f"{name}: its channels are {found}; expected R, G, B or Y. Save those alone.")
    notes = []
    others = sorted(key for key in channels if key not in used | {"A"})
    if others:
        notes.append(f"channels other than colour and alpha are left out: {', '.join(others)}")
    if alpha is not None:
        alpha = alpha.astype(np.float32)
        if not np.isfinite(alpha).all() or alpha.min() < 0 or alpha.max() > 1:
            notes.append("alpha outside [0, 1] was clamped")
            alpha = np.nan_to_num(alpha).clip(0, 1)
        divisor = alpha[..., None]
        if (colour[alpha == 0] != 0).any():
            notes.append("light under an alpha of 0, such as a glow, was lost with the transparency")
        colour = np.divide(colour, divisor, out=np.zeros_like(colour), where=divisor > 0)
    return make_linear_image(np.ascontiguousarray(colour), name=name, alpha=alpha, notes=tuple(notes))


def _check_chunks(data: bytes, name: str, pixel_limit: int) -> None:
    """Check the size, and that no chunk of a plain file lies beyond its end: the package fills what is missing."""
    (version,) = struct.unpack_from("<I", data, 4)
    if version & _DEEP:
        raise ImageError(f"{name}: holds deep samples; expected one colour for each pixel. Flatten it first.")
    attributes, position = _read_attributes(data, 8)
    left, top, right, bottom = struct.unpack("<4i", attributes[b"dataWindow"])
    check_size((bottom - top + 1, right - left + 1), name, pixel_limit)
    if version & (_TILED | _PARTS):
        return
    lines = _LINES.get(attributes[b"compression"][0], 0)
    if not lines:
        return
    chunks = -(-(bottom - top + 1) // lines)
    for offset in struct.unpack_from(f"<{chunks}Q", data, position):
        _, length = struct.unpack_from("<iI", data, offset)
        if not offset or offset + 8 + length > len(data):
            raise ValueError("pixels beyond the end of the file")


def _read_attributes(data: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    found = {}
    while data[position : position + 1] != b"\0":
        end = data.index(b"\0", position)
        start = data.index(b"\0", end + 1) + 1
        (length,) = struct.unpack_from("<I", data, start)
        found[data[position:end]] = data[start + 4 : start + 4 + length]
        position = start + 4 + length
        if position >= len(data):
            raise ValueError("a header without end")
    return found, position + 1

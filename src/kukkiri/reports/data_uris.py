"""Pixels as WebP files and data addresses inside a page."""

import base64
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image, Metadata
from kukkiri.resampling import resize

__all__ = ["data_uri", "encode", "thumbnail"]

Array = NDArray[Any]


def encode(pixels: Array, *, icc: bytes | None = None, lossless: bool = True) -> bytes:
    """Encode pixels as a WebP file.

    Args:
        pixels: uint8, (H, W), (H, W, 3) or (H, W, 4); at most 16383 along each side.
        icc: colour profile of RGB pixels.
        lossless: otherwise quality 80, for overviews.
    """
    image = Image.from_array(pixels)
    if icc is not None:
        image = dataclasses.replace(image, metadata=Metadata(icc=icc))
    with tempfile.TemporaryDirectory(prefix="kukkiri-") as folder:
        path = Path(folder) / "image.webp"
        image.save(path, quality=100 if lossless else 80)
        return path.read_bytes()


def thumbnail(pixels: Array, *, side: int = 176) -> bytes:
    """Encode a small WebP file of (H, W, 3) uint8 pixels, ``side`` pixels along its longer side."""
    height, width = pixels.shape[:2]
    share = min(1.0, side / max(height, width))
    size = (max(1, round(share * height)), max(1, round(share * width)))
    return encode(np.asarray(resize(pixels, output_size=size)), lossless=False)


def data_uri(webp: bytes) -> str:
    """Encode a WebP file as a ``data:`` address."""
    return "data:image/webp;base64," + base64.b64encode(webp).decode("ascii")

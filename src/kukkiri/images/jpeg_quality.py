"""The quality of a JPEG file, read from its quantization table, and its chroma subsampling.

The quality of the IJG's encoder scales the luminance table of ITU-T T.81, Table K.1; files of other encoders are given
the quality whose table is nearest.
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.containers.jpeg import read_segments

__all__ = ["JpegQuality", "choose_jpeg_options", "read_jpeg_quality"]

_START = 2**20  # bytes in which the tables stand, after the thumbnail and the profile
_TABLES, _FRAMES = 0xDB, (0xC0, 0xC1, 0xC2)
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
"""Row by row."""


class JpegQuality(int):
    """A quality from 1 to 100 that also says how chroma is stored."""

    full_chroma: bool

    def __new__(cls, quality: int, *, full_chroma: bool) -> "JpegQuality":
        """Make a quality; ``full_chroma``: one sample for each pixel instead of one for four."""
        made = super().__new__(cls, quality)
        made.full_chroma = full_chroma
        return made


def read_jpeg_quality(path: Path) -> JpegQuality | None:
    """Read the quality of a JPEG file; ``None`` when it is none, or its tables are not found."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_START)
    except (OSError, ValueError):
        return None
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    table, full = None, True
    for marker, start, stop in read_segments(data):
        content = data[start:stop]
        if marker == _TABLES and table is None:
            table = _read_table(content)
        elif marker in _FRAMES and len(content) >= 12 and content[5] >= 3:
            full = content[7] != 0x22 or content[10] != 0x11
    return None if table is None else JpegQuality(_find_quality(table), full_chroma=full)


def choose_jpeg_options(quality: int | None) -> dict[str, Any]:
    """Return the options of libvips' encoder: quality 95 unless given, chroma in full from quality 90 on."""
    options: dict[str, Any] = {"Q": int(quality or 95)}
    if isinstance(quality, JpegQuality):
        options["subsample_mode"] = "off" if quality.full_chroma else "on"
    return options


def _read_table(content: bytes) -> NDArray[np.int64] | None:
    """Table 0 of a segment of quantization tables, in the order of the file."""
    position = 0
    while position < len(content):
        wide, number = content[position] >> 4, content[position] & 15
        length = 128 if wide else 64
        values = content[position + 1 : position + 1 + length]
        if len(values) < length:
            return None
        if number == 0:
            return np.array(struct.unpack(">64H" if wide else "64B", values), dtype=np.int64)
        position += 1 + length
    return None


def _find_quality(table: NDArray[np.int64]) -> int:
    """Find the quality whose table is nearest."""
    distances = [float(np.abs(_make_table(quality) - table).sum()) for quality in range(1, 101)]
    return 1 + int(np.argmin(distances))


def _make_table(quality: int) -> NDArray[np.int64]:
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality
    scaled = (np.array(_LUMINANCE, dtype=np.int64) * factor + 50) // 100
    return np.clip(scaled, 1, 255)[_zigzag()]


def _zigzag() -> list[int]:
    """Positions, row by row, in the order of the file: along the diagonals, up and down in turns."""
    places = [(row, column) for row in range(8) for column in range(8)]
    places.sort(key=lambda place: (sum(place), place[0] if sum(place) % 2 else -place[0]))
    return [8 * row + column for row, column in places]

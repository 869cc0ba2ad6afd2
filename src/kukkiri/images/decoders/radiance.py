"""Radiance HDR: three mantissas and a common exponent for each pixel. Reference: Ward, Graphics Gems II."""

import re

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images.decoders.decoder import check_size, make_linear_image
from kukkiri.images.image import Image
from kukkiri.images.orientation import apply_orientation

__all__ = ["read_radiance"]

_SIZE = re.compile(rb"([-+])([XY])\s+(\d{1,9})\s+([-+])([XY])\s+(\d{1,9})[ \t\r]*\n")
_ORIENTATIONS = {
    b"-Y+X": 1, b"-Y-X": 2, b"+Y-X": 3, b"+Y+X": 4, b"+X-Y": 5, b"-X-Y": 6, b"-X+Y": 7, b"+X+Y": 8,
}  # fmt: skip
"""EXIF's number for the order of the scan lines."""
_RUN_WIDTHS = range(8, 32768)


def read_radiance(data: bytes, name: str, pixel_limit: int) -> Image:
    """Read RGBE, with runs or without; exposures in the header are undone."""
    end = re.search(rb"\n[ \t\r]*\n", data[:65536])
    size_line = None if end is None else _SIZE.match(data, end.end())
    if end is None or size_line is None:
        raise ValueError("no size in its header")
    head = data[: end.end()]
    if b"32-bit_rle_xyze" in head:
        raise ImageError(f"{name}: holds XYZ colours, which are not decoded here. Convert it to RGBE first.")
    lines, columns = int(size_line[3]), int(size_line[6])
    check_size((lines, columns), name, pixel_limit)
    levels = _read_lines(np.frombuffer(data, np.uint8), size_line.end(), lines=lines, columns=columns)
    exponents = np.ldexp(np.float32(1), levels[..., 3].astype(np.int32) - 136)
    linear = levels[..., :3].astype(np.float32) * np.where(levels[..., 3:] > 0, exponents[..., None], 0)
    for exposure in re.findall(rb"(?m)^EXPOSURE\s*=\s*([-+0-9.eE]+)", head):
        linear = linear / np.float32(exposure)
    order = b"".join(size_line.group(1, 2, 4, 5))
    return make_linear_image(apply_orientation(linear.astype(np.float32), _ORIENTATIONS.get(order, 1)), name=name)


def _read_lines(data: NDArray[np.uint8], start: int, *, lines: int, columns: int) -> NDArray[np.uint8]:
    levels = np.zeros((lines, columns, 4), dtype=np.uint8)
    for line in range(lines):
        mark = data[start : start + 4]
        if len(mark) < 4:
            raise ValueError(f"{line} of {lines} lines")
        if columns in _RUN_WIDTHS and mark[0] == 2 and mark[1] == 2 and mark[2] < 128:
            if 256 * int(mark[2]) + int(mark[3]) != columns:
                raise ValueError(f"line {line} has another length")
            start = _read_runs(data, start + 4, levels[line])
        else:
            start = _read_old(data, start, levels[line])
    return levels


def _read_runs(data: NDArray[np.uint8], start: int, line: NDArray[np.uint8]) -> int:
    """Read a line whose four channels are stored one after the other."""
    columns = len(line)
    for channel in range(4):
        at = 0
        while at < columns:
            count = int(data[start])
            run = count - 128 if count > 128 else count
            if not run or at + run > columns:
                raise ValueError("a run beyond its line")
            if count > 128:
                line[at : at + run, channel] = data[start + 1]
                start += 2
            else:
                part = data[start + 1 : start + 1 + run]
                line[at : at + run, channel] = part
                start += 1 + run
            at += run
    return start


def _read_old(data: NDArray[np.uint8], start: int, line: NDArray[np.uint8]) -> int:
    """Read a line of whole pixels, where (1, 1, 1, n) repeats the last one n times."""
    columns, at, shift = len(line), 0, 0
    plain = data[start : start + 4 * columns].reshape(-1, 4) if len(data) >= start + 4 * columns else None
    if plain is not None and not (plain[:, :3] == 1).all(axis=1).any():
        line[:] = plain
        return start + 4 * columns
    while at < columns:
        pixel = data[start : start + 4]
        if len(pixel) < 4:
            raise ValueError("a line that ends early")
        start += 4
        if at and (pixel[:3] == 1).all():
            run = int(pixel[3]) << shift
            if at + run > columns:
                raise ValueError("a run beyond its line")
            line[at : at + run] = line[at - 1]
            at, shift = at + run, shift + 8
        else:
            line[at] = pixel
            at, shift = at + 1, 0
    return start

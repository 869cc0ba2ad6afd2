"""Netpbm (PBM, PGM, PPM, PAM) and PFM: a header in text, then samples. Reference: the netpbm manual; PFM by Debevec."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.images.decoders.decoder import check_size, make_image, make_linear_image
from kukkiri.images.image import Image

__all__ = ["read_netpbm", "read_pfm"]

_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([^\s#]+)")
_CHANNELS = {b"P1": 1, b"P2": 1, b"P3": 3, b"P4": 1, b"P5": 1, b"P6": 3}
_LARGEST = 65535


def read_netpbm(data: bytes, name: str, pixel_limit: int) -> Image:
    """Read PBM, PGM, PPM (in text or binary) or PAM, of up to 16 bits."""
    kind = data[:2]
    if kind == b"P7":
        size, channels, largest, start = _read_pam(data)
    else:
        count = 2 if kind in (b"P1", b"P4") else 3
        numbers, start = _read_header(data, 2, count)
        size, channels, largest = (numbers[1], numbers[0]), _CHANNELS[kind], numbers[2] if count == 3 else 1
    check_size(size, name, pixel_limit)
    if not 1 <= largest <= _LARGEST or not 1 <= channels <= 4:
        raise ValueError(f"a largest level of {largest} in {channels} channels")
    levels = _read_levels(data, start, kind, size=size, channels=channels, largest=largest)
    bits = int(largest).bit_length()
    if largest == 2**bits - 1:
        return make_image(levels, bits=bits)
    if levels.max() > largest:
        raise ValueError(f"levels up to {levels.max()}, where {largest} is white")
    scaled = (levels.astype(np.uint64) * 2 * _LARGEST + largest) // (2 * largest)
    note = f"levels of 0 to {largest} were scaled to 16 bits"
    return make_image(scaled.astype(np.uint16), bits=16, notes=(note,))


def _read_header(data: bytes, position: int, count: int) -> tuple[list[int], int]:
    """Read whole numbers of the header; one character follows the last before binary samples."""
    numbers = []
    for _ in range(count):
        match = _TOKEN.match(data, position)
        if match is None or not match[1].isdigit() or len(match[1]) > 9:
            raise ValueError("a header that is no number")
        numbers.append(int(match[1]))
        position = match.end()
    return numbers, position + 1


def _read_pam(data: bytes) -> tuple[tuple[int, int], int, int, int]:
    end = data.find(b"ENDHDR\n")
    if end < 0:
        raise ValueError("no end of the header")
    fields = {}
    for line in data[2:end].splitlines():
        parts = line.split(None, 1)
        if len(parts) == 2 and not line.startswith(b"#"):
            fields[parts[0]] = parts[1].strip()
    width, height, depth, largest = (int(fields[key]) for key in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
    return (height, width), depth, largest, end + len(b"ENDHDR\n")


def _read_levels(
    data: bytes, start: int, kind: bytes, *, size: tuple[int, int], channels: int, largest: int
) -> NDArray[Any]:
    height, width = size
    count = height * width * channels
    if kind == b"P4":
        row = -(-width // 8)
        packed = np.frombuffer(_cut(data, start, height * row), np.uint8).reshape(height, row)
        return (1 - np.unpackbits(packed, axis=1)[:, :width])[..., None]
    if kind in (b"P1", b"P2", b"P3"):
        text = re.sub(rb"#[^\n\r]*", b"", data[start - 1 :])
        if kind == b"P1":
            digits = np.frombuffer(re.sub(rb"\s", b"", text)[:count], np.uint8)
            values = 1 - (digits.astype(np.int64) - ord("0"))
        else:
            values = np.array(text.split()[:count], dtype=np.int64)
        if len(values) < count:
            raise ValueError(f"{len(values)} of {count} samples")
        if values.min() < 0 or values.max() > largest:
            raise ValueError("samples beyond white")
        return values.astype(np.uint8 if largest < 256 else np.uint16).reshape(height, width, channels)
    deep = largest > 255
    samples = np.frombuffer(_cut(data, start, count * (2 if deep else 1)), ">u2" if deep else np.uint8)
    return samples.astype(np.uint16 if deep else np.uint8).reshape(height, width, channels)


def _cut(data: bytes, start: int, length: int) -> bytes:
    if start + length > len(data):
        raise ValueError(f"{max(0, len(data) - start)} of {length} bytes of samples")
    return data[start : start + length]


def read_pfm(data: bytes, name: str, pixel_limit: int) -> Image:
    """Read a PFM, whose rows go upwards and whose scale says the byte order by its sign."""
    match = re.match(rb"P([Ff])\s+(\d{1,9})\s+(\d{1,9})\s+([-+0-9.eE]+)[ \t\r]*\n", data)
    if match is None:
        raise ImageError(f"{name}: this PFM has a damaged header. Get the file again.")
    size, channels = (int(match[3]), int(match[2])), 3 if match[1] == b"F" else 1
    check_size(size, name, pixel_limit)
    order = "<" if float(match[4]) < 0 else ">"
    samples = np.frombuffer(_cut(data, match.end(), 4 * size[0] * size[1] * channels), f"{order}f4")
    linear = samples.reshape(*size, channels)[::-1].astype(np.float32)
    return make_linear_image(np.ascontiguousarray(linear), name=name)

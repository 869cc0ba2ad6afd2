"""Animated PNG: frames that cover a part of the canvas, taken apart into plain PNGs and put together from such.

Reference: W3C PNG, third edition, sections 4.9 and 11.3.6.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from kukkiri.images.containers.png import split_chunks

__all__ = [
    "SIGNATURE",
    "Apng",
    "ApngFrame",
    "find_pixels",
    "make_chunk",
    "make_control",
    "make_frame_control",
    "read_apng",
]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SHARED = (b"PLTE", b"tRNS", b"sBIT")
"""Chunks in front of the pixels that say what the samples of every frame mean."""
_LARGEST_PART = 65535


@dataclass(frozen=True)
class ApngFrame:
    """One frame: a part of the canvas, and what becomes of it."""

    corner: tuple[int, int]
    """(top, left) on the canvas."""
    size: tuple[int, int]
    """(height, width)."""
    duration: Fraction
    """Seconds."""
    disposal: int
    """Before the next frame, the part of the canvas is left (0), cleared (1) or restored (2)."""
    over: bool
    """Laid over the canvas by its alpha, rather than replacing it."""
    png: bytes
    """The frame as a PNG of its own."""


@dataclass(frozen=True)
class Apng:
    """An animation."""

    size: tuple[int, int]
    """(height, width) of the canvas."""
    plays: int
    """Number of plays; 0 for ever."""
    frames: tuple[ApngFrame, ...]


def read_apng(data: bytes) -> Apng | None:
    """Take an animation apart; ``None`` when the file is no animation, or its frames are damaged or not all there."""
    head: bytes | None = None
    control: bytes | None = None
    shared: list[bytes] = []
    controls: list[bytes] = []
    pixels: list[list[bytes]] = []
    for kind, start, stop in split_chunks(data):
        content = data[start:stop]
        if kind == b"IHDR":
            head = content
        elif kind == b"acTL":
            control = content
        elif kind in _SHARED:
            shared.append(make_chunk(kind, content))
        elif kind == b"fcTL":
            controls.append(content)
            pixels.append([])
        elif kind == b"IDAT" and controls:  # else an image for readers that do not know animations
            pixels[-1].append(content)
        elif kind == b"fdAT" and controls:
            pixels[-1].append(content[4:])
    if head is None or control is None or len(head) != 13 or len(control) != 8:
        return None
    count, plays = struct.unpack(">II", control)
    if count != len(controls) or not all(pixels) or any(len(content) != 26 for content in controls):
        return None
    width, height = struct.unpack_from(">II", head)
    made = [_make_frame(head, *each, shared=shared) for each in zip(controls, pixels, strict=True)]
    for frame in made:
        (top, left), (rows, columns) = frame.corner, frame.size
        if not rows or not columns or top + rows > height or left + columns > width:
            return None
    return Apng((height, width), plays, tuple(made))


def _make_frame(head: bytes, control: bytes, pixels: list[bytes], *, shared: list[bytes]) -> ApngFrame:
    _, width, height, left, top, above, below, disposal, blend = struct.unpack(">IIIIIHHBB", control)
    pieces = [SIGNATURE, make_chunk(b"IHDR", struct.pack(">II", width, height) + head[8:]), *shared]
    pieces += [make_chunk(b"IDAT", content) for content in pixels]
    pieces.append(make_chunk(b"IEND", b""))
    duration = Fraction(above, below or 100)
    return ApngFrame((top, left), (height, width), duration, disposal, blend == 1, b"".join(pieces))


def make_chunk(kind: bytes, content: bytes) -> bytes:
    """Make a chunk with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def make_control(count: int, plays: int) -> bytes:
    """Make the chunk that says that a PNG is an animation."""
    return make_chunk(b"acTL", struct.pack(">II", count, plays))


def make_frame_control(number: int, frame: ApngFrame) -> bytes:
    """Make the chunk in front of a frame's pixels.

    Args:
        number: of the chunk among those of the animation.
        frame: its part, duration and disposal; its pixels are not read.
    """
    duration = frame.duration.limit_denominator(_LARGEST_PART)
    if duration.numerator > _LARGEST_PART:
        duration = Fraction(min(_LARGEST_PART, round(frame.duration)))
    (top, left), (height, width) = frame.corner, frame.size
    sides = struct.pack(">IIIII", number, width, height, left, top)
    times = struct.pack(">HH", duration.numerator, duration.denominator)
    return make_chunk(b"fcTL", sides + times + bytes([frame.disposal, int(frame.over)]))


def find_pixels(png: bytes) -> Iterator[bytes]:
    """Yield the content of each chunk of pixels of a PNG."""
    for kind, start, stop in split_chunks(png):
        if kind == b"IDAT":
            yield png[start:stop]

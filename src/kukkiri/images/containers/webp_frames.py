"""WebP animations: frames, each a still WebP for a part of the canvas. Reference: Google's WebP container format."""

import struct

from kukkiri.images.containers.webp import split_chunks
from kukkiri.images.metadata import Metadata

__all__ = ["is_animated", "make_chunk", "make_frame", "make_head", "make_tail"]

_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02
_LONGEST = 2**24 - 1


def is_animated(start: bytes) -> bool:
    """True when the first bytes of a file say that it is an animation."""
    return start[8:16] == b"WEBPVP8X" and len(start) > 20 and bool(start[20] & _ANIMATION)


def make_head(metadata: Metadata, *, size: tuple[int, int], plays: int, alpha: bool) -> bytes:
    """Make everything before the first frame, with a length of zero, which is not known yet.

    Args:
        metadata: profile, EXIF and XMP that the file will have.
        size: (height, width) of the canvas.
        plays: 0 for ever.
        alpha: some frame may have alpha.
    """
    flags = _ANIMATION | (_ALPHA if alpha else 0)
    for content, flag in ((metadata.icc, _ICC), (metadata.exif, _EXIF), (metadata.xmp, _XMP)):
        flags |= flag if content else 0
    height, width = size
    extended = make_chunk(b"VP8X", struct.pack("<I", flags) + _number(width - 1) + _number(height - 1))
    profile = make_chunk(b"ICCP", metadata.icc) if metadata.icc else b""
    return b"RIFF\0\0\0\0WEBP" + extended + profile + make_chunk(b"ANIM", bytes(4) + struct.pack("<H", plays & 0xFFFF))


def make_frame(still: bytes, *, corner: tuple[int, int], size: tuple[int, int], milliseconds: int) -> bytes:
    """Make a frame that replaces a part of the canvas and stays.

    Args:
        still: a WebP file.
        corner: (top, left), even numbers.
        size: (height, width).
        milliseconds: that it is shown.
    """
    (top, left), (height, width) = corner, size
    where = _number(left // 2) + _number(top // 2) + _number(width - 1) + _number(height - 1)
    body = [make_chunk(kind, content) for kind, content in split_chunks(still) if kind in (b"ALPH", b"VP8 ", b"VP8L")]
    return make_chunk(b"ANMF", where + _number(min(_LONGEST, milliseconds)) + b"\x02" + b"".join(body))


def make_tail(metadata: Metadata) -> bytes:
    """Make everything behind the last frame."""
    exif = make_chunk(b"EXIF", metadata.exif) if metadata.exif else b""
    return exif + (make_chunk(b"XMP ", metadata.xmp) if metadata.xmp else b"")


def make_chunk(kind: bytes, content: bytes) -> bytes:
    """Make a chunk, padded to even length."""
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _number(value: int) -> bytes:
    return value.to_bytes(3, "little")

"""GIF animations: the frames that are really there, and extensions put into a file that has none."""

from dataclasses import dataclass

from kukkiri.images.metadata import Metadata

__all__ = ["GifBlocks", "embed", "walk"]

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_MAGIC = bytes([1, *range(255, -1, -1), 0])
"""The end of XMP in a GIF: readers that skip sub-blocks land on its last zero wherever they enter it."""


@dataclass(frozen=True)
class GifBlocks:
    """The blocks of a file."""

    frames: int
    """Complete ones."""
    is_cut: bool
    """The file ends within a block."""


def _table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def walk(data: bytes) -> GifBlocks:
    """Count the frames by walking over all blocks; a missing trailer, or bytes behind the last frame, are no damage."""
    frames, position = 0, 13 + (_table(data[10]) if len(data) > 10 else 0)
    while position < len(data):
        kind = data[position]
        if kind == _EXTENSION:
            position += 2
        elif kind == _IMAGE:
            if position + 10 > len(data):
                return GifBlocks(frames, is_cut=True)
            position += 11 + _table(data[position + 9])
        else:
            return GifBlocks(frames, is_cut=False)
        while position < len(data) and data[position]:
            position += 1 + data[position]
        if position >= len(data):
            return GifBlocks(frames, is_cut=True)
        position += 1
        frames += kind == _IMAGE
    return GifBlocks(frames, is_cut=False)


def embed(data: bytes, metadata: Metadata) -> bytes:
    """Put comments, colour profile and XMP into a file that has none of them, before its first block."""
    start = 13 + _table(data[10])
    pieces = [b"\x21\xfe" + _split(comment) for comment in metadata.comments]
    if metadata.icc is not None:
        pieces.append(b"\x21\xff\x0bICCRGBG1012" + _split(metadata.icc))
    if metadata.xmp is not None and b"\0" not in metadata.xmp:
        pieces.append(b"\x21\xff\x0bXMP DataXMP" + metadata.xmp + _MAGIC)
    if not pieces:
        return data
    head = b"GIF89a" + data[6:start]
    return head + b"".join(pieces) + data[start:]


def _split(content: bytes) -> bytes:
    parts = [content[start : start + 255] for start in range(0, len(content), 255)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"

"""WebP: a RIFF file of chunks padded to even length. Reference: Google's WebP container specification."""

import struct
from collections.abc import Iterator

from kukkiri.images.metadata import Metadata

__all__ = ["embed", "is_lossy", "split_chunks"]

_ICC, _ALPHA, _EXIF, _XMP = 0x20, 0x10, 0x08, 0x04


def split_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, content) of each chunk."""
    return _split(data, 12)


def _split(data: bytes, position: int) -> Iterator[tuple[bytes, bytes]]:
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        yield kind, data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def is_lossy(data: bytes) -> bool:
    """True when the pixels, or those of a frame, are in a lossy chunk."""
    return any(kind == b"VP8 " for kind, _ in split_chunks(data)) or any(
        kind == b"VP8 " for frame, content in split_chunks(data) if frame == b"ANMF" for kind, _ in _split(content, 16)
    )


def embed(data: bytes, metadata: Metadata, size: tuple[int, int]) -> bytes:
    """Put the profile, EXIF and XMP into a file that has none of them.

    Args:
        data: the file.
        metadata: the blocks to put in.
        size: (height, width), for the extended header that metadata needs.
    """
    extra = {b"ICCP": metadata.icc, b"EXIF": metadata.exif, b"XMP ": metadata.xmp}
    if not any(extra.values()):
        return data
    chunks = dict(split_chunks(data))
    flags = chunks.pop(b"VP8X", b"\0")[0] & _ALPHA
    if b"VP8L" in chunks:
        flags |= _ALPHA if chunks[b"VP8L"][4] & 0x10 else 0  # 14 bits of width, 14 of height, 1 of alpha
    for kind, flag in ((b"ICCP", _ICC), (b"EXIF", _EXIF), (b"XMP ", _XMP)):
        flags |= flag if extra[kind] else 0
    height, width = size
    header = struct.pack("<I", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    pieces = [_chunk(b"VP8X", header)]
    if metadata.icc:
        pieces.append(_chunk(b"ICCP", metadata.icc))
    pieces += [_chunk(kind, content) for kind, content in chunks.items()]
    pieces += [_chunk(kind, content) for kind, content in extra.items() if content and kind != b"ICCP"]
    body = b"WEBP" + b"".join(pieces)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

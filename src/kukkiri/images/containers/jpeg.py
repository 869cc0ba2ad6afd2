"""JPEG: marker segments of at most 65,533 bytes before the scan. Reference: ITU-T T.81, Adobe XMP part 3."""

import struct
from collections.abc import Iterator

from kukkiri.images.exif import PREFIX
from kukkiri.images.metadata import Metadata

__all__ = [
    "embed",
    "extract_comments",
    "extract_iptc",
    "find_further_images",
    "has_extended_xmp",
    "read_resolution",
    "read_segments",
]

_ROOM = 65533
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_ICC = b"ICC_PROFILE\0"
_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
_APP0, _APP1, _APP2, _APP13, _SCAN, _END, _COMMENT = 0xE0, 0xE1, 0xE2, 0xED, 0xDA, 0xD9, 0xFE


def read_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, stop) of the content of each segment before the scan."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in (_SCAN, _END):
            return
        (length,) = struct.unpack_from(">H", data, position + 2)
        yield marker, position + 4, position + 2 + length
        position += 2 + length


def find_further_images(data: bytes) -> tuple[str, ...]:
    """Words for the images that follow the first: CIPA DC-007 lists them, ISO 21496-1 announces a gain map."""
    found: dict[str, None] = {}
    for marker, start, _ in read_segments(data):
        if marker == _APP2 and data.startswith(_GAIN_MAP, start):
            return ("a gain map",)
        if marker == _APP2 and data.startswith(b"MPF\0", start):
            found["a gain map, depth map or preview"] = None
    return tuple(found)


def has_extended_xmp(data: bytes) -> bool:
    """True when the XMP continues in further segments."""
    return any(marker == _APP1 and data.startswith(_EXTENDED_XMP, start) for marker, start, _ in read_segments(data))


def read_resolution(data: bytes) -> tuple[float, float] | None:
    """Read (horizontal, vertical) pixels per inch from the JFIF segment; ``None`` without a unit."""
    for marker, start, stop in read_segments(data):
        if marker == _APP0 and data.startswith(b"JFIF\0", start) and stop - start >= 12:
            unit, across, down = struct.unpack_from(">BHH", data, start + 7)
            inches = {1: 1.0, 2: 2.54}.get(unit, 0.0)
            return (across * inches, down * inches) if inches and across and down else None
    return None


def extract_iptc(data: bytes) -> bytes | None:
    """Read Photoshop's image resources, joined over their segments."""
    found = [
        data[start + len(_PHOTOSHOP) : stop]
        for marker, start, stop in read_segments(data)
        if marker == _APP13 and data.startswith(_PHOTOSHOP, start)
    ]
    return b"".join(found) or None


def extract_comments(data: bytes) -> tuple[bytes, ...]:
    """Read the comments, each of one segment."""
    found = (data[start:stop].rstrip(b"\0") for marker, start, stop in read_segments(data) if marker == _COMMENT)
    return tuple(comment for comment in found if comment)


def embed(data: bytes, metadata: Metadata) -> tuple[bytes, list[str]]:
    """Put the metadata into a file that has none, behind its JFIF segment.

    Returns:
        The file, and a note for each block that is too large for a segment.
    """
    body = 2
    for marker, start, stop in read_segments(data):
        if marker == _APP0 and data.startswith(b"JFIF\0", start):
            body = stop
        break
    across, down = (min(65535, max(1, round(density))) for density in metadata.resolution or (1, 1))
    unit = 0 if metadata.resolution is None else 1
    jfif = b"JFIF\0" + struct.pack(">HBHHBB", 0x0102, unit, across, down, 0, 0)
    pieces, notes = [b"\xff\xd8", _segment(_APP0, jfif)], []
    blocks = (
        ("EXIF", _APP1, PREFIX, metadata.exif),
        ("XMP", _APP1, _XMP, metadata.xmp),
    )
    for name, marker, prefix, block in blocks:
        if block is None:
            continue
        if len(prefix) + len(block) > _ROOM:
            notes.append(f"{name} of {len(block)} bytes is too large for JPEG and was dropped")
            continue
        pieces.append(_segment(marker, prefix + block))
    parts = list(_cut(metadata.icc or b"", _ROOM - len(_ICC) - 2))
    if len(parts) > 255:
        notes.append("the colour profile is too large for JPEG and was dropped")
        parts = []
    pieces += [_segment(_APP2, _ICC + bytes((at, len(parts))) + part) for at, part in enumerate(parts, 1)]
    pieces += [_segment(_APP13, _PHOTOSHOP + part) for part in _cut(metadata.iptc or b"", _ROOM - len(_PHOTOSHOP))]
    for comment in metadata.comments:
        pieces += [_segment(_COMMENT, part) for part in _cut(comment, _ROOM)]
    return b"".join([*pieces, data[body:]]), notes


def _cut(block: bytes, length: int) -> Iterator[bytes]:
    return (block[at : at + length] for at in range(0, len(block), length))


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content

"""GIF: blocks in a row; comments, a colour profile and XMP are extensions. Reference: GIF89a; Adobe XMP part 3."""

from collections.abc import Iterator

from kukkiri.images.metadata import Metadata

__all__ = ["extract"]

_EXTENSION, _IMAGE = 0x21, 0x2C
_COMMENT, _APPLICATION = 0xFE, 0xFF
_MAGIC_TRAILER = 258


def _table(flags: int) -> int:
    """Bytes of a colour table that a descriptor's flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _extensions(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (label, start, stop) of each extension's sub-blocks, the terminator included."""
    if len(data) < 13:
        return
    position = 13 + _table(data[10])
    while position + 2 <= len(data):
        kind = data[position]
        if kind == _EXTENSION:
            start = position + 2
        elif kind == _IMAGE and position + 10 <= len(data):
            start = position + 11 + _table(data[position + 9])
        else:
            return
        stop = start
        while stop < len(data) and data[stop]:
            stop += 1 + data[stop]
        if kind == _EXTENSION:
            yield data[position + 1], start, min(stop + 1, len(data))
        position = stop + 1


def _join(data: bytes, start: int, stop: int) -> bytes:
    parts = []
    while start < stop and data[start]:
        parts.append(data[start + 1 : start + 1 + data[start]])
        start += 1 + data[start]
    return b"".join(parts)


def extract(data: bytes) -> Metadata:
    """Read comments, colour profile and XMP."""
    comments = []
    icc = xmp = None
    for label, start, stop in _extensions(data):
        if label == _COMMENT:
            comments.append(_join(data, start, stop))
        elif label == _APPLICATION and data.startswith(b"\x0bICCRGBG1012", start):
            icc = _join(data, start + 12, stop)
        elif label == _APPLICATION and data.startswith(b"\x0bXMP DataXMP", start):
            xmp = data[start + 12 : max(start + 12, stop - _MAGIC_TRAILER)]
    return Metadata(icc=icc or None, xmp=xmp or None, comments=tuple(comment for comment in comments if comment))

"""Multi-page TIFF: files of one page linked into one, and the check that a chain of pages is whole.

Reference: TIFF 6.0, section 2, pages 55 (PageNumber) and 36 (NewSubfileType); BigTIFF as libtiff writes it.
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

__all__ = ["PageLinker", "count_lost_pages"]

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_SUBFILE, _PAGE_NUMBER = 254, 297
_PLACES = {273: 279, 324: 325}
"""Offsets of strips and tiles, and the tags with their lengths."""
_INSIDE = {34665, 34853, 40965}
"""Pointers to the directories of EXIF, GPS and interoperability."""
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


@dataclass
class _Directory:
    entries: dict[int, tuple[int, int, bytes]]
    """Tag to (kind, count, value)."""
    inside: "dict[int, _Directory]" = field(default_factory=dict)


class PageLinker:
    """Writes pages one after the other into a TIFF file."""

    def __init__(self, stream: BinaryIO, *, pages: int, big: bool) -> None:
        """Write the header.

        Args:
            stream: a new file.
            pages: that will follow.
            big: make a BigTIFF, for more than 4 GB.
        """
        self._stream, self._pages, self._big = stream, pages, big
        self._count = 0
        stream.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0) if big else struct.pack("<2sHI", b"II", 42, 0))
        self._link = 8 if big else 4

    def add(self, page: bytes) -> None:
        """Append a page: the pixels' bytes as they are, and its directories with new offsets.

        Args:
            page: a little-endian TIFF file of one page.
        """
        directory = _read_first(page)
        for places, lengths in _PLACES.items():
            if places in directory.entries:
                directory.entries[places] = self._copy(page, directory.entries[places], directory.entries[lengths])
        directory.entries[_SUBFILE] = (4, 1, struct.pack("<I", 2))
        directory.entries[_PAGE_NUMBER] = (3, 2, struct.pack("<HH", self._count & 0xFFFF, self._pages & 0xFFFF))
        at, link = self._write(directory)
        self._stream.seek(self._link)
        self._stream.write(struct.pack("<Q" if self._big else "<I", at))
        self._stream.seek(0, os.SEEK_END)
        self._link = link
        self._count += 1

    def _copy(
        self, page: bytes, places: tuple[int, int, bytes], lengths: tuple[int, int, bytes]
    ) -> tuple[int, int, bytes]:
        moved = []
        for at, length in zip(_read_numbers(places), _read_numbers(lengths), strict=True):
            moved.append(self._align())
            self._stream.write(page[at : at + length])
        kind, code = (16, "Q") if self._big else (4, "I")
        return kind, len(moved), struct.pack(f"<{len(moved)}{code}", *moved)

    def _align(self) -> int:
        self._stream.write(b"\0" * (-self._stream.tell() % 8))
        return self._stream.tell()

    def _write(self, directory: _Directory) -> tuple[int, int]:
        """Write a directory; returns its offset, and that of its link to the next page."""
        entries: Mapping[int, tuple[int, int, bytes]] = {
            **directory.entries,
            **{tag: self._point(inner) for tag, inner in directory.inside.items()},
        }
        room, number, head = (8, "Q", "<Q") if self._big else (4, "I", "<H")
        table = []
        for tag in sorted(entries):
            kind, count, value = entries[tag]
            if len(value) > room:
                at = self._align()
                self._stream.write(value)
                value = struct.pack(f"<{number}", at)
            table.append(struct.pack(f"<HH{number}", tag, kind, count) + value.ljust(room, b"\0"))
        at = self._align()
        self._stream.write(struct.pack(head, len(table)) + b"".join(table))
        link = self._stream.tell()
        self._stream.write(bytes(room))
        return at, link

    def _point(self, directory: _Directory) -> tuple[int, int, bytes]:
        at, _ = self._write(directory)
        return (18, 1, struct.pack("<Q", at)) if self._big else (4, 1, struct.pack("<I", at))


def _read_numbers(entry: tuple[int, int, bytes]) -> tuple[int, ...]:
    kind, count, value = entry
    return struct.unpack(f"<{count}{_NUMBERS[kind]}", value)


def _read_first(data: bytes) -> _Directory:
    if data[:2] != b"II":
        raise ValueError("expected a little-endian TIFF")
    big = data[2] == 43
    (at,) = struct.unpack_from("<Q" if big else "<I", data, 8 if big else 4)
    return _read(data, at, big=big)


def _read(data: bytes, at: int, *, big: bool) -> _Directory:
    head, width, number, room = ("<Q", 20, "<Q", 8) if big else ("<H", 12, "<I", 4)
    (count,) = struct.unpack_from(head, data, at)
    start = at + struct.calcsize(head)
    found = _Directory({})
    for place in range(start, start + width * count, width):
        tag, kind = struct.unpack_from("<HH", data, place)
        (amount,) = struct.unpack_from(number, data, place + 4)
        length = _SIZES[kind] * amount
        value_at = place + width - room
        if length > room:
            (value_at,) = struct.unpack_from(number, data, value_at)
        value = data[value_at : value_at + length]
        if tag in _INSIDE:
            found.inside[tag] = _read(data, _read_numbers((kind, 1, value))[0], big=big)
        else:
            found.entries[tag] = (kind, amount, value)
    return found


def count_lost_pages(data: bytes, last: int) -> int:
    """Return 1 when the page behind one, the last that can be read, is announced but lies beyond the file, else 0.

    Args:
        data: a classic or BigTIFF file of any byte order.
        last: offset of the last directory that was read.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack(f"{order}H", data[2:4])[0] == 43
    head, width, number = ("Q", 20, "Q") if big else ("H", 12, "I")
    size, room = struct.calcsize(f"={head}"), struct.calcsize(f"={number}")
    count = struct.unpack(order + head, data[last : last + size])[0]
    at = last + size + width * count
    link = data[at : at + room]
    if len(link) < room:
        return 1
    following = struct.unpack(order + number, link)[0]
    return int(following >= len(data) - size)

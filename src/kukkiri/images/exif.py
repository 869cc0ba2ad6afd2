"""EXIF blocks: parsed, patched in place where a value changes, and moved between files with all other bytes kept.

An EXIF block is a TIFF file without pixels: a header (byte order, offset of the first directory) and directories of
12-byte entries (tag, type, count, value or offset of the value). Reference: CIPA DC-008 (Exif 2.32), TIFF 6.0.
"""

import struct
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Directory",
    "Entry",
    "Order",
    "add_description",
    "find_byte_order",
    "keep_entries",
    "make_resolution_block",
    "parse",
    "read_orientation",
    "read_resolution",
    "serialize",
    "settle_orientation",
    "settle_resolution",
    "settle_size",
    "strip_prefix",
    "swap_byte_order",
]

Order = Literal["<", ">"]

PREFIX = b"Exif\0\0"
ORIENTATION, EXIF_POINTER, GPS_POINTER, INTEROPERABILITY_POINTER = 0x0112, 0x8769, 0x8825, 0xA005
_POINTERS = (EXIF_POINTER, GPS_POINTER, INTEROPERABILITY_POINTER)
_IMAGE_WIDTH, _IMAGE_LENGTH, _PIXEL_X, _PIXEL_Y = 0x0100, 0x0101, 0xA002, 0xA003
_RELATED_WIDTH, _RELATED_LENGTH = 0x1001, 0x1002
_DESCRIPTION = 0x010E
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128

_UNIT = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}
"""Bytes of the number inside a TIFF type, the unit of a byte swap; a rational is two of them."""
_SIZE = {**_UNIT, 5: 8, 10: 8}
"""Bytes of one value of a TIFF type."""
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
"""The integer types, as ``struct`` names them. The standard wants SHORT or LONG; readers take any of them."""


@dataclass(frozen=True)
class Entry:
    """One tag's value, in the byte order of the block it came from."""

    kind: int
    count: int
    value: bytes


@dataclass(frozen=True)
class Directory:
    """The entries of one directory by tag, and the directories inside it by their pointer's tag."""

    entries: dict[int, Entry]
    inside: dict[int, "Directory"]


def strip_prefix(exif: bytes) -> bytes:
    """Drop the ``Exif\\0\\0`` that JPEG puts before the TIFF structure."""
    return exif.removeprefix(PREFIX)


def find_byte_order(block: bytes) -> Order | None:
    """Return ``<`` or ``>`` for a classic TIFF structure, ``None`` for anything else."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])  # type: ignore[return-value]


def _walk(block: bytes, start: int, order: Order, *, big: bool = False) -> Iterator[tuple[int, int, int, int]]:
    """Yield (tag, type, count, position of the entry) of one directory; a damaged one ends with the block."""
    head, number, width = ("Q", "Q", 20) if big else ("H", "I", 12)
    first = start + struct.calcsize("=" + head)
    if not 8 <= start <= len(block) - struct.calcsize("=" + head):
        return
    (count,) = struct.unpack_from(order + head, block, start)
    for position in range(first, min(first + width * count, len(block) - width + 1), width):
        yield *struct.unpack_from(f"{order}HH{number}", block, position), position


def _first(block: bytes, order: Order) -> int:
    return int(struct.unpack_from(f"{order}I", block, 4)[0]) if len(block) >= 8 else 0


def settle_orientation(exif: bytes, *, turned: bool) -> bytes:
    """Set the orientation to 1 where the block has one; every other byte stays.

    Args:
        exif: a TIFF structure; a damaged one is returned unchanged.
        turned: the pixels were rotated or flipped, so that the thumbnail inside, which was not, is dropped (its
            directory is unlinked).
    """
    order = find_byte_order(exif)
    if order is None:
        return exif
    patched = bytearray(exif)
    first = _first(exif, order)
    for tag, kind, count, position in _walk(exif, first, order):
        if tag == ORIENTATION and kind in _INTEGERS and count:
            struct.pack_into(f"{order}HHIHH", patched, position, tag, 3, 1, 1, 0)
    if turned and first + 2 <= len(exif):
        (count,) = struct.unpack_from(f"{order}H", exif, first)
        link = first + 2 + 12 * count
        if link + 4 <= len(exif):
            struct.pack_into(f"{order}I", patched, link, 0)
    return bytes(patched)


def settle_size(exif: bytes, size: tuple[int, int]) -> bytes:
    """Write (height, width) over the image size where the block states one; every other byte stays."""
    order = find_byte_order(exif)
    if order is None:
        return exif
    height, width = size
    outer = {_IMAGE_WIDTH: width, _PIXEL_X: width, _IMAGE_LENGTH: height, _PIXEL_Y: height}
    patched = bytearray(exif)
    starts = [(_first(exif, order), outer)]
    for start, sides in starts:
        for tag, kind, count, position in _walk(exif, start, order):
            if tag in (EXIF_POINTER, INTEROPERABILITY_POINTER) and len(starts) < 3:
                inner = outer if tag == EXIF_POINTER else {_RELATED_WIDTH: width, _RELATED_LENGTH: height}
                starts.append((struct.unpack_from(f"{order}I", exif, position + 8)[0], inner))
            if tag in sides and count and kind in _INTEGERS:
                # Always as a 32-bit number: an upscaled side can exceed 16 bits.
                struct.pack_into(f"{order}HHII", patched, position, tag, 4, 1, sides[tag])
    return bytes(patched)


def settle_resolution(exif: bytes, resolution: tuple[float, float]) -> bytes:
    """Write (horizontal, vertical) pixels per inch over those of the first directory; every other byte stays."""
    order = find_byte_order(exif)
    if order is None:
        return exif
    patched = bytearray(exif)
    numbers = dict(zip((_X_RESOLUTION, _Y_RESOLUTION), resolution, strict=True))
    for tag, kind, count, position in _walk(exif, _first(exif, order), order):
        if tag in numbers and kind == 5 and count == 1:
            (at,) = struct.unpack_from(f"{order}I", exif, position + 8)
            if at + 8 <= len(exif):
                struct.pack_into(f"{order}II", patched, at, round(numbers[tag] * 1000), 1000)
        elif tag == _RESOLUTION_UNIT and kind == 3 and count:
            struct.pack_into(f"{order}HHIHH", patched, position, tag, 3, 1, 2, 0)
    return bytes(patched)


def parse(block: bytes, start: int, order: Order, *, big: bool = False) -> Directory:
    """Read a directory, and those it points to, out of a TIFF structure, or out of a BigTIFF.

    Damaged entries are left out, and so are values beyond 16 MiB in total: entries of a hostile file may overlap.
    """
    room = 2**24

    def read(start: int, depth: int) -> Directory:
        nonlocal room
        entries: dict[int, Entry] = {}
        inside: dict[int, Directory] = {}
        for tag, kind, count, position in _walk(block, start, order, big=big):
            at, room_inside = (position + 12, 8) if big else (position + 8, 4)
            wide = big and (tag not in _POINTERS or kind not in (4, 13))  # a pointer of 32 bits lies in the entry
            (target,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", block, at)
            if tag in _POINTERS:
                if depth:
                    inside[tag] = read(target, depth - 1)
                continue
            length = _SIZE.get(kind, 0) * count
            at = at if length <= room_inside else target
            if 0 < length <= min(room, len(block) - at):
                room -= length
                entries[tag] = Entry(kind, count, block[at : at + length])
        return Directory(entries, inside)

    return read(start, 2)


def swap_byte_order(directory: Directory) -> Directory:
    """Return the directory in the other byte order."""

    def swap(entry: Entry) -> Entry:
        unit = _UNIT[entry.kind]
        value = b"".join(entry.value[at : at + unit][::-1] for at in range(0, len(entry.value), unit))
        return Entry(entry.kind, entry.count, value if unit > 1 else entry.value)

    return Directory(
        {tag: swap(entry) for tag, entry in directory.entries.items()},
        {tag: swap_byte_order(inner) for tag, inner in directory.inside.items()},
    )


def serialize(directory: Directory, order: Order, *, start: int) -> bytes:
    """Lay out a directory at offset ``start`` of a file, with its values and inner directories behind it."""
    tags = sorted([*directory.entries, *directory.inside])
    table = struct.pack(f"{order}H", len(tags))
    after = start + 2 + 12 * len(tags) + 4
    values = b""
    for tag in tags:
        if tag in directory.inside:
            field = struct.pack(f"{order}I", after + len(values))
            table += struct.pack(f"{order}HHI", tag, 4, 1) + field
            values += serialize(directory.inside[tag], order, start=after + len(values))
            continue
        entry = directory.entries[tag]
        field = entry.value.ljust(4, b"\0")
        if len(entry.value) > 4:
            field = struct.pack(f"{order}I", after + len(values))
            values += entry.value + b"\0" * (len(entry.value) % 2)
        table += struct.pack(f"{order}HHI", tag, entry.kind, entry.count) + field
    return table + struct.pack(f"{order}I", 0) + values


def read_orientation(exif: bytes) -> int | None:
    """Read the orientation that the block's first directory states, of any integer type.

    Returns:
        1 to 8; 1 for a number that means nothing; ``None`` where none is stated.
    """
    order = find_byte_order(exif)
    entry = None if order is None else parse(exif, _first(exif, order), order).entries.get(ORIENTATION)
    if entry is None or entry.kind not in _INTEGERS:
        return None
    (value,) = struct.unpack_from(f"{order}{_INTEGERS[entry.kind]}", entry.value)
    return int(value) if 1 <= value <= 8 else 1


def read_resolution(exif: bytes) -> tuple[float, float] | None:
    """Read (horizontal, vertical) pixels per inch; ``None`` unless the first directory states both and their unit."""
    order = find_byte_order(exif)
    if order is None:
        return None
    entries = parse(exif, _first(exif, order), order).entries
    found = []
    for tag in (_X_RESOLUTION, _Y_RESOLUTION):
        entry = entries.get(tag)
        if entry is None or entry.kind != 5 or entry.count != 1:
            return None
        above, below = struct.unpack(f"{order}II", entry.value)
        if not above or not below:
            return None
        found.append(above / below)
    unit = entries.get(_RESOLUTION_UNIT)
    inches = 1.0
    if unit is not None and unit.kind == 3:
        inches = {2: 1.0, 3: 2.54}.get(struct.unpack_from(f"{order}H", unit.value)[0], 0.0)
    return (found[0] * inches, found[1] * inches) if inches else None


def make_resolution_block(across: float, down: float) -> bytes:
    """Make a block that holds only the horizontal and vertical pixels per inch."""

    def rational(value: float) -> Entry:
        return Entry(5, 1, struct.pack("<II", round(value * 1000), 1000))

    entries = {
        _X_RESOLUTION: rational(across),
        _Y_RESOLUTION: rational(down),
        _RESOLUTION_UNIT: Entry(3, 1, struct.pack("<H", 2)),
    }
    return b"II*\0" + struct.pack("<I", 8) + serialize(Directory(entries, {}), "<", start=8)


def add_description(exif: bytes | None, text: bytes) -> bytes | None:
    """Add a description (tag 0x010E) to a block, or make a block of it.

    Everything else stays where it is: the first directory is laid out again behind the rest, and linked.

    Returns:
        The block; ``None`` when it has a description already, or is damaged.
    """
    value = text + b"\0"
    if exif is None:
        return (
            b"II*\0"
            + struct.pack("<I", 8)
            + serialize(Directory({_DESCRIPTION: Entry(2, len(value), value)}, {}), "<", start=8)
        )
    order = find_byte_order(exif)
    first = 0 if order is None else _first(exif, order)
    if order is None or not 8 <= first <= len(exif) - 2:
        return None
    (count,) = struct.unpack_from(f"{order}H", exif, first)
    end = first + 2 + 12 * count
    records = {
        struct.unpack_from(f"{order}H", exif, at)[0]: exif[at : at + 12]
        for at in range(first + 2, min(end, len(exif) - 11), 12)
    }
    if len(records) < count or _DESCRIPTION in records:
        return None
    padded = exif + b"\0" * (len(exif) % 2)
    start = len(padded) + len(value) + len(value) % 2
    field = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(f"{order}I", len(padded))
    records[_DESCRIPTION] = struct.pack(f"{order}HHI", _DESCRIPTION, 2, len(value)) + field
    link = exif[end : end + 4].ljust(4, b"\0")
    table = struct.pack(f"{order}H", len(records)) + b"".join(records[tag] for tag in sorted(records)) + link
    head = exif[:4] + struct.pack(f"{order}I", start)
    return head + padded[8:] + value + b"\0" * (len(value) % 2) + table


def keep_entries(exif: bytes, tags: Container[int]) -> bytes | None:
    """Make a block of some tags of the first directory; ``None`` when it has none of them."""
    order = find_byte_order(exif)
    if order is None:
        return None
    kept = {tag: entry for tag, entry in parse(exif, _first(exif, order), order).entries.items() if tag in tags}
    head = exif[:4] + struct.pack(f"{order}I", 8)
    return head + serialize(Directory(kept, {}), order, start=8) if kept else None

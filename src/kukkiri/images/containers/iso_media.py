"""ISO media files of still images: boxes, items, their properties and places. Reference: ISO/IEC 14496-12, 23008-12."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

__all__ = [
    "Extent",
    "Meta",
    "boxes",
    "find_box",
    "list_associations",
    "list_extents",
    "list_items",
    "list_properties",
    "read_meta",
]


@dataclass(frozen=True)
class Extent:
    """One place of an item's data, and the fields that state it."""

    item: int
    method: int
    """0: an offset into the file."""
    base: int
    offset_at: int
    offset_size: int
    length_at: int
    length_size: int
    alone: bool
    """The item's only extent."""


@dataclass(frozen=True)
class Meta:
    """Positions of the boxes that describe the items of a file; (start, stop) of their contents."""

    whole: tuple[int, int]
    primary: int | None
    """Identifier of the primary item."""
    infos: tuple[int, int] | None
    places: tuple[int, int] | None
    properties: tuple[int, int] | None
    associations: tuple[int, int] | None


def boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, stop) of the content of each box in a range."""
    position = start
    while position + 8 <= stop:
        length, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if length == 1 and position + 16 <= stop:
            (length,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        end = stop if length == 0 else position + length
        if not position + head <= end <= stop:
            return
        yield kind, position + head, end
        position = end


def find_box(data: bytes, kind: bytes, start: int, stop: int) -> tuple[int, int] | None:
    """Find the content of the first box of a type in a range."""
    return next(((at, end) for name, at, end in boxes(data, start, stop) if name == kind), None)


def read_meta(data: bytes) -> Meta | None:
    """Find the boxes that describe the items; ``None`` without a ``meta`` box."""
    whole = find_box(data, b"meta", 0, len(data))
    if whole is None:
        return None
    inside, stop = whole[0] + 4, whole[1]
    outer = find_box(data, b"iprp", inside, stop)
    pitm = find_box(data, b"pitm", inside, stop)
    primary = None
    if pitm is not None and pitm[1] - pitm[0] >= 6:
        wide = data[pitm[0]] > 0 and pitm[1] - pitm[0] >= 8
        (primary,) = struct.unpack_from(">I" if wide else ">H", data, pitm[0] + 4)
    return Meta(
        whole=whole,
        primary=primary,
        infos=find_box(data, b"iinf", inside, stop),
        places=find_box(data, b"iloc", inside, stop),
        properties=None if outer is None else find_box(data, b"ipco", *outer),
        associations=None if outer is None else find_box(data, b"ipma", *outer),
    )


def list_items(data: bytes, meta: Meta) -> Iterator[tuple[int, bytes]]:
    """Yield (identifier, type) of each item."""
    if meta.infos is None or meta.infos[1] - meta.infos[0] < 6:
        return
    start, stop = meta.infos
    for kind, at, end in boxes(data, start + (8 if data[start] > 0 else 6), stop):
        if kind != b"infe" or end - at < 12 or data[at] < 2:
            continue
        form = ">IH4s" if data[at] == 3 else ">HH4s"
        identifier, _, name = struct.unpack_from(form, data, at + 4)
        yield int(identifier), name


def list_properties(data: bytes, meta: Meta) -> list[tuple[bytes, int, int]]:
    """List (type, start, stop) of every item property, whichever item it belongs to."""
    return [] if meta.properties is None else list(boxes(data, *meta.properties))


def list_associations(data: bytes, meta: Meta) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield (item, position of its number of properties, indices of its properties from 0)."""
    if meta.associations is None:
        return
    start, stop = meta.associations
    if stop - start < 8:
        return
    number = ">I" if data[start] > 0 else ">H"
    wide = data[start + 3] & 1
    (count,) = struct.unpack_from(">I", data, start + 4)
    position = start + 8
    for _ in range(count):
        if position + struct.calcsize(number) + 1 > stop:
            return
        (item,) = struct.unpack_from(number, data, position)
        position += struct.calcsize(number)
        amount, at = data[position], position
        position += 1
        step = 2 if wide else 1
        if position + step * amount > stop:
            return
        found = [data[position + step * i : position + step * (i + 1)] for i in range(amount)]
        mask = 0x7FFF if wide else 0x7F
        yield int(item), at, tuple((int.from_bytes(index, "big") & mask) - 1 for index in found)
        position += step * amount


def list_extents(data: bytes, meta: Meta) -> Iterator[Extent]:
    """Yield the extents of all items."""
    if meta.places is None:
        return
    with suppress(struct.error, IndexError):  # the table ends too early
        yield from _read_extents(data, meta.places[0])


def _read_extents(data: bytes, start: int) -> Iterator[Extent]:
    version = data[start]
    sizes = struct.unpack_from(">H", data, start + 4)[0]
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    number = ">I" if version == 2 else ">H"
    position = start + 6
    (count,) = struct.unpack_from(number, data, position)
    position += struct.calcsize(number)
    for _ in range(count):
        (item,) = struct.unpack_from(number, data, position)
        position += struct.calcsize(number)
        method = 0
        if version > 0:
            method = struct.unpack_from(">H", data, position)[0] & 15
            position += 2
        position += 2  # data reference
        base = int.from_bytes(data[position : position + base_size], "big")
        position += base_size
        (extents,) = struct.unpack_from(">H", data, position)
        position += 2
        skipped = index_size if version > 0 else 0
        for _ in range(extents):
            offset_at = position + skipped
            length_at = offset_at + offset_size
            yield Extent(int(item), method, base, offset_at, offset_size, length_at, length_size, extents == 1)
            position = length_at + length_size

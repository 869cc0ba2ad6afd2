"""AVIF: boxes; EXIF is an item that the item location box locates. Reference: ISO/IEC 14496-12 and 23008-12."""

import struct
from collections.abc import Iterator

from kukkiri.images.exif import PREFIX

__all__ = ["find_further_images", "is_turned", "replace_exif"]


def _boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, stop) of the content of each box in a range."""
    position = start
    while position + 8 <= stop:
        length, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, position + 8)
            head = 16
        end = stop if length == 0 else position + length
        if not position + head <= end <= stop:
            return
        yield kind, position + head, end
        position = end


def _find(data: bytes, kind: bytes, start: int, stop: int) -> tuple[int, int] | None:
    return next(((at, end) for name, at, end in _boxes(data, start, stop) if name == kind), None)


def _properties(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, stop) of every item property of the file, whichever item it belongs to."""
    meta = _find(data, b"meta", 0, len(data))
    outer = None if meta is None else _find(data, b"iprp", meta[0] + 4, meta[1])
    inner = None if outer is None else _find(data, b"ipco", *outer)
    if inner is not None:
        yield from _boxes(data, *inner)


def is_turned(data: bytes) -> bool:
    """True when the file has its image rotated or mirrored, as decoders do by themselves."""
    return any(kind in (b"irot", b"imir") for kind, _, _ in _properties(data))


def _items(data: bytes, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """Yield (identifier, type) of each item in an ``iinf`` box."""
    wide = data[start] > 0
    for kind, at, end in _boxes(data, start + (8 if wide else 6), stop):
        if kind != b"infe" or end - at < 12 or data[at] < 2:
            continue
        form = ">IH4s" if data[at] == 3 else ">HH4s"
        identifier, _, name = struct.unpack_from(form, data, at + 4)
        yield int(identifier), name


def find_further_images(data: bytes) -> tuple[str, ...]:
    """Words for the images beside the main one that decoders leave out: a gain map (ISO, Apple), a depth map."""
    meta = _find(data, b"meta", 0, len(data))
    infos = None if meta is None else _find(data, b"iinf", meta[0] + 4, meta[1])
    found: dict[str, None] = {}
    if infos is not None and any(kind == b"tmap" for _, kind in _items(data, *infos)):
        found["a gain map"] = None
    for kind, start, stop in _properties(data):
        if kind == b"auxC":
            role = data[start + 4 : stop]
            found |= {"a gain map": None} if b"gainmap" in role else {"a depth map": None} if b"depth" in role else {}
    return tuple(found)


def _extent(data: bytes, start: int, item: int) -> tuple[int, int, int, int, int] | None:
    """Find an item's only extent in an ``iloc`` box: (base, position and size of the offset, of the length)."""
    version = data[start]
    sizes = struct.unpack_from(">H", data, start + 4)[0]
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    number = ">I" if version == 2 else ">H"
    position = start + 6
    (count,) = struct.unpack_from(number, data, position)
    position += struct.calcsize(number)
    for _ in range(count):
        (identifier,) = struct.unpack_from(number, data, position)
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
        if identifier == item:
            if extents != 1 or method != 0:
                return None
            return base, position + skipped, offset_size, position + skipped + offset_size, length_size
        position += extents * (skipped + offset_size + length_size)
    return None


def replace_exif(data: bytes, exif: bytes) -> bytes | None:
    """Replace the EXIF block of a file; the new block is appended to the file.

    Returns:
        The file, or ``None`` when it has no EXIF item that can be replaced.
    """
    meta = _find(data, b"meta", 0, len(data))
    if meta is None:
        return None
    inside, stop = meta[0] + 4, meta[1]
    infos, places = _find(data, b"iinf", inside, stop), _find(data, b"iloc", inside, stop)
    item = None if infos is None else next((item for item, kind in _items(data, *infos) if kind == b"Exif"), None)
    found = None if item is None or places is None else _extent(data, places[0], item)
    if found is None:
        return None
    base, offset_at, offset_size, length_at, length_size = found
    content = struct.pack(">I", len(PREFIX)) + PREFIX + exif
    offset = len(data) + 8 - base
    if offset >= 256**offset_size or len(content) >= 256**length_size:
        return None
    patched = bytearray(data)
    patched[offset_at : offset_at + offset_size] = offset.to_bytes(offset_size, "big")
    patched[length_at : length_at + length_size] = len(content).to_bytes(length_size, "big")
    return bytes(patched) + struct.pack(">I4s", 8 + len(content), b"mdat") + content

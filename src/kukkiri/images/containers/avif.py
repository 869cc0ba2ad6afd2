"""AVIF: EXIF is an item that the item location box locates; colours are a property of the image's item."""

import struct
from dataclasses import dataclass

from kukkiri.images.containers.av1 import SequenceColour, read_sequence_colour
from kukkiri.images.containers.iso_media import (
    Meta,
    boxes,
    list_associations,
    list_extents,
    list_items,
    list_properties,
    read_meta,
)
from kukkiri.images.exif import PREFIX

__all__ = [
    "Colour",
    "find_further_images",
    "find_impossible_side",
    "is_turned",
    "read_colour",
    "replace_exif",
    "set_colour",
]

_BT601, _UNSPECIFIED = 6, 2
_START = 2**12
_LONGEST = 10_000_000


@dataclass(frozen=True)
class Colour:
    """The colours that a file states by the codes of ITU-T H.273."""

    primaries: int
    transfer: int
    matrix: int
    full_range: bool
    monochrome: bool
    light_level: bytes | None = None
    """Maximum and average light level of an HDR image, as PNG's cLLI holds them."""
    mastering: bytes | None = None
    """The mastering display, as PNG's mDCV holds it."""


def find_impossible_side(data: bytes) -> int | None:
    """Find a stated side of an image or tile that no decoder takes; ``None`` when all are possible."""
    meta = read_meta(data)
    for kind, start, stop in [] if meta is None else list_properties(data, meta):
        if kind == b"ispe" and stop - start >= 12:
            side = max(struct.unpack_from(">II", data, start + 4))
            if side > _LONGEST:
                return int(side)
    return None


def is_turned(data: bytes) -> bool:
    """True when the file has its image rotated or mirrored, as decoders do by themselves."""
    meta = read_meta(data)
    return meta is not None and any(kind in (b"irot", b"imir") for kind, _, _ in list_properties(data, meta))


def find_further_images(data: bytes) -> tuple[str, ...]:
    """Words for the images beside the main one that decoders leave out: a gain map (ISO, Apple), a depth map."""
    meta = read_meta(data)
    if meta is None:
        return ()
    found: dict[str, None] = {}
    if any(kind == b"tmap" for _, kind in list_items(data, meta)):
        found["a gain map"] = None
    for kind, start, stop in list_properties(data, meta):
        if kind == b"auxC":
            role = data[start + 4 : stop]
            found |= {"a gain map": None} if b"gainmap" in role else {"a depth map": None} if b"depth" in role else {}
    return tuple(found)


def read_colour(data: bytes) -> Colour | None:
    """Read the colours of the primary image: its nclx property, else what the AV1 stream says.

    Returns:
        The codes; ``None`` when the file says nothing of its colours.
    """
    meta = read_meta(data)
    if meta is None:
        return None
    properties = list_properties(data, meta)
    own = next((indices for item, _, indices in list_associations(data, meta) if item == meta.primary), ())
    ordered = [properties[index] for index in own if 0 <= index < len(properties)] + properties
    # Of a grid only the tiles may have the property, so that the other items' count after the primary's own.
    sequence = _find_sequence(data, meta, ordered)
    monochrome = _is_monochrome(data, ordered) or (sequence is not None and sequence.monochrome)
    light = next((data[start:stop] for kind, start, stop in ordered if kind == b"clli"), b"")
    master = next((data[start:stop] for kind, start, stop in ordered if kind == b"mdcv"), b"")
    codes = None
    for kind, start, stop in ordered:
        if kind == b"colr" and data.startswith(b"nclx", start) and stop - start >= 11:
            primaries, transfer, matrix, flags = struct.unpack_from(">HHHB", data, start + 4)
            codes = primaries, transfer, matrix, bool(flags & 0x80)
            break
    if codes is None and sequence is not None:
        codes = sequence.primaries, sequence.transfer, sequence.matrix, sequence.full_range
    if codes is None:
        return None
    primaries, transfer, matrix = (code if code < 256 else _UNSPECIFIED for code in codes[:3])
    return Colour(
        primaries, transfer, matrix, codes[3], monochrome, _convert_light_level(light), _convert_mastering(master)
    )


def _find_sequence(data: bytes, meta: Meta, properties: list[tuple[bytes, int, int]]) -> SequenceColour | None:
    """Find the sequence header: behind the AV1 configuration, or at the start of an item's data."""
    for kind, start, stop in properties:
        if kind == b"av1C":
            found = read_sequence_colour(data[start + 4 : stop])
            if found is not None:
                return found
    coded = {item for item, kind in list_items(data, meta) if kind == b"av01"}
    wanted = [meta.primary] if meta.primary in coded else sorted(coded)[:1]
    for extent in list_extents(data, meta):
        if extent.item in wanted and extent.method == 0:
            at = extent.base + int.from_bytes(data[extent.offset_at : extent.offset_at + extent.offset_size], "big")
            return read_sequence_colour(data[at : at + _START])
    return None


def _is_monochrome(data: bytes, properties: list[tuple[bytes, int, int]]) -> bool:
    """True when the first AV1 configuration, which is the primary image's, says so."""
    for kind, start, stop in properties:
        if kind == b"av1C" and stop - start >= 4:
            return bool(data[start + 2] & 0x10)
    return False


def _convert_light_level(content: bytes) -> bytes | None:
    """Convert candelas per square metre in 16 bits to PNG's ten-thousandths in 32 bits."""
    if len(content) != 4:
        return None
    return struct.pack(">II", *(value * 10000 for value in struct.unpack(">HH", content)))


def _convert_mastering(content: bytes) -> bytes | None:
    """Convert the order green, blue, red of the ISO box to PNG's red, green, blue."""
    return content[8:12] + content[:8] + content[12:] if len(content) == 24 else None


def set_colour(data: bytes, primaries: int, transfer: int) -> bytes | None:
    """State the colours of the primary image by their codes; the matrix stays what the encoder took.

    Args:
        data: a file of full-range samples without a colour profile, as libvips writes it.
        primaries: a code of ITU-T H.273.
        transfer: likewise.

    Returns:
        The file, or ``None`` when it is not laid out as expected.
    """
    meta = read_meta(data)
    if meta is None or meta.properties is None or meta.associations is None:
        return None
    for kind, start, _ in list_properties(data, meta):
        if kind == b"colr" and data.startswith(b"nclx", start):
            return data[: start + 4] + struct.pack(">HH", primaries, transfer) + data[start + 8 :]
    index = len(list_properties(data, meta)) + 1
    entry = next(((at, own) for item, at, own in list_associations(data, meta) if item == meta.primary), None)
    if entry is None or entry[0] < meta.properties[1]:
        return None
    added = struct.pack(">I4s4sHHHB", 19, b"colr", b"nclx", primaries, transfer, _BT601, 0x80)
    link = struct.pack(">H" if data[meta.associations[0] + 3] & 1 else ">B", index)
    grown = len(added) + len(link)
    patched = bytearray(data)
    if not _move_items(patched, data, meta, by=grown):
        return None
    outer = next(at for kind, at in _heads(data, meta) if kind == b"iprp")
    lengths = {
        meta.whole[0] - 8: grown, outer: grown,
        meta.properties[0] - 8: len(added), meta.associations[0] - 8: len(link),
    }  # fmt: skip
    for at, more in lengths.items():
        struct.pack_into(">I", patched, at, struct.unpack_from(">I", data, at)[0] + more)
    patched[entry[0]] += 1
    end = entry[0] + 1 + len(link) * len(entry[1])
    stop = meta.properties[1]
    return bytes(patched[:stop]) + added + bytes(patched[stop:end]) + link + bytes(patched[end:])


def _heads(data: bytes, meta: Meta) -> list[tuple[bytes, int]]:
    """List (type, position) of the boxes in the ``meta`` box."""
    return [(kind, at - 8) for kind, at, _ in boxes(data, meta.whole[0] + 4, meta.whole[1])]


def _move_items(patched: bytearray, data: bytes, meta: Meta, *, by: int) -> bool:
    """Add to the offset of every item that lies behind the ``meta`` box; false when one cannot be moved."""
    for extent in list_extents(data, meta):
        if extent.method != 0:
            continue
        field = slice(extent.offset_at, extent.offset_at + extent.offset_size)
        offset = int.from_bytes(data[field], "big")
        if extent.base + offset < meta.whole[1]:
            continue
        if offset + by >= 256**extent.offset_size:
            return False
        patched[field] = (offset + by).to_bytes(extent.offset_size, "big")
    return True


def replace_exif(data: bytes, exif: bytes) -> bytes | None:
    """Replace the EXIF block of a file; the new block is appended to the file.

    Returns:
        The file, or ``None`` when it has no EXIF item that can be replaced.
    """
    meta = read_meta(data)
    if meta is None:
        return None
    item = next((item for item, kind in list_items(data, meta) if kind == b"Exif"), None)
    found = next((extent for extent in list_extents(data, meta) if extent.item == item), None)
    if found is None or not found.alone or found.method != 0:
        return None
    content = struct.pack(">I", len(PREFIX)) + PREFIX + exif
    offset = len(data) + 8 - found.base
    if offset >= 256**found.offset_size or len(content) >= 256**found.length_size:
        return None
    patched = bytearray(data)
    patched[found.offset_at : found.offset_at + found.offset_size] = offset.to_bytes(found.offset_size, "big")
    patched[found.length_at : found.length_at + found.length_size] = len(content).to_bytes(found.length_size, "big")
    return bytes(patched) + struct.pack(">I4s", 8 + len(content), b"mdat") + content

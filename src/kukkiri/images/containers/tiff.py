"""TIFF: directories of tags, among them pointers to the EXIF and GPS directories. Reference: TIFF 6.0; Exif 2.32."""

import mmap
import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from kukkiri.images import exif as exif_block
from kukkiri.images.containers.tiff_pages import find_layout
from kukkiri.images.exif import EXIF_POINTER, GPS_POINTER, Directory, Entry

__all__ = ["TiffFacts", "drop_resolution", "embed", "extract", "patch_file", "state_extra_samples"]

_DESCRIPTIVE = (
    *(0x010D, 0x010E, 0x011D),  # names of document and page, description
    *(0x010F, 0x0110),  # make, model
    0x0131,  # software
    *(0x0132, 0x013B, 0x013C, 0x0151),  # date, artist, host computer, target printer
    *(0x4746, 0x4749),  # rating
    0x8298,  # copyright
    *(0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F),  # title, comment, author, keywords, subject as Windows writes them
)
"""Tags of the first directory that describe the image, not the storage of its pixels."""
_EXTRA_SAMPLES = 0x0152
_COMPRESSION, _SAMPLE_FORMAT, _BITS, _RESOLUTION_UNIT = 0x0103, 0x0153, 0x0102, 0x0128
_LOST = {
    "the georeference": {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113},
    "the transfer function and primaries": {301, 318, 319},
    "the data of ImageJ": {50838, 50839},
    "IPTC captions outside Photoshop's block": {33723},
}
"""Tags that would be untrue of the result, or that only TIFF has a place for."""
_LOSSY = {6, 7, 34892, 34712, 50001}  # old JPEG, JPEG, lossy JPEG of DNG, JPEG 2000, WebP


@dataclass(frozen=True, kw_only=True)
class TiffFacts:
    """Facts about a TIFF file that libvips does not report."""

    exif: bytes | None = None
    lossy: bool = False
    bits: int = 0
    """Bits per sample; 0 when not stated."""
    kind: int = 1
    """Sample format: 1 unsigned, 2 signed, 3 float; anything else is no number."""
    lost: tuple[str, ...] = ()
    """Words for the tags that no result can keep."""


def extract(data: bytes, *, start: int | None = None) -> TiffFacts:
    """Read one directory.

    Args:
        data: the file.
        start: offset of the directory; the first one's unless given.
    """
    layout = find_layout(data)
    if layout is None:
        return TiffFacts()
    order, big, first = layout
    whole = exif_block.parse(data, first if start is None else start, order, big=big)
    described = {tag: whole.entries[tag] for tag in _DESCRIPTIVE if tag in whole.entries}
    exif = None
    if described or whole.inside:
        directory = Directory(described, whole.inside)
        head = data[:2] + struct.pack(f"{order}HI", 42, 8)
        exif = head + exif_block.serialize(directory, order, start=8)

    def number(tag: int, default: int) -> int:
        entry = whole.entries.get(tag)
        if entry is None or entry.kind != 3:
            return default
        return int(struct.unpack_from(f"{order}H", entry.value)[0])

    return TiffFacts(
        exif=exif,
        lossy=number(_COMPRESSION, 1) in _LOSSY,
        bits=number(_BITS, 0),
        kind=number(_SAMPLE_FORMAT, 1),
        lost=tuple(words for words, tags in _LOST.items() if tags & whole.entries.keys()),
    )


def drop_resolution(data: bytes) -> bytes:
    """Mark the resolution, for which libvips wrote its default, as without a unit; all other bytes are kept."""
    found = _find_resolution_unit(data)
    return data if found is None else data[: found[0]] + found[1] + data[found[0] + 4 :]


def _find_resolution_unit(data: bytes) -> tuple[int, bytes] | None:
    """Find the offset of the value of the resolution's unit, and the bytes there that say none."""
    big = data[:4] == b"II+\0"
    order = "<" if big else exif_block.find_byte_order(data)
    if order is None:
        return None
    head, number, width, room = ("Q", "Q", 20, 8) if big else ("H", "I", 12, 4)
    (first,) = struct.unpack_from(order + number, data, 8 if big else 4)
    start = first + struct.calcsize(order + head)
    for at in range(start, start + width * struct.unpack_from(order + head, data, first)[0], width):
        if struct.unpack_from(f"{order}H", data, at)[0] == _RESOLUTION_UNIT:
            return at + width - room, struct.pack(f"{order}HH", 1, 0)
    return None


def state_extra_samples(data: bytes, roles: tuple[int, ...]) -> bytes:
    """Say what the extra samples of each pixel are, for which libvips wrote that all are alpha.

    Args:
        data: a little-endian file, classic or big.
        roles: 2 for alpha, 0 for a channel of its own, as many as the file has extra samples.
    """
    big = data[2] == 43
    count_of, number, width, room = ("<Q", "<Q", 20, 8) if big else ("<H", "<I", 12, 4)
    (first,) = struct.unpack_from(number, data, 8 if big else 4)
    start = first + struct.calcsize(count_of)
    for at in range(start, start + width * struct.unpack_from(count_of, data, first)[0], width):
        tag, _, count = struct.unpack_from("<HH" + number[1:], data, at)
        if tag == _EXTRA_SAMPLES and count == len(roles):
            value = at + width - room
            place = value if 2 * count <= room else struct.unpack_from(number, data, value)[0]
            return data[:place] + struct.pack(f"<{count}H", *roles) + data[place + 2 * count :]
    return data


def embed(data: bytes, exif: bytes) -> bytes:
    """Append the EXIF directories to a TIFF file and link them from a new copy of its first directory.

    Returns:
        The larger file, or ``data`` itself when either is not a classic TIFF structure.
    """
    added = _make_directories(data, exif)
    return data if added is None else b"".join((data[:4], added[0], data[8:], added[1]))


def patch_file(stream: BinaryIO, *, exif: bytes | None, keeps_resolution: bool) -> bool:
    """Do what :func:`drop_resolution` and :func:`embed` do to a file of any size, in place.

    Args:
        stream: open to read and to write.
        exif: ``None`` to put none in.
        keeps_resolution: the resolution is true.

    Returns:
        False when there is EXIF that could not be put in.
    """
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        data: bytes = content  # type: ignore[assignment]  # sliced as bytes are
        found = None if keeps_resolution else _find_resolution_unit(data)
        if found is not None:
            stream.seek(found[0])
            stream.write(found[1])
            stream.flush()
        added = None if exif is None else _make_directories(data, exif)
    if added is None:
        return exif is None
    stream.seek(0, os.SEEK_END)
    stream.write(added[1])
    stream.seek(4)
    stream.write(added[0])
    return True


def _make_directories(data: bytes, exif: bytes) -> tuple[bytes, bytes] | None:
    """The bytes from 4 to 8 of a file with EXIF, and those behind its end; ``None`` where :func:`embed` keeps it."""
    order, theirs = exif_block.find_byte_order(data), exif_block.find_byte_order(exif)
    if order is None or theirs is None:
        return None
    described = exif_block.parse(exif, struct.unpack_from(f"{theirs}I", exif, 4)[0], theirs)
    if theirs != order:
        described = exif_block.swap_byte_order(described)
    first = struct.unpack_from(f"{order}I", data, 4)[0]
    count = struct.unpack_from(f"{order}H", data, first)[0]
    # Entries of the pixels' directory are kept unchanged: nothing before them moves, so that their offsets stay valid.
    records = {
        struct.unpack_from(f"{order}H", data, at)[0]: data[at : at + 12]
        for at in range(first + 2, first + 2 + 12 * count, 12)
    }
    extra: dict[int, Entry | Directory] = {
        tag: entry for tag, entry in described.entries.items() if tag in _DESCRIPTIVE and tag not in records
    }
    extra.update({tag: inner for tag, inner in described.inside.items() if tag in (EXIF_POINTER, GPS_POINTER)})
    if not extra:
        return None
    appended = bytearray(b"\0" * (len(data) % 2))
    for tag, added in extra.items():
        at = len(data) + len(appended)
        if isinstance(added, Directory):
            appended += exif_block.serialize(added, order, start=at)
            records[tag] = struct.pack(f"{order}HHII", tag, 4, 1, at)
        elif len(added.value) <= 4:
            records[tag] = struct.pack(f"{order}HHI", tag, added.kind, added.count) + added.value.ljust(4, b"\0")
        else:
            appended += added.value + b"\0" * (len(added.value) % 2)
            records[tag] = struct.pack(f"{order}HHII", tag, added.kind, added.count, at)
    start = len(data) + len(appended)
    appended += struct.pack(f"{order}H", len(records)) + b"".join(records[tag] for tag in sorted(records))
    appended += data[first + 2 + 12 * count : first + 6 + 12 * count]
    return (struct.pack(f"{order}I", start), bytes(appended)) if start + len(appended) < 2**32 else None

"""The directories of a TIFF or BigTIFF file: the storage of each page's pixels. Reference: TIFF 6.0, TIFF/EP, DNG."""

import struct
from dataclasses import dataclass, field

from kukkiri.images.exif import Order

__all__ = ["COMPRESSIONS", "Field", "Page", "read_pages", "restate"]

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_MOST_VALUES = 4096
_MOST_PAGES = 2**16
_SUBFILE, _OLD_SUBFILE, _WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
_SAMPLES, _ROWS, _PLANAR, _TILE_WIDTH, _TILE_LENGTH, _SUB_DIRECTORIES, _EXTRA, _FORMAT = (
    277, 278, 284, 322, 323, 330, 338, 339,
)  # fmt: skip
_COEFFICIENTS, _SUBSAMPLING, _BLACK_WHITE, _DNG_VERSION = 529, 530, 532, 50706
_REDUCED, _MASK, _DEPTH = 1, 4, 8
_STORAGE = {259, 266, 273, 278, 279, 284, 292, 293, 317, 322, 323, 324, 325, 347}
"""Tags that say where and how the bytes of a page's pixels are stored, whatever they mean."""
_BASES = {0: 1, 1: 1, 2: 3, 3: 1, 4: 1, 5: 4, 6: 3, 8: 3, 9: 3, 10: 3, 32844: 1, 32845: 3, 32803: 1, 34892: 3}
"""Samples of a pixel without the extra ones, by photometric interpretation."""

COMPRESSIONS = {
    6: "old-style JPEG", 9: "JBIG", 10: "JBIG", 32766: "NeXT", 32809: "ThunderScan", 32908: "Pixar film",
    32909: "Pixar log", 34661: "JBIG", 34676: "SGI log", 34677: "SGI log", 34712: "JPEG 2000", 34713: "Nikon raw",
    34887: "LERC", 34892: "lossy JPEG of DNG", 34925: "LZMA", 34933: "PNG", 34934: "JPEG XR", 50000: "Zstandard",
    50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
"""Names of the compressions that are not decoded here."""


@dataclass(frozen=True)
class Field:
    """One entry of a directory."""

    kind: int
    count: int
    entry: bytes
    """As it stands in the directory."""
    numbers: tuple[int, ...]
    """Its values when they are whole numbers or ratios' parts, at most 4096; else nothing."""


@dataclass(frozen=True)
class Page:
    """One page's pixels as they are stored."""

    fields: dict[int, Field] = field(repr=False)
    below: tuple["Page", ...] = ()
    """Pages of its sub-directories."""
    at: int = 0
    """Offset of its directory."""

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag, whichever integer type it has."""
        found = self.fields.get(tag)
        return found.numbers[0] if found is not None and found.numbers else default

    def numbers(self, tag: int) -> tuple[int, ...]:
        """All values of a tag."""
        found = self.fields.get(tag)
        return () if found is None else found.numbers

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.number(_LENGTH, 0), self.number(_WIDTH, 0)

    @property
    def is_whole(self) -> bool:
        """False for a reduced image, a mask or a depth map of another page."""
        return not self.number(_SUBFILE, 0) & (_REDUCED | _MASK | _DEPTH) and self.number(_OLD_SUBFILE, 1) != 2

    @property
    def is_raw(self) -> bool:
        """The mosaic of a camera's sensor, or a DNG."""
        own = self.photometric in (32803, 34892) or _DNG_VERSION in self.fields
        return own or any(page.is_raw for page in self.below)

    @property
    def photometric(self) -> int:
        """0 and 1 grey, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr, 8 to 10 Lab, ...; -1 when not stated."""
        return self.number(_PHOTOMETRIC, -1)

    @property
    def compression(self) -> int:
        """1 none, 5 LZW, 6 old-style JPEG, 7 JPEG, 8 deflate, ..."""
        return self.number(_COMPRESSION, 1)

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each sample; a value that is given once counts for all."""
        found = self.numbers(_BITS) or (1,)
        return found * self.samples if len(found) == 1 else found

    @property
    def samples(self) -> int:
        """Samples of a pixel."""
        return max(1, self.number(_SAMPLES, 1))

    @property
    def sample_format(self) -> int:
        """1 unsigned, 2 signed, 3 float; anything else is no number."""
        return self.number(_FORMAT, 1)

    @property
    def extra(self) -> tuple[int, ...]:
        """The extra samples: 1 colour multiplied by alpha, 2 alpha; 0 says nothing, so that it is a channel."""
        count = max(0, self.samples - _BASES.get(self.photometric, self.samples))
        return (*self.numbers(_EXTRA)[-count:], *(0,) * count)[:count] if count else ()

    @property
    def subsampling(self) -> tuple[int, int]:
        """(horizontal, vertical) subsampling of YCbCr."""
        across, down = (*self.numbers(_SUBSAMPLING), 2, 2)[:2] if len(self.numbers(_SUBSAMPLING)) == 2 else (2, 2)
        return across, down

    @property
    def rows(self) -> int:
        """Rows of a strip."""
        return min(self.number(_ROWS, 2**32 - 1), max(1, self.size[0]))

    @property
    def tile(self) -> tuple[int, int] | None:
        """(height, width) of a tile; ``None`` in strips."""
        width, length = self.number(_TILE_WIDTH, 0), self.number(_TILE_LENGTH, 0)
        return (length, width) if width > 0 and length > 0 else None

    @property
    def is_planar(self) -> bool:
        """Each sample has strips of its own."""
        return self.number(_PLANAR, 1) == 2 and self.samples > 1

    @property
    def ratios(self) -> dict[str, tuple[float, ...]]:
        """YCbCr coefficients and reference black and white, where they are stated."""
        found = {}
        for name, tag, count in (("coefficients", _COEFFICIENTS, 3), ("reference", _BLACK_WHITE, 6)):
            parts = self.numbers(tag)
            if len(parts) == 2 * count and all(parts[1::2]):
                found[name] = tuple(above / below for above, below in zip(parts[::2], parts[1::2], strict=True))
        return found


def read_pages(data: bytes) -> tuple[Page, ...]:
    """Read every directory of the chain, each with its sub-directories; a damaged rest is left out."""
    layout = find_layout(data)
    if layout is None:
        return ()
    order, big, first = layout
    pages: list[Page] = []
    seen = set()
    at = first
    while at and at not in seen and len(pages) < _MOST_PAGES:
        seen.add(at)
        found = _read_page(data, at, order, big=big, depth=2)
        if found is None:
            break
        page, at = found
        pages.append(page)
    return tuple(pages)


def find_layout(data: bytes) -> tuple[Order, bool, int] | None:
    """Find (byte order, is a BigTIFF, offset of the first directory); ``None``: this is no TIFF."""
    orders: dict[bytes, Order] = {b"II": "<", b"MM": ">"}
    order = orders.get(data[:2])
    if order is None or len(data) < 16:
        return None
    version = struct.unpack_from(f"{order}H", data, 2)[0]
    if version == 43:
        return order, True, struct.unpack_from(f"{order}Q", data, 8)[0]
    return (order, False, struct.unpack_from(f"{order}I", data, 4)[0]) if version == 42 else None


def _read_page(data: bytes, at: int, order: str, *, big: bool, depth: int) -> tuple[Page, int] | None:
    """Read the directory at an offset, and the offset of the next one."""
    head, width, offset = ("Q", 20, "Q") if big else ("H", 12, "I")
    start = at + struct.calcsize("=" + head)
    if not 8 <= at <= len(data) - struct.calcsize("=" + head):
        return None
    (count,) = struct.unpack_from(order + head, data, at)
    fields: dict[int, Field] = {}
    for position in range(start, min(start + width * count, len(data) - width + 1), width):
        entry = data[position : position + width]
        tag, kind = struct.unpack_from(order + "HH", entry)
        (amount,) = struct.unpack_from(order + offset, entry, 4)
        fields[tag] = Field(kind, amount, entry, _read_numbers(data, entry, kind, amount, order, big=big))
    below = []
    if depth and _SUB_DIRECTORIES in fields:
        for child in fields[_SUB_DIRECTORIES].numbers[:64]:
            found = _read_page(data, child, order, big=big, depth=depth - 1)
            below += [found[0]] if found is not None else []
    end = start + width * count
    following = struct.unpack_from(order + offset, data, end)[0] if end + (8 if big else 4) <= len(data) else 0
    return Page(fields, tuple(below), at), following


def _read_numbers(data: bytes, entry: bytes, kind: int, count: int, order: str, *, big: bool) -> tuple[int, ...]:
    room, offset = (8, "Q") if big else (4, "I")
    length = _SIZES.get(kind, 0) * count
    if kind not in (*_INTEGERS, 5, 10) or not 0 < count <= _MOST_VALUES:
        return ()
    value = entry[-room:]
    if length > room:
        (at,) = struct.unpack(order + offset, value)
        value = data[at : at + length]
    if len(value) < length:
        return ()
    code = {5: "II", 10: "ii"}.get(kind) or _INTEGERS[kind]
    return struct.unpack_from(order + code * count, value)


def restate(data: bytes, page: Page, tags: dict[int, int]) -> bytes:
    """Return the file with one page alone, whose stored bytes are given another meaning.

    A decoder that does not know the meaning still undoes the compression: samples of 12 bits, for example, are the
    rows of an 8-bit image of one and a half times the width.

    Args:
        data: the file.
        page: one of its pages.
        tags: the tags that give the new meaning. Those of the storage are kept unless they are among them, all
            others go.
    """
    layout = find_layout(data)
    if layout is None:
        return data
    order, big, _ = layout
    entries = {tag: found.entry for tag, found in page.fields.items() if tag in _STORAGE}
    for tag, value in tags.items():
        entries[tag] = struct.pack(order + ("HHQQ" if big else "HHII"), tag, 16 if big else 4, 1, value)
    at = len(data) + len(data) % 2
    table = struct.pack(order + ("Q" if big else "H"), len(entries))
    table += b"".join(entries[tag] for tag in sorted(entries)) + bytes(8 if big else 4)
    head = data[:8] + struct.pack(order + "Q", at) if big else data[:4] + struct.pack(order + "I", at)
    return b"".join((head, data[len(head) :], b"\0" * (len(data) % 2), table))

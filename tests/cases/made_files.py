"""Files that libraries refuse to write: TIFF, EXIF and XMP structures, PNG chunks and AVIF boxes, byte by byte."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

FORMATS = {1: "B", 2: "s", 3: "H", 4: "I", 5: "II", 6: "b", 7: "s", 8: "h", 9: "i", 11: "f", 12: "d", 16: "Q"}


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth colour image with soft discs and stripes, uint8, (height, width, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(float)
    out = np.stack([90 + 70 * np.sin(x / 17 + k) * np.cos(y / (13 + 3 * k) + k) for k in range(3)], axis=-1)
    for _ in range(10):
        cy, cx, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(4, 14)
        cover = np.clip(radius + 0.5 - np.hypot(y - cy, x - cx), 0, 1)[..., None]
        out = out * (1 - cover) + cover * rng.uniform(0, 255, 3)
    return np.clip(np.round(out), 0, 255).astype(np.uint8)


def tiff(*pages: dict, order: str = "<", big: bool = False) -> bytes:
    """TIFF bytes. A page: {"tags": {tag: (type, values)}, "data": [strips or tiles], "below": {pointer: [pages]}}."""
    if big:
        out = bytearray({"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HHHQ", 43, 8, 0, 0))
    else:
        out = bytearray({"<": b"II*\0", ">": b"MM\0*"}[order] + bytes(4))
    offset = order + ("Q" if big else "I")
    room = 8 if big else 4

    def place(data: bytes) -> int:
        out.extend(b"\0" * (len(out) % 2))
        out.extend(data)
        return len(out) - len(data)

    def directory(page: dict) -> tuple[int, int]:
        tags = dict(page["tags"])
        if "data" in page:
            at = [place(part) for part in page["data"]]
            tiled = 322 in tags
            tags[324 if tiled else 273] = (16 if big else 4, at)
            tags[325 if tiled else 279] = (4, [len(part) for part in page["data"]])
            for tag in page.get("also_offset", ()):
                tags[tag] = (4, at[:1])
        for pointer, below in page.get("below", {}).items():
            tags[pointer] = (16 if big else 4, [directory(child)[0] for child in below])
        entries = b""
        for tag in sorted(tags):
            kind, values = tags[tag]
            if isinstance(values, (bytes, str)):
                packed = values.encode() if isinstance(values, str) else values
                count = len(packed)
            else:
                packed = struct.pack(order + FORMATS[kind][0] * len(values), *values)
                count = len(values) // (2 if kind == 5 else 1)
            value = packed.ljust(room, b"\0") if len(packed) <= room else struct.pack(offset, place(packed))
            entries += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, count) + value
        head = struct.pack(order + ("Q" if big else "H"), len(tags))
        at = place(head + entries + bytes(room))
        return at, at + len(head) + len(entries)

    link = 8 if big else 4
    for page in pages:
        at, next_link = directory(page)
        struct.pack_into(offset, out, link, at)
        link = next_link
    return bytes(out)


def page(samples: np.ndarray, *, photometric: int, order: str = "<", **options: object) -> dict:
    """One strip of (H, W) or (H, W, C); ``extra``, ``compression``, ``pack``, ``more``, ``below``, ``bits``."""
    height, width = samples.shape[:2]
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    depth = options.get("bits") or samples.dtype.itemsize * 8
    compression = options.get("compression", 1)
    pack = options.get("pack")
    raw = pack(samples) if pack else samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    if compression == 8:
        raw = zlib.compress(raw, 9)
    tags = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [depth] * channels), 259: (3, [compression]),
        262: (3, [photometric]), 277: (3, [channels]), 278: (4, [height]), 282: (5, [300, 1]), 283: (5, [300, 1]),
        284: (3, [1]), 296: (3, [2]), **(options.get("more") or {}),
    }  # fmt: skip
    if samples.dtype.kind == "f":
        tags[339] = (3, [3] * channels)
    if options.get("extra") is not None:
        tags[338] = (3, list(options["extra"]))
    return {"tags": tags, "data": [raw], "below": options.get("below") or {}}


def exif(
    orientation: int | None,
    *,
    kind: int = 3,
    size: tuple[int, int] | None = None,
    size_kind: int = 4,
    order: str = "<",
    prefix: bytes = b"Exif\0\0",
) -> bytes:
    """An EXIF block: orientation of any TIFF type, and (width, height) in the Exif directory."""
    first: dict = {"tags": {0x0112: (kind, [orientation])} if orientation else {}}
    if size:
        first["below"] = {0x8769: [{"tags": {0xA002: (size_kind, [size[0]]), 0xA003: (size_kind, [size[1]])}}]}
    return prefix + tiff(first, order=order)


def xmp(attributes: str = "", inside: str = "", names: str = "") -> bytes:
    """A packet of one description: attributes of it, elements in it, and declarations of namespaces."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        f'xmlns:exif="http://ns.adobe.com/exif/1.0/" {names} {attributes}>{inside}</rdf:Description></rdf:RDF>'
        "</x:xmpmeta>"
    ).encode()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples: np.ndarray, *, extra: bytes = b"") -> bytes:
    """PNG of uint8 or uint16 (H, W, 1 to 4) with chunks of one's own before the pixels."""
    height, width, channels = samples.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = samples.astype(samples.dtype.newbyteorder(">"))
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows), 9)
    header = struct.pack(">IIBBBBB", width, height, 8 * samples.dtype.itemsize, colour, 0, 0, 0)
    pieces = (chunk(b"IHDR", header), extra, chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def xmp_chunk(packet: bytes) -> bytes:
    """A packet as PNG holds it."""
    return chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)


def jpeg(samples: np.ndarray, **options: object) -> bytes:
    """JPEG of quality 95."""
    out = io.BytesIO()
    Image.fromarray(samples).save(out, "JPEG", quality=95, **options)
    return out.getvalue()


def lzw(data: bytes) -> bytes:
    """TIFF's LZW with nothing but Clear, single bytes and End: as large as the input, but valid."""
    bits, count, out = 0, 0, bytearray()
    codes: list[int] = []
    for at in range(0, len(data), 250):
        codes += [256, *data[at : at + 250]]
    for code in [*codes, 257]:
        bits, count = bits << 9 | code, count + 9
        while count >= 8:
            count -= 8
            out.append(bits >> count & 255)
            bits &= (1 << count) - 1
    return bytes(out) + (bytes([bits << (8 - count) & 255]) if count else b"")

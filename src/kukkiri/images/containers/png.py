"""PNG: a signature and chunks (length, type, content, checksum). Reference: W3C PNG, third edition."""

import struct
import zlib
from collections.abc import Iterator

from kukkiri.images.metadata import Metadata

__all__ = ["embed", "extract", "is_animated", "split_chunks"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_COLOUR = (b"cICP", b"mDCV", b"cLLI", b"cHRM", b"gAMA", b"sRGB")
_CODES = (b"cICP", b"mDCV", b"cLLI")
_XMP = b"XML:com.adobe.xmp\0"
_INCH = 0.0254
_TEXT_LIMIT = 2**26


def split_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start, stop) of the content of each chunk, up to the end or to the first damaged one."""
    position = len(_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            return
        yield kind, position + 8, position + 8 + length
        position += 12 + length


def is_animated(data: bytes) -> bool:
    """True when the file is an APNG of more than one frame; its control chunk precedes the pixels."""
    for kind, start, stop in split_chunks(data):
        if kind == b"acTL" and stop - start >= 4:
            return bool(struct.unpack_from(">I", data, start)[0] > 1)
        if kind == b"IDAT":
            break
    return False


def extract(data: bytes, *, icc: bytes | None) -> Metadata:
    """Read the metadata of all chunks, also of those behind the pixels, which libvips does not read.

    Args:
        data: the file.
        icc: the colour profile, unpacked.
    """
    exif = xmp = resolution = None
    texts: list[bytes] = []
    colour: dict[bytes, bytes] = {}
    for kind, start, stop in split_chunks(data):
        if kind == b"eXIf":
            exif = data[start:stop]
        elif kind in _TEXT and data.startswith(_XMP, start):  # libvips and ImageMagick use zTXt, the others iTXt
            xmp = _text(kind, data[start + len(_XMP) : stop])
        elif kind in _TEXT:
            texts.append(kind + data[start:stop])
        elif kind in _COLOUR:
            colour[kind] = data[start:stop]
        elif kind == b"pHYs" and stop - start == 9:
            across, down, unit = struct.unpack_from(">IIB", data, start)
            if unit == 1 and across and down:
                resolution = (across * _INCH, down * _INCH)
    if icc is not None:  # it outranks all but the codes, which outrank it
        colour = {kind: content for kind, content in colour.items() if kind in _CODES} if b"cICP" in colour else {}
    return Metadata(icc=icc, exif=exif, xmp=xmp, resolution=resolution, png_text=tuple(texts), png_colour=colour)


def _text(kind: bytes, content: bytes) -> bytes | None:
    """Read the text of a chunk, behind its keyword.

    tEXt is text; zTXt a compression method and compressed text; iTXt a flag, a method, language and translated
    keyword, each ended by a zero, and text.
    """
    compressed = kind == b"zTXt" or (kind == b"iTXt" and content[:1] == b"\1")
    text = {b"tEXt": content, b"zTXt": content[1:], b"iTXt": content[2:].split(b"\0", 2)[-1]}[kind]
    try:
        return zlib.decompressobj().decompress(text, _TEXT_LIMIT) if compressed else text
    except zlib.error:
        return None


def embed(data: bytes, metadata: Metadata) -> bytes:
    """Put the metadata into a file that has none, before the pixels."""
    pieces = [_SIGNATURE]
    for kind, start, stop in split_chunks(data):
        if kind == b"pHYs":  # libvips writes one even when nothing is known
            continue
        pieces.append(data[start - 8 : stop + 4])
        if kind == b"IHDR":
            pieces += _extra_chunks(metadata)
    return b"".join(pieces)


def _extra_chunks(metadata: Metadata) -> list[bytes]:
    chunks = []
    if metadata.icc is not None:
        chunks.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    chunks += [_chunk(kind, content) for kind, content in metadata.png_colour.items()]
    if metadata.resolution is not None:
        across, down = (max(1, round(density / _INCH)) for density in metadata.resolution)
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif is not None:
        chunks.append(_chunk(b"eXIf", metadata.exif))
    if metadata.xmp is not None:
        chunks.append(_chunk(b"iTXt", _XMP + b"\0\0\0\0" + metadata.xmp))
    chunks += [_chunk(text[:4], text[4:]) for text in metadata.png_text]
    return chunks


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

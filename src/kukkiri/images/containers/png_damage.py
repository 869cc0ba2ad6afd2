"""The reason why a PNG cannot be decoded, for libpng's own words do not reach libvips' message."""

import struct
import zlib

__all__ = ["find_damage"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_CHECKED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PIECE = 2**20
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7: first column and row, step of columns and rows."""


def find_damage(data: bytes) -> str | None:
    """Walk through the chunks of a PNG.

    Returns:
        A few words on the first fault; ``None`` when the chunks are sound, so that the fault lies elsewhere.
    """
    pixels: list[bytes] = []
    header = palette = None
    position = len(_SIGNATURE)
    while True:
        if position == len(data) and pixels:
            break  # libpng does without the last chunk
        if position + 12 > len(data):
            return "the file ends between two chunks" if position >= len(data) else "the file ends inside a chunk"
        length, kind = struct.unpack_from(">I4s", data, position)
        word = _name(kind)
        if not all(65 <= byte <= 90 or 97 <= byte <= 122 for byte in kind):
            return f"a chunk at byte {position} has no valid name"
        content = data[position + 8 : position + 8 + length]
        if position + 12 + length > len(data):
            return f"the file ends inside its {word} chunk"
        if header is None and kind != b"IHDR":
            return f"it begins with {word} instead of its header, IHDR"
        (checksum,) = struct.unpack_from(">I", data, position + 8 + length)
        if checksum != zlib.crc32(kind + content) and (kind in _CHECKED or kind[0] < 97):
            return f"the checksum of its {'header' if kind == b'IHDR' else 'chunk'} {word} is wrong"
        if kind == b"IHDR":
            if header is not None:
                return "it has two headers, IHDR"
            fault = _check_header(content)
            if fault is not None:
                return fault
            header = struct.unpack(">IIBBBBB", content)
        elif kind == b"PLTE":
            palette = content
        elif kind == b"IDAT":
            pixels.append(content)
        elif kind == b"IEND":
            break
        elif kind[0] < 97:
            return f"its critical chunk {word} is unknown"
        position += 12 + length
    if header is None:
        return "its header, IHDR, is missing"
    return _check_palette(header, palette) or _check_pixels(header, pixels)


def _name(kind: bytes) -> str:
    return "".join(chr(byte) if 33 <= byte < 127 else f"\\x{byte:02x}" for byte in kind)


def _check_header(content: bytes) -> str | None:
    if len(content) != 13:
        return f"its header, IHDR, is {len(content)} bytes long, not 13"
    width, height, depth, colour, compression, filtering, interlacing = struct.unpack(">IIBBBBB", content)
    if not 0 < width < 2**31 or not 0 < height < 2**31:
        return f"its header, IHDR, states an impossible size, {width}x{height}"
    if depth not in _DEPTHS.get(colour, ()):
        return f"its header, IHDR, states {depth} bits for colour type {colour}"
    if compression or filtering or interlacing > 1:
        return "its header, IHDR, states an unknown compression, filter or interlacing"
    return None


def _check_palette(header: tuple[int, ...], palette: bytes | None) -> str | None:
    if header[3] != 3:
        return None
    if palette is None:
        return "its palette, PLTE, is missing"
    return None if 0 < len(palette) <= 768 and len(palette) % 3 == 0 else "its palette, PLTE, has a wrong length"


def _check_pixels(header: tuple[int, ...], pixels: list[bytes]) -> str | None:
    if not pixels:
        return "its pixels, IDAT, are missing"
    expected = _count_bytes(header)
    unpacker = zlib.decompressobj()
    found = 0
    try:
        for part in pixels:
            found += len(unpacker.decompress(part, _PIECE))
            while unpacker.unconsumed_tail and found < expected:
                found += len(unpacker.decompress(unpacker.unconsumed_tail, _PIECE))
    except zlib.error as error:
        return f"its pixels, IDAT, are damaged: {str(error).rpartition(': ')[2]}"
    if found < expected:
        return f"its pixels, IDAT, hold {found} of {expected} bytes"
    return None


def _count_bytes(header: tuple[int, ...]) -> int:
    """Bytes of the unpacked pixels, with one for the filter of each row."""
    width, height, depth, colour, _, _, interlacing = header

    def count(columns: int, rows: int) -> int:
        return rows * (1 + -(-columns * depth * _SAMPLES[colour] // 8)) if columns > 0 and rows > 0 else 0

    if not interlacing:
        return count(width, height)
    return sum(count(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in _PASSES)

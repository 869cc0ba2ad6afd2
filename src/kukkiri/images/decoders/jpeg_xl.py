"""JPEG XL through pillow-jxl-plugin; the header is read here, for the size and the bits. Reference: ISO/IEC 18181-1."""

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import exif as exif_block
from kukkiri.images.containers.iso_media import boxes, find_box
from kukkiri.images.decoders.decoder import check_size, make_image
from kukkiri.images.decoders.deep_colours import deepen_jpeg_xl, read_deep_grey_alpha
from kukkiri.images.decoders.pillow_files import open_pillow, take_levels
from kukkiri.images.image import Image
from kukkiri.images.metadata import Metadata
from kukkiri.images.orientation import settle_metadata
from kukkiri.images.quantization import dequantize, quantize

__all__ = ["read_jpeg_xl"]

_SRGB = tuple(words.encode("utf-16-be") for words in ("sRGB", "RGB_D65_SRG_Rel_SRG", "Gra_D65_Rel_SRG"))
"""The decoder's own words in the profile that it makes for files that say sRGB in a few bits."""
_RATIOS = ((0, 1), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def read_jpeg_xl(data: bytes, name: str, pixel_limit: int) -> Image:
    """Read a still image."""
    import pillow_jxl  # noqa: F401  (teaches Pillow the format)

    size, bits = _read_basics(_find_stream(data))
    check_size(size, name, pixel_limit)
    opened = open_pillow(data, "JXL", name, pixel_limit)
    opened.load()
    exif, icc = opened.info.get("exif"), opened.info.get("icc_profile") or b""
    exif = exif_block.strip_prefix(exif) if exif else None
    packet = find_box(data, b"xml ", 0, len(data)) if data[:2] != b"\xff\x0a" else None
    found = Metadata(
        icc=None if icc[4:8] == b"jxl " and any(words in icc for words in _SRGB) else icc or None,
        exif=exif,
        xmp=None if packet is None else data[packet[0] : packet[1]],
    )
    metadata, notes = settle_metadata(found, 1)
    if bits is None:
        notes.append("it has a preview or is animated: only its first image is read, in 8 bits")
    if opened.mode in ("I;16", "F"):
        levels = np.asarray(opened)[..., None]
        if opened.mode == "F":
            levels = np.floor(levels.clip(0, 1) * 65535 + 0.5).astype(np.uint16)
            notes.append("float samples were read as 16 bits, [0, 1]")
        return make_image(levels.astype(np.uint16), bits=16, metadata=metadata, lossy=True, notes=tuple(notes))
    if opened.mode == "LA" and bits is not None and bits > 8:
        levels = read_deep_grey_alpha(data, name, size, bits=bits)
        return make_image(levels, bits=bits, metadata=metadata, lossy=True, notes=tuple(notes))
    shallow = _remove_dither(take_levels(opened, name), bits or 8)
    kept, depth, depth_notes = deepen_jpeg_xl(data, shallow, bits=bits or 8)
    return make_image(kept, bits=depth, metadata=metadata, lossy=True, notes=(*notes, *depth_notes))


def _remove_dither(levels: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Round colours of fewer than 8 bits, which libjxl spreads over 8 with a dither, to the levels that are meant.

    The dither is below half a level, so a sample is at most one off; where one is further off, the file was compressed
    with loss, and all stay as they are. Alpha has bits of its own, which are not read.
    """
    if bits >= 8:
        return levels
    count = levels.shape[2] - (levels.shape[2] in (2, 4))
    colours = levels[..., :count]
    meant = quantize(dequantize(quantize(dequantize(colours), bits), bits), 8)
    if np.abs(meant - colours.astype(np.int16)).max(initial=0) > 1:
        return levels
    exact = levels.copy()
    exact[..., :count] = meant
    return exact


def _find_stream(data: bytes) -> bytes:
    if data[:2] == b"\xff\x0a":
        return data
    for kind, start, stop in boxes(data, 0, len(data)):
        if kind in (b"jxlc", b"jxlp"):
            return data[start + (4 if kind == b"jxlp" else 0) : stop]
    raise ValueError("no code stream")


class _Bits:
    """Bits of a code stream, from the lowest of each byte."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data[:256], "little")
        self._left = 8 * min(256, len(data))

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("a header that ends early")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def choose(self, *choices: tuple[int, int]) -> int:
        """One of four (offset, bits) by two bits."""
        offset, count = choices[self.take(2)]
        return offset + self.take(count)


def _read_basics(stream: bytes) -> tuple[tuple[int, int], int | None]:
    """Read (height, width) and the bits per sample, ``None`` when these lie behind a preview or an animation."""
    bits = _Bits(stream[2:])
    size = _read_size(bits)
    if bits.take(1):  # all as usual
        return size, 8
    if bits.take(1):
        bits.take(3)  # orientation
        if bits.take(1):
            _read_size(bits)
        if bits.take(1) or bits.take(1):
            return size, None
    if bits.take(1):
        return size, bits.choose((32, 0), (16, 0), (24, 0), (1, 6))
    return size, bits.choose((8, 0), (10, 0), (12, 0), (1, 6))


def _read_size(bits: _Bits) -> tuple[int, int]:
    small = bits.take(1)

    def side() -> int:
        return 8 * (1 + bits.take(5)) if small else 1 + bits.choose((0, 9), (0, 13), (0, 18), (0, 30))

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return height, side()
    across, down = _RATIOS[ratio]
    return height, height * across // down

"""TIFF pages that libvips would misread: their bytes are restated as something plain, and given their meaning here.

libvips undoes the compression, strips, tiles and planes; the samples of 9 to 15 bits, the luma and chroma of YCbCr and
the lightness of Lab come as the bytes that they are. Reference: TIFF 6.0, sections 21 to 23; libtiff's defaults.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.containers.tiff_pages import COMPRESSIONS, Page, restate
from kukkiri.images.libvips import vips

__all__ = ["decode_page", "find_refusal", "is_unusual"]

_WIDTH, _LENGTH, _BITS, _PHOTOMETRIC, _SAMPLES, _ROWS, _PLANAR = 256, 257, 258, 262, 277, 278, 284
_PREDICTOR, _TILE_WIDTH, _TILE_LENGTH, _FORMAT = 317, 322, 323, 339
_GREY, _RGB, _YCBCR, _LAB, _ICC_LAB = (0, 1), 2, 6, 8, 9
_JPEG = 7
_MOST_SAMPLES = 64
_DIRECT_BITS = (1, 2, 4, 8, 16, 32)

Levels = NDArray[np.uint8] | NDArray[np.uint16]


def find_refusal(page: Page) -> str | None:
    """Return why a page cannot be read, as the end of a sentence about the file; ``None`` when it can."""
    bits, kind = page.bits, page.sample_format
    if page.samples > _MOST_SAMPLES:
        return f"has {page.samples} samples in each pixel; expected at most {_MOST_SAMPLES}"
    if page.compression in COMPRESSIONS:
        return f"is stored with {COMPRESSIONS[page.compression]} compression, which is not decoded here"
    if len(set(bits)) > 1:
        return f"has samples of {', '.join(map(str, bits))} bits; expected the same number for all"
    if kind not in (1, 3) or (kind == 3 and bits[0] not in (16, 32)) or (bits[0] > 16 and bits[0] != 32):
        name = {1: "unsigned integer", 2: "signed integer", 3: "float"}.get(kind, "non-numeric")
        return f"has {bits[0]}-bit {name} samples; expected 1 to 16 bit, or 32-bit float"
    if page.photometric not in (0, 1, 2, 3, 4, 5, 6, 8, 9, 32844, 32845):
        known = {10: "ITU Lab", 32803: "a sensor's mosaic", 34892: "linear raw"}.get(page.photometric)
        return f"holds {known or f'photometric interpretation {page.photometric}'}, which is not decoded here"
    if not is_unusual(page):
        return None
    if page.photometric == _YCBCR and (bits[0] != 8 or page.is_planar or page.extra):
        return "holds YCbCr without JPEG compression, which is decoded here for 8 bits and three samples only"
    if page.photometric == _YCBCR and not set(page.subsampling) <= {1, 2, 4}:
        return f"has chroma of {page.subsampling[0]}x{page.subsampling[1]} pixels; expected 1, 2 or 4 to a side"
    if bits[0] not in (8, 16, 32) and (page.is_planar or page.photometric not in (*_GREY, _RGB)):
        return f"has {bits[0]}-bit samples, which are decoded here for interleaved grey and RGB only"
    reshaped = bits[0] not in (8, 16, 32) or (page.photometric == _YCBCR and page.subsampling != (1, 1))
    if reshaped and page.number(_PREDICTOR, 1) != 1:
        return f"has {bits[0]}-bit samples behind a predictor, which are not decoded here"
    return None


def is_unusual(page: Page) -> bool:
    """True for a page that libvips refuses or gives with another meaning."""
    if page.photometric == _YCBCR:
        return page.compression != _JPEG
    if page.photometric == _ICC_LAB or (page.photometric == _LAB and page.bits[0] == 8):
        return True
    if page.bits[0] not in _DIRECT_BITS or (page.bits[0] < 8 and page.samples > 1):
        return True
    return 1 in page.extra and len(page.extra) > 1


def decode_page(data: bytes, page: Page, **options: Any) -> tuple[Levels, int, str]:
    """Decode an unusual page.

    Args:
        data: the file.
        page: for which :func:`find_refusal` has nothing to say.
        options: of libvips' loader.

    Returns:
        (H, W, C) samples with the extra ones last, their bits, and their meaning: ``rgb`` or ``lab``.
    """
    if page.photometric == _YCBCR:
        return _decode_ycbcr(data, page, options), 8, "rgb"
    if page.bits[0] not in (8, 16, 32):
        levels = _unpack(data, page, options)
        if page.photometric == 0:
            levels[..., 0] = 2 ** page.bits[0] - 1 - levels[..., 0]
        return levels, page.bits[0], "rgb"
    levels = _load(restate(data, page, _plain_tags(page)), options)
    if page.photometric in (_LAB, _ICC_LAB):
        return levels, page.bits[0], "lab"
    if page.photometric == 0:
        levels = levels.copy()
        levels[..., 0] = np.iinfo(levels.dtype).max - levels[..., 0]
    return levels, page.bits[0], "rgb"


def _plain_tags(page: Page) -> dict[int, int]:
    """The same samples as channels without a meaning."""
    height, width = page.size
    photometric = 1 if page.samples < 3 else _RGB
    tags = {_WIDTH: width, _LENGTH: height, _BITS: page.bits[0], _SAMPLES: page.samples, _PHOTOMETRIC: photometric}
    return tags | {_FORMAT: page.sample_format}


def _load(data: bytes, options: dict[str, Any]) -> Any:
    image = vips().Image.tiffload_buffer(data, **options)
    return image.numpy().reshape(image.height, image.width, image.bands)


def _load_rows(data: bytes, page: Page, options: dict[str, Any], *, unit: tuple[int, int], length: int) -> Any:
    """Load the bytes of a page, uncompressed: (rows of units, bytes).

    Args:
        data: the file.
        page: its page, interleaved.
        options: of the loader.
        unit: (rows, columns) of pixels that are stored together.
        length: bits of a unit.
    """
    down, across = unit
    height, width = page.size
    tags = {_BITS: 8, _SAMPLES: 1, _PHOTOMETRIC: 1, _PLANAR: 1, _FORMAT: 1}
    if page.tile is None:
        tags |= {
            _WIDTH: -(-(-(-width // across) * length) // 8),
            _LENGTH: -(-height // down),
            _ROWS: -(-page.rows // down),
        }
        return _load(restate(data, page, tags), options)[..., 0]
    tile_height, tile_width = page.tile
    inside = -(-(-(-tile_width // across) * length) // 8)
    rows = -(-tile_height // down)
    tags |= {
        _WIDTH: -(-width // tile_width) * inside,
        _LENGTH: -(-height // tile_height) * rows,
        _TILE_WIDTH: inside,
        _TILE_LENGTH: rows,
    }
    return _load(restate(data, page, tags), options)[..., 0]


def _pieces(page: Page, found: Any) -> list[Any]:
    """The columns of tiles of what was loaded, or all of it."""
    if page.tile is None:
        return [found]
    return list(np.split(found, -(-page.size[1] // page.tile[1]), axis=1))


def _unpack(data: bytes, page: Page, options: dict[str, Any]) -> NDArray[np.uint16]:
    """Unpack samples of 3 to 15 bits, most significant bit first, each row on a byte boundary."""
    height, width = page.size
    bits = page.bits[0]
    found = _load_rows(data, page, options, unit=(1, 1), length=bits * page.samples)
    columns = (page.tile[1] if page.tile else width) * page.samples
    places = 1 << np.arange(bits - 1, -1, -1, dtype=np.uint32)
    parts = []
    for piece in _pieces(page, found):
        samples = np.empty((piece.shape[0], columns), np.uint16)
        for row, stored in enumerate(piece):
            samples[row] = np.unpackbits(stored)[: columns * bits].reshape(columns, bits) @ places
        parts.append(samples)
    whole = np.concatenate(parts, axis=1).reshape(found.shape[0], -1, page.samples)
    return np.ascontiguousarray(whole[:height, :width])


def _decode_ycbcr(data: bytes, page: Page, options: dict[str, Any]) -> NDArray[np.uint8]:
    """Decode 8-bit YCbCr of any subsampling; chroma is repeated, as libtiff does."""
    height, width = page.size
    across, down = page.subsampling
    if (across, down) == (1, 1):
        planes = _load(restate(data, page, _plain_tags(page)), options)[..., :3].astype(np.float32)
    else:
        area = across * down
        found = _load_rows(data, page, options, unit=(down, across), length=8 * (area + 2))
        parts = []
        for piece in _pieces(page, found):
            units = piece.reshape(piece.shape[0], -1, area + 2)
            rows, columns, _ = units.shape
            luma = units[..., :area].reshape(rows, columns, down, across).swapaxes(1, 2)
            chroma = units[..., area:].repeat(down, axis=0).repeat(across, axis=1)
            parts.append(np.dstack([luma.reshape(rows * down, columns * across), chroma]))
            if page.tile:
                parts[-1] = parts[-1][:, : page.tile[1]]
        planes = np.concatenate(parts, axis=1)[:height, :width].astype(np.float32)
    return _to_rgb(planes, page)


def _to_rgb(planes: NDArray[np.float32], page: Page) -> NDArray[np.uint8]:
    """Convert by the page's own coefficients and levels of black and white; TIFF 6.0, section 21."""
    red, green, blue = page.ratios.get("coefficients", (0.299, 0.587, 0.114))
    reference = page.ratios.get("reference", (0.0, 255.0, 128.0, 255.0, 128.0, 255.0))
    y, cb, cr = (
        (planes[..., at] - reference[2 * at]) * np.float32(span / (reference[2 * at + 1] - reference[2 * at] or 1))
        for at, span in enumerate((255.0, 127.0, 127.0))
    )
    r = y + cr * np.float32(2 - 2 * red)
    b = y + cb * np.float32(2 - 2 * blue)
    g = (y - np.float32(blue) * b - np.float32(red) * r) / np.float32(green)
    return np.clip(np.floor(np.stack([r, g, b], axis=-1) + np.float32(0.5)), 0, 255).astype(np.uint8)

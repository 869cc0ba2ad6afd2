"""HEIC and HEIF with HEVC through pillow-heif: 8 to 12 bits, colours by profile or codes, turned as the file says."""

import io

import numpy as np

from kukkiri.errors import ImageError
from kukkiri.images import exif as exif_block
from kukkiri.images.containers import avif
from kukkiri.images.decoders.decoder import check_size, make_image
from kukkiri.images.image import Image
from kukkiri.images.metadata import Metadata
from kukkiri.images.orientation import settle_metadata
from kukkiri.images.stated_colours import make_codes

__all__ = ["read_heif"]


def read_heif(data: bytes, name: str, pixel_limit: int) -> Image:
    """Read the primary image."""
    import pillow_heif

    opened = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, bgr_mode=False)
    if len(opened) > 1:
        raise ImageError(f"{name}: holds {len(opened)} images; expected one. Save one of them to a file of its own.")
    width, height = opened.size
    check_size((height, width), name, pixel_limit)
    levels = np.asarray(opened).reshape(height, width, -1)
    bits = 8
    if levels.dtype == np.uint16:
        bits = int(opened.info["bit_depth"])
        levels = np.right_shift(levels, 16 - bits)
    exif = opened.info.get("exif")
    exif = exif_block.strip_prefix(exif) if exif else None
    icc = opened.info.get("icc_profile")
    colour = avif.read_colour(data)
    found = Metadata(
        icc=icc or None,
        exif=exif,
        xmp=opened.info.get("xmp") or None,
        resolution=(exif_block.read_resolution(exif) if exif else None) or None,
        png_colour={} if icc or colour is None else make_codes(colour),
    )
    stated = exif_block.read_orientation(exif) if exif else None
    orientation = None if stated is None and not avif.is_turned(data) else 1
    metadata, notes = settle_metadata(found, orientation, further=avif.find_further_images(data))
    return make_image(np.ascontiguousarray(levels), bits=bits, metadata=metadata, lossy=True, notes=tuple(notes))

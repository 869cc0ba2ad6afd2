"""Decoders of formats that libvips does not read here: one file each, some through an optional package."""

import struct
from dataclasses import replace
from pathlib import Path

from kukkiri.errors import ImageError, KukkiriError, make_printable, require
from kukkiri.images.decoders.decoder import Decoder
from kukkiri.images.decoders.heif import read_heif
from kukkiri.images.decoders.jpeg_xl import read_jpeg_xl
from kukkiri.images.decoders.netpbm import read_netpbm, read_pfm
from kukkiri.images.decoders.openexr import read_openexr
from kukkiri.images.decoders.pillow_files import read_bmp, read_jpeg2000, read_tga
from kukkiri.images.decoders.radiance import read_radiance
from kukkiri.images.image import Image

__all__ = ["DECODERS", "Decoder", "decode_other", "find_decoder"]

DECODERS = {
    "BMP": Decoder(read=read_bmp, module="PIL", keeps="1 to 8 bits, alpha, resolution"),
    "HEIC": Decoder(read=read_heif, module="pillow_heif", keeps="8 to 12 bits, alpha, profile or codes, EXIF, XMP"),
    "JPEG 2000": Decoder(
        read=read_jpeg2000, module="PIL", keeps="8 bits (16 in grey; in colour with `deep`), alpha, profile"
    ),
    "JPEG XL": Decoder(
        read=read_jpeg_xl,
        module="pillow_jxl",
        keeps="8 bits (16 in grey; in colour with `deep`), alpha, profile, EXIF, XMP",
    ),
    "Netpbm": Decoder(read=read_netpbm, keeps="1 to 16 bits; PBM, PGM, PPM, PAM"),
    "OpenEXR": Decoder(read=read_openexr, module="OpenEXR", keeps="half and float of any range, alpha"),
    "PFM": Decoder(read=read_pfm, keeps="float of any range"),
    "Radiance HDR": Decoder(read=read_radiance, keeps="light of any range"),
    "TGA": Decoder(read=read_tga, module="PIL", keeps="8 bits, alpha"),
}
"""By the name that :func:`kukkiri.images.formats.recognize` gives a format."""


def find_decoder(form: str, data: bytes) -> Decoder | None:
    """Return the decoder of a file; ``None`` when libvips reads it, or is to be tried because nothing else can.

    Args:
        form: its format.
        data: its bytes; AVIF and HEIC are one container, whose codec is told inside.
    """
    if form in ("AVIF", "HEIC"):
        heif = DECODERS["HEIC"]
        return heif if heif.is_available and b"hvcC" in data else None
    return DECODERS.get(form)


def decode_other(decoder: Decoder, path: Path | None, name: str, data: bytes, pixel_limit: int) -> Image:
    """Decode a file.

    Raises:
        BackendError: a package is missing.
        ImageError: the file is damaged, too large, or of a kind that is not decoded.
    """
    form = next(known for known, each in DECODERS.items() if each is decoder)
    if decoder.module is not None:
        require(decoder.module, for_what=f"{name}: {form}")
    try:
        image = decoder.read(data, name, pixel_limit)
    except KukkiriError:
        raise
    except MemoryError as error:
        raise ImageError(f"{name}: there is not enough memory for its pixels.") from error
    except (
        OSError,
        ValueError,
        RuntimeError,
        LookupError,
        EOFError,
        SyntaxError,
        OverflowError,
        struct.error,
    ) as error:
        reason = make_printable(str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise ImageError(f"{name}: this {form} is truncated or corrupt ({reason}). Get the file again.") from error
    return replace(image, source=path)

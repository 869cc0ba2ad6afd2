"""The image formats: recognized by their first bytes, and the depths, sides and channels that each can store."""

from dataclasses import dataclass
from pathlib import Path

from kukkiri.errors import ImageError
from kukkiri.errors import make_printable as escape

__all__ = [
    "DAMAGED_SIGNATURE",
    "OUTPUT_SUFFIXES",
    "READABLE",
    "OutputFormat",
    "find_output_format",
    "make_printable",
    "recognize",
]


@dataclass(frozen=True, kw_only=True)
class OutputFormat:
    """The limits of a format that can be written."""

    name: str
    """Common spelling, such as ``WebP``."""
    depths: tuple[int, ...]
    """Bits per sample that it can store."""
    longest_side: int
    """Longest side in pixels."""
    alpha: bool = True
    grey: bool = True
    profile: bool = True
    """It has a place for a colour profile; else colours are converted to sRGB."""
    exif: bool = True
    xmp: bool = True
    linear: bool = False
    """Samples are linear light of any range."""


_JPEG = OutputFormat(name="JPEG", depths=(8,), longest_side=65500, alpha=False)
_TIFF = OutputFormat(name="TIFF", depths=(8, 16, 32), longest_side=2**31 - 1)

_BARE: dict[str, bool] = {"profile": False, "exif": False, "xmp": False}
_FLOAT = (32,)
_GREY_OR_RGB = OutputFormat(name="Netpbm", depths=(8, 16), longest_side=2**31 - 1, alpha=False, **_BARE)

_PNG_OUTPUT = OutputFormat(name="PNG", depths=(8, 16), longest_side=1_000_000)

_OUTPUTS = {
    ".apng": _PNG_OUTPUT,
    ".bmp": OutputFormat(name="BMP", depths=(8,), longest_side=32767, alpha=False, **_BARE),
    ".exr": OutputFormat(name="OpenEXR", depths=_FLOAT, longest_side=2**31 - 1, grey=False, linear=True, **_BARE),
    ".gif": OutputFormat(name="GIF", depths=(8,), longest_side=65535, profile=False, exif=False),
    ".hdr": OutputFormat(
        name="Radiance HDR", depths=_FLOAT, longest_side=2**31 - 1, alpha=False, grey=False, linear=True, **_BARE
    ),
    ".jp2": OutputFormat(name="JPEG 2000", depths=(8,), longest_side=2**31 - 1, **_BARE),
    ".jxl": OutputFormat(name="JPEG XL", depths=(8,), longest_side=2**30, profile=False),
    ".pfm": OutputFormat(name="PFM", depths=_FLOAT, longest_side=2**31 - 1, alpha=False, linear=True, **_BARE),
    ".pgm": _GREY_OR_RGB,
    ".pnm": _GREY_OR_RGB,
    ".ppm": OutputFormat(name="Netpbm", depths=(8, 16), longest_side=2**31 - 1, alpha=False, grey=False, **_BARE),
    ".tga": OutputFormat(name="TGA", depths=(8,), longest_side=65535, **_BARE),
    ".avif": OutputFormat(name="AVIF", depths=(8, 12), longest_side=16384, grey=False),
    ".jpeg": _JPEG,
    ".jpg": _JPEG,
    ".png": _PNG_OUTPUT,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": OutputFormat(name="WebP", depths=(8,), longest_side=16383, grey=False),
}
OUTPUT_SUFFIXES = tuple(sorted(_OUTPUTS))
"""Suffixes that can be written, in either case; the suffix decides the format."""

READABLE = (
    "PNG",
    "JPEG",
    "WebP",
    "TIFF",
    "AVIF",
    "GIF",
    "HEIC",
    "BMP",
    "TGA",
    "JPEG 2000",
    "JPEG XL",
    "Netpbm",
    "PFM",
    "Radiance HDR",
    "OpenEXR",
)
"""Formats that can be read, in their common spelling; some need an extra, see docs/reference/formats.md."""

DAMAGED_SIGNATURE = "a PNG with a damaged signature, as a transfer in text mode makes it"
_PNG = b"\x89PNG\r\n\x1a\n"
_ENOUGH = 6  # bytes of the signature that are right
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"8BPS", "a Photoshop document"),
    (b"BM", "BMP"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"v/1\x01", "OpenEXR"),
    (b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
    (b"PK\x03\x04", "a ZIP archive"),
)
_STILL_BRANDS = {b"avif": "AVIF", b"mif1": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC"}
_SEQUENCE_BRANDS = {b"avis", b"msf1", b"hevc", b"hevx"}


def recognize(start: bytes) -> str | None:
    """Name a file's format from its first bytes (a kilobyte is enough).

    Returns:
        One of :data:`READABLE`, the name of another known format (``a PDF document``), or ``None``.
    """
    for signature, name in _SIGNATURES:
        if start.startswith(signature):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        if brand in _SEQUENCE_BRANDS:
            return "an animated AVIF or HEIC"
        return _STILL_BRANDS.get(brand, "a video or another ISO media file")
    alike = sum(found == expected for found, expected in zip(start, _PNG, strict=False))
    if alike >= _ENOUGH or start.startswith((b"\x89PNG", b"\x09PNG")):
        return DAMAGED_SIGNATURE
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<?xml", b"<svg", b"<!--", b"<!doctype svg")) and b"<svg" in text:
        return "an SVG drawing"
    return _recognize_loosely(start)


def _recognize_loosely(start: bytes) -> str | None:
    """Recognize formats that begin with two letters, or, as TGA, with a header alone."""
    if start[:1] == b"P" and start[2:3] in (b" ", b"\t", b"\n", b"\r", b"#"):
        if start[1:2] in (b"1", b"2", b"3", b"4", b"5", b"6", b"7"):
            return "Netpbm"
        if start[1:2] in (b"F", b"f"):
            return "PFM"
    if len(start) < 18:
        return None
    mapped, kind, bits, order = start[1], start[2], start[16], start[17]
    sides = start[12:14] != b"\0\0" and start[14:16] != b"\0\0"
    fits = bits in {1: (8,), 9: (8,), 2: (16, 24, 32), 10: (16, 24, 32), 3: (8, 16), 11: (8, 16)}.get(kind, ())
    table = start[7] in (15, 16, 24, 32) if mapped else start[3:8] == b"\0\0\0\0\0"
    if mapped == (kind in (1, 9)) and fits and table and sides and not order & 0xC0 and order & 0x0F in (0, 1, 8):
        return "TGA"
    return None


def find_output_format(path: Path) -> OutputFormat:
    """Return the format of a file name's suffix.

    Raises:
        ImageError: the suffix is missing or unknown.
    """
    found = _OUTPUTS.get(path.suffix.lower())
    if found is None:
        name, known = make_printable(path), ", ".join(OUTPUT_SUFFIXES)
        if not path.suffix:
            raise ImageError(f"{name}: has no suffix, which says the format. Use {known}.")
        raise ImageError(f"{name}: suffix {path.suffix!r} is no image format that can be written. Use {known}.")
    return found


def make_printable(path: Path) -> str:
    """Return a path for a message of one line; characters that a terminal could take for a command are escaped."""
    return escape(path)

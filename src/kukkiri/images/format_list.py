"""The list of image formats: what is read and written, what is kept, and the extra that a format needs."""

import importlib.util
from dataclasses import dataclass

from kukkiri.images.decoders import DECODERS
from kukkiri.images.encoders import ENCODERS

__all__ = ["FORMATS", "ImageFormat"]

_EXTRAS = {"PIL": "formats", "OpenEXR": "exr", "pillow_heif": "heif", "pillow_jxl": "jxl"}


@dataclass(frozen=True, kw_only=True)
class ImageFormat:
    """One format."""

    name: str
    """As :func:`kukkiri.images.formats.recognize` names it."""
    suffixes: tuple[str, ...]
    reads: str
    """Content that is kept when it is read."""
    writes: str = ""
    """Form in which it is written; empty when it is not."""
    several: str = ""
    """The images that one file may hold."""
    packages: tuple[str | None, str | None] = (None, None)
    """The modules that reading and writing need beyond the base install."""

    @property
    def extra(self) -> str:
        """The extra to install; empty when the base install does."""
        return next((_EXTRAS[module] for module in self.packages if module is not None), "")

    @property
    def is_readable(self) -> bool:
        """It can be read here."""
        return _is_there(self.packages[0])

    @property
    def is_writable(self) -> bool:
        """It can be written here."""
        return bool(self.writes) and _is_there(self.packages[1])


def _is_there(module: str | None) -> bool:
    return module is None or importlib.util.find_spec(module) is not None


def _list_others(name: str, suffixes: tuple[str, ...], *, writes: str = "", several: str = "") -> ImageFormat:
    decoder, encoder = DECODERS[name], ENCODERS.get(name)
    return ImageFormat(
        name=name,
        suffixes=suffixes,
        reads=decoder.keeps,
        writes=writes,
        several=several,
        packages=(decoder.module, None if encoder is None else encoder.module),
    )


FORMATS = (
    ImageFormat(
        name="PNG",
        suffixes=(".png", ".apng"),
        reads="1 to 16 bits, palette, alpha, profile, cICP, EXIF, XMP, text",
        writes="8 or 16 bits, lossless",
        several="frames (APNG)",
    ),
    ImageFormat(
        name="JPEG",
        suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
        reads="grey, RGB, CMYK (as sRGB), profile, EXIF, XMP, IPTC, comments",
        writes="`--quality`, 95; the source's own with `--format same`",
    ),
    ImageFormat(
        name="WebP",
        suffixes=(".webp",),
        reads="8 bits, alpha, profile, EXIF, XMP",
        writes="lossless, but `--quality` 90 for sources with loss",
        several="frames",
    ),
    ImageFormat(
        name="TIFF",
        suffixes=(".tif", ".tiff"),
        reads="1 to 16 bits, float, YCbCr, Lab, CMYK (as sRGB), alpha, extra samples, profile, EXIF, XMP, IPTC",
        writes="8, 16 bits or float, deflate; BigTIFF above 4 GB",
        several="pages",
    ),
    ImageFormat(
        name="AVIF",
        suffixes=(".avif",),
        reads="8 to 12 bits, alpha, profile or nclx, EXIF, XMP",
        writes="8 or 12 bits, `--quality` 90; 100 is lossless",
    ),
    ImageFormat(
        name="GIF",
        suffixes=(".gif",),
        reads="256 colours, transparency, profile, comments, XMP",
        writes="256 colours of a new palette for each frame, transparency on or off",
        several="frames",
    ),
    _list_others("HEIC", (".heic", ".heif", ".hif")),
    _list_others("JPEG XL", (".jxl",), writes="8 bits; lossless, but `--quality` 90 for sources with loss"),
    _list_others("JPEG 2000", (".jp2", ".j2k", ".jpx"), writes="8 bits, lossless"),
    _list_others("BMP", (".bmp",), writes="8 bits, no alpha"),
    _list_others("TGA", (".tga",), writes="8 bits, alpha"),
    _list_others("Netpbm", (".pbm", ".pgm", ".ppm", ".pnm", ".pam"), writes="PGM, PPM: 8 or 16 bits, no alpha"),
    _list_others("PFM", (".pfm",), writes="float of any range, no alpha"),
    _list_others("Radiance HDR", (".hdr",), writes="light of any range, no alpha"),
    _list_others("OpenEXR", (".exr",), writes="float of any range, alpha"),
    ImageFormat(
        name="CBZ",
        suffixes=(".cbz",),
        reads="pages of the formats above, ComicInfo.xml, other files",
        writes="each page in its own format, or that of `--format`",
        several="pages",
    ),
)
"""All formats, the common ones first."""

"""The content of an image file besides its pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Metadata"]


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Colour profile, EXIF, XMP and the like; bytes are kept as they were found."""

    icc: bytes | None = None
    """Colour profile. The pixels stay in its space; nothing is converted."""
    exif: bytes | None = None
    """A TIFF structure, without the ``Exif\\0\\0`` prefix; orientation already reset to 1."""
    xmp: bytes | None = None
    """An XML packet; orientation already reset to 1."""
    iptc: bytes | None = None
    """Photoshop's image resources (``8BIM...``), where IPTC captions live."""
    resolution: tuple[float, float] | None = None
    """(horizontal, vertical) pixels per inch; ``None`` when the file does not say."""
    comments: tuple[bytes, ...] = ()
    """Comments of a JPEG or GIF, mostly ASCII; the formats say nothing of the encoding."""
    png_text: tuple[bytes, ...] = ()
    """PNG text chunks, whole: type and content."""
    png_colour: Mapping[bytes, bytes] = field(default_factory=dict)
    """PNG chunks that define the colour space: gAMA, cHRM and sRGB when there is no profile, and cICP, the codes of
    ITU-T H.273, which AVIF has as well, with mDCV and cLLI."""

    @property
    def icc_space(self) -> bytes | None:
        """Colour space of the profile: ``b"RGB "``, ``b"GRAY"``, ``b"CMYK"``, ...; ``None`` without a profile."""
        return None if self.icc is None else self.icc[16:20]

    @property
    def codes(self) -> tuple[int, int, bool] | None:
        """(primaries, transfer, full range) by ITU-T H.273; ``None`` when the file has no such codes."""
        chunk = self.png_colour.get(b"cICP", b"")
        return (chunk[0], chunk[1], bool(chunk[3])) if len(chunk) == 4 else None

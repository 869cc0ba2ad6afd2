"""Camera raw files, recognized by name and by content: they hold a sensor's mosaic and a small preview, no image."""

from pathlib import PurePath

from kukkiri.errors import ImageError

__all__ = ["RAW_SUFFIXES", "refuse_camera_raw", "refuse_raw_page"]

RAW_SUFFIXES = frozenset({
    ".3fr", ".ari", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dcs", ".dng", ".drf", ".eip",
    ".erf", ".fff", ".gpr", ".iiq", ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf",
    ".ori", ".pef", ".ptx", ".pxn", ".raf", ".raw", ".rw2", ".rwl", ".rwz", ".sr2", ".srf", ".srw", ".x3f",
})  # fmt: skip
"""Suffixes of the files that cameras write beside or in place of JPEGs, in lower case."""

_SIGNATURES = (
    (b"FUJIFILMCCD-RAW", "Fujifilm"),
    (b"IIRO", "Olympus"),
    (b"IIRS", "Olympus"),
    (b"MMOR", "Olympus"),
    (b"IIU\0", "Panasonic"),
    (b"FOVb", "Sigma"),
    (b"\0MRM", "Minolta"),
    (b"II\x1a\0\0\0HEAPCCDR", "Canon"),
)
_ADVICE = (
    "kukkiri does not develop raw files, and the preview inside is not the photograph. Develop it first, in darktable, "
    "RawTherapee or the maker's program, and export a 16-bit TIFF."
)


def refuse_camera_raw(name: str, start: bytes, form: str | None) -> None:
    """Refuse a file that is a camera raw by its first bytes, or by its name when its content may be one.

    Args:
        name: of the file, and beginning of the message.
        start: its first bytes.
        form: the format that was recognized; a JPEG or PNG is one whatever its name says.

    Raises:
        ImageError: it is a camera raw.
    """
    maker = next((maker for signature, maker in _SIGNATURES if start.startswith(signature)), None)
    if start[:4] in (b"II*\0", b"MM\0*") and start[8:10] == b"CR":
        maker = "Canon"
    if start[4:12] == b"ftypcrx ":
        maker = "Canon"
    if maker is not None:
        raise ImageError(f"{name}: is a camera raw ({maker}). {_ADVICE}")
    suffix = PurePath(name).suffix.lower()
    if suffix in RAW_SUFFIXES and (form in (None, "TIFF") or "ISO media" in form):
        raise ImageError(f"{name}: is a camera raw by its name ({suffix}). {_ADVICE}")


def refuse_raw_page(name: str) -> None:
    """Refuse a TIFF whose directories hold a sensor's mosaic.

    Raises:
        ImageError: always.
    """
    raise ImageError(f"{name}: is a camera raw (a TIFF that holds a sensor's mosaic). {_ADVICE}")

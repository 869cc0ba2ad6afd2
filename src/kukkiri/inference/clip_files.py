"""Clips among the files of a run, known by their names or first bytes, and the containers of their results."""

import re
from pathlib import Path

from kukkiri.files import CLIP_OUTPUT_SUFFIXES, CLIP_SUFFIXES, IMAGE_SUFFIXES
from kukkiri.images.archives import COMIC_SUFFIX

__all__ = ["choose_clip_suffix", "is_clip", "is_partial_clip"]

_MATROSKA, _FLASH, _OGG, _TRANSPORT = b"\x1a\x45\xdf\xa3", b"FLV\x01", b"OggS", 0x47
_STILL_BRANDS = (b"avif", b"avis", b"crx ", b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"jxl ", b"jp2 ", b"jpx ")
_PARTIAL = re.compile(r"\.part(-\d+)?")
_PACKET = 188  # bytes of a packet of a transport stream


def is_clip(path: Path) -> bool:
    """True for a video file: by its suffix or, when the suffix is that of no image, by its first bytes.

    A ``.ts`` file must begin like a transport stream, because TypeScript has the same suffix.
    """
    suffix = path.suffix.lower()
    if suffix == ".ts":
        return _begins_as_transport(_read_start(path))
    if suffix in CLIP_SUFFIXES:
        return True
    return suffix not in (*IMAGE_SUFFIXES, COMIC_SUFFIX) and _begins_as_clip(_read_start(path))


def is_partial_clip(path: Path) -> bool:
    """True for the playable part that an interrupted run left, such as ``larger.part.mkv``."""
    return _PARTIAL.fullmatch(path.suffixes[-2] if len(path.suffixes) > 1 else "") is not None


def choose_clip_suffix(source: Path, suffix: str | None) -> str:
    """Suffix of a clip's result: the one that was asked for, else its own container, or .mkv where that is not written.

    Args:
        source: the clip.
        suffix: that was asked for; one of images is for the images of the same run.
    """
    if suffix is not None and suffix.lower() in CLIP_OUTPUT_SUFFIXES:
        return suffix
    own = source.suffix.lower()
    return own if own in CLIP_OUTPUT_SUFFIXES else ".mkv"


def _read_start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(2 * _PACKET + 8)
    except OSError:
        return b""


def _begins_as_transport(start: bytes) -> bool:
    """True for packets of 188 bytes, or of 192 as on Blu-ray, which begin with a time of 4 bytes."""
    return any(
        len(start) > first + size and start[first] == start[first + size] == _TRANSPORT
        for first, size in ((0, _PACKET), (4, _PACKET + 4))
    )


def _begins_as_clip(start: bytes) -> bool:
    if start[4:8] == b"ftyp":
        return start[8:12] not in _STILL_BRANDS
    if start[:4] == b"RIFF":
        return start[8:12] == b"AVI "
    return start.startswith((_MATROSKA, _FLASH, _OGG)) or _begins_as_transport(start)

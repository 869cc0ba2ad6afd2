"""Colours and metadata brought into what a format can hold, with a note for everything that changes or is dropped."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import exif as exif_block
from kukkiri.images import xmp as xmp_packet
from kukkiri.images.colour_codes import convert_to_srgb, describe_codes, find_profile, has_high_range
from kukkiri.images.formats import OutputFormat
from kukkiri.images.metadata import Metadata
from kukkiri.images.provenance import OWN_TEXT

__all__ = ["fit_colour", "fit_metadata", "needs_whole_image"]

Floats = NDArray[np.float32]

_SRGB_GAMMA = 45455
_WITH_CODES = ("PNG", "AVIF")
_LIMITED_BLACK, _LIMITED_SPAN = np.float32(16 / 255), np.float32(219 / 255)


def fit_colour(colour: Floats, metadata: Metadata, form: OutputFormat) -> tuple[Floats, Metadata, list[str]]:
    """Give a format without colour codes a profile that says the same, or sRGB in place of an HDR transfer.

    Args:
        colour: (H, W, 1 or 3), in the space that the metadata state.
        metadata: of the image.
        form: the format.

    Returns:
        The colours, the metadata without the codes that the format has no place for, and notes.
    """
    codes = metadata.codes
    if codes is None or form.name in _WITH_CODES:
        if codes is not None and form.name == "AVIF":  # there a profile would outrank the codes
            left = ["HDR light levels do not go into AVIF and were dropped"] if len(metadata.png_colour) > 1 else []
            return colour, replace(metadata, icc=None), left
        return colour, metadata, []
    bare = replace(metadata, png_colour={})
    if metadata.icc is not None:
        return colour, bare, []
    primaries, transfer, full_range = codes
    words = describe_codes(primaries, transfer)
    if not full_range:
        colour = ((colour - _LIMITED_BLACK) / _LIMITED_SPAN).clip(0, 1)
    if has_high_range(primaries, transfer):
        note = f"{words} colours, for which {form.name} has no place, were converted to sRGB"
        return convert_to_srgb(colour, primaries, transfer), bare, [note]
    profile = find_profile(primaries, transfer, grey=colour.shape[2] == 1)
    if profile is None:
        return colour, bare, [f"{words}, the colours of the image, have no place in {form.name}: colours may differ"]
    return colour, replace(bare, icc=profile), [f"{words} colours are told by a colour profile in {form.name}"]


def needs_whole_image(metadata: Metadata, form: OutputFormat) -> bool:
    """True when colours have to be converted by a curve that depends on the brightest pixel of the image."""
    codes = metadata.codes
    return codes is not None and form.name not in _WITH_CODES and metadata.icc is None and has_high_range(*codes[:2])


def fit_metadata(
    metadata: Metadata, form: OutputFormat, *, channels: int, size: tuple[int, int]
) -> tuple[Metadata, list[str]]:
    """Adapt metadata to a format, and to the size of the result.

    Args:
        metadata: of the image.
        form: the format.
        channels: of colour, 1 or 3.
        size: (height, width) of the result.
    """
    notes: list[str] = []
    space = {1: b"GRAY", 3: b"RGB "}[channels]
    if metadata.icc_space not in (None, space):
        kept = "grey" if channels == 1 else "RGB"
        notes.append(f"the colour profile is not for {kept} pixels, which {form.name} stores, and was dropped")
        metadata = replace(metadata, icc=None)
    if metadata.iptc is not None and form.name not in ("JPEG", "TIFF"):
        notes.append(f"IPTC captions do not go into {form.name} and were dropped")
        metadata = replace(metadata, iptc=None)
    if form.name != "PNG":
        if any(not text[4:].startswith(OWN_TEXT) for text in metadata.png_text):
            notes.append(f"PNG text does not go into {form.name} and was dropped")
        gamma = int.from_bytes(metadata.png_colour.get(b"gAMA", b""), "big")
        if gamma not in (0, _SRGB_GAMMA) and metadata.codes is None:
            notes.append(f"PNG's gamma does not go into {form.name} and was dropped: brightness may differ")
    if form.name in ("WebP", "AVIF") and metadata.exif is None and metadata.resolution is not None:
        metadata = replace(metadata, exif=exif_block.make_resolution_block(*metadata.resolution))
    metadata, dropped = _fit_comments(metadata, form)
    if metadata.exif is not None:
        metadata = replace(metadata, exif=exif_block.settle_size(metadata.exif, size))
    if metadata.xmp is not None:
        metadata = replace(metadata, xmp=xmp_packet.settle_size(metadata.xmp, size))
    return metadata, notes + dropped


def _fit_comments(metadata: Metadata, form: OutputFormat) -> tuple[Metadata, list[str]]:
    """Turn comments into what a format has for them: PNG text, or the description in EXIF or TIFF."""
    if not metadata.comments or form.name in ("JPEG", "GIF"):
        return metadata, []
    comments = [comment.replace(b"\0", b" ") for comment in metadata.comments]
    if form.name == "PNG":
        text = tuple(_make_png_text(comment) for comment in comments)
        return replace(metadata, comments=(), png_text=(*metadata.png_text, *text)), []
    described = exif_block.add_description(metadata.exif, b"\n".join(comments))
    if described is None:
        return replace(metadata, comments=()), [f"the comment has no place in this {form.name} and was dropped"]
    return replace(metadata, comments=(), exif=described), []


def _make_png_text(comment: bytes) -> bytes:
    """A comment as a chunk: UTF-8 where it is that, else Latin-1, which every byte string is."""
    if not comment.isascii():
        try:
            comment.decode("utf-8")
        except UnicodeDecodeError:
            return b"tEXtComment\0" + comment
        return b"iTXtComment\0\0\0\0\0" + comment
    return b"tEXtComment\0" + comment

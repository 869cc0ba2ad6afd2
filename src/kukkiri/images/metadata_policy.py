"""Metadata kept, stripped, or reduced to who made the image and who may use it."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from kukkiri.images import exif as exif_block
from kukkiri.images.metadata import Metadata
from kukkiri.images.xmp import Name, extract

__all__ = ["MetadataPolicy", "apply_policy"]

MetadataPolicy = Literal["keep", "strip", "copyright"]
"""``keep``: everything; ``strip``: nothing but what the colours mean; ``copyright``: with author and rights."""

_EXIF_TAGS = frozenset({0x013B, 0x8298, 0x9C9D})  # artist, copyright, author as Windows writes it
_RIGHTS = frozenset(
    {"http://ns.adobe.com/xap/1.0/rights/", "http://creativecommons.org/ns#", "http://ns.useplus.org/ldf/xmp/1.0/"}
)
_NAMES = frozenset(
    {
        ("http://purl.org/dc/elements/1.1/", "creator"),
        ("http://purl.org/dc/elements/1.1/", "rights"),
        ("http://ns.adobe.com/photoshop/1.0/", "Credit"),
        ("http://ns.adobe.com/photoshop/1.0/", "Source"),
        ("http://ns.adobe.com/photoshop/1.0/", "AuthorsPosition"),
        ("http://ns.adobe.com/tiff/1.0/", "Artist"),
        ("http://ns.adobe.com/tiff/1.0/", "Copyright"),
        ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "CreatorContactInfo"),
    }
)
_KEYWORDS = (b"Author", b"Copyright")
_CAPTIONS = 0x0404
_DATASETS = frozenset({80, 85, 110, 115, 116, 118})  # by-line and its title, credit, source, copyright, contact


def apply_policy(metadata: Metadata, policy: MetadataPolicy) -> Metadata:
    """Return what a policy leaves of the metadata; the colour profile and codes always stay.

    Args:
        metadata: of an image.
        policy: see :data:`MetadataPolicy`.
    """
    if policy == "keep":
        return metadata
    bare = Metadata(icc=metadata.icc, png_colour=metadata.png_colour)
    if policy == "strip":
        return bare
    return replace(
        bare,
        exif=metadata.exif and exif_block.keep_entries(metadata.exif, _EXIF_TAGS),
        xmp=metadata.xmp and extract(metadata.xmp, _is_about_rights),
        iptc=metadata.iptc and _keep_captions(metadata.iptc),
        png_text=tuple(text for text in metadata.png_text if text[4:].split(b"\0", 1)[0] in _KEYWORDS),
    )


def _is_about_rights(name: Name) -> bool:
    return name in _NAMES or name[0] in _RIGHTS


def _resources(block: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (number, name with its padding, content) of Photoshop's image resources."""
    position = 0
    while position + 12 <= len(block) and block[position : position + 4] == b"8BIM":
        (number,) = struct.unpack_from(">H", block, position + 4)
        named = 1 + block[position + 6]
        start = position + 6 + named + named % 2
        if start + 4 > len(block):
            return
        (length,) = struct.unpack_from(">I", block, start)
        yield number, block[position + 6 : start], block[start + 4 : start + 4 + length]
        position = start + 4 + length + length % 2


def _keep_captions(block: bytes) -> bytes | None:
    """Keep the captions about author and rights out of Photoshop's image resources."""
    for number, name, content in _resources(block):
        if number != _CAPTIONS:
            continue
        kept = b"".join(_kept_datasets(content))
        if kept:
            return (
                b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(kept)) + kept + bytes(len(kept) % 2)
            )
    return None


def _kept_datasets(content: bytes) -> Iterator[bytes]:
    """Yield the IPTC datasets that stay, with the ones that say how text is encoded."""
    position = 0
    while position + 5 <= len(content) and content[position] == 0x1C:
        record, dataset, length = struct.unpack_from(">BBH", content, position + 1)
        if length & 0x8000:
            return
        if record == 1 or dataset == 0 or dataset in _DATASETS:
            yield content[position : position + 5 + length]
        position += 5 + length

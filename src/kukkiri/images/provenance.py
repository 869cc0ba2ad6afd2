"""Provenance: an entry in the metadata of a result that says how it was made."""

import json
from collections.abc import Mapping
from dataclasses import replace

from kukkiri.images.metadata import Metadata
from kukkiri.images.xmp import add_properties

__all__ = ["NAMESPACE", "OWN_TEXT", "add_provenance"]

NAMESPACE = "urn:kukkiri:provenance"
"""Address of the XMP properties; their names are the entry's keys."""
OWN_TEXT = b"kukkiri\0"
"""Keyword of the PNG text."""


def add_provenance(metadata: Metadata, entry: Mapping[str, object]) -> Metadata:
    """Add an entry as XMP properties and as PNG text; an earlier entry is replaced.

    Args:
        metadata: of an image.
        entry: what JSON can hold, such as the software, the model, its sha256, the scale and the options.

    Returns:
        The metadata. Only PNG has a place for the text, and its encoder alone writes it.
    """
    texts = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True) for key, value in entry.items()
    }
    others = tuple(text for text in metadata.png_text if not text[4:].startswith(OWN_TEXT))
    text = b"iTXt" + OWN_TEXT + b"\0\0\0\0" + json.dumps(entry, sort_keys=True, ensure_ascii=False).encode()
    return replace(
        metadata,
        xmp=add_properties(metadata.xmp, NAMESPACE, prefix="kukkiri", texts=texts),
        png_text=(*others, text),
    )

"""Orientation: applied to the pixels, and taken out of the metadata that still stated it."""

import dataclasses
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import exif as exif_block
from kukkiri.images.metadata import Metadata
from kukkiri.images.xmp import drop_claims, reset_orientation

__all__ = ["apply_orientation", "settle_metadata"]

Sample = TypeVar("Sample", bound=np.generic)


def apply_orientation(pixels: NDArray[Sample], orientation: int | None) -> NDArray[Sample]:
    """Apply an EXIF orientation to (H, W, ...): 2, 4, 5 and 7 are mirrored; 5 to 8 swap the sides."""
    if orientation in (None, 1):
        return pixels
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def settle_metadata(
    metadata: Metadata, orientation: int | None, *, further: tuple[str, ...] = ()
) -> tuple[Metadata, list[str]]:
    """Adapt metadata to the pixels that are read: those of one image, to which the orientation was applied.

    Args:
        metadata: as the file has it.
        orientation: that was applied to the pixels; ``None`` when nothing but perhaps the XMP states one, which is
            then left as it is, for nobody turned the pixels.
        further: words for the further images in the file, such as ``a gain map``.

    Returns:
        The metadata, and a note on the images that are not read.
    """
    exif, xmp, resolution = metadata.exif, metadata.xmp, metadata.resolution
    if resolution is not None and orientation in (5, 6, 7, 8):
        resolution = resolution[::-1]
    if exif:
        exif = exif_block.settle_orientation(exif_block.strip_prefix(exif), turned=orientation not in (None, 1))
    claims: tuple[str, ...] = ()
    if xmp:
        xmp, claims = drop_claims(xmp if orientation is None else reset_orientation(xmp))
    words = claims or further
    notes = [f"only the main image is read: {' and '.join(words)} in the file is dropped"] if words else []
    return dataclasses.replace(metadata, exif=exif, xmp=xmp, resolution=resolution), notes

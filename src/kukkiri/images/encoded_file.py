"""An encoded image file: its bytes, its format, and the one image in it that is read."""

import dataclasses
from pathlib import Path

from kukkiri.errors import ImageError
from kukkiri.images.camera_raw import refuse_raw_page
from kukkiri.images.containers import avif, tiff
from kukkiri.images.containers.tiff_pages import Page, read_pages
from kukkiri.images.tiff_samples import find_refusal

__all__ = ["EncodedFile", "open_encoded"]

_MATRICES = {10: "BT.2020 of constant luminance", 11: "YDzDx", 13: "constant luminance", 14: "ICtCp"}
"""Colour matrices of ITU-T H.273 that libheif has no conversion for."""


@dataclasses.dataclass(frozen=True)
class EncodedFile:
    """A file's bytes, its format, and facts that libvips does not report."""

    path: Path | None
    name: str
    form: str
    data: bytes
    described: tiff.TiffFacts = dataclasses.field(default_factory=tiff.TiffFacts)
    page: Page | None = None
    """The page of a TIFF that is read."""
    page_number: int = 0
    is_chosen: bool = False
    """The page, or the frame of an animation, was asked for, so that others may be there."""
    left_out: int = 0
    """Pages that are reduced images or masks of it."""
    colour: avif.Colour | None = None
    """The colours that an AVIF or HEIC states."""


def open_encoded(path: Path | None, name: str, form: str, data: bytes, *, number: int | None = None) -> EncodedFile:
    """Find the facts about a file, and its one image.

    Args:
        path: of the file, if it has one.
        name: beginning of the messages.
        form: its format.
        data: its bytes.
        number: of a page or frame, counted from 1; reduced images and masks do not count.

    Raises:
        ImageError: it holds several images, or one of a kind that cannot be decoded here.
    """
    file = EncodedFile(path, name, form, data)
    if form in ("AVIF", "HEIC"):
        side = avif.find_impossible_side(data)
        if side is not None:
            raise ImageError(f"{name}: this {form} is corrupt (it states a side of {side} pixels). Get the file again.")
        file = dataclasses.replace(file, colour=avif.read_colour(data))
        matrix = _MATRICES.get(0 if file.colour is None else file.colour.matrix)
        if matrix is not None:
            raise ImageError(f"{name}: its colours are coded as {matrix}, which is not decoded here. Convert it first.")
    if form != "TIFF":
        return dataclasses.replace(file, page_number=(number or 1) - 1, is_chosen=number is not None)
    pages = read_pages(data)
    whole = [number for number, page in enumerate(pages) if page.is_whole] or list(range(len(pages)))
    if any(found.is_raw for found in pages):
        refuse_raw_page(name)
    if len(whole) > 1 and number is None:
        raise ImageError(
            f"{name}: holds {len(whole)} pages; expected one still image. kukkiri upscale does all of them; in Python "
            "kukkiri.images.read_page(path, 1) reads one."
        )
    if (number or 1) > max(1, len(whole)):
        raise ImageError(f"{name}: has {max(1, len(whole))} pages, so that there is no page {number}.")
    at = whole[(number or 1) - 1] if whole else 0
    page = pages[at] if whole else None
    refusal = None if page is None else find_refusal(page)
    if refusal is not None:
        raise ImageError(f"{name}: this TIFF {refusal}. Convert it to a plain 8-bit or 16-bit TIFF or PNG first.")
    facts = tiff.extract(data, start=None if page is None else page.at)
    return dataclasses.replace(
        file, described=facts, page=page, page_number=at, left_out=len(pages) - max(1, len(whole))
    )

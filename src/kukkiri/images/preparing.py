"""Images made ready for a format: linear light or sRGB, and nothing that the format has no place for."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.fitting import fit_colour
from kukkiri.images.formats import OutputFormat
from kukkiri.images.icc_conversion import convert_profile
from kukkiri.images.metadata import Metadata
from kukkiri.images.tone_curve import ToneCurve, from_srgb, to_srgb

__all__ = ["Prepared", "prepare"]

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Colours and metadata that go to the encoder."""

    colour: Floats
    metadata: Metadata
    any_range: bool
    """Colours are linear light that may lie outside [0, 1]."""
    notes: list[str]


def prepare(colour: Floats, metadata: Metadata, tone: ToneCurve | None, form: OutputFormat) -> Prepared:
    """Make an image ready for a format.

    Args:
        colour: (H, W, 1 or 3), [0, 1].
        metadata: of the image.
        tone: the curve of linear light, see :class:`kukkiri.Image`.
        form: the format.
    """
    notes: list[str] = []
    if not form.profile:
        colour, metadata, changes = fit_colour(colour, metadata, form)
        notes += [change for change in changes if "profile" not in change]
        if metadata.icc is not None:
            colour, note = convert_profile(colour, metadata.icc, form.name)
            metadata = dataclasses.replace(metadata, icc=None)
            notes.append(note)
    dropped = [
        word
        for word, content, place in (("EXIF", metadata.exif, form.exif), ("XMP", metadata.xmp, form.xmp))
        if content is not None and not place
    ]
    if dropped:
        notes.append(f"{' and '.join(dropped)}: {form.name} has no place for it, so that it was dropped")
        metadata = dataclasses.replace(
            metadata, exif=metadata.exif if form.exif else None, xmp=metadata.xmp if form.xmp else None
        )
    if metadata.comments and not form.exif and form.name != "GIF":
        notes.append(f"the comment has no place in {form.name} and was dropped")
        metadata = dataclasses.replace(metadata, comments=())
    if tone is None:
        if form.linear:
            notes.append(f"sRGB was converted to the linear light of {form.name}")
            colour = from_srgb(colour.clip(0, 1))
        return Prepared(colour, metadata, form.linear, notes)
    linear = tone.decode(colour)
    if form.linear or 32 in form.depths:
        return Prepared(linear, metadata, True, notes)
    notes.append(f"linear light was converted to sRGB for {form.name}")
    if tone.high > 1 or tone.low < 0:
        share = np.mean((linear > 1) | (linear < 0))
        notes.append(f"light outside [0, 1] ({tone.low:g} to {tone.high:g}, {share:.1%} of the samples) was clipped")
    return Prepared(to_srgb(linear), metadata, False, notes)

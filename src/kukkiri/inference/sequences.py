"""Animations and multi-page TIFF files, image by image; a frame that equals the one before it is not computed again."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kukkiri.images import Image, ImageSequence, check_output, open_sequence, read_image, read_page
from kukkiri.images.formats import find_output_format
from kukkiri.images.sequence_sinks import ANIMATED, open_sequence_sink
from kukkiri.inference.upscaler import Upscaler

__all__ = ["PartProgress", "SequenceResult", "can_hold", "find_sequence", "read_one", "upscale_sequence"]


@dataclasses.dataclass(frozen=True)
class SequenceResult:
    """A file of several images that was written."""

    upscaler: Upscaler
    input_size: tuple[int, int]
    """(height, width) of the first image."""
    output_size: tuple[int, int]
    """(height, width) of the first result."""
    notes: tuple[str, ...]


class PartProgress:
    """Progress over the images of one file, in tiles: each image counts for as many as the first."""

    def __init__(self, parts: int, report: Callable[[int, int], None] | None) -> None:
        """Begin.

        Args:
            parts: images in the file.
            report: called with (done, total) tiles; what it raises ends the work.
        """
        self._parts, self._report = parts, report
        self._finished, self._tiles = 0, 0

    def tell(self, done: int, total: int) -> None:
        """Report ``done`` of ``total`` tiles of the present image."""
        self._tiles = self._tiles or total
        if self._report is not None:
            self._report(self._finished * self._tiles + done * self._tiles // total, self._parts * self._tiles)

    def finish_part(self) -> None:
        """Count an image as done."""
        self._finished += 1
        if self._report is not None:
            tiles = self._tiles or 1
            self._report(self._finished * tiles, self._parts * tiles)


def can_hold(target: Path, sequence: ImageSequence) -> bool:
    """True when a file of the target's format can hold all images of a sequence."""
    form = find_output_format(target).name
    return form == "TIFF" if sequence.timing is None else form in ANIMATED


def read_one(source: Path, *, sequence: ImageSequence | None, page: int | None, pixel_limit: int) -> Image:
    """Read the one image of a file that is wanted.

    Args:
        source: the file.
        sequence: what it holds, if several images; the first is read, with a note.
        page: that was asked for, counted from 1.
        pixel_limit: see :func:`kukkiri.images.read_image`.
    """
    if page is not None:
        return read_page(source, page, pixel_limit=pixel_limit)
    if sequence is None:
        return read_image(source, pixel_limit=pixel_limit)
    image = next(iter(sequence.images()))
    what = ("pages", "page", ".tif") if sequence.timing is None else ("frames", "frame", ".gif, .webp or .png")
    note = f"only the first of {sequence.count} {what[0]} is in the result: --page chooses another {what[1]}, and "
    return dataclasses.replace(image, notes=(*image.notes, f"{note}{what[2]} holds them all"))


def upscale_sequence(
    upscaler: Upscaler,
    sequence: ImageSequence,
    target: Path,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    settle: Callable[[Image, Upscaler], Image] = lambda image, _: image,
    check: Callable[[Image, Upscaler], None] = lambda image, _: None,
    progress: Callable[[int, int], None] | None = None,
) -> SequenceResult:
    """Upscale every image of a file into another file; one image is in memory at a time.

    Args:
        upscaler: that the user asked for.
        sequence: of a file.
        target: file of a format that holds several, see :func:`can_hold`.
        overwrite: an existing file may be replaced.
        quality: see :func:`kukkiri.images.save_image`.
        settle: gives an image the metadata of its result.
        check: called with each image of another size before the work on it; what it raises ends the work.
        progress: called with (done, total) tiles; what it raises ends the work.

    Raises:
        ImageError: an image is damaged, memory does not suffice, or the target cannot be written.
    """
    parts = PartProgress(sequence.count, progress)
    suited: Upscaler | None = None
    before: Image | None = None
    sr: Image | None = None
    sizes: tuple[tuple[int, int], tuple[int, int]] | None = None
    notes: dict[str, None] = {}
    repeated = 0
    with open_sequence_sink(
        target, count=sequence.count, timing=sequence.timing, overwrite=overwrite, quality=quality
    ) as sink:
        for image in sequence.images():
            if suited is None or sequence.timing is None:
                suited = upscaler.suited(image)
                check(image, suited)
                check_output(target, overwrite=True, size=suited.plan_size(image.size))
            if sr is None or sequence.timing is None or before is None or not _are_equal(image, before):
                sr = suited(settle(image, suited), progress=parts.tell)
                notes |= dict.fromkeys(sr.notes)
            else:
                repeated += 1
            sizes = sizes or (image.size, sr.size)
            sink.write(sr)
            before = image
            parts.finish_part()
    if suited is None or sizes is None:
        raise ValueError("a sequence without images")
    if repeated:
        what = "1 frame equals" if repeated == 1 else f"{repeated} frames equal"
        notes[f"{what} the one before, so that {sequence.count - repeated} of {sequence.count} were computed"] = None
    return SequenceResult(suited, *sizes, tuple(dict.fromkeys([*notes, *sink.notes])))


def _are_equal(image: Image, other: Image) -> bool:
    if not np.array_equal(image.colour, other.colour):
        return False
    if image.alpha is None or other.alpha is None:
        return image.alpha is other.alpha
    return np.array_equal(image.alpha, other.alpha)


def find_sequence(source: Path, *, page: int | None, pixel_limit: int) -> ImageSequence | None:
    """Open a file of several images, unless one of them was asked for."""
    return None if page is not None else open_sequence(source, pixel_limit=pixel_limit)

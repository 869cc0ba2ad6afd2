"""A file upscaled into a file, strip by strip."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from kukkiri.images import Image, read_header
from kukkiri.images.fitting import needs_whole_image
from kukkiri.images.formats import find_output_format
from kukkiri.images.reading import PIXEL_LIMIT, read_rows
from kukkiri.images.row_sink import open_row_sink
from kukkiri.inference.separate_planes import HiddenColours
from kukkiri.inference.streaming import estimate_strips
from kukkiri.inference.upscaler import Upscaler

__all__ = ["STREAMED", "StreamedFile", "estimate_stream", "stream_file"]

STREAMED = 2**22
"""Pixels of a result from which on it is streamed; smaller ones are quicker whole, and take less than 300 MB."""


@dataclasses.dataclass(frozen=True)
class StreamedFile:
    """A result that was written."""

    upscaler: Upscaler
    """The one that was used, see :meth:`Upscaler.suited`."""
    input_size: tuple[int, int]
    """(height, width)."""
    output_size: tuple[int, int]
    """(height, width)."""
    notes: tuple[str, ...]
    """One line for everything that could not be kept."""


def estimate_stream(upscaler: Upscaler, size: tuple[int, int], target: Path) -> int | None:
    """Estimate the bytes that a result takes that is streamed.

    Args:
        upscaler: that the user asked for.
        size: (height, width) of the source.
        target: the file to write.

    Returns:
        ``None`` when the result is made as a whole: as far as size, options and format tell.
    """
    suited = upscaler.suited_to(size)
    height, width = suited.plan_size(size)
    whole = find_output_format(target).name in ("WebP", "AVIF") or not suited.may_stream
    if whole or height * width < STREAMED or height < size[0] or width < size[1]:
        return None
    return estimate_strips(suited.engines, size[1], width)


def stream_file(
    upscaler: Upscaler,
    source: Path,
    target: Path,
    *,
    overwrite: bool = False,
    quality: int | None = None,
    pixel_limit: int = PIXEL_LIMIT,
    check: Callable[[tuple[int, int]], None] = lambda size: None,
    progress: Callable[[int, int], None] | None = None,
    settle: Callable[[Image, Upscaler], Image] = lambda image, upscaler: image,
) -> StreamedFile | None:
    """Upscale a large image file into a file in memory that does not grow with it.

    Args:
        upscaler: that the user asked for.
        source: the file to read.
        target: the file to write.
        overwrite: an existing file may be replaced.
        quality: see :func:`kukkiri.images.save_image`.
        pixel_limit: see :func:`kukkiri.images.read_image`.
        check: called with (height, width) of the result before any work.
        progress: called with (done, total) tiles; what it raises ends the work.
        settle: gives a part of the image the metadata of the result.

    Returns:
        ``None``, and no file, when the image is to be done as a whole: it is small, or :meth:`Upscaler.strips` gives
        none.

    Raises:
        ImageError: the source is damaged, or the target cannot be written.
        ModelError: a network gave NaN or infinity.
    """
    size = upscaler.plan_size(read_header(source).size)
    if size[0] * size[1] < STREAMED or find_output_format(target).name not in ("PNG", "TIFF", "JPEG"):
        return None
    if not upscaler.may_stream:
        return None
    rows = read_rows(source, pixel_limit=pixel_limit)
    if rows.template.tone is not None:
        return None
    suited = upscaler.suited_to_rows(rows)
    strips = suited.strips(rows)
    if strips is None or needs_whole_image(rows.template.metadata, find_output_format(target)):
        return None
    check(size)
    hidden = HiddenColours()
    rows = dataclasses.replace(hidden.watch(rows), template=settle(rows.template, suited))
    with open_row_sink(target, size=size, overwrite=overwrite, quality=quality) as sink:
        for strip in strips.run(rows, progress):
            sink.write(strip)
    notes = dict.fromkeys([*rows.template.notes, *hidden.notes(), *strips.notes(), *sink.notes])
    return StreamedFile(suited, rows.size, size, tuple(notes))

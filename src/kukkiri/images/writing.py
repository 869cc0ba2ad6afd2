"""From a :class:`Picture` to a file, whole or not at all, with a note for everything the format cannot hold."""

import os
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from kukkiri.errors import ImageError
from kukkiri.images._engine import vips
from kukkiri.images.formats import output_format
from kukkiri.images.levels import quantise
from kukkiri.images.picture import Picture

__all__ = ["check_output", "save_picture"]


def check_output(
    path: str | PathLike[str],
    *,
    source: str | PathLike[str] | None = None,
    overwrite: bool = False,
    size: tuple[int, int] | None = None,
) -> None:
    """Refuse a target before any work is done for it.

    Args:
        path: the file to be written.
        source: the file that was read; the target may not be the same file, by any name.
        overwrite: an existing file may be replaced.
        size: (height, width) that will be written, if known already.

    Raises:
        ImageError: unknown suffix, missing folder, existing file, ``source`` itself, or too large for the format.
    """
    file = Path(path)
    form = output_format(file)
    if not file.parent.is_dir():
        raise ImageError(f"{file}: there is no folder {file.parent}. Make it first.")
    if file.is_dir():
        raise ImageError(f"{file}: is a folder; expected a file name.")
    if source is not None and file.exists() and Path(source).exists() and file.samefile(source):
        raise ImageError(f"{file}: is the input itself, which is never overwritten. Choose another name.")
    if file.exists() and not overwrite:
        raise ImageError(f"{file}: exists already. Choose another name, or allow it with --overwrite.")
    if size is not None and max(size) > form.longest_side:
        raise ImageError(
            f"{file}: {size[1]}x{size[0]} is too large for {form.name}, which ends at {form.longest_side} pixels a "
            "side. Use .png or .tif."
        )


def save_picture(
    picture: Picture, path: str | PathLike[str], *, overwrite: bool = False, quality: int | None = None
) -> list[str]:
    """Write a picture.

    Args:
        picture: what to write.
        path: the suffix decides the format.
        overwrite: an existing file may be replaced.
        quality: 1 to 100 for JPEG, WebP and AVIF.

    Returns:
        One line for everything that the format could not hold.

    Raises:
        ImageError: see :func:`check_output`; or the disk is full; or the encoder failed.
    """
    file = Path(path)
    check_output(file, overwrite=overwrite, size=picture.size)
    levels = quantise(picture.colour, 16 if picture.depth != 8 else 8)
    image = vips().Image.new_from_array(np.ascontiguousarray(levels))
    data: Any = image.write_to_buffer(file.suffix)
    temporary = file.with_name(f".kukkiri-{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(file)
    return []

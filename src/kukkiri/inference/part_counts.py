"""The number of images in a file, and the header of the first, without upscaling anything."""

from pathlib import Path

from kukkiri.errors import ImageError
from kukkiri.images import ImageHeader, open_sequence, read_header
from kukkiri.images.archives import is_comic, open_comic
from kukkiri.images.reading import PIXEL_LIMIT, decode_image

__all__ = ["count_images", "read_first_header"]


def read_first_header(source: Path, *, pixel_limit: int = PIXEL_LIMIT) -> ImageHeader:
    """Read the header of an image, or of the first of several in a file.

    Args:
        source: the file.
        pixel_limit: of what has to be decoded for it.

    Raises:
        ImageError: see :func:`kukkiri.images.read_header`.
    """
    if is_comic(source):
        with open_comic(source) as comic:
            page = comic.pages[0]
            image = decode_image(comic.read(page), name=f"{source}: {page.name}", pixel_limit=pixel_limit)
    else:
        try:
            return read_header(source, pixel_limit=pixel_limit)
        except ImageError:
            sequence = open_sequence(source, pixel_limit=pixel_limit)
            if sequence is None:
                raise
            image = next(iter(sequence.images()))
    return ImageHeader(image.size, image.colour.shape[2] + (image.alpha is not None))


def count_images(source: Path, *, pixel_limit: int = PIXEL_LIMIT) -> int:
    """Count the frames of an animation, the pages of a TIFF or of a comic; 1 for a still image.

    Args:
        source: the file.
        pixel_limit: see :func:`kukkiri.images.open_sequence`.

    Raises:
        ImageError: see :func:`kukkiri.images.open_sequence`.
    """
    if is_comic(source):
        with open_comic(source) as comic:
            return len(comic.pages)
    sequence = open_sequence(source, pixel_limit=pixel_limit)
    return 1 if sequence is None else sequence.count

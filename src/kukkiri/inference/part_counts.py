"""The number of images in a file, and the header of the first, without upscaling anything."""

from pathlib import Path

from kukkiri.errors import ImageError
from kukkiri.images import ImageHeader, open_sequence, read_header
from kukkiri.images.archives import is_comic, open_comic
from kukkiri.images.reading import decode_image

__all__ = ["count_images", "read_first_header"]


def read_first_header(source: Path) -> ImageHeader:
    """Read the header of an image, or of the first of several in a file.

    Raises:
        ImageError: see :func:`kukkiri.images.read_header`.
    """
    if is_comic(source):
        with open_comic(source) as comic:
            page = comic.pages[0]
            image = decode_image(comic.read(page), name=f"{source}: {page.name}")
    else:
        try:
            return read_header(source)
        except ImageError:
            sequence = open_sequence(source)
            if sequence is None:
                raise
            image = next(iter(sequence.images()))
    return ImageHeader(image.size, image.colour.shape[2] + (image.alpha is not None))


def count_images(source: Path) -> int:
    """Count the frames of an animation, the pages of a TIFF or of a comic; 1 for a still image.

    Raises:
        ImageError: see :func:`kukkiri.images.open_sequence`.
    """
    if is_comic(source):
        with open_comic(source) as comic:
            return len(comic.pages)
    sequence = open_sequence(source)
    return 1 if sequence is None else sequence.count

"""The refusal of an image that holds more pixels than its reader allows."""

from kukkiri.errors import ImageError

__all__ = ["PixelLimitError"]


class PixelLimitError(ImageError):
    """An image, or the images of a file together, have more pixels than the limit of the reader."""

    def __init__(self, message: str, *, pixels: int, shown: str) -> None:
        """Keep the size.

        Args:
            message: the whole one.
            pixels: of all images that count.
            shown: the same in words, such as ``20000x20000``.
        """
        super().__init__(message)
        self.pixels, self.shown = pixels, shown

"""Rows of an image and of its result: where a part lies in the whole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Part", "find_starts"]


@dataclass(frozen=True)
class Part:
    """Some rows of an image, and some rows of its result, which is ``output_height / height`` times as high."""

    first: int
    """Row of the image that its part begins with."""
    height: int
    """Rows of the whole image."""
    row: int
    """Row of the result that its part begins with."""
    output_height: int
    """Rows of the whole result."""

    @classmethod
    def whole(cls, height: int, output_height: int) -> "Part":
        """All rows."""
        return cls(0, height, 0, output_height)

    @property
    def scale(self) -> float:
        """Rows of the result for a row of the image."""
        return self.output_height / self.height

    def locate(self, rows: int) -> NDArray[np.intp]:
        """Rows of the part of the result at which ``rows`` rows of the part of the image begin, and the last ends."""
        return find_starts(self.height, self.output_height)[self.first : self.first + rows + 1] - self.row


def find_starts(length: int, pixels: int) -> NDArray[np.intp]:
    """Return the first result pixel whose centre lies in each pixel along a side, and the end of the last."""
    starts: NDArray[np.intp] = np.ceil(np.arange(length + 1) * (pixels / length) - 0.5).astype(np.intp)
    return starts

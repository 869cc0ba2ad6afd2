"""Images for training: 8-bit RGB from files of any kind."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import quantize, read_image

__all__ = ["read_rgb8"]


def read_rgb8(path: Path) -> NDArray[np.uint8]:
    """Read an image as 8-bit RGB (H, W, 3): grey is replicated, transparency dropped, 16 bit rounded."""
    levels = quantize(read_image(path).colour, 8).astype(np.uint8, copy=False)
    return np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels

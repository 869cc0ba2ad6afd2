"""Images for training: 8-bit RGB, whatever the files are."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError
from kukkiri.images import INPUT_SUFFIXES, list_images, quantize, read_image

__all__ = ["find_images", "read_rgb8"]


def find_images(folder: Path) -> list[Path]:
    """The images directly in a folder, by name.

    Raises:
        ConfigError: no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of images.")
    found = list(list_images(folder))
    if not found:
        raise ConfigError(f"{folder}: no images here. Known types: {', '.join(sorted(INPUT_SUFFIXES))}.")
    return found


def read_rgb8(path: Path) -> NDArray[np.uint8]:
    """An image as 8-bit RGB (H, W, 3): grey is replicated, transparency dropped, 16 bit rounded."""
    levels = quantize(read_image(path).colour, 8).astype(np.uint8, copy=False)
    return np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels

"""Test sets: folders of HR pictures, read as the 8-bit levels that protocols compare."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import INPUT_SUFFIXES, read_picture

__all__ = ["TestPicture", "TestSet", "find_sets"]


@dataclass(frozen=True)
class TestPicture:
    """An HR picture with its name."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    name: str
    hr: NDArray[Any]
    """uint8, (H, W) when the file is grey, else (H, W, 3); sides are multiples of the scale."""

    @property
    def rgb(self) -> NDArray[Any]:
        """(H, W, 3); grey is replicated."""
        return np.repeat(self.hr[..., None], 3, axis=-1) if self.hr.ndim == 2 else self.hr


@dataclass(frozen=True)
class TestSet:
    """A folder of HR pictures; each is read when it is asked for."""

    __test__ = False

    name: str
    paths: tuple[Path, ...]

    def pictures(self, *, scale: int) -> Iterator[TestPicture]:
        """Every picture, cut from the top left corner to multiples of ``scale``.

        Raises:
            ImageError: a picture cannot be read, or is smaller than 11 pixels plus the border.
        """
        for path in self.paths:
            picture = read_picture(path)
            levels = np.floor(picture.colour * np.float32(255.0) + np.float32(0.5)).astype(np.uint8)
            height, width = (side - side % scale for side in picture.size)
            if min(height, width) < 11 + 2 * scale:
                raise ImageError(f"{path}: {width}x{height} is too small to be scored at scale {scale}.")
            hr = levels[:height, :width]
            yield TestPicture(path.stem, hr[..., 0] if hr.shape[2] == 1 else hr)


def find_sets(folder: Path) -> list[TestSet]:
    """The set in a folder, or, when it holds only folders, the sets in those.

    Raises:
        ConfigError: no such folder, or no pictures.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of pictures.")
    direct = _pictures(folder)
    if direct:
        return [TestSet(folder.resolve().name, direct)]
    nested = [TestSet(one.name, _pictures(one)) for one in sorted(folder.iterdir()) if one.is_dir()]
    found = [one for one in nested if one.paths]
    if not found:
        raise ConfigError(f"{folder}: no pictures here or one folder below. Known types: {' '.join(INPUT_SUFFIXES)}.")
    return found


def _pictures(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in INPUT_SUFFIXES))

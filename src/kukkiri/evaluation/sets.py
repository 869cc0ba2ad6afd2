"""Test sets: folders of HR images, read as the 8-bit levels that protocols compare, with or without given LR."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError, ImageError
from kukkiri.files import IMAGE_SUFFIXES, list_images, require_folder
from kukkiri.images import quantize, read_image

__all__ = ["TestImage", "TestSet", "find_sets", "pair_lr"]

Array = NDArray[Any]
# suffixes that data sets add to the name of an image: babyx2, 0801x4, img_001_SRF_2_LR, baby_HR_x3
_DECORATION = re.compile(r"(?:[_-]?(?:SRF[_-]?\d+|LR\w{0,2}|HR|GT|bicubic|x\d+))+$", re.IGNORECASE)


@dataclass(frozen=True)
class TestImage:
    """An HR image with its name."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    name: str
    hr: Array
    """uint8, (H, W) when the file is grey, else (H, W, 3); sides are multiples of the scale."""
    lr: Array | None = None
    """uint8, (H / scale, W / scale, 3), where the set has its own."""

    @property
    def rgb(self) -> Array:
        """(H, W, 3); grey is replicated."""
        return _as_rgb(self.hr)


@dataclass(frozen=True)
class TestSet:
    """A folder of HR images; each is read on demand."""

    __test__ = False

    name: str
    paths: tuple[Path, ...]
    lr_paths: tuple[Path, ...] = ()
    """LR image of each, where the set has its own; else empty."""

    def images(self, *, scale: int) -> Iterator[TestImage]:
        """Iterate over the images, see :meth:`image`."""
        return (self.image(index, scale=scale) for index in range(len(self.paths)))

    def image(self, index: int, *, scale: int) -> TestImage:
        """One image, cut from the top left corner to multiples of ``scale``, or to its LR image.

        Raises:
            ImageError: it cannot be read, is smaller than 11 pixels plus the border, or its LR does not fit.
        """
        path = self.paths[index]
        levels = _read(path)
        height, width = (side - side % scale for side in levels.shape[:2])
        if min(height, width) < 11 + 2 * scale:
            needed = -(-(11 + 2 * scale) // scale) * scale
            raise ImageError(
                f"{path}: {levels.shape[1]}x{levels.shape[0]} is too small to be scored at scale {scale}; expected at "
                f"least {needed} pixels along each side. Take it out, or use a smaller scale."
            )
        hr = levels[:height, :width]
        lr = None
        if self.lr_paths:
            lr = _as_rgb(_read(self.lr_paths[index]))
            if (scale * lr.shape[0], scale * lr.shape[1]) != (height, width):
                raise ImageError(
                    f"{self.lr_paths[index]}: {lr.shape[1]}x{lr.shape[0]} is not {path} ({levels.shape[1]}x"
                    f"{levels.shape[0]}) downscaled by {scale}, expected {width // scale}x{height // scale}."
                )
        return TestImage(path.stem, hr, lr)


def find_sets(folder: Path) -> list[TestSet]:
    """Return the set in a folder or, when it holds only folders, the sets in those.

    Raises:
        ConfigError: no such folder, or no images.
    """
    require_folder(folder)
    direct = list_images(folder)
    if direct:
        return [TestSet(folder.resolve().name, direct)]
    nested = [TestSet(path.name, list_images(path)) for path in sorted(folder.iterdir()) if path.is_dir()]
    found = [test_set for test_set in nested if test_set.paths]
    if not found:
        raise ConfigError(f"{folder}: no images here or one folder below. Known types: {' '.join(IMAGE_SUFFIXES)}.")
    return found


def pair_lr(test_set: TestSet, folder: Path, *, scale: int) -> TestSet:
    """Give a set its own LR images.

    They lie in ``folder``, in its sub-folder of the set's name, or in one named ``x2`` or ``X2`` (for scale 2)
    inside either. A file belongs to the HR image of the same name, or of the same name without the suffixes of
    data sets (``babyx2``, ``img_001_SRF_2_LR``); of several, the one that names the scale is taken.

    Raises:
        ConfigError: no LR images there.
        ImageError: an HR image has none, or more than one.
    """
    roots = (folder / test_set.name, folder)
    places = [root / below for root in roots for below in (f"x{scale}", f"X{scale}", "")]
    itself = {path.parent.resolve() for path in test_set.paths}
    found = next((paths for place in places if place.resolve() not in itself and (paths := list_images(place))), ())
    if not found:
        raise ConfigError(f"{folder}: no LR images for {test_set.name} here, in {test_set.name} or in x{scale}.")
    return dataclasses.replace(test_set, lr_paths=tuple(_partner(path, found, scale=scale) for path in test_set.paths))


def _partner(hr: Path, candidates: Sequence[Path], *, scale: int) -> Path:
    same = [path for path in candidates if path.stem == hr.stem]
    if not same:
        same = [path for path in candidates if _bare(path) == _bare(hr)]
    if len(same) > 1:
        mark = re.compile(rf"(?:x|SRF[_-]?){scale}(?!\d)", re.IGNORECASE)
        same = [path for path in same if mark.search(path.stem)]
        same = [path for path in same if "HR" not in path.stem] or same
    if len(same) != 1:
        folder = candidates[0].parent
        raise ImageError(
            f"{hr}: {len(same) or 'no'} LR images in {folder}, expected one named {hr.stem} or {hr.stem}x{scale}."
        )
    return same[0]


def _bare(path: Path) -> str:
    return _DECORATION.sub("", path.stem) or path.stem


def _read(path: Path) -> Array:
    """uint8, (H, W) for a grey file, else (H, W, 3)."""
    image = read_image(path)
    levels: Array = quantize(image.colour, 8)
    return levels[..., 0] if levels.shape[2] == 1 else levels


def _as_rgb(levels: Array) -> Array:
    return np.repeat(levels[..., None], 3, axis=-1) if levels.ndim == 2 else levels

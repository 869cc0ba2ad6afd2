"""Paired folders: each LR image with the HR image of the same name, LR made by a camera or by another program."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.data.rgb8 import read_rgb8
from kukkiri.errors import ConfigError, ImageError
from kukkiri.files import require_images

__all__ = ["match_files", "read_paired"]

Levels = NDArray[np.uint8]
_SUFFIX = re.compile(r"(?<=.)(?:[-_]?x\d+[a-z]?\d?|[-_](?:lr|hr|gt)(?:\d+|bi|bd|dn)?)$", re.IGNORECASE)
"""End of a stem that tells LR from HR: 0801x2 and 0801x4w1 in DIV2K, Canon_001_LR4 in RealSR, baby_LRBI_x2."""


def match_files(lr_folder: Path, hr_folder: Path) -> list[tuple[Path, Path]]:
    """Match the LR and HR files of two folders by the stems of their names, with suffixes such as x2 or without.

    Returns:
        (LR, HR) paths, sorted by the HR path.

    Raises:
        ConfigError: a folder is missing or has no image, a file has no partner, or more than one.
    """
    lr_files, hr_files = require_images(lr_folder), require_images(hr_folder)
    if lr_folder.resolve() == hr_folder.resolve():
        raise ConfigError(f"{lr_folder}: is both the LR and the HR folder. Put LR and HR images into two folders.")
    index = _index(hr_files)
    lr_of: dict[Path, Path] = {}
    lonely = []
    for lr_file in lr_files:
        hr_file = _find_partner(lr_file, index)
        if hr_file is None:
            lonely.append(lr_file)
        elif hr_file in lr_of:
            raise ConfigError(
                f"{hr_file}: has two LR images, {lr_of[hr_file].name} and {lr_file.name}. Keep one of them."
            )
        else:
            lr_of[hr_file] = lr_file
    _refuse_lonely(lonely, "HR", hr_folder)
    _refuse_lonely([hr_file for hr_file in hr_files if hr_file not in lr_of], "LR", lr_folder)
    return [(lr_of[hr_file], hr_file) for hr_file in hr_files]


def read_paired(
    lr_folder: Path, hr_folder: Path, *, scale: int, limit: int | None = None
) -> Iterator[tuple[str, Levels, Levels]]:
    """Read the pairs of two folders as 8-bit RGB.

    Args:
        lr_folder: of LR images.
        hr_folder: of their HR images.
        scale: HR pixels for one LR pixel along a side.
        limit: number of pairs, the first by the name of the HR file; ``None``: all.

    Yields:
        The stem of the HR file, LR (H, W, 3) and HR (scale*H, scale*W, 3).

    Raises:
        ConfigError: the files do not match, see :func:`match_files`.
        ImageError: an image cannot be read, or HR is not exactly ``scale`` times LR.
    """
    for lr_file, hr_file in match_files(lr_folder, hr_folder)[:limit]:
        lr, hr = read_rgb8(lr_file), read_rgb8(hr_file)
        height, width = (scale * side for side in lr.shape[:2])
        if hr.shape[:2] != (height, width):
            cropped = 0 <= hr.shape[0] - height < scale and 0 <= hr.shape[1] - width < scale
            remedy = f"Crop it to {width}x{height}" if cropped else "Check the scale, and that the two belong together"
            raise ImageError(
                f"{hr_file}: is {hr.shape[1]}x{hr.shape[0]}, but scale {scale} times {lr_file}, which is "
                f"{lr.shape[1]}x{lr.shape[0]}, is {width}x{height}. {remedy}."
            )
        yield hr_file.stem, lr, hr


def _names(stem: str) -> list[str]:
    """Return a stem, and the stem without its last suffix, its last two, and so on."""
    names = [stem]
    while (shorter := _SUFFIX.sub("", names[-1])) != names[-1]:
        names.append(shorter)
    return names


def _index(files: Sequence[Path]) -> dict[str, list[Path]]:
    """Map each name to the files whose stems become it by the removal of the fewest suffixes."""
    removed: dict[str, int] = {}
    index: dict[str, list[Path]] = {}
    for file in files:
        for number, name in enumerate(_names(file.stem)):
            if number < removed.get(name, len(file.stem)):
                removed[name], index[name] = number, []
            if number == removed[name]:
                index[name].append(file)
    return index


def _find_partner(lr_file: Path, index: Mapping[str, Sequence[Path]]) -> Path | None:
    for name in _names(lr_file.stem):
        if found := index.get(name):
            if len(found) > 1:
                names = " and ".join(file.name for file in found[:2])
                raise ConfigError(
                    f"{lr_file}: has two HR images in {found[0].parent}, {names}. Take out or rename one of them."
                )
            return found[0]
    return None


def _refuse_lonely(files: Sequence[Path], missing: str, folder: Path) -> None:
    if files:
        others = f", nor have {len(files) - 1} other files" if len(files) > 1 else ""
        raise ConfigError(
            f"{files[0]}: has no {missing} image in {folder}{others}; expected the name {_names(files[0].stem)[-1]}, "
            f"with a suffix such as x2 or _{missing} or without. Add what is missing, or take out what is not needed."
        )

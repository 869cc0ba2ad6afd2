"""Sub-images chosen by their detail, written as a prepared folder of a limited size."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.data import LRSet, Piece, PreparedFolder, read_rgb8
from kukkiri.data.prepare import GRID, degrade_image
from kukkiri.data.prepared import HR_FILE, MANIFEST, file_sha256
from kukkiri.errors import ConfigError
from kukkiri.files import require_images

__all__ = ["Candidate", "choose", "find_candidates", "mean_gradient", "write_pieces"]

Levels = NDArray[np.uint8]
_FLAT = 1.0  # mean gradient in levels, below which a sub-image teaches nothing


@dataclass(frozen=True)
class Candidate:
    """A sub-image that may be chosen."""

    piece: Piece
    detail: float
    """Mean gradient, in levels of 255."""

    def count_bytes(self, lr_set: LRSet) -> int:
        """Size of its HR and LR pixels."""
        hr = 3 * self.piece.height * self.piece.width
        return hr + lr_set.variants * hr // lr_set.scale**2


def mean_gradient(levels: Levels) -> float:
    """Return the mean absolute difference of neighbours of the green channel, over both directions, in levels.

    The mean of absolute values, and not of squares, because a few full-swing edges of text have the energy of a whole
    photograph of leaves.
    """
    green = levels[..., 1].astype(np.int16)
    return float(np.abs(np.diff(green, axis=0)).mean() + np.abs(np.diff(green, axis=1)).mean())


def find_candidates(folder: Path, *, scale: int, side: int, smallest: int) -> list[Candidate]:
    """Cut every image of a folder into sub-images, and measure their detail.

    Args:
        folder: of HR images.
        scale: HR pixels for one LR pixel along a side.
        side: of the sub-images in HR pixels; a multiple of 24.
        smallest: side in HR pixels below which an image is left out.
    """
    found = []
    for number, path in enumerate(require_images(folder)):
        image = read_rgb8(path)
        height, width = (min(side, size - size % scale) for size in image.shape[:2])
        if min(height, width) < smallest:
            continue
        for top in range(0, image.shape[0] - height + 1, side):
            for left in range(0, image.shape[1] - width + 1, side):
                detail = mean_gradient(image[top : top + height, left : left + width])
                name = f"{path.stem}-{top}-{left}"
                found.append(Candidate(Piece(name, number, top, left, height, width), detail))
    return found


def choose(candidates: Sequence[Candidate], *, lr_set: LRSet, limit: int, variety: float) -> list[Candidate]:
    """Choose sub-images by their detail, and a share of them evenly from the others; nothing is random.

    An image gives at most twice its share of those chosen by detail, so that one forest does not fill the folder.

    Args:
        candidates: at least one.
        lr_set: the LR images that go with them.
        limit: bytes of all chosen HR and LR pixels.
        variety: fraction of the bytes for sub-images at even distances in the order of detail.

    Returns:
        In the order of the images.

    Raises:
        ConfigError: not even one fits into the limit, or all are flat.
    """
    textured = sorted((c for c in candidates if c.detail >= _FLAT), key=lambda c: (-c.detail, c.piece.name))
    if not textured:
        raise ConfigError("all sub-images are flat. Give a folder of images with detail.")
    mean = sum(c.count_bytes(lr_set) for c in textured) / len(textured)
    images = len({c.piece.image for c in textured})
    most = max(1, math.ceil(2 * limit / mean / images))
    chosen: list[Candidate] = []
    counts: Counter[int] = Counter()
    left = limit * (1 - variety)
    for candidate in textured:
        size = candidate.count_bytes(lr_set)
        if size <= left and counts[candidate.piece.image] < most:
            counts[candidate.piece.image] += 1
            chosen.append(candidate)
            left -= size
    names = {c.piece.name for c in chosen}
    others = [c for c in textured if c.piece.name not in names]
    left = limit - sum(c.count_bytes(lr_set) for c in chosen)
    count = min(len(others), int(left / mean))
    for number in range(count):
        candidate = others[int((number + 0.5) * len(others) / count)]
        if candidate.count_bytes(lr_set) <= left:
            chosen.append(candidate)
            left -= candidate.count_bytes(lr_set)
    if not chosen:
        raise ConfigError(f"no sub-image of {mean:.0f} bytes fits into {limit} bytes. Raise --megabytes.")
    return sorted(chosen, key=lambda c: (c.piece.image, c.piece.top, c.piece.left))


def write_pieces(source: Path, folder: Path, chosen: Sequence[Candidate], *, lr_set: LRSet) -> PreparedFolder:
    """Write chosen sub-images, and their part of the LR images made of the whole images, as a prepared folder.

    Args:
        source: the folder that the candidates were found in.
        folder: is made.
        chosen: as :func:`choose` returns them.
        lr_set: the LR images.
    """
    folder.mkdir(parents=True)
    paths = require_images(source)
    groups: dict[int, list[Piece]] = {}
    for candidate in chosen:
        groups.setdefault(candidate.piece.image, []).append(candidate.piece)
    hr_hash, lr_hash = hashlib.sha256(), hashlib.sha256()
    with (folder / HR_FILE).open("wb") as hr_file, (folder / f"{lr_set.stem}.bin").open("wb") as lr_file:
        for image, pieces in groups.items():
            hr = read_rgb8(paths[image])
            for piece in pieces:
                part = hr[piece.top : piece.top + piece.height, piece.left : piece.left + piece.width].tobytes()
                hr_hash.update(part)
                hr_file.write(part)
            # the place of the image in its folder seeds a random degradation, as when all of it is prepared
            for lr in degrade_image(hr, lr_set, place=image, name=paths[image].name):
                for piece in pieces:
                    part = lr[piece.at_scale(lr_set.scale)].tobytes()
                    lr_hash.update(part)
                    lr_file.write(part)
    sources = tuple({"name": paths[image].name, "sha256": file_sha256(paths[image])} for image in groups)
    numbers = {image: number for number, image in enumerate(groups)}
    pieces = tuple(Piece(**{**asdict(c.piece), "image": numbers[c.piece.image]}) for c in chosen)
    side = max(max(piece.height, piece.width) for piece in pieces)
    prepared = PreparedFolder(folder, pieces, sources, side, hr_hash.hexdigest())
    values = prepared.to_json()
    lr_values = {"format": values["format"], **asdict(lr_set), "sha256": lr_hash.hexdigest()}
    (folder / f"{lr_set.stem}.json").write_text(json.dumps(lr_values, indent=1) + "\n", encoding="utf-8")
    (folder / MANIFEST).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return PreparedFolder.open(folder)


def round_side(pixels: float) -> int:
    """Round the side of a sub-image up to the grid on which all scales cut alike."""
    return GRID * math.ceil(pixels / GRID)

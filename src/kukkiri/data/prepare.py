"""Preparing a folder of images for training; :mod:`kukkiri.data.prepared` describes the files."""

import dataclasses
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from kukkiri.data.prepared import FORMAT, HR_FILE, MANIFEST, LRSet, Piece, PreparedFolder, file_sha256, is_prepared
from kukkiri.data.rgb8 import read_rgb8
from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, ImageError
from kukkiri.files import replacing, require_images, write_atomically

__all__ = ["GRID", "degrade_image", "prepare", "prepare_cached"]

Levels = NDArray[np.uint8]
Report = Callable[[str, int, int], None]
"""Called with a label of the work, the images done, and the images in total."""
GRID = 24
"""Sub-images begin at multiples of this number of HR pixels, so that scales 2, 3, 4, 6 and 8 cut them alike."""
_SMALLEST = 4 * GRID


def prepare(
    source: Path,
    folder: Path,
    *,
    lr_sets: Sequence[LRSet] = (),
    sub_image: int = 0,
    limit: int | None = None,
    report: Report | None = None,
) -> PreparedFolder:
    """Decode the images of a folder once, and make LR images of them.

    Existing files are kept: to add a scale, prepare the same images into the same folder again.

    Args:
        source: folder of HR images.
        folder: the prepared folder.
        lr_sets: LR sets to make.
        sub_image: longest side, in HR pixels, of the pieces that the images are cut into, which are read from the
            disk faster than patches of whole images when memory is smaller than the data; 0: whole images. LR is
            made of the whole image and then cut.
        limit: number of images, the first by name; ``None``: all.
        report: called after every image.

    Returns:
        The prepared folder; its ``problems`` name the images that could not be read and are not in it.

    Raises:
        ConfigError: no images, ``folder`` holds others, or it cannot be written.
        ImageError: no image could be read, or one is too small for a scale.
    """
    if sub_image and sub_image < _SMALLEST:
        raise ConfigError(f"sub-images must have a side of at least {_SMALLEST}, got {sub_image}.")
    for lr_set in lr_sets:
        if sub_image and GRID % lr_set.scale:
            raise ConfigError(f"sub-images are cut at multiples of {GRID}, which x{lr_set.scale} does not divide.")
    paths = require_images(source)[:limit]
    checksums = [file_sha256(path) for path in paths]
    try:
        if is_prepared(folder):
            prepared = PreparedFolder.open(folder)
            before = [(entry["name"], entry["sha256"]) for entry in prepared.sources]
            if before != [(path.name, checksum) for path, checksum in zip(paths, checksums, strict=True)]:
                raise ConfigError(f"{folder}: was prepared from other images than {source}. Choose another folder.")
            if prepared.sub_image != sub_image:
                raise ConfigError(
                    f"{folder}: was prepared with sub-images of {prepared.sub_image}, not {sub_image}. "
                    "Choose another folder."
                )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            prepared = _write_hr(paths, checksums, folder, sub_image=sub_image, report=report)
        for lr_set in lr_sets:
            if not prepared.has(lr_set):
                _write_lr(prepared, lr_set, report=report)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror or error}).") from error
    return prepared


def prepare_cached(source: Path, cache: Path, *, lr_set: LRSet, limit: int | None = None) -> PreparedFolder:
    """Prepare a folder of images below ``cache``, or find it there by the content of its files.

    Raises:
        ImageError: an image cannot be read or is too small.
    """
    names = "".join(f"{path.name} {file_sha256(path)}\n" for path in require_images(source)[:limit])
    key = hashlib.sha256(names.encode()).hexdigest()[:32]
    prepared = prepare(source, cache / key, lr_sets=[lr_set], limit=limit)
    if prepared.problems:
        raise ImageError(prepared.problems[0])
    return prepared


def _lr_size(size: Sequence[int], *, scale: int, name: str) -> tuple[int, int]:
    """Compute (height, width) of the LR image.

    Raises:
        ImageError: it would have no pixel.
    """
    height, width = (side // scale for side in size[:2])
    if not (height and width):
        raise ImageError(f"{name}: {size[1]}x{size[0]} is smaller than scale {scale}. Take it out.")
    return height, width


def degrade_image(hr: Levels, lr_set: LRSet, *, place: int, name: str) -> Iterable[Levels]:
    """Degrade an image once for each variant of an LR set.

    The image is cropped to a multiple of the scale, from its top left corner.

    Args:
        hr: (H, W, 3).
        lr_set: the degradation and the number of variants.
        place: number of the image in its folder; with the number of the variant it seeds the random numbers.
        name: for messages.

    Raises:
        ImageError: the image is smaller than the scale.
    """
    height, width = _lr_size(hr.shape, scale=lr_set.scale, name=name)
    degradation = Degradation.parse(lr_set.degradation)
    for variant in range(lr_set.variants):
        cut = hr[: lr_set.scale * height, : lr_set.scale * width]
        yield degradation.apply(cut, scale=lr_set.scale, seed=(place, variant))


def _write_hr(
    paths: Sequence[Path], checksums: Sequence[str], folder: Path, *, sub_image: int, report: Report | None
) -> PreparedFolder:
    pieces: list[Piece] = []
    sources: list[dict[str, str]] = []
    with _packing(folder / HR_FILE) as pack:
        for done, (path, checksum) in enumerate(zip(paths, checksums, strict=True), 1):
            entry = {"name": path.name, "sha256": checksum}
            try:
                hr = read_rgb8(path)
            except ImageError as error:
                sources.append({**entry, "problem": str(error)})
                continue
            finally:
                if report is not None:
                    report("HR", done, len(paths))
            image = done - 1 - sum("problem" in before for before in sources)
            cut = _cut_into_pieces(path.stem, image, (hr.shape[0], hr.shape[1]), sub_image=sub_image)
            for piece in cut:
                pack.append(hr[piece.top : piece.top + piece.height, piece.left : piece.left + piece.width])
            sources.append(entry)
            pieces += cut
        if not pieces:
            raise ImageError(f"{sources[0]['problem']} No other image of {paths[0].parent} can be read either.")
    prepared = PreparedFolder(folder, tuple(pieces), tuple(sources), sub_image, pack.sha256)
    _write_json(folder / MANIFEST, prepared.to_json())
    return prepared


def _write_lr(prepared: PreparedFolder, lr_set: LRSet, *, report: Report | None) -> None:
    groups, pixels = prepared.by_image(), prepared.hr()
    path = prepared.folder / f"{lr_set.stem}.bin"
    with _packing(path) as pack:
        for done, numbers in enumerate(groups, 1):
            pieces = [prepared.pieces[number] for number in numbers]
            hr = _join(pieces, [pixels[number] for number in numbers])
            for lr in degrade_image(hr, lr_set, place=pieces[0].image, name=pieces[0].name):
                for piece in pieces:
                    pack.append(lr[piece.at_scale(lr_set.scale)])
            if report is not None:
                report(f"x{lr_set.scale} {lr_set.degradation}", done, len(groups))
    _write_json(path.with_suffix(".json"), {"format": FORMAT, **dataclasses.asdict(lr_set), "sha256": pack.sha256})


def _cut_into_pieces(name: str, image: int, size: tuple[int, int], *, sub_image: int) -> list[Piece]:
    """Cut an image into pieces of nearly equal size."""
    rows, columns = (_cut_side(side, sub_image) for side in size)
    whole = len(rows) == len(columns) == 2
    return [
        Piece(name if whole else f"{name}-{top}-{left}", image, top, left, bottom - top, right - left)
        for top, bottom in itertools.pairwise(rows)
        for left, right in itertools.pairwise(columns)
    ]


def _cut_side(side: int, sub_image: int) -> list[int]:
    """Positions of the cuts along one side, its two ends included."""
    count = math.ceil(side / sub_image) if sub_image else 1
    return [*(GRID * math.floor(number * side / count / GRID) for number in range(count)), side]


def _join(pieces: Sequence[Piece], pixels: Sequence[Levels]) -> Levels:
    """Join the pieces of an image."""
    if len(pieces) == 1:
        return pixels[0]
    height = max(piece.top + piece.height for piece in pieces)
    width = max(piece.left + piece.width for piece in pieces)
    whole = np.empty((height, width, 3), dtype=np.uint8)
    for piece, part in zip(pieces, pixels, strict=True):
        whole[piece.top : piece.top + piece.height, piece.left : piece.left + piece.width] = part
    return whole


class _Pack:
    """A file to which images are appended, and the checksum of its bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def append(self, levels: Levels) -> None:
        data = np.ascontiguousarray(levels).data
        self._hash.update(data)
        self._file.write(data)


@contextmanager
def _packing(path: Path) -> Iterator[_Pack]:
    """Give a pack that appears as ``path`` when the block ends, see :func:`kukkiri.files.replacing`."""
    with replacing(path, overwrite=True) as temporary, temporary.open("wb") as file:
        yield _Pack(file)


def _write_json(path: Path, values: object) -> None:
    write_atomically(path, (json.dumps(values, indent=1) + "\n").encode(), overwrite=True)

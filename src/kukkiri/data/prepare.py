"""From a folder of images to a prepared one; see :mod:`kukkiri.data.prepared` for what is in it."""

import dataclasses
import hashlib
import itertools
import json
import math
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kukkiri.data.prepared import FORMAT, HR_FILE, MANIFEST, LRSet, Piece, PreparedFolder, file_sha256, is_prepared
from kukkiri.data.rgb8 import read_rgb8
from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, ImageError
from kukkiri.files import require_images, write_atomically

__all__ = ["GRID", "degrade_image", "lr_size", "prepare", "prepare_cached"]

Levels = NDArray[np.uint8]
Report = Callable[[str, int, int], None]
"""Called with what is being made, images done, images in all."""
GRID = 24
"""Sub-images begin at multiples of so many HR pixels, so that they are cut alike at scales 2, 3, 4, 6 and 8."""
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

    What is there already is kept: to add a scale, prepare the same images into the same folder again.

    Args:
        source: folder of HR images.
        folder: the prepared folder.
        lr_sets: LR sets to make.
        sub_image: cut the images into pieces of at most so many HR pixels a side, which are read from the disk
            faster than patches of whole images when memory is smaller than the data; 0: whole images. LR is
            made of the whole image and cut then.
        limit: only the first so many images.
        report: called as the work goes on.

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
    sums = [file_sha256(path) for path in paths]
    try:
        if is_prepared(folder):
            prepared = PreparedFolder.open(folder)
            before = [(one["name"], one["sha256"]) for one in prepared.sources]
            if before != [(path.name, one) for path, one in zip(paths, sums, strict=True)]:
                raise ConfigError(f"{folder}: was prepared from other images than {source}. Choose another folder.")
            if prepared.sub_image != sub_image:
                raise ConfigError(
                    f"{folder}: was prepared with sub-images of {prepared.sub_image}, not {sub_image}. "
                    "Choose another folder."
                )
        else:
            folder.mkdir(parents=True, exist_ok=True)
            prepared = _write_hr(paths, sums, folder, sub_image=sub_image, report=report)
        for lr_set in lr_sets:
            if not prepared.has(lr_set):
                _write_lr(prepared, lr_set, report=report)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror or error}).") from error
    return prepared


def prepare_cached(source: Path, cache: Path, *, lr_set: LRSet, limit: int | None = None) -> PreparedFolder:
    """The prepared folder below ``cache`` that belongs to the content of a folder of images; made when missing.

    Raises:
        ImageError: an image cannot be read or is too small.
    """
    names = "".join(f"{path.name} {file_sha256(path)}\n" for path in require_images(source)[:limit])
    key = hashlib.sha256(names.encode()).hexdigest()[:32]
    prepared = prepare(source, cache / key, lr_sets=[lr_set], limit=limit)
    if prepared.problems:
        raise ImageError(prepared.problems[0])
    return prepared


def lr_size(size: Sequence[int], *, scale: int, name: str) -> tuple[int, int]:
    """(height, width) of the LR image.

    Raises:
        ImageError: it would have no pixel.
    """
    height, width = (side // scale for side in size[:2])
    if not (height and width):
        raise ImageError(f"{name}: {size[1]}x{size[0]} is smaller than scale {scale}. Take it out.")
    return height, width


def degrade_image(hr: Levels, lr_set: LRSet, *, place: int, name: str) -> Iterable[Levels]:
    """Every variant of an image, cut to a multiple of the scale from its top left corner; its place and the number
    of the variant seed the random numbers."""
    height, width = lr_size(hr.shape, scale=lr_set.scale, name=name)
    degradation = Degradation.parse(lr_set.degradation)
    for variant in range(lr_set.variants):
        cut = hr[: lr_set.scale * height, : lr_set.scale * width]
        yield degradation.apply(cut, scale=lr_set.scale, seed=(place, variant))


def _write_hr(
    paths: Sequence[Path], sums: Sequence[str], folder: Path, *, sub_image: int, report: Report | None
) -> PreparedFolder:
    pieces: list[Piece] = []
    sources: list[dict[str, str]] = []
    with _Pack(folder / HR_FILE) as pack:
        for done, (path, checksum) in enumerate(zip(paths, sums, strict=True), 1):
            kept = {"name": path.name, "sha256": checksum}
            try:
                hr = read_rgb8(path)
            except ImageError as error:
                sources.append({**kept, "problem": str(error)})
                continue
            finally:
                if report is not None:
                    report("HR", done, len(paths))
            image = done - 1 - sum("problem" in one for one in sources)
            cut = _pieces(path.stem, image, (hr.shape[0], hr.shape[1]), sub_image=sub_image)
            for piece in cut:
                pack.write(hr[piece.top : piece.top + piece.height, piece.left : piece.left + piece.width])
            sources.append(kept)
            pieces += cut
        if not pieces:
            raise ImageError(f"{sources[0]['problem']} No other image of {paths[0].parent} can be read either.")
    prepared = PreparedFolder(folder, tuple(pieces), tuple(sources), sub_image, pack.sha256)
    _write_json(folder / MANIFEST, prepared.to_json())
    return prepared


def _write_lr(prepared: PreparedFolder, lr_set: LRSet, *, report: Report | None) -> None:
    groups, pixels = prepared.by_image(), prepared.hr()
    path = prepared.folder / f"{lr_set.stem}.bin"
    with _Pack(path) as pack:
        for done, numbers in enumerate(groups, 1):
            pieces = [prepared.pieces[number] for number in numbers]
            hr = _assembled(pieces, [pixels[number] for number in numbers])
            for lr in degrade_image(hr, lr_set, place=pieces[0].image, name=pieces[0].name):
                for piece in pieces:
                    pack.write(lr[piece.at_scale(lr_set.scale)])
            if report is not None:
                report(f"x{lr_set.scale} {lr_set.degradation}", done, len(groups))
    _write_json(path.with_suffix(".json"), {"format": FORMAT, **dataclasses.asdict(lr_set), "sha256": pack.sha256})


def _pieces(name: str, image: int, size: tuple[int, int], *, sub_image: int) -> list[Piece]:
    """An image in pieces of nearly one size."""
    rows, columns = (_cuts(side, sub_image) for side in size)
    whole = len(rows) == len(columns) == 2
    return [
        Piece(name if whole else f"{name}-{top}-{left}", image, top, left, bottom - top, right - left)
        for top, bottom in itertools.pairwise(rows)
        for left, right in itertools.pairwise(columns)
    ]


def _cuts(side: int, sub_image: int) -> list[int]:
    count = math.ceil(side / sub_image) if sub_image else 1
    return [*(GRID * math.floor(number * side / count / GRID) for number in range(count)), side]


def _assembled(pieces: Sequence[Piece], pixels: Sequence[Levels]) -> Levels:
    """The whole image."""
    if len(pieces) == 1:
        return pixels[0]
    height, width = (max(one.top + one.height for one in pieces), max(one.left + one.width for one in pieces))
    whole = np.empty((height, width, 3), dtype=np.uint8)
    for piece, part in zip(pieces, pixels, strict=True):
        whole[piece.top : piece.top + piece.height, piece.left : piece.left + piece.width] = part
    return whole


class _Pack:
    """A large file in the making; it appears under its name when everything is in it, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".kukkiri-{secrets.token_hex(8)}.tmp")
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, levels: Levels) -> None:
        data = np.ascontiguousarray(levels).data
        self._hash.update(data)
        self._file.write(data)

    def __enter__(self) -> "_Pack":
        self._file = self._temporary.open("xb")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._temporary.replace(self._path)
        finally:
            self._file.close()
            with suppress(OSError):
                self._temporary.unlink()


def _write_json(path: Path, values: object) -> None:
    write_atomically(path, (json.dumps(values, indent=1) + "\n").encode(), overwrite=True)

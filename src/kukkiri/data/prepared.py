"""A prepared folder: images as plain bytes in two kinds of large files, which training maps into memory.

::

    manifest.json          every piece of every image in the order of hr.bin; checksums
    hr.bin                 8-bit RGB, one piece after the other, row by row
    lr-x2-<key>.json       scale, degradation, variants and checksum of one LR set
    lr-x2-<key>.bin        8-bit RGB: for each image, for each variant, for each piece

A file is written under another name and renamed when it is whole, the .json last. HR is stored once for all scales
and degradations; processes that train on one folder share its memory pages.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import SAMPLING_REVISION, Degradation
from kukkiri.errors import ConfigError

__all__ = ["LRSet", "Piece", "PreparedFolder", "is_prepared"]

Levels = NDArray[np.uint8]
FORMAT = "kukkiri data 1"
MANIFEST, HR_FILE = "manifest.json", "hr.bin"


@dataclass(frozen=True)
class Piece:
    """A rectangle of an image, in HR pixels."""

    name: str
    image: int
    """Number of the image that it was cut from, among those that could be read."""
    top: int
    left: int
    height: int
    width: int

    def at_scale(self, scale: int) -> tuple[slice, slice]:
        """(rows, columns) in the LR image; the part of a pixel at the end of the image is cut off."""
        rows = slice(self.top // scale, (self.top + self.height) // scale)
        return rows, slice(self.left // scale, (self.left + self.width) // scale)


@dataclass(frozen=True)
class LRSet:
    """Scale, degradation and variants of a set of LR images, as they are made of the HR ones."""

    scale: int
    degradation: str
    """Text form of a :class:`kukkiri.degradations.Degradation`."""
    variants: int = 1
    """LR images of each HR image, each from its own random numbers."""

    def __post_init__(self) -> None:
        parsed = Degradation.parse(self.degradation)
        object.__setattr__(self, "degradation", str(parsed))
        if self.scale < 1 or self.variants < 1:
            raise ConfigError(f"scale and variants must be at least 1, got {self.scale} and {self.variants}.")
        if self.variants > 1 and not parsed.random:
            raise ConfigError(
                f"{self.degradation} samples nothing at random, so {self.variants} variants would be the same image. "
                "Use variants = 1, or a degradation with noise, photo or real."
            )

    def __str__(self) -> str:
        return f"x{self.scale} {self.degradation}, variants {self.variants}"

    @property
    def stem(self) -> str:
        """Name of its files without their suffixes."""
        revision = f" drawing {SAMPLING_REVISION}" if Degradation.parse(self.degradation).samples_steps else ""
        text = f"{self.degradation} v{self.variants}{revision}"
        return f"lr-x{self.scale}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class PreparedFolder:
    """The manifest of a prepared folder."""

    folder: Path
    pieces: tuple[Piece, ...]
    sources: tuple[dict[str, str], ...]
    """Name and sha256 of every file, and the ``problem`` of those that could not be read."""
    sub_image: int
    """Largest side of a piece; 0: whole images."""
    sha256: str
    """Of hr.bin."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the manifest and check the length of hr.bin.

        Raises:
            ConfigError: no prepared folder, or a damaged one.
        """
        values = _read_json(folder / MANIFEST)
        try:
            pieces = tuple(Piece(**piece) for piece in values["pieces"])
            prepared = cls(folder, pieces, tuple(values["sources"]), values["sub_image"], values["sha256"])
        except (KeyError, TypeError) as error:
            raise ConfigError(f"{folder / MANIFEST}: is damaged ({error}). {_REMEDY}") from error
        _check_size(folder / HR_FILE, 3 * sum(piece.height * piece.width for piece in pieces))
        return prepared

    def to_json(self) -> dict[str, Any]:
        """The content of the manifest."""
        values = asdict(self)
        del values["folder"]
        return {"format": FORMAT, **values}

    @property
    def problems(self) -> list[str]:
        """One line for each image that could not be read."""
        return [source["problem"] for source in self.sources if "problem" in source]

    @property
    def lr_sets(self) -> list[LRSet]:
        """The LR sets in the folder, without those of an older revision of the random sampling."""
        found = []
        for path in sorted(self.folder.glob("lr-*.json")):
            values = _read_json(path)
            lr_set = LRSet(values["scale"], values["degradation"], values["variants"])
            if lr_set.stem == path.stem:
                found.append(lr_set)
        return found

    def hr(self) -> list[Levels]:
        """Map every piece into memory, (H, W, 3), read-only."""
        shapes = [(piece.height, piece.width) for piece in self.pieces]
        return _map_images(self.folder / HR_FILE, shapes)

    def has(self, lr_set: LRSet) -> bool:
        """True when the LR set was made."""
        return (self.folder / f"{lr_set.stem}.json").is_file()

    def lr(self, lr_set: LRSet) -> Iterator[tuple[int, Levels]]:
        """Map an LR set into memory: (number of the piece, its LR pixels) for each variant of each piece.

        Raises:
            ConfigError: the set was not made, or is damaged.
        """
        if not self.has(lr_set):
            there = "; ".join(str(other) for other in self.lr_sets)
            raise ConfigError(
                f"{self.folder}: has no LR images for {lr_set}. "
                f"There: {there or 'none'}. Run kukkiri data prepare once more with these values."
            )
        order = list(self.order(lr_set))
        shapes = [_shape(self.pieces[number].at_scale(lr_set.scale)) for number in order]
        path = self.folder / f"{lr_set.stem}.bin"
        _check_size(path, 3 * sum(map(math.prod, shapes)))
        return zip(order, _map_images(path, shapes), strict=True)

    def order(self, lr_set: LRSet) -> Iterator[int]:
        """Numbers of the pieces in the order of an LR file."""
        for numbers in self.by_image():
            yield from lr_set.variants * numbers

    def by_image(self) -> list[list[int]]:
        """Numbers of the pieces of each image."""
        groups: dict[int, list[int]] = {}
        for number, piece in enumerate(self.pieces):
            groups.setdefault(piece.image, []).append(number)
        return list(groups.values())

    def check(self) -> list[str]:
        """Compare every file with its checksum.

        Returns:
            One line for each file that is missing or differs.
        """
        files = {HR_FILE: self.sha256}
        for lr_set in self.lr_sets:
            files[f"{lr_set.stem}.bin"] = _read_json(self.folder / f"{lr_set.stem}.json")["sha256"]
        wrong = []
        for name, expected in files.items():
            path = self.folder / name
            if not path.is_file():
                wrong.append(f"{path}: is missing. {_REMEDY}")
            elif file_sha256(path) != expected:
                wrong.append(f"{path}: its checksum is not the one in the manifest. {_REMEDY}")
        return wrong


_REMEDY = "Remove the folder and run kukkiri data prepare again."


def is_prepared(folder: Path) -> bool:
    """True when a folder was made by ``kukkiri data prepare``."""
    return (folder / MANIFEST).is_file() and (folder / HR_FILE).is_file()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Is this a prepared folder?") from error
    except ValueError as error:
        raise ConfigError(f"{path}: is damaged ({error}). {_REMEDY}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ConfigError(f"{path}: is not of the form {FORMAT!r}. {_REMEDY}")
    return values


def _check_size(path: Path, expected: int) -> None:
    found = path.stat().st_size if path.is_file() else 0
    if found != expected:
        raise ConfigError(f"{path}: has {found} bytes, expected {expected}. {_REMEDY}")


def _shape(place: tuple[slice, slice]) -> tuple[int, int]:
    rows, columns = place
    return rows.stop - rows.start, columns.stop - columns.start


def _map_images(path: Path, shapes: list[tuple[int, int]]) -> list[Levels]:
    """Map the images of a file, stored one after the other; plain arrays, because slicing a ``memmap`` is slow."""
    if not shapes:
        return []
    flat: Levels = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    ends = np.cumsum([3 * height * width for height, width in shapes])
    starts = [0, *ends[:-1]]
    return [flat[a:b].reshape(*shape, 3) for a, b, shape in zip(starts, ends, shapes, strict=True)]

"""Pairs of LR and HR images: LR made by MATLAB-exact bicubic or any other degradation, or read from a folder."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.data.paired import read_paired
from kukkiri.data.prepare import degrade_image, prepare_cached
from kukkiri.data.prepared import LRSet, PreparedFolder, is_prepared
from kukkiri.data.rgb8 import read_rgb8
from kukkiri.data.sources import DataSource, check_sources
from kukkiri.files import require_images

__all__ = ["Pair", "PairSet", "Share"]

Levels = NDArray[np.uint8]
_GRID = 16
"""The fingerprint reads about 16 rows and 16 columns of an image, which touches few pages of a mapped file."""


@dataclass(frozen=True)
class Pair:
    """The LR and the HR version of one image, 8-bit RGB."""

    name: str
    lr: Levels
    """(H, W, 3)."""
    hr: Levels
    """(scale*H, scale*W, 3)."""


@dataclass(frozen=True)
class Share:
    """The share of the patches that is cut from consecutive pairs, those of one source."""

    source: str
    """For messages."""
    pairs: int
    weight: float
    """Above 0, relative to the other shares."""


@dataclass(frozen=True)
class PairSet(Sequence[Pair]):
    """Pairs in memory, or mapped into memory."""

    pairs: tuple[Pair, ...]
    scale: int
    colour: Literal["y", "rgb"]
    """Channels of the patches: luma, computed from the degraded RGB, or RGB."""
    shares: tuple[Share, ...] = ()
    """Of the pairs in their order; empty: every LR position of every pair is equally likely."""

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        *,
        scale: int,
        colour: Literal["y", "rgb"],
        degradation: str = "bicubic",
        variants: int = 1,
        limit: int | None = None,
        cache: Path | None = None,
    ) -> "PairSet":
        """Read every image of a folder and make its LR images.

        HR is cropped to a multiple of ``scale``, from the top left corner, and degraded as 8-bit RGB, as in the
        published test sets.

        Args:
            folder: of HR images, or one made by ``kukkiri data prepare``.
            scale: HR pixels for one LR pixel along a side.
            colour: ``y`` for MATLAB's luma divided by 255, or ``rgb``.
            degradation: text form of a :class:`kukkiri.degradations.Degradation`.
            variants: LR images of each HR image, each with its own sample of a random degradation; HR is
                in memory once.
            limit: number of images that are read, the first by name; ``None``: all.
            cache: folder that keeps HR and LR from run to run, mapped into memory; its keys are content, scale,
                degradation and variants. A prepared folder needs none.

        Raises:
            ConfigError: no images, a prepared folder without these LR images, or several variants of a degradation
                that is not random.
            ImageError: an image cannot be read or is smaller than ``scale``.
        """
        lr_set = LRSet(scale, degradation, variants)
        if is_prepared(folder):
            pairs = _from_prepared(PreparedFolder.open(folder), lr_set, limit=limit)
        elif cache is not None:
            pairs = _from_prepared(prepare_cached(folder, cache, lr_set=lr_set, limit=limit), lr_set)
        else:
            pairs = []
            for place, path in enumerate(require_images(folder)[:limit]):
                hr = read_rgb8(path)
                made = degrade_image(hr, lr_set, place=place, name=str(path))
                pairs += [_pair(path.stem, lr, hr, scale=scale) for lr in made]
        return cls(pairs=tuple(pairs), scale=scale, colour=colour)

    @classmethod
    def from_paired(
        cls, lr_folder: Path, hr_folder: Path, *, scale: int, colour: Literal["y", "rgb"], limit: int | None = None
    ) -> "PairSet":
        """Read LR and HR images that belong together by the stems of their names.

        The stem of an LR file, or of an HR file, may have suffixes such as x2, -x2, _x2, _LR and _HR that its partner
        lacks.

        Args:
            lr_folder: of LR images.
            hr_folder: of HR images.
            scale: HR pixels for one LR pixel along a side.
            colour: ``y`` for MATLAB's luma divided by 255, or ``rgb``.
            limit: number of pairs, the first by the name of the HR file; ``None``: all.

        Raises:
            ConfigError: no images, or one that has no partner or more than one.
            ImageError: an image cannot be read, or HR is not exactly ``scale`` times LR.
        """
        read = read_paired(lr_folder, hr_folder, scale=scale, limit=limit)
        return cls(pairs=tuple(Pair(*parts) for parts in read), scale=scale, colour=colour)

    @classmethod
    def from_sources(
        cls,
        sources: Sequence[DataSource],
        *,
        scale: int,
        colour: Literal["y", "rgb"],
        degradation: str = "bicubic",
        variants: int = 1,
        cache: Path | None = None,
    ) -> "PairSet":
        """Read the images of several sources.

        Args:
            sources: folders of HR images, prepared folders and paired folders, with weights or all without.
            scale: HR pixels for one LR pixel along a side.
            colour: ``y`` for MATLAB's luma divided by 255, or ``rgb``.
            degradation: of the sources that do not have their own.
            variants: of the sources that do not have their own.
            cache: see :meth:`from_folder`; paired folders are not cached.

        Raises:
            ConfigError: no source, weights for some sources only, or see :meth:`from_folder`, :meth:`from_paired`.
            ImageError: an image cannot be read or has the wrong size.
        """
        check_sources(sources)
        sets = [
            cls.from_paired(Path(source.lr), Path(source.hr), scale=scale, colour=colour)
            if source.lr
            else cls.from_folder(
                Path(source.folder),
                scale=scale,
                colour=colour,
                degradation=source.degradation or degradation,
                variants=source.variants or variants,
                cache=cache,
            )
            for source in sources
        ]
        weighted = zip(sources, sets, strict=True) if sources[0].weight else ()
        shares = tuple(Share(str(source), len(part), source.weight) for source, part in weighted)
        return cls(pairs=tuple(pair for part in sets for pair in part), scale=scale, colour=colour, shares=shares)

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that tell this set from another one.

        They depend on the scale, the colour, and the order, names, shapes and a sample of the pixels of the pairs:
        about one row and one column in every sixteenth of an image, so that a set larger than memory is not read.
        A change of single pixels can remain unseen; ``kukkiri data check`` reads them all.
        """
        digest = hashlib.sha256(f"{self.scale} {self.colour}".encode())
        for pair in self.pairs:
            digest.update(f"\n{pair.name} {pair.lr.shape} {pair.hr.shape} ".encode())
            for image in (pair.lr, pair.hr):
                down, right = (max(1, side // _GRID) for side in image.shape[:2])
                digest.update(np.ascontiguousarray(image[::down, ::right]).data)
        return digest.hexdigest()[:16]

    def __getitem__(self, index: Any) -> Any:
        return self.pairs[index]

    def __len__(self) -> int:
        return len(self.pairs)


def _from_prepared(prepared: PreparedFolder, lr_set: LRSet, *, limit: int | None = None) -> list[Pair]:
    pixels = prepared.hr()
    pieces = prepared.pieces
    return [
        _pair(pieces[number].name, lr, pixels[number], scale=lr_set.scale)
        for number, lr in prepared.lr(lr_set)
        if limit is None or pieces[number].image < limit
    ]


def _pair(name: str, lr: Levels, hr: Levels, *, scale: int) -> Pair:
    return Pair(name, lr, hr[: scale * lr.shape[0], : scale * lr.shape[1]])

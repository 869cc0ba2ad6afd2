"""HR images of a folder, each with LR images made of it by MATLAB-exact bicubic or any other degradation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.data.prepare import degrade_image, prepare_cached
from kukkiri.data.prepared import LRSet, PreparedFolder, is_prepared
from kukkiri.data.rgb8 import read_rgb8
from kukkiri.files import require_images

__all__ = ["Pair", "PairSet"]

Levels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pair:
    """The LR and the HR version of one image, 8-bit RGB."""

    name: str
    lr: Levels
    """(H, W, 3)."""
    hr: Levels
    """(scale*H, scale*W, 3)."""


@dataclass(frozen=True)
class PairSet(Sequence[Pair]):
    """Pairs in memory, or mapped into memory."""

    pairs: tuple[Pair, ...]
    scale: int
    colour: Literal["y", "rgb"]
    """Channels of the patches: luma, computed from the degraded RGB, or RGB."""

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

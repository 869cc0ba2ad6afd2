"""HR pictures from a folder, and LR made from each by the MATLAB-exact downscaler."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import INPUT_SUFFIXES, quantise, read_picture, rgb_to_y

__all__ = ["Pair", "PairSet", "find_pictures", "read_rgb8"]

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """One picture twice; values in [0, 1]."""

    name: str
    lr: Float32
    """(H, W, C)."""
    hr: Float32
    """(scale*H, scale*W, C)."""


def find_pictures(folder: Path) -> list[Path]:
    """The pictures directly in a folder, by name.

    Raises:
        ConfigError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder of pictures.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in INPUT_SUFFIXES)
    if not found:
        raise ConfigError(f"{folder}: no pictures here. Known types: {', '.join(sorted(INPUT_SUFFIXES))}.")
    return found


def read_rgb8(path: Path) -> NDArray[np.uint8]:
    """A picture as 8-bit RGB (H, W, 3): grey is replicated, transparency dropped, 16 bit rounded."""
    levels = quantise(read_picture(path).colour, 8).astype(np.uint8, copy=False)
    return np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels


@dataclass(frozen=True)
class PairSet(Sequence[Pair]):
    """Pairs in memory, as float32."""

    pairs: tuple[Pair, ...]
    scale: int

    @classmethod
    def from_folder(
        cls,
        folder: Path,
        *,
        scale: int,
        colour: Literal["y", "rgb"],
        degradation: str = "bicubic",
        limit: int | None = None,
        cache: Path | None = None,
    ) -> "PairSet":
        """Read every picture of a folder and make its LR twin.

        HR is cut to a multiple of ``scale`` from the top left corner and degraded as 8-bit RGB, as the
        published test sets were; luma is computed after that.

        Args:
            folder: of HR pictures.
            scale: HR pixels for one LR pixel along a side.
            colour: ``y`` for MATLAB's luma divided by 255, or ``rgb``.
            degradation: text form of a :class:`kukkiri.degradations.Degradation`.
            limit: read only the first so many pictures.
            cache: folder that keeps the LR arrays from run to run; keyed by content, scale and degradation.

        Raises:
            ConfigError: no pictures.
            ImageError: a picture cannot be read or is smaller than ``scale``.
        """
        pairs = tuple(_make(folder, scale=scale, colour=colour, degradation=degradation, limit=limit, cache=cache))
        return cls(pairs=pairs, scale=scale)

    def __getitem__(self, index: Any) -> Any:
        return self.pairs[index]

    def __len__(self) -> int:
        return len(self.pairs)


def _make(
    folder: Path, *, scale: int, colour: Literal["y", "rgb"], degradation: str, limit: int | None, cache: Path | None
) -> Iterator[Pair]:
    degrade = Degradation.parse(degradation)
    for place, path in enumerate(find_pictures(folder)[:limit]):
        hr = read_rgb8(path)
        height, width = (side - side % scale for side in hr.shape[:2])
        if not (height and width):
            raise ImageError(f"{path}: {hr.shape[1]}x{hr.shape[0]} is smaller than scale {scale}. Take it out.")
        hr = hr[:height, :width]
        lr = _cached(hr, degrade, scale=scale, seed=place, cache=cache)
        if colour == "y":
            yield Pair(path.stem, _luma(lr), _luma(hr))
        else:
            yield Pair(path.stem, (lr / 255.0).astype(np.float32), (hr / 255.0).astype(np.float32))


def _luma(rgb: NDArray[np.uint8]) -> Float32:
    return rgb_to_y(rgb.astype(np.float32) / np.float32(255.0))[..., None]


def _cached(
    hr: NDArray[np.uint8], degrade: Degradation, *, scale: int, seed: int, cache: Path | None
) -> NDArray[np.uint8]:
    """Degrade with the picture's own stream of random numbers, or take what an earlier run kept."""
    if cache is None:
        return degrade.apply(hr, scale=scale, seed=seed)
    content = hashlib.sha256(f"{degrade} x{scale} {seed} {hr.shape}".encode() + hr.tobytes()).hexdigest()[:32]
    file = cache / f"{content}.npy"
    if file.exists():
        kept: NDArray[np.uint8] = np.load(file)
        return kept
    lr = degrade.apply(hr, scale=scale, seed=seed)
    cache.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".tmp.npy")
    np.save(temporary, lr)
    temporary.replace(file)
    return lr

"""Random patches; a batch depends only on the seed, the rank and the step, so that training resumes exactly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.data.pairs import Levels, Pair, PairSet
from kukkiri.errors import ConfigError
from kukkiri.images import dequantize, rgb_to_y

__all__ = ["PatchSampler", "dihedral"]


@dataclass(frozen=True)
class PatchSampler:
    """Random crops, flips and rotations; each LR position of the set is equally likely."""

    pairs: PairSet
    patch: int
    """Side of a patch in LR pixels."""
    batch: int
    """Patches in a batch."""
    seed: int = 0
    rank: int = 0
    """Number of this process among several; each samples its own patches."""

    def __post_init__(self) -> None:
        small = [pair.name for pair in self.pairs if min(pair.lr.shape[:2]) < self.patch]
        if small:
            raise ConfigError(
                f"{len(small)} images are smaller than a patch of {self.patch} LR pixels, {small[0]} among them. "
                "Choose a smaller patch."
            )
        areas = np.array([pair.lr.shape[0] * pair.lr.shape[1] for pair in self.pairs], dtype=np.float64)
        object.__setattr__(self, "_cumulated", np.cumsum(areas / areas.sum()))

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Sample the batch of a step.

        Returns:
            lr (N, C, P, P) and hr (N, C, scale*P, scale*P), float32.
        """
        generator = np.random.default_rng((self.seed, self.rank, step))
        cumulated: np.ndarray = self._cumulated  # type: ignore[attr-defined]
        chosen = np.searchsorted(cumulated, generator.random(self.batch), side="right")
        large = self.pairs.scale * self.patch
        lr = np.empty((self.batch, self.patch, self.patch, 3), dtype=np.uint8)
        hr = np.empty((self.batch, large, large, 3), dtype=np.uint8)
        variants = np.empty(self.batch, dtype=int)
        for place, number in enumerate(chosen):
            pair = self.pairs.pairs[min(int(number), len(self.pairs) - 1)]
            lr[place], hr[place], variants[place] = self._crop(pair, generator)
        return self._tensor(lr, variants), self._tensor(hr, variants)

    def _crop(self, pair: Pair, generator: np.random.Generator) -> tuple[Levels, Levels, int]:
        patch, scale = self.patch, self.pairs.scale
        top = int(generator.integers(pair.lr.shape[0] - patch + 1))
        left = int(generator.integers(pair.lr.shape[1] - patch + 1))
        lr = pair.lr[top : top + patch, left : left + patch]
        hr = pair.hr[scale * top : scale * (top + patch), scale * left : scale * (left + patch)]
        return lr, hr, int(generator.integers(8))

    def _tensor(self, levels: Levels, variants: NDArray[np.int_]) -> Tensor:
        """Convert (N, S, S, 3) levels to (N, C, S, S) in [0, 1], each image transformed by its variant."""
        values = dequantize(levels)
        if self.pairs.colour == "y":
            values = rgb_to_y(values)[..., None]
        count, side, _, channels = values.shape
        planes = np.empty((count, channels, side, side), dtype=np.float32)
        for place, variant in enumerate(variants):  # floats, because copying transposed bytes is slower
            planes[place] = dihedral(values[place], int(variant)).transpose(2, 0, 1)
        return torch.from_numpy(planes)


def dihedral(image: NDArray[Any], variant: int) -> NDArray[Any]:
    """Apply one of the eight flips and rotations (the dihedral group) to (H, W, C).

    Args:
        image: (H, W, C).
        variant: 0 to 7; its bits are vertical flip, horizontal flip and transposition, in this order.
    """
    if variant & 1:
        image = image[::-1]
    if variant & 2:
        image = image[:, ::-1]
    return image.transpose(1, 0, 2) if variant & 4 else image

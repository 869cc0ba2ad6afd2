"""Random patches: the batch of a step depends on the seed and the step alone, so that training resumes exactly."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kukkiri.data.pairs import Float32, Pair, PairSet
from kukkiri.errors import ConfigError

__all__ = ["PatchSampler", "dihedral"]


@dataclass(frozen=True)
class PatchSampler:
    """Crops, flips and rotations; each LR position of the set is equally likely."""

    pairs: PairSet
    patch: int
    """LR pixels to a side."""
    batch: int
    """Patches in a batch."""
    seed: int = 0
    rank: int = 0
    """Number of this process among several; each draws its own patches."""

    def __post_init__(self) -> None:
        small = [pair.name for pair in self.pairs if min(pair.lr.shape[:2]) < self.patch]
        if small:
            raise ConfigError(
                f"{len(small)} pictures are smaller than a patch of {self.patch} LR pixels, {small[0]} among them. "
                "Choose a smaller patch."
            )
        areas = np.array([pair.lr.shape[0] * pair.lr.shape[1] for pair in self.pairs], dtype=np.float64)
        object.__setattr__(self, "_cumulated", np.cumsum(areas / areas.sum()))

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of a step.

        Returns:
            lr (N, C, P, P) and hr (N, C, scale*P, scale*P), float32.
        """
        generator = np.random.default_rng((self.seed, self.rank, step))
        cumulated: np.ndarray = self._cumulated  # type: ignore[attr-defined]
        chosen = np.searchsorted(cumulated, generator.random(self.batch), side="right")
        crops = [self._crop(self.pairs[min(int(i), len(self.pairs) - 1)], generator) for i in chosen]
        lr, hr = (np.stack(side).transpose(0, 3, 1, 2) for side in zip(*crops, strict=True))
        return torch.from_numpy(np.ascontiguousarray(lr)), torch.from_numpy(np.ascontiguousarray(hr))

    def _crop(self, pair: Pair, generator: np.random.Generator) -> tuple[Float32, Float32]:
        patch, scale = self.patch, self.pairs.scale
        top = int(generator.integers(pair.lr.shape[0] - patch + 1))
        left = int(generator.integers(pair.lr.shape[1] - patch + 1))
        lr = pair.lr[top : top + patch, left : left + patch]
        hr = pair.hr[scale * top : scale * (top + patch), scale * left : scale * (left + patch)]
        variant = int(generator.integers(8))
        return dihedral(lr, variant), dihedral(hr, variant)


def dihedral(picture: Float32, variant: int) -> Float32:
    """One of the eight flips and turns of (H, W, C): bits of ``variant`` are vertical, horizontal, transpose."""
    if variant & 1:
        picture = picture[::-1]
    if variant & 2:
        picture = picture[:, ::-1]
    return picture.transpose(1, 0, 2) if variant & 4 else picture

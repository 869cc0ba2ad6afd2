"""Random patches cut in the host's memory; a batch depends only on the seed and the step, so that training resumes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.data.pairs import Levels, PairSet
from kukkiri.data.plan import PatchPlan, PatchPlanner
from kukkiri.images import dequantize, rgb_to_y

__all__ = ["PatchSampler", "dihedral"]


@dataclass(frozen=True)
class PatchSampler:
    """Random crops, flips and rotations; each LR position of the set is equally likely, unless sources have weights.

    Images smaller than a patch are left out, with one logged line.

    Raises:
        ConfigError: no image is as large as a patch.
    """

    pairs: PairSet
    patch: int
    """Side of a patch in LR pixels."""
    batch: int
    """Patches in the batch of all processes."""
    seed: int = 0
    rank: int = 0
    """Number of this process among several."""
    world: int = 1
    """Number of processes; each cuts the patches ``[rank::world]`` of the batch."""

    def __post_init__(self) -> None:
        planner = PatchPlanner(
            self.pairs, patch=self.patch, batch=self.batch, seed=self.seed, rank=self.rank, world=self.world
        )
        object.__setattr__(self, "_planner", planner)

    def at(self, step: int, *, patch: int | None = None, batch: int | None = None) -> tuple[Tensor, Tensor]:
        """Sample the batch of a step.

        Args:
            step: with the seed, it determines the batch.
            patch: side of a patch in place of the sampler's.
            batch: patches in the batch of all processes in place of the sampler's.

        Returns:
            lr (N, C, P, P) and hr (N, C, scale*P, scale*P), float32, the patches of this process; N may be 0.

        Raises:
            ConfigError: no image is as large as ``patch``.
        """
        plan = self._plans.at(step, patch=patch, batch=batch)
        small, large = plan.patch, self.pairs.scale * plan.patch
        lr = np.empty((len(plan), small, small, 3), dtype=np.uint8)
        hr = np.empty((len(plan), large, large, 3), dtype=np.uint8)
        self._cut(plan, lr, hr)
        return self._tensor(lr, plan.variant), self._tensor(hr, plan.variant)

    def check_patch(self, patch: int) -> None:
        """Check, before a step needs it, that there are images as large as ``patch``.

        Raises:
            ConfigError: there is none, or none of a weighted source.
        """
        self._plans.check_patch(patch)

    @property
    def _plans(self) -> PatchPlanner:
        planner: PatchPlanner = self._planner  # type: ignore[attr-defined]
        return planner

    def _cut(self, plan: PatchPlan, lr: Levels, hr: Levels) -> None:
        """Copy the patches of a plan into ``lr`` (N, P, P, 3) and ``hr`` (N, scale*P, scale*P, 3)."""
        scale, patch = self.pairs.scale, plan.patch
        positions = zip(plan.pair.tolist(), plan.top.tolist(), plan.left.tolist(), strict=True)
        for place, (number, top, left) in enumerate(positions):
            pair = self.pairs.pairs[number]
            lr[place] = pair.lr[top : top + patch, left : left + patch]
            hr[place] = pair.hr[scale * top : scale * (top + patch), scale * left : scale * (left + patch)]

    def _tensor(self, levels: Levels, variants: NDArray[np.int64]) -> Tensor:
        """Convert (N, S, S, 3) levels to (N, C, S, S) in [0, 1], each image transformed by its variant."""
        values = dequantize(levels)
        if self.pairs.colour == "y":
            values = rgb_to_y(values)[..., None]
        count, side, _, channels = values.shape
        planes = np.empty((count, channels, side, side), dtype=np.float32)
        for place, variant in enumerate(variants.tolist()):  # floats, because copying transposed bytes is slower
            planes[place] = dihedral(values[place], variant).transpose(2, 0, 1)
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

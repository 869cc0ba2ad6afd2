"""The plan of a batch: the image, the position and the flip or rotation of every patch, from the seed and the step."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kukkiri.data.pairs import PairSet, Share
from kukkiri.errors import ConfigError

__all__ = ["PatchPlan", "PatchPlanner", "leave_out_small"]

Integers = NDArray[np.int64]
_LOG = logging.getLogger(__name__)
_NAMED = 3


@dataclass(frozen=True)
class PatchPlan:
    """Patches to cut; (N,) each."""

    patch: int
    """Side in LR pixels."""
    pair: Integers
    """Number in the set of pairs."""
    top: Integers
    """Row of the upper left corner, in LR pixels."""
    left: Integers
    """Column of the upper left corner, in LR pixels."""
    variant: Integers
    """0 to 7, see :func:`kukkiri.data.dihedral`."""

    def __len__(self) -> int:
        return len(self.pair)


@dataclass(frozen=True)
class _Pool:
    """The pairs that a patch of one size can be cut from."""

    numbers: Integers
    cumulated: NDArray[np.float64]


class PatchPlanner:
    """Samples plans; every process samples the global batch of a step and keeps its own part of it."""

    def __init__(self, pairs: PairSet, *, patch: int, batch: int, seed: int, rank: int, world: int) -> None:
        """Find the images that are large enough.

        Args:
            pairs: the images, of which only names, sizes and weights are kept.
            patch: side of a patch in LR pixels.
            batch: patches in the batch of all processes.
            seed: of all random numbers.
            rank: number of this process.
            world: number of processes; this one gets the patches ``rank``, ``rank + world``, ...

        Raises:
            ConfigError: no image, or none of a weighted source, is as large as a patch.
        """
        if not 0 <= rank < world:
            raise ValueError(f"rank must be 0 to world - 1, got {rank} of {world}")
        if patch < 1 or batch < 1:
            raise ValueError(f"patch and batch must be at least 1, got {patch} and {batch}")
        self.patch, self.batch, self.seed, self.rank, self.world = patch, batch, seed, rank, world
        self._names = [pair.name for pair in pairs]
        self._sizes = np.array([pair.lr.shape[:2] for pair in pairs], dtype=np.int64).reshape(-1, 2)
        self._shares = pairs.shares
        self._pools: dict[int, _Pool] = {}
        self.check_patch(patch)

    def at(self, step: int, *, patch: int | None = None, batch: int | None = None) -> PatchPlan:
        """Sample the patches of this process at a step; ``patch`` and ``batch`` replace those of the planner.

        Raises:
            ConfigError: no image is as large as ``patch``.
        """
        patch = self.patch if patch is None else patch
        batch = self.batch if batch is None else batch
        pool = self._pool(patch)
        generator = np.random.default_rng((self.seed, 0, step))  # the 0 was the rank: the seeds of earlier versions
        chosen = np.searchsorted(pool.cumulated, generator.random(batch), side="right")
        pair = pool.numbers[np.minimum(chosen, len(pool.numbers) - 1)]
        above = np.column_stack([self._sizes[pair] - patch + 1, np.full(batch, 8)])
        top, left, variant = generator.integers(above)[self.rank :: self.world].T
        return PatchPlan(patch, pair[self.rank :: self.world], top, left, variant)

    def check_patch(self, patch: int) -> None:
        """Find the images that are as large as ``patch`` before a step needs them.

        Raises:
            ConfigError: there is none, or none of a weighted source.
        """
        self._pool(patch)

    def _pool(self, patch: int) -> _Pool:
        if patch not in self._pools:
            kept = leave_out_small(self._sizes, self._names, side=patch, quiet=self.rank > 0)
            areas = self._sizes.prod(axis=1).astype(np.float64)
            self._pools[patch] = _Pool(kept, np.cumsum(_probabilities(areas, self._shares, kept=kept)))
        return self._pools[patch]


def leave_out_small(
    sizes: Sequence[Sequence[int]] | Integers, names: Sequence[str], *, side: int, unit: str = "LR", quiet: bool = False
) -> Integers:
    """Find the images whose sides are both at least ``side``, and log one line that names others.

    Args:
        sizes: (height, width) of each image.
        names: for the messages; equal names are counted as one image.
        side: of a patch, margins included.
        unit: of the sizes, ``LR`` or ``HR``.
        quiet: do not log.

    Returns:
        Numbers of the images that are large enough, ascending.

    Raises:
        ConfigError: no image is large enough.
    """
    shortest = np.asarray(sizes, dtype=np.int64).reshape(-1, 2).min(axis=1)
    kept = np.flatnonzero(shortest >= side)
    small = list(dict.fromkeys(names[number] for number in np.flatnonzero(shortest < side).tolist()))
    if not len(kept):
        largest = int(shortest.max(initial=0))
        raise ConfigError(
            f"all {len(small)} images are smaller than a patch of {side} {unit} pixels; the shorter side of the "
            f"largest has {largest}. Choose a smaller patch, or larger images."
        )
    if small and not quiet:
        verb = "image is" if len(small) == 1 else "images are"
        named = ", ".join(small[:_NAMED]) + (", ..." if len(small) > _NAMED else "")
        out = "is" if len(small) == 1 else "are"
        _LOG.warning(
            "%d %s smaller than a patch of %d %s pixels and %s left out: %s", len(small), verb, side, unit, out, named
        )
    return kept


def _probabilities(areas: NDArray[np.float64], shares: Sequence[Share], *, kept: Integers) -> NDArray[np.float64]:
    """Compute the probability of each of the pairs ``kept``: by area, within their shares where there are any.

    Raises:
        ConfigError: no pair of a share is kept.
    """
    if not shares:
        by_area: NDArray[np.float64] = areas[kept] / areas[kept].sum()
        return by_area
    weights = np.array([share.weight for share in shares])
    source = np.repeat(np.arange(len(shares)), [share.pairs for share in shares])[kept]
    total = np.bincount(source, weights=areas[kept], minlength=len(shares))
    if not total.all():
        raise ConfigError(
            f"{shares[int(total.argmin())].source}: no image of this source is as large as a patch, so that its weight "
            "cannot be kept. Choose a smaller patch, or take this source out."
        )
    within: NDArray[np.float64] = areas[kept] / total[source] * (weights / weights.sum())[source]
    return within

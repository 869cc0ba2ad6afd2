"""The degradations of an update, drawn from the seed and the number of the update only, so that training resumes."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import KernelBasis, gaussian_kernel, sample_motion_kernel
from kukkiri.training.conditioned.recipe import ConditionedRecipe

__all__ = ["Drawn", "draw_degradations", "draw_kernel", "fit_basis"]

_STREAM = 1  # the patches of an update have the stream 0 of the same seed
_BASIS_SEED = 0  # not that of the recipe: the basis belongs to the weights, whatever the run


@dataclass(frozen=True, eq=False)
class Drawn:
    """The degradations of the patches of an update."""

    scale: float
    kernels: NDArray[np.float64]
    """(N, K, K), in HR pixels, for a correlation; each sums to 1."""
    noise_std: NDArray[np.float64]
    """(N,), in [0, 1]."""

    def part(self, rank: int, world: int) -> "Drawn":
        """Return those of one of several processes."""
        return Drawn(self.scale, self.kernels[rank::world], self.noise_std[rank::world])


def draw_degradations(recipe: ConditionedRecipe, *, step: int, batch: int) -> Drawn:
    """Draw the degradations of all patches of an update."""
    generator = np.random.default_rng((recipe.seed, _STREAM, step))
    scale = float(recipe.drawn_scales[generator.integers(len(recipe.drawn_scales))])
    kernels = np.stack([draw_kernel(recipe, generator) for _ in range(batch)])
    low, high = recipe.noise_levels
    levels = generator.uniform(low, high, batch) / 255
    levels[generator.random(batch) < recipe.noise_free] = 0.0
    return Drawn(scale, kernels, levels)


def draw_kernel(recipe: ConditionedRecipe, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw one kernel of a recipe, (kernel_size, kernel_size)."""
    names, shares = list(recipe.kernel_shares), np.array(list(recipe.kernel_shares.values()))
    name = names[int(generator.choice(len(names), p=shares / shares.sum()))]
    low, high = recipe.variances
    size = recipe.kernel_size
    shift = (float(generator.choice(recipe.drawn_scales)) - 1) / 2 if recipe.shifted else 0.0
    offset = (shift, shift)
    match name:
        case "gaussian":
            angle = generator.uniform(0.0, math.pi)
            first = generator.uniform(low, high)
            return gaussian_kernel(first, generator.uniform(low, first), angle, size=size, offset=offset)
        case "isotropic":
            return gaussian_kernel(generator.uniform(low**0.5, high**0.5) ** 2, size=size, offset=offset)
        case "motion":
            return sample_motion_kernel(generator, size=size)
        case _:
            kernel = np.zeros((size, size))
            kernel[size // 2, size // 2] = 1.0
            return kernel


def fit_basis(recipe: ConditionedRecipe, *, count: int) -> KernelBasis:
    """Compute the principal components of a recipe's kernels, SRMD's way: the mean is not removed."""
    generator = np.random.default_rng(_BASIS_SEED)
    kernels = [draw_kernel(recipe, generator) for _ in range(max(recipe.basis_kernels, count))]
    return KernelBasis.fit(kernels, count=count)

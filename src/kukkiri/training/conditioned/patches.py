"""Patches degraded by what was drawn for them: crops of HR images, a blur, a subsampling, noise."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from kukkiri.degradations.torch_twins import blur_tensor, subsample_tensor
from kukkiri.errors import ConfigError
from kukkiri.resampling import Border
from kukkiri.resampling.tensors import resize_tensor
from kukkiri.training.conditioned.drawing import Drawn, draw_degradations
from kukkiri.training.conditioned.recipe import ConditionedRecipe
from kukkiri.training.processes import World
from kukkiri.training.schedules import sizes_at

__all__ = ["Crop", "Patches", "crop_sides", "degrade_patches", "finish", "make_patches", "plan_crop"]

_NOISE_STREAM = 2  # the patches of an update have the stream 0 of the same seed, their degradations the stream 1
_BICUBIC_HALF_WIDTH = 2  # LR pixels, of the antialiased bicubic kernel
_FINEST = 100  # largest denominator of a scale


@dataclass(frozen=True)
class Crop:
    """Sizes of the crops that patches are made from."""

    side: int
    """Height and width of a crop, in HR pixels."""
    lr_margin: int
    """LR pixels that are cut off on every side after the degradation."""
    hr_margin: int
    """HR pixels to the same place."""
    lr_patch: int
    hr_patch: int


@dataclass(frozen=True, eq=False)
class Patches:
    """LR and HR patches of an update, and what made LR."""

    lr: Tensor
    """(N, C, P, P), nominally in [0, 1]."""
    hr: Tensor
    """(N, C, floor(scale*P), floor(scale*P)) in [0, 1]."""
    drawn: Drawn


def plan_crop(recipe: ConditionedRecipe, *, scale: float, patch: int) -> Crop:
    """Plan the crops of an update.

    Args:
        recipe: of the run.
        scale: of the update.
        patch: height and width of a patch in LR pixels, unless the recipe has ``hr_patch``.

    Raises:
        ConfigError: a scale that is no fraction of small numbers.
    """
    ratio = Fraction(scale).limit_denominator(_FINEST)
    if not math.isclose(float(ratio), scale):
        raise ConfigError(f"a scale must be a fraction with a denominator up to {_FINEST}, got {scale!r}.")
    lr_patch = math.floor(recipe.hr_patch / ratio) if recipe.hr_patch else patch
    margin = 0
    if recipe.border == "cut":
        blurred = math.ceil((recipe.kernel_size // 2) / ratio) if recipe.blurs else 0
        affected = blurred + (_BICUBIC_HALF_WIDTH + 1 if recipe.subsample == "bicubic" else 0)
        margin = -(-affected // ratio.denominator) * ratio.denominator  # a whole number of HR pixels
    return Crop(
        side=math.ceil(ratio * (lr_patch + 2 * margin)),
        lr_margin=margin,
        hr_margin=int(margin * ratio),
        lr_patch=lr_patch,
        hr_patch=math.floor(ratio * lr_patch),
    )


def crop_sides(recipe: ConditionedRecipe) -> set[int]:
    """Return all sides of the crops of a run."""
    patches = {recipe.patch, *(stage.patch for stage in recipe.stages if stage.patch)}
    return {plan_crop(recipe, scale=scale, patch=patch).side for scale in recipe.drawn_scales for patch in patches}


def make_patches(
    recipe: ConditionedRecipe, cut: Callable[[int, int, int], Tensor], *, step: int, world: World
) -> Patches:
    """Make this process's patches of an update.

    Args:
        recipe: of the run.
        cut: cuts this process's crops of a step, by step, side and number of patches of all processes.
        step: of the run; with the seed, it determines the patches.
        world: all processes.
    """
    patch, batch = sizes_at(recipe, step)
    drawn = draw_degradations(recipe, step=step, batch=batch)
    plan = plan_crop(recipe, scale=drawn.scale, patch=patch)
    hr = cut(step, plan.side, batch)
    mine = drawn.part(world.rank, world.size)
    size = (plan.lr_patch, plan.lr_patch)
    places = range(batch)[world.rank :: world.size]
    noise = _draw_noise(recipe, step, places, shape=(hr.shape[1], *size)) if recipe.noise_levels[1] else None
    lr = degrade_patches(hr, mine, recipe=recipe)
    lr = _cut_centre(lr, plan.lr_margin, plan.lr_patch)
    return Patches(finish(lr, mine, noise, recipe=recipe), _cut_centre(hr, plan.hr_margin, plan.hr_patch), mine)


def degrade_patches(hr: Tensor, drawn: Drawn, *, recipe: ConditionedRecipe) -> Tensor:
    """Blur and subsample images, each by its own kernel; neither noise nor rounding.

    Args:
        hr: (N, C, H, W) in [0, 1].
        drawn: N kernels, and the scale.
        recipe: read for kernels, border and subsampling.
    """
    border: Border = "wrap" if recipe.border == "wrap" else "symmetric"
    direct = recipe.subsample == "direct"
    if recipe.blurs:
        step = int(drawn.scale) if direct else 1
        hr = blur_tensor(hr, torch.from_numpy(drawn.kernels.astype(np.float32)), border=border, step=step)
        if direct:
            return hr
    if drawn.scale == int(drawn.scale):
        return subsample_tensor(hr, scale=int(drawn.scale), method="direct" if direct else "bicubic", border=border)
    ratio = Fraction(drawn.scale).limit_denominator(_FINEST)
    height, width = (side * ratio.denominator // ratio.numerator for side in hr.shape[-2:])
    return resize_tensor(hr, scale=1 / drawn.scale, border=border)[..., :height, :width]  # without a pixel of rounding


def finish(lr: Tensor, drawn: Drawn, noise: Tensor | None, *, recipe: ConditionedRecipe) -> Tensor:
    """Round degraded images, and add their noise.

    Args:
        lr: (N, C, H, W).
        drawn: N standard deviations.
        noise: of unit variance, in the shape of ``lr``; ``None``: none.
        recipe: read for the order.
    """
    if recipe.rounding != "after":
        lr = lr.clamp(0, 1)
    if recipe.rounding == "before":
        lr = torch.round(lr * 255) / 255
    if noise is not None:
        stds = torch.from_numpy(drawn.noise_std.astype(np.float32)).to(lr.device)
        lr = lr + stds[:, None, None, None] * noise.to(lr.device)
    return torch.round(lr.clamp(0, 1) * 255) / 255 if recipe.rounding == "after" else lr


def _draw_noise(recipe: ConditionedRecipe, step: int, places: range, *, shape: tuple[int, ...]) -> Tensor:
    """Draw noise of unit variance, (N, *shape); every patch of the update has a stream of its own."""
    made = [
        np.random.default_rng((recipe.seed, _NOISE_STREAM, step, place)).standard_normal(shape, dtype=np.float32)
        for place in places
    ]
    return torch.from_numpy(np.stack(made) if made else np.zeros((0, *shape), np.float32))


def _cut_centre(images: Tensor, edge: int, side: int) -> Tensor:
    return images[..., edge : edge + side, edge : edge + side]

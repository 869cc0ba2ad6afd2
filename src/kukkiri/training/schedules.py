"""Schedules: learning rate, decay of the averages, and sizes of the batches as functions of the step alone."""

import math

from kukkiri.training.recipe import Recipe

__all__ = ["average_decay", "is_final", "learning_rate_at", "sizes_at"]


def learning_rate_at(recipe: Recipe, step: int) -> float:
    """Return the learning rate of an update, counted from 0: linear warm-up times the schedule.

    Reference for ``restarts``: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    ICLR 2017, arXiv:1608.03983, Eq. 5 with a minimum of 0.
    """
    warmup = min(1.0, (step + 1) / recipe.warmup) if recipe.warmup else 1.0
    match recipe.schedule:
        case "cosine":
            begin = max((restart for restart in recipe.restarts if restart <= step), default=0)
            end = min((restart for restart in recipe.restarts if restart > step), default=recipe.steps)
            factor = 0.5 * (1 + math.cos(math.pi * (step - begin) / max(end - begin, 1)))
        case "step":
            factor = 0.5 ** sum(step >= milestone for milestone in recipe.milestones)
        case "trapezoid":
            falling = recipe.steps * recipe.decay_share
            factor = min(1.0, (recipe.steps - step) / falling) if falling else 1.0
        case _:
            factor = 1.0
    return recipe.learning_rate * warmup * factor


def average_decay(ema: float, step: int) -> float:
    """Return the decay of an average: small at first, so that the initial weights do not count (EMA warm-up)."""
    return min(ema, (1 + step) / (10 + step))


def is_final(recipe: Recipe, step: int) -> bool:
    """Return True when an update is one of the last ``final_share``."""
    return step >= recipe.steps * (1 - recipe.final_share)


def sizes_at(recipe: Recipe, step: int) -> tuple[int, int]:
    """Return (patch, batch) of an update: those of the last stage that has begun, or of the recipe."""
    patch, batch = recipe.patch, recipe.batch
    for stage in recipe.stages:
        if step >= stage.start * recipe.steps:
            patch, batch = stage.patch or patch, stage.batch or batch
    return patch, batch

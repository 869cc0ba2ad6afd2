"""Training: one loop, recipes as frozen dataclasses, exact resumption."""

from kukkiri.training.loop import Progress, learning_rate_at, train
from kukkiri.training.recipe import Recipe, read_recipe

__all__ = ["Progress", "Recipe", "learning_rate_at", "read_recipe", "train"]

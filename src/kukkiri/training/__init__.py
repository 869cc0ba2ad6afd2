"""Training: one loop, recipes as frozen dataclasses, exact resumption; meta-learning for any module and task."""

from kukkiri.training.loop import Progress, learning_rate_at, train
from kukkiri.training.meta.loop import meta_train
from kukkiri.training.meta.maml import (
    InnerLoop,
    MetaGradients,
    Task,
    adaptation,
    adapted_parameters,
    meta_gradients,
    meta_step,
)
from kukkiri.training.meta.recipe import MetaRecipe, read_any_recipe
from kukkiri.training.meta.step_weights import constant_weights, last_step_weights, multi_step_weights
from kukkiri.training.recipe import Recipe, read_recipe

__all__ = [
    "InnerLoop",
    "MetaGradients",
    "MetaRecipe",
    "Progress",
    "Recipe",
    "Task",
    "adaptation",
    "adapted_parameters",
    "constant_weights",
    "last_step_weights",
    "learning_rate_at",
    "meta_gradients",
    "meta_step",
    "meta_train",
    "multi_step_weights",
    "read_any_recipe",
    "read_recipe",
    "train",
]

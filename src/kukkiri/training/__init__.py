"""Training: one loop, recipes as frozen dataclasses, exact resumption; meta-learning for any module and task."""

from kukkiri.training.loop import TrainingProgress, learning_rate_at, train
from kukkiri.training.meta import (
    InnerLoop,
    MetaGradients,
    MetaRecipe,
    Task,
    adapt_parameters,
    constant_weights,
    iterate_inner_loop,
    last_step_weights,
    meta_gradients,
    meta_step,
    meta_train,
    multi_step_weights,
    read_any_recipe,
)
from kukkiri.training.recipe import Recipe, read_recipe

__all__ = [
    "InnerLoop",
    "MetaGradients",
    "MetaRecipe",
    "Recipe",
    "Task",
    "TrainingProgress",
    "adapt_parameters",
    "constant_weights",
    "iterate_inner_loop",
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

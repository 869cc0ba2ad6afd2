"""Training: one loop for every kind, recipes as frozen dataclasses, exact resuming; meta-learning for any module."""

from kukkiri.training.adversarial import AdversarialRecipe
from kukkiri.training.conditioned import ConditionedRecipe, CorrectionRecipe
from kukkiri.training.kinds import read_recipe
from kukkiri.training.log import TrainingProgress
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
    multi_step_weights,
)
from kukkiri.training.recipe import Recipe, Stage, ValidationSet
from kukkiri.training.schedules import learning_rate_at
from kukkiri.training.train import train

__all__ = [
    "AdversarialRecipe",
    "ConditionedRecipe",
    "CorrectionRecipe",
    "InnerLoop",
    "MetaGradients",
    "MetaRecipe",
    "Recipe",
    "Stage",
    "Task",
    "TrainingProgress",
    "ValidationSet",
    "adapt_parameters",
    "constant_weights",
    "iterate_inner_loop",
    "last_step_weights",
    "learning_rate_at",
    "meta_gradients",
    "meta_step",
    "multi_step_weights",
    "read_recipe",
    "train",
]

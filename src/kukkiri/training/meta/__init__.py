"""Meta-learning: MAML for any module and task, and MZSR's meta-transfer training for super-resolution."""

from kukkiri.training.meta.maml import (
    InnerLoop,
    MetaGradients,
    Task,
    adapt_parameters,
    iterate_inner_loop,
    meta_gradients,
    meta_step,
)
from kukkiri.training.meta.recipe import MetaRecipe
from kukkiri.training.meta.step_weights import constant_weights, last_step_weights, multi_step_weights
from kukkiri.training.meta.tasks import BlurTask, TaskSampler
from kukkiri.training.meta.validation import MetaValidation

__all__ = [
    "BlurTask",
    "InnerLoop",
    "MetaGradients",
    "MetaRecipe",
    "MetaValidation",
    "Task",
    "TaskSampler",
    "adapt_parameters",
    "constant_weights",
    "iterate_inner_loop",
    "last_step_weights",
    "meta_gradients",
    "meta_step",
    "multi_step_weights",
]

"""Training: one loop, recipes as frozen dataclasses, exact resumption; meta-learning for any module and task."""

from kukkiri.training.loop import Progress, learning_rate_at, train
from kukkiri.training.meta import InnerLoop, MetaGradients, Task, adapted_parameters, meta_gradients, meta_step
from kukkiri.training.recipe import Recipe, read_recipe
from kukkiri.training.step_weights import constant_weights, last_step_weights, multi_step_weights

__all__ = [
    "InnerLoop",
    "MetaGradients",
    "Progress",
    "Recipe",
    "Task",
    "adapted_parameters",
    "constant_weights",
    "last_step_weights",
    "learning_rate_at",
    "meta_gradients",
    "meta_step",
    "multi_step_weights",
    "read_recipe",
    "train",
]

"""Training of networks that are conditioned on what made an image: its blur kernel, its noise, its scale."""

from kukkiri.training.conditioned.correction import CorrectionRecipe, set_up_correction
from kukkiri.training.conditioned.recipe import ConditionedRecipe
from kukkiri.training.conditioned.steps import set_up_conditioned

__all__ = ["ConditionedRecipe", "CorrectionRecipe", "set_up_conditioned", "set_up_correction"]

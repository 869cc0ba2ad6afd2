"""Adversarial training: a generator and a discriminator, updated in turn by the one training loop."""

from kukkiri.training.adversarial.recipe import AdversarialRecipe

__all__ = ["AdversarialRecipe"]

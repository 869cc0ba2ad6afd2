"""Adaptation: a network that learns from the very picture it enlarges (torch)."""

from kukkiri.adaptation.adapting import adapt, degradation_of, guard
from kukkiri.adaptation.fathers import Augmentation
from kukkiri.adaptation.projection import back_project, median_ensemble
from kukkiri.adaptation.schedule import LearningRateRule
from kukkiri.adaptation.upscaler import AdaptedUpscaler, Guard
from kukkiri.adaptation.zssr import Fit, Progress, Settings, fit, settings_for

__all__ = [
    "AdaptedUpscaler",
    "Augmentation",
    "Fit",
    "Guard",
    "LearningRateRule",
    "Progress",
    "Settings",
    "adapt",
    "back_project",
    "degradation_of",
    "fit",
    "guard",
    "median_ensemble",
    "settings_for",
]

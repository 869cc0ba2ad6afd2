"""Adaptation: a network that learns from the very image it upscales (torch)."""

from kukkiri.adaptation.adapted import AdaptedUpscaler, Guard
from kukkiri.adaptation.adapting import adapt, choose_initialization, degradation_of, guard
from kukkiri.adaptation.hr_crops import Augmentation
from kukkiri.adaptation.mzsr import informative_crops, meta_test
from kukkiri.adaptation.pretrained import (
    Initialization,
    find_initialization,
    grid_of,
    initializations_for,
    load_initialization,
)
from kukkiri.adaptation.projection import back_project, median_ensemble
from kukkiri.adaptation.schedule import LearningRateRule
from kukkiri.adaptation.zssr import Fit, Progress, Settings, fit, settings_for

__all__ = [
    "AdaptedUpscaler",
    "Augmentation",
    "Fit",
    "Guard",
    "Initialization",
    "LearningRateRule",
    "Progress",
    "Settings",
    "adapt",
    "back_project",
    "choose_initialization",
    "degradation_of",
    "find_initialization",
    "fit",
    "grid_of",
    "guard",
    "informative_crops",
    "initializations_for",
    "load_initialization",
    "median_ensemble",
    "meta_test",
    "settings_for",
]

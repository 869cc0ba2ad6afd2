"""Adaptation: networks that are trained on the image that they upscale (torch)."""

from kukkiri.adaptation.adapted import AdaptedUpscaler, Guard
from kukkiri.adaptation.adapting import adapt, choose_initialization, guard
from kukkiri.adaptation.assumed_degradation import degradation_of
from kukkiri.adaptation.hr_crops import Augmentation
from kukkiri.adaptation.meta_initialization import (
    Initialization,
    find_initialization,
    grid_of,
    initializations_for,
    load_initialization,
)
from kukkiri.adaptation.mzsr import meta_test, select_crops
from kukkiri.adaptation.projection import back_project, median_ensemble
from kukkiri.adaptation.schedule import LearningRateRule
from kukkiri.adaptation.zssr import AdaptationProgress, Fit, Settings, fit, settings_for

__all__ = [
    "AdaptationProgress",
    "AdaptedUpscaler",
    "Augmentation",
    "Fit",
    "Guard",
    "Initialization",
    "LearningRateRule",
    "Settings",
    "adapt",
    "back_project",
    "choose_initialization",
    "degradation_of",
    "find_initialization",
    "fit",
    "grid_of",
    "guard",
    "initializations_for",
    "load_initialization",
    "median_ensemble",
    "meta_test",
    "select_crops",
    "settings_for",
]

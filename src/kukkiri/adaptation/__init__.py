"""Adaptation: a network that learns from the very picture it enlarges (torch)."""

from kukkiri.adaptation.adapting import adapt, choose_start, degradation_of, guard
from kukkiri.adaptation.fathers import Augmentation
from kukkiri.adaptation.mzsr import informative_crops, meta_test
from kukkiri.adaptation.projection import back_project, median_ensemble
from kukkiri.adaptation.schedule import LearningRateRule
from kukkiri.adaptation.start import Start, find_start, grid_of, load_start, starts_for
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
    "Start",
    "adapt",
    "back_project",
    "choose_start",
    "degradation_of",
    "find_start",
    "fit",
    "grid_of",
    "guard",
    "informative_crops",
    "load_start",
    "median_ensemble",
    "meta_test",
    "settings_for",
    "starts_for",
]

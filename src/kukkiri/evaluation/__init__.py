"""Models on test sets: exact scores by named protocols, how sure they are, and what the models cost."""

from kukkiri.evaluation.cache import ScoreCache, default_cache_folder
from kukkiri.evaluation.cost import Cost, measure_cost
from kukkiri.evaluation.measures import MEASURES, Measure
from kukkiri.evaluation.running import Progress, evaluate, evaluate_many
from kukkiri.evaluation.scores import Evaluation, Intervals, SetScore
from kukkiri.evaluation.sets import TestPicture, TestSet, find_sets, pair_lr
from kukkiri.evaluation.statistics import bootstrap_interval, paired_difference

__all__ = [
    "MEASURES",
    "Cost",
    "Evaluation",
    "Intervals",
    "Measure",
    "Progress",
    "ScoreCache",
    "SetScore",
    "TestPicture",
    "TestSet",
    "bootstrap_interval",
    "default_cache_folder",
    "evaluate",
    "evaluate_many",
    "find_sets",
    "measure_cost",
    "pair_lr",
    "paired_difference",
]

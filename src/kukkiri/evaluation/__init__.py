"""Models on test sets: exact scores by named protocols."""

from kukkiri.evaluation.cost import Cost
from kukkiri.evaluation.scores import Evaluation, Intervals, SetScore, evaluate
from kukkiri.evaluation.sets import TestPicture, TestSet, find_sets
from kukkiri.evaluation.statistics import bootstrap_interval, paired_difference

__all__ = [
    "Cost",
    "Evaluation",
    "Intervals",
    "SetScore",
    "TestPicture",
    "TestSet",
    "bootstrap_interval",
    "evaluate",
    "find_sets",
    "paired_difference",
]

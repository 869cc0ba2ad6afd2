"""Models on test sets: exact scores by named protocols."""

from kukkiri.evaluation.scores import INTERPOLATIONS, Evaluation, SetScore, evaluate
from kukkiri.evaluation.sets import TestPicture, TestSet, find_sets

__all__ = ["INTERPOLATIONS", "Evaluation", "SetScore", "TestPicture", "TestSet", "evaluate", "find_sets"]

"""Models on test sets: exact scores by named protocols."""

from kukkiri.evaluation.scores import Evaluation, SetScore, evaluate
from kukkiri.evaluation.sets import TestPicture, TestSet, find_sets

__all__ = ["Evaluation", "SetScore", "TestPicture", "TestSet", "evaluate", "find_sets"]

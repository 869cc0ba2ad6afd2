"""Scores of models on test sets by named protocols, with confidence intervals, paired differences and costs."""

from kukkiri.evaluation.benchmarks import BENCHMARKS, Benchmark, data_folders, find_benchmark, look_for_benchmark
from kukkiri.evaluation.cache import ScoreCache, default_cache_folder
from kukkiri.evaluation.clip_tables import CLIP_FORMATS
from kukkiri.evaluation.clips import ClipEvaluation, FrameScore, FrameScored, evaluate_clip
from kukkiri.evaluation.conditioned import ConditionedModel
from kukkiri.evaluation.contenders import AdaptingModel
from kukkiri.evaluation.differences import Difference, differences
from kukkiri.evaluation.download import download, download_benchmark
from kukkiri.evaluation.evaluating import ImageScored, evaluate, evaluate_many
from kukkiri.evaluation.scores import Evaluation, Intervals, SetScore
from kukkiri.evaluation.sets import TestImage, TestSet, find_sets, pair_lr
from kukkiri.evaluation.statistics import bootstrap_interval, paired_difference
from kukkiri.evaluation.tables import to_csv, to_json, to_markdown, to_text

__all__ = [
    "BENCHMARKS",
    "CLIP_FORMATS",
    "AdaptingModel",
    "Benchmark",
    "ClipEvaluation",
    "ConditionedModel",
    "Difference",
    "Evaluation",
    "FrameScore",
    "FrameScored",
    "ImageScored",
    "Intervals",
    "ScoreCache",
    "SetScore",
    "TestImage",
    "TestSet",
    "bootstrap_interval",
    "data_folders",
    "default_cache_folder",
    "differences",
    "download",
    "download_benchmark",
    "evaluate",
    "evaluate_clip",
    "evaluate_many",
    "find_benchmark",
    "find_sets",
    "look_for_benchmark",
    "pair_lr",
    "paired_difference",
    "to_csv",
    "to_json",
    "to_markdown",
    "to_text",
]

"""Results of an evaluation: scores by image and metric, their means and confidence intervals, and their JSON."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kukkiri.evaluation.statistics import bootstrap_interval
from kukkiri.metrics import Score
from kukkiri.profiling import Cost

__all__ = ["ALWAYS", "Evaluation", "Intervals", "Scores", "SetScore", "finite"]

Scores = Mapping[str, float | None]
"""Values of one image by the name of the metric; ``None`` where a metric is not defined for it."""
ALWAYS = ("psnr", "ssim")
"""Metrics that every evaluation has, first and in this order."""


@dataclass(frozen=True)
class Intervals:
    """95 % confidence intervals of the means of a set, (low, high); NaNs for fewer than two images."""

    psnr: tuple[float, float]
    ssim: tuple[float, float]


@dataclass(frozen=True)
class SetScore:
    """Scores of a set."""

    name: str
    scores: Mapping[str, Scores]
    """By image, all with the same metrics, at least those of ``ALWAYS``."""

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, in the order of the evaluation."""
        return list(dict.fromkeys([*ALWAYS, *(name for scores in self.scores.values() for name in scores)]))

    @cached_property
    def images(self) -> dict[str, Score]:
        """PSNR in dB and SSIM by image."""
        return {
            image: Score(*(math.nan if (value := scores[name]) is None else value for name in ALWAYS))
            for image, scores in self.scores.items()
        }

    @property
    def mean(self) -> Score:
        """Mean over the images, of PSNR in dB and of SSIM."""
        scores = list(self.images.values())
        return Score(float(np.mean([score.psnr for score in scores])), float(np.mean([score.ssim for score in scores])))

    @cached_property
    def means(self) -> dict[str, float | None]:
        """Mean of each metric over the images for which it is defined; ``None`` when there are none."""
        means: dict[str, float | None] = {}
        for metric in self.metrics:
            values = [value for scores in self.scores.values() if (value := scores.get(metric)) is not None]
            means[metric] = float(np.mean(values)) if values else None
        return means

    @cached_property
    def interval(self) -> Intervals:
        """Confidence intervals of the means by percentile bootstrap over the images."""
        scores = list(self.images.values())
        return Intervals(
            bootstrap_interval([score.psnr for score in scores]), bootstrap_interval([score.ssim for score in scores])
        )

    def to_json(self) -> dict[str, Any]:
        """The object of a set in ``Evaluation.to_json``; a value that is not finite becomes ``None``."""
        images = {image: finite(scores) for image, scores in self.scores.items()}
        interval = {name: [_plain(end) for end in ends] for name, ends in vars(self.interval).items()}
        return {**finite(self.means), "interval": interval, "images": images}


@dataclass(frozen=True)
class Evaluation:
    """Scores of one model at one scale on one or more sets."""

    model: str
    scale: int
    protocol: str
    degradation: str
    sets: dict[str, SetScore]
    cost: Cost | None = None
    """``None`` unless it was requested."""

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints; see docs/how-to/evaluate.md."""
        value: dict[str, Any] = {
            "model": self.model,
            "scale": self.scale,
            "protocol": self.protocol,
            "degradation": self.degradation,
            "sets": {name: scored.to_json() for name, scored in self.sets.items()},
        }
        return value if self.cost is None else {**value, "cost": vars(self.cost)}


def _plain(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def finite(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Replace infinity and NaN, which JSON cannot hold, by ``None``."""
    return {name: _plain(value) for name, value in values.items()}

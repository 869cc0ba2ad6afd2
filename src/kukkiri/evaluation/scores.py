"""What an evaluation found: scores of images, their means, how sure those are, and their JSON."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kukkiri.evaluation.statistics import bootstrap_interval
from kukkiri.metrics import Score
from kukkiri.profiling.cost import Cost

__all__ = ["Evaluation", "Intervals", "SetScore", "finite"]


@dataclass(frozen=True)
class Intervals:
    """95 % confidence intervals of the means of a set, (low, high); NaNs for fewer than two images."""

    psnr: tuple[float, float]
    ssim: tuple[float, float]


@dataclass(frozen=True)
class SetScore:
    """Scores of a set."""

    name: str
    images: dict[str, Score]
    extras: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """Further measures, by name and image; ``None`` where a measure is not defined for an image."""

    @property
    def mean(self) -> Score:
        """Mean over the images, of PSNR in dB and of SSIM."""
        scores = list(self.images.values())
        return Score(float(np.mean([one.psnr for one in scores])), float(np.mean([one.ssim for one in scores])))

    @cached_property
    def interval(self) -> Intervals:
        """How sure the means are: percentile bootstrap over the images."""
        scores = list(self.images.values())
        return Intervals(
            bootstrap_interval([one.psnr for one in scores]), bootstrap_interval([one.ssim for one in scores])
        )

    @property
    def extra_means(self) -> dict[str, float | None]:
        """Mean of each further measure over the images that have it."""
        return {
            name: float(np.mean(known)) if (known := [one for one in values.values() if one is not None]) else None
            for name, values in self.extras.items()
        }

    def to_json(self) -> dict[str, Any]:
        """The object of a set in ``Evaluation.to_json``; what is not finite becomes ``None``."""
        images = {
            image: finite({**vars(score), **{name: values[image] for name, values in self.extras.items()}})
            for image, score in self.images.items()
        }
        interval = {name: [_plain(end) for end in ends] for name, ends in vars(self.interval).items()}
        return {**finite({**vars(self.mean), **self.extra_means}), "interval": interval, "images": images}


@dataclass(frozen=True)
class Evaluation:
    """One model at one scale on one or more sets."""

    model: str
    scale: int
    protocol: str
    degradation: str
    sets: dict[str, SetScore]
    cost: Cost | None = None
    """Where it was asked for."""

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints; see docs/how-to/evaluate.md."""
        value: dict[str, Any] = {
            "model": self.model,
            "scale": self.scale,
            "protocol": self.protocol,
            "degradation": self.degradation,
            "sets": {name: one.to_json() for name, one in self.sets.items()},
        }
        return value if self.cost is None else {**value, "cost": vars(self.cost)}


def _plain(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def finite(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """The values as JSON can hold them: ``None`` for infinity and NaN."""
    return {name: _plain(value) for name, value in values.items()}

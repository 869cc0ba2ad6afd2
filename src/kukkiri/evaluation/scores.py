"""A model on test sets: one score for each picture, and the mean, by a named protocol."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, ModelError
from kukkiri.evaluation.cost import Cost
from kukkiri.evaluation.sets import TestPicture, find_sets
from kukkiri.evaluation.statistics import bootstrap_interval
from kukkiri.images import rgb_to_y
from kukkiri.inference import Upscaler
from kukkiri.inference.ensemble import run_ensemble
from kukkiri.metrics import PROTOCOLS, Protocol, Score
from kukkiri.metrics.protocols import round_half_away
from kukkiri.resampling import resize

__all__ = ["Evaluation", "Intervals", "SetScore", "evaluate"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Intervals:
    """95 % confidence intervals of the means of a set, (low, high); NaNs for fewer than two pictures."""

    psnr: tuple[float, float]
    ssim: tuple[float, float]


@dataclass(frozen=True)
class SetScore:
    """Scores of a set."""

    name: str
    images: dict[str, Score]
    extras: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """Further measures, by name and picture; ``None`` where a measure is not defined for a picture."""

    @property
    def mean(self) -> Score:
        """Mean over the pictures, of PSNR in dB and of SSIM."""
        scores = list(self.images.values())
        return Score(float(np.mean([one.psnr for one in scores])), float(np.mean([one.ssim for one in scores])))

    @cached_property
    def interval(self) -> Intervals:
        """How sure the means are: percentile bootstrap over the pictures."""
        scores = list(self.images.values())
        return Intervals(
            bootstrap_interval([one.psnr for one in scores]), bootstrap_interval([one.ssim for one in scores])
        )

    @property
    def extra_means(self) -> dict[str, float | None]:
        """Mean of each further measure over the pictures that have it."""
        return {
            name: float(np.mean(known)) if (known := [one for one in values.values() if one is not None]) else None
            for name, values in self.extras.items()
        }

    def to_json(self) -> dict[str, Any]:
        """The object of a set in ``Evaluation.to_json``; what is not finite becomes ``None``."""
        images = {
            image: _finite({**vars(score), **{name: values[image] for name, values in self.extras.items()}})
            for image, score in self.images.items()
        }
        interval = {name: [_plain(end) for end in ends] for name, ends in vars(self.interval).items()}
        return {**_finite({**vars(self.mean), **self.extra_means}), "interval": interval, "images": images}


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
        """The object that ``--json`` prints; see docs/evaluation.md."""
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


def _finite(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: _plain(value) for name, value in values.items()}


def evaluate(
    model: str,
    *,
    data: Path,
    scale: int,
    protocol: str = "y-matlab",
    degradation: str = "bicubic",
    ensemble: bool = False,
    threads: int | None = None,
    report: Callable[[str, str, Score], None] | None = None,
) -> Evaluation:
    """Score a model on the set in a folder, or on each set in its sub-folders.

    Args:
        model: id, preset, file, or an interpolation; see :class:`kukkiri.inference.Upscaler`.
        data: folder of HR pictures, or of folders of them.
        scale: HR pixels for one LR pixel along a side, at least 2.
        protocol: a key of ``PROTOCOLS``.
        degradation: how LR is made from HR, as text of a :class:`kukkiri.degradations.Degradation`; its noise is
            the same for every picture and run (seed 0).
        ensemble: mean over the eight flips and turns.
        threads: of the engine.
        report: called with set, picture and score as they come.

    Raises:
        ConfigError: unknown protocol, no pictures, or ``y-legacy`` with what it is not defined for.
        ModelError: unknown model, or one of another scale.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"unknown protocol {protocol!r}. Known: {', '.join(PROTOCOLS)}.")
    if scale < 1:
        raise ConfigError(f"scale must be at least 1, got {scale}.")
    rule = PROTOCOLS[protocol]
    degrade = Degradation.parse(degradation)
    enlarge = _enlarger(model, rule, degrade, scale=scale, ensemble=ensemble, threads=threads)
    scored = {}
    for one in find_sets(data):
        images = {}
        for picture in one.pictures(scale=scale):
            images[picture.name] = score = enlarge(picture)
            if report is not None:
                report(one.name, picture.name, score)
        scored[one.name] = SetScore(one.name, images)
    return Evaluation(model=model, scale=scale, protocol=protocol, degradation=str(degrade), sets=scored)


def _enlarger(
    model: str, rule: Protocol, degrade: Degradation, *, scale: int, ensemble: bool, threads: int | None
) -> Callable[[TestPicture], Score]:
    """The function from a test picture to its score."""
    upscaler = Upscaler(model, scale=scale, ensemble=ensemble, threads=threads)
    if upscaler.engines and (len(upscaler.engines) > 1 or upscaler.engines[0].info.scale != scale):
        found = upscaler.engines[0].info.scale
        raise ModelError(f"{model} is a x{found} model, but scale {scale} was asked. Use one of x{scale}.")
    if rule.quantised_lr:
        return lambda picture: rule.score(
            picture.rgb, upscaler(degrade.apply(picture.rgb, scale=scale, seed=0)), scale=scale
        )
    if str(degrade) != "bicubic":
        raise ConfigError(f"{rule.name} is defined for bicubic LR, not for {degrade}. Use --protocol y-matlab.")
    enlarge = _luma_enlarger(upscaler, rule, scale=scale)
    return lambda picture: _legacy(picture, enlarge, rule, scale=scale)


def _luma_enlarger(upscaler: Upscaler, rule: Protocol, *, scale: int) -> Callable[[Array], Array]:
    """From a luma plane (H, W) in floating point to one of ``scale`` the size, with nothing rounded on the way.

    Raises:
        ConfigError: an RGB network.
    """
    if upscaler.kernel is not None:
        return lambda lr: resize(lr, scale=scale, kernel=str(upscaler.kernel))
    engine = upscaler.engines[0]
    if engine.info.colour != "y":
        raise ConfigError(f"{rule.name} is defined on luma, and {upscaler.name} works on RGB. Use --protocol y-matlab.")

    def enlarge(lr: Array) -> Array:
        entered = resize(lr, scale=scale) if engine.info.pre_upsampled else lr
        batch = np.ascontiguousarray(entered, dtype=np.float32)[None, None]
        sr: Array = (run_ensemble(engine.run, batch) if upscaler.ensemble else engine.run(batch))[0, 0]
        return sr.astype(np.float64)

    return enlarge


def _legacy(picture: TestPicture, enlarge: Callable[[Array], Array], rule: Protocol, *, scale: int) -> Score:
    """SRCNN's protocol: luma rounded to 8 bit, made smaller and larger again in floating point, then rounded."""
    hr = picture.hr if picture.hr.ndim == 2 else round_half_away(_studio_luma(picture.hr))
    lr = resize(hr.astype(np.float64) / 255.0, scale=1 / scale)
    sr = round_half_away(np.clip(enlarge(lr) * 255.0, 0, 255))
    return rule.score(hr.astype(np.uint8), sr.astype(np.uint8), scale=scale)


def _studio_luma(rgb: Array) -> Array:
    return rgb_to_y(rgb.astype(np.float64) / 255.0) * 255.0

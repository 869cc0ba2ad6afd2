"""``real``: blur, resizing, sensor noise and JPEG, once or twice over, as Real-ESRGAN samples them.

Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
ICCVW 2021, arXiv:2107.10833, with the ranges of its released training configuration. Differs from it:
a sample is a list of ordinary steps, so it has a text form that repeats it; "area" resizing is
antialiased bilinear; Poisson noise is scaled by its photons (256 / s^2 at white for the paper's s, the
same variance) instead of by a factor; the last resize is antialiased.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from kukkiri.degradations.arguments import Arguments, write_step
from kukkiri.degradations.step import Step, StepSampler
from kukkiri.degradations.steps.blurs import Blur, GaussianBlur, GeneralizedGaussianBlur, PlateauBlur, SincBlur
from kukkiri.degradations.steps.compression import Jpeg
from kukkiri.degradations.steps.noise import Noise, Poisson
from kukkiri.degradations.steps.resizing import Resize
from kukkiri.degradations.steps.subsampling import Imresize
from kukkiri.errors import ConfigError

__all__ = ["Real"]


@dataclass(frozen=True)
class _Pass:
    """The ranges of one run through the chain."""

    blur_chance: float
    sigma: tuple[float, float]
    resize_chances: tuple[float, float, float]
    """Up, down, keep."""
    factor: tuple[float, float]
    noise: tuple[float, float]
    """Levels of 255."""
    poisson: tuple[float, float]


_FIRST = _Pass(1.0, (0.2, 3.0), (0.2, 0.7, 0.1), (0.15, 1.5), (1, 30), (0.05, 3.0))
_SECOND = _Pass(0.8, (0.2, 1.5), (0.3, 0.4, 0.3), (0.3, 1.2), (1, 25), (0.05, 2.5))
_FAMILIES = (GaussianBlur, GeneralizedGaussianBlur, PlateauBlur)
_SHAPES = [(family, isotropic) for family in _FAMILIES for isotropic in (True, False)]
_SHAPE_CHANCES = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
_SINC_CHANCE, _LAST_SINC_CHANCE, _GREY_CHANCE = 0.1, 0.8, 0.4


@dataclass(frozen=True)
class Real(StepSampler):
    """Blur, resizing, noise and JPEG at random, once or twice over (Real-ESRGAN); includes the subsampling."""

    usage: ClassVar[str] = "[:1|2]"
    examples: ClassVar[tuple[str, ...]] = ("real", "real:1")
    subsamples: ClassVar[bool] = True
    orders: int = 2
    """Runs through the chain: 1 or 2."""

    def __post_init__(self) -> None:
        if self.orders not in (1, 2):
            raise ConfigError(f"real: the order must be 1 or 2, got {self.orders}.")

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the order."""
        return cls(*arguments.whole_numbers(0, 1))

    def __str__(self) -> str:
        return write_step("real", "" if self.orders == 2 else f"{self.orders}")

    def sample(self, rng: np.random.Generator, *, scale: int) -> tuple[Step, ...]:
        """Sample the steps of one photograph, see :meth:`StepSampler.sample`."""
        steps, size = _sample_pass(rng, _FIRST, size=1.0, goal=1.0)
        if self.orders == 1:
            return (*steps, _sample_subsampling(rng), _sample_jpeg(rng))
        steps.append(_sample_jpeg(rng))
        second, _ = _sample_pass(rng, _SECOND, size=size, goal=1 / scale)
        steps += second
        last: list[Step] = [_sample_subsampling(rng)]
        if rng.uniform() < _LAST_SINC_CHANCE:
            last.append(_sample_sinc(rng, lowest=math.pi / 3))
        jpeg = _sample_jpeg(rng)
        return (*steps, *last, jpeg) if rng.uniform() < 0.5 else (*steps, jpeg, *last)


def _sample_pass(rng: np.random.Generator, ranges: _Pass, *, size: float, goal: float) -> tuple[list[Step], float]:
    """Blur, resize to ``goal`` times a random factor, noise; and the side afterwards as a share of the HR side."""
    steps: list[Step] = []
    if rng.uniform() < ranges.blur_chance:
        steps.append(_sample_blur(rng, ranges))
    fate = rng.choice(3, p=ranges.resize_chances)
    low, high = ranges.factor
    factor = (rng.uniform(1, high), rng.uniform(low, 1), 1.0)[fate]
    method, antialias = (("bilinear", True), ("bilinear", False), ("bicubic", False))[rng.integers(3)]
    if not math.isclose(factor * goal, size):
        steps.append(Resize(factor * goal / size, method, antialias))
    grey = bool(rng.uniform() < _GREY_CHANCE)
    if rng.uniform() < 0.5:
        steps.append(Noise(rng.uniform(*ranges.noise) / 255, grey))
    else:
        steps.append(Poisson(256 / rng.uniform(*ranges.poisson) ** 2, grey))
    return steps, factor * goal


def _sample_blur(rng: np.random.Generator, ranges: _Pass) -> Blur:
    size = _sample_size(rng)
    if rng.uniform() < _SINC_CHANCE:
        return _sample_sinc(rng, lowest=math.pi / 3 if size < 13 else math.pi / 5, size=size)
    family, isotropic = _SHAPES[rng.choice(len(_SHAPES), p=_SHAPE_CHANCES)]
    first = rng.uniform(*ranges.sigma) ** 2
    second, angle = (first, 0.0) if isotropic else (rng.uniform(*ranges.sigma) ** 2, rng.uniform(-math.pi, math.pi))
    # both are sampled whatever the family, so that the random numbers that follow do not depend on it
    generalized, plateau = rng.uniform(0.5, 4), rng.uniform(1, 2)
    if family is GeneralizedGaussianBlur:
        return GeneralizedGaussianBlur(first, second, angle, generalized, size=size)
    if family is PlateauBlur:
        return PlateauBlur(first, second, angle, plateau, size=size)
    return GaussianBlur(first, second, angle, size=size)


def _sample_sinc(rng: np.random.Generator, *, lowest: float, size: int | None = None) -> Blur:
    return SincBlur(rng.uniform(lowest, math.pi), size=size or _sample_size(rng))


def _sample_size(rng: np.random.Generator) -> int:
    return 2 * int(rng.integers(3, 11)) + 1


def _sample_jpeg(rng: np.random.Generator) -> Jpeg:
    return Jpeg(int(rng.integers(30, 96)))


def _sample_subsampling(rng: np.random.Generator) -> Imresize:
    return Imresize("bilinear" if rng.uniform() < 0.5 else "bicubic")

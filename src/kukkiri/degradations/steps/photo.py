"""``photo``: the loss of a good photograph that was sent or put on a web page.

Ours, and milder than ``real``: a network that learns to undo it stays close to one for clean images on clean images.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from kukkiri.degradations.arguments import Arguments
from kukkiri.degradations.step import Step, StepSampler
from kukkiri.degradations.steps.blurs import GaussianSigmaBlur
from kukkiri.degradations.steps.compression import Jpeg
from kukkiri.degradations.steps.noise import Noise, Poisson
from kukkiri.degradations.steps.subsampling import Imresize

__all__ = ["Photo"]

_UNTOUCHED_CHANCE, _BLUR_CHANCE, _NOISE_CHANCE, _JPEG_CHANCE = 0.1, 1 / 4, 1 / 3, 0.85
_GREY_CHANCE = 0.4
_WIDEST_BLUR, _LOUDEST_NOISE = 0.4, 10.0  # sigma in LR pixels; levels of 255


@dataclass(frozen=True)
class Photo(StepSampler):
    """Slight blur, noise and JPEG at random, each of which may be missing; includes the subsampling."""

    examples: ClassVar[tuple[str, ...]] = ("photo",)
    subsamples: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """There is nothing to read."""
        return cls()

    def __str__(self) -> str:
        return "photo"

    def sample(self, rng: np.random.Generator, *, scale: int) -> tuple[Step, ...]:
        """Sample the steps of one photograph, see :meth:`StepSampler.sample`.

        One in ten is only subsampled. The others, in this order: with a chance of 1/4 a Gaussian blur up to 0.4 LR
        pixels wide, a third of these anisotropic; an antialiased subsampling, mostly bicubic; with a chance of 1/3
        noise of 0 to 10 levels, Gaussian or Poisson (then at white); with a chance of 0.85 JPEG of quality 30 to 95,
        of which 0.7 have chroma at half size.
        """
        if rng.uniform() < _UNTOUCHED_CHANCE:
            return (Imresize("bicubic"),)
        steps: list[Step] = []
        if rng.uniform() < _BLUR_CHANCE:
            widest = _WIDEST_BLUR * scale
            sigma = rng.uniform(0.1, widest)
            other = (rng.uniform(0.1, widest), rng.uniform(-math.pi, math.pi)) if rng.uniform() < 1 / 3 else ()
            size = 2 * math.ceil(4 * max((sigma, *other[:1]))) + 1
            steps.append(GaussianSigmaBlur(sigma, *other, size=size))
        steps.append(Imresize(("bicubic", "bilinear", "lanczos")[rng.choice(3, p=(0.7, 0.15, 0.15))]))
        if rng.uniform() < _NOISE_CHANCE:
            std, grey = rng.uniform(0, _LOUDEST_NOISE) / 255, bool(rng.uniform() < _GREY_CHANCE)
            steps.append(Noise(std, grey) if rng.uniform() < 0.5 else Poisson(1 / max(std, 1e-4) ** 2, grey))
        if rng.uniform() < _JPEG_CHANCE:
            steps.append(Jpeg(int(rng.integers(30, 96)), 420 if rng.uniform() < 0.7 else 444))
        return tuple(steps)

"""Draw what happens to a real photograph: blur, resizing, sensor noise and JPEG, once or twice over.

Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
ICCVW 2021, arXiv:2107.10833, with the ranges of its released training configuration. Differs from it:
a drawing is a list of ordinary steps, so it has a text form that repeats it; "area" resizing is
antialiased bilinear; Poisson noise is scaled by its photons (256 / s^2 at white for the paper's s, the
same variance) instead of by a factor; the last resize is antialiased.

:func:`draw_saved_photo_steps` is ours and milder: what is left of a good photograph after it was sent or put on
a page. A network that learns to undo it stays close to one for clean images on clean images.
"""

import math
from dataclasses import dataclass

import numpy as np

from kukkiri.degradations.steps import Blur, Jpeg, Noise, Poisson, Resize, Step, Subsample

__all__ = ["SAMPLING_REVISION", "draw_photo_steps", "draw_saved_photo_steps"]

SAMPLING_REVISION = 2
"""Raised whenever the same seed begins to draw other steps, so that images made before are not taken for new ones."""


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
_FAMILIES = ("gaussian", "generalized", "plateau")
_SHAPES = [(family, isotropic) for family in _FAMILIES for isotropic in (True, False)]
_SHAPE_CHANCES = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
_SINC_CHANCE, _LAST_SINC_CHANCE, _GREY_CHANCE = 0.1, 0.8, 0.4
_UNTOUCHED_CHANCE, _BLUR_CHANCE, _NOISE_CHANCE, _SAVED_CHANCE = 0.1, 1 / 4, 1 / 3, 0.85
_WIDEST_BLUR, _LOUDEST_NOISE = 0.4, 10.0  # sigma in LR pixels; levels of 255


def draw_photo_steps(rng: np.random.Generator, *, scale: int, orders: int = 2) -> tuple[Step, ...]:
    """The steps of one photograph.

    Args:
        rng: the source of randomness.
        scale: of the subsampling.
        orders: 1 or 2 runs through the chain.

    Returns:
        Steps without randomness but that of their noise; one of them is the subsampling.
    """
    steps, size = _draw_pass(rng, _FIRST, size=1.0, goal=1.0)
    if orders == 1:
        return (*steps, _draw_subsampling(rng), _draw_jpeg(rng))
    steps.append(_draw_jpeg(rng))
    second, _ = _draw_pass(rng, _SECOND, size=size, goal=1 / scale)
    steps += second
    last: list[Step] = [_draw_subsampling(rng)]
    if rng.uniform() < _LAST_SINC_CHANCE:
        last.append(_draw_sinc(rng, lowest=math.pi / 3))
    jpeg = _draw_jpeg(rng)
    return (*steps, *last, jpeg) if rng.uniform() < 0.5 else (*steps, jpeg, *last)


def draw_saved_photo_steps(rng: np.random.Generator, *, scale: int) -> tuple[Step, ...]:
    """The steps of one photograph that was saved well: each of blur, noise and JPEG is slight, and may be missing.

    One in ten is only subsampled. Else, in this order: with a chance of 1/4 a Gaussian blur up to 0.4 LR pixels wide,
    every third one anisotropic; an antialiased subsampling, mostly bicubic; with a chance of 1/3 noise of 0 to 10
    levels, Gaussian or Poisson (then at white); with a chance of 0.85 JPEG of quality 30 to 95, of which 0.7
    have chroma at half size.

    Args:
        rng: the source of randomness.
        scale: of the subsampling.

    Returns:
        Steps without randomness but that of their noise; one of them is the subsampling.
    """
    if rng.uniform() < _UNTOUCHED_CHANCE:
        return (Subsample("bicubic"),)
    steps: list[Step] = []
    if rng.uniform() < _BLUR_CHANCE:
        widest = _WIDEST_BLUR * scale
        sigma = rng.uniform(0.1, widest)
        other = (rng.uniform(0.1, widest), rng.uniform(-math.pi, math.pi)) if rng.uniform() < 1 / 3 else ()
        size = 2 * math.ceil(4 * max((sigma, *other[:1]))) + 1
        steps.append(Blur("gaussian-sigma", (sigma, *other), size=size))
    steps.append(Subsample(("bicubic", "bilinear", "lanczos")[rng.choice(3, p=(0.7, 0.15, 0.15))]))
    if rng.uniform() < _NOISE_CHANCE:
        std, grey = rng.uniform(0, _LOUDEST_NOISE) / 255, bool(rng.uniform() < _GREY_CHANCE)
        steps.append(Noise(std, grey) if rng.uniform() < 0.5 else Poisson(1 / max(std, 1e-4) ** 2, grey))
    if rng.uniform() < _SAVED_CHANCE:
        steps.append(Jpeg(int(rng.integers(30, 96)), 420 if rng.uniform() < 0.7 else 444))
    return tuple(steps)


def _draw_pass(rng: np.random.Generator, ranges: _Pass, *, size: float, goal: float) -> tuple[list[Step], float]:
    """Blur, resize to ``goal`` times a random factor, noise; and the side afterwards as a share of the HR side."""
    steps: list[Step] = []
    if rng.uniform() < ranges.blur_chance:
        steps.append(_draw_blur(rng, ranges))
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


def _draw_blur(rng: np.random.Generator, ranges: _Pass) -> Blur:
    size = _draw_size(rng)
    if rng.uniform() < _SINC_CHANCE:
        return _draw_sinc(rng, lowest=math.pi / 3 if size < 13 else math.pi / 5, size=size)
    family, isotropic = _SHAPES[rng.choice(len(_SHAPES), p=_SHAPE_CHANCES)]
    first = rng.uniform(*ranges.sigma) ** 2
    second, angle = (first, 0.0) if isotropic else (rng.uniform(*ranges.sigma) ** 2, rng.uniform(-math.pi, math.pi))
    beta = {"gaussian": (), "generalized": (rng.uniform(0.5, 4),), "plateau": (rng.uniform(1, 2),)}[family]
    return Blur(family, (first, second, angle, *beta), size=size)


def _draw_sinc(rng: np.random.Generator, *, lowest: float, size: int | None = None) -> Blur:
    return Blur("sinc", (rng.uniform(lowest, math.pi),), size=size or _draw_size(rng))


def _draw_size(rng: np.random.Generator) -> int:
    return 2 * int(rng.integers(3, 11)) + 1


def _draw_jpeg(rng: np.random.Generator) -> Jpeg:
    return Jpeg(int(rng.integers(30, 96)))


def _draw_subsampling(rng: np.random.Generator) -> Subsample:
    return Subsample("bilinear" if rng.uniform() < 0.5 else "bicubic")

"""Noise of sensors, on float images in [0, 1]; nothing is clamped."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.arguments import Arguments, write_number, write_step
from kukkiri.degradations.step import Stage, Step
from kukkiri.errors import ConfigError

__all__ = ["Noise", "Poisson", "gaussian_noise", "poisson_noise"]

Floats = TypeVar("Floats", bound=NDArray[np.floating[Any]])
_GREY = np.array([0.2989, 0.5870, 0.1140])  # MATLAB's rgb2gray, which Real-ESRGAN uses for grey Poisson noise


def gaussian_noise(image: Floats, std: float, *, rng: np.random.Generator, grey: bool = False) -> Floats:
    """Add white Gaussian noise.

    Args:
        image: (H, W) or (H, W, C), float32 or float64, [0, 1].
        std: in [0, 1]; 15 levels of 8 bit are 15 / 255.
        rng: the source of randomness.
        grey: the same noise in every channel.
    """
    if not std >= 0:
        raise ValueError(f"std must not be negative, got {std}")
    shape = (*image.shape[:2], *([1] * (image.ndim - 2))) if grey else image.shape
    return (image + image.dtype.type(std) * rng.standard_normal(shape).astype(image.dtype)).astype(image.dtype)  # type: ignore[no-any-return]


def poisson_noise(image: Floats, peak: float, *, rng: np.random.Generator, grey: bool = False) -> Floats:
    """Shot noise: every value becomes a count of photons over its scale, so its variance is value / ``peak``.

    Args:
        image: (H, W) or (H, W, C), float32 or float64; clipped to [0, 1] for the counting.
        peak: photons in a white pixel, positive.
        rng: the source of randomness.
        grey: the same noise in every channel, that of the image's grey.
    """
    if not peak > 0:
        raise ValueError(f"peak must be positive, got {peak}")
    bright = np.clip(image, 0.0, 1.0)
    if grey and image.ndim == 3:
        bright = bright @ _GREY[:, None] if image.shape[2] == 3 else bright.mean(axis=2, keepdims=True)
    noise = rng.poisson(np.asarray(bright, dtype=np.float64) * peak) / peak - bright
    return (image + noise).astype(image.dtype)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Noise(Step):
    """White Gaussian noise of a standard deviation in [0, 1]; ``grey``: the same in every channel."""

    usage: ClassVar[str] = ":STD[,grey]"
    examples: ClassVar[tuple[str, ...]] = ("noise:0.02", "noise:0.1,grey")
    random: ClassVar[bool] = True
    std: float
    """Standard deviation in [0, 1]."""
    grey: bool = False
    """The same in every channel."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", float(self.std))
        if not 0 <= self.std <= 10:
            raise ConfigError(f"noise: the standard deviation must be 0 to 10 (white is 1), got {self.std}.")

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the standard deviation and ``grey``."""
        (std,) = arguments.numbers(1)
        return cls(std, grey=arguments.flag("grey"))

    def __str__(self) -> str:
        return write_step("noise", write_number(self.std), "grey" if self.grey else "")

    def apply(self, image: NDArray[Any], *, stage: Stage, rng: np.random.Generator) -> NDArray[Any]:
        """Add the noise."""
        return gaussian_noise(image, self.std, rng=rng, grey=self.grey)


@dataclass(frozen=True)
class Poisson(Step):
    """Shot noise, by the number of photons in a white pixel; ``grey``: the same in every channel."""

    usage: ClassVar[str] = ":PHOTONS[,grey]"
    examples: ClassVar[tuple[str, ...]] = ("poisson:100.0", "poisson:300.0,grey")
    random: ClassVar[bool] = True
    peak: float
    """Photons in a white pixel."""
    grey: bool = False
    """The same in every channel."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "peak", float(self.peak))
        if not 0 < self.peak <= 1e9:
            raise ConfigError(f"poisson: the photons at white must be above 0 and at most 1e9, got {self.peak}.")

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the photons and ``grey``."""
        (peak,) = arguments.numbers(1)
        return cls(peak, grey=arguments.flag("grey"))

    def __str__(self) -> str:
        return write_step("poisson", write_number(self.peak), "grey" if self.grey else "")

    def apply(self, image: NDArray[Any], *, stage: Stage, rng: np.random.Generator) -> NDArray[Any]:
        """Count photons."""
        return poisson_noise(image, self.peak, rng=rng, grey=self.grey)

"""Rounding to 8 bit between two steps."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.arguments import Arguments
from kukkiri.degradations.step import Stage, Step
from kukkiri.images import quantize

__all__ = ["Round"]


@dataclass(frozen=True)
class Round(Step):
    """Clamp and round to 8 bit."""

    examples: ClassVar[tuple[str, ...]] = ("8bit",)
    takes_levels: ClassVar[bool] = True

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """There is nothing to read."""
        return cls()

    def __str__(self) -> str:
        return "8bit"

    def apply(self, image: NDArray[Any], *, stage: Stage, rng: np.random.Generator) -> NDArray[Any]:
        """Round, halves away from zero."""
        return image if image.dtype == np.uint8 else quantize(image, 8)

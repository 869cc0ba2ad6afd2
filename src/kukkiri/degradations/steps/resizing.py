"""A resize before the subsampling."""

from dataclasses import dataclass
from typing import ClassVar, Self

from kukkiri.degradations.arguments import Arguments, write_number, write_step
from kukkiri.degradations.linear import SUBSAMPLERS
from kukkiri.degradations.operators import Interpolation
from kukkiri.degradations.step import LinearStep, Stage
from kukkiri.errors import ConfigError, did_you_mean

__all__ = ["Resize"]


@dataclass(frozen=True)
class Resize(LinearStep):
    """Resize by any factor before the subsampling, which still ends at HR / scale."""

    usage: ClassVar[str] = ":FACTOR[,nearest|bilinear|bicubic|lanczos][,aliased]"
    examples: ClassVar[tuple[str, ...]] = ("resize:0.7", "resize:1.3,bilinear,aliased")
    resizes: ClassVar[bool] = True
    takes_levels: ClassVar[bool] = True
    factor: float
    """Output pixels for one input pixel along a side."""
    method: str = "bicubic"
    """``nearest``, ``bilinear``, ``bicubic`` or ``lanczos``."""
    antialias: bool = True
    """Stretch the kernel when the image is downscaled."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", float(self.factor))
        if not (0.01 <= self.factor <= 100):
            raise ConfigError(f"resize: the factor must be 0.01 to 100, got {self.factor}.")
        if self.method not in SUBSAMPLERS:
            raise ConfigError(f"resize: unknown method {self.method!r}{did_you_mean(self.method, SUBSAMPLERS)}")

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the factor, the method and ``aliased``."""
        (factor,) = arguments.numbers(1)
        method = arguments.choice(tuple(SUBSAMPLERS)) or "bicubic"
        return cls(factor, method, antialias=not arguments.flag("aliased"))

    def __str__(self) -> str:
        method = "" if self.method == "bicubic" else self.method
        return write_step("resize", write_number(self.factor), method, "" if self.antialias else "aliased")

    def operator(self, stage: Stage) -> Interpolation:
        """The interpolation."""
        return Interpolation(SUBSAMPLERS[self.method], scale=self.factor, antialias=self.antialias)

"""The step that makes LR: pixels of a grid, or MATLAB's ``imresize``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from kukkiri.degradations.arguments import Arguments, write_step
from kukkiri.degradations.linear import SUBSAMPLERS
from kukkiri.degradations.operators import Decimation, Interpolation
from kukkiri.degradations.step import LinearStep, Stage, Step
from kukkiri.degradations.steps.blurs import Blur
from kukkiri.errors import ConfigError, did_you_mean

__all__ = ["Direct", "Imresize"]


@dataclass(frozen=True)
class Direct(LinearStep):
    """Pixels ``[0::scale]``; ``aligned`` moves the kernel before it, so that LR lies on the bicubic grid."""

    usage: ClassVar[str] = "[:aligned]"
    examples: ClassVar[tuple[str, ...]] = ("direct",)
    subsamples: ClassVar[bool] = True
    takes_levels: ClassVar[bool] = True
    aligned: bool = False
    """Move the kernel before it, so that LR lies on the bicubic grid."""

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read ``aligned``."""
        return cls(aligned=arguments.flag("aligned"))

    def __str__(self) -> str:
        return write_step("direct", "aligned" if self.aligned else "")

    def check(self, earlier: Sequence[Step]) -> None:
        """Refuse a resize before it, and ``aligned`` without a kernel."""
        if any(step.resizes for step in earlier):
            raise ConfigError("direct keeps every pixel of a grid, so nothing may resize before it.")
        if self.aligned and not any(isinstance(step, Blur) for step in earlier):
            raise ConfigError("direct:aligned moves the kernel before it, but there is none.")

    def operator(self, stage: Stage) -> Decimation:
        """The decimation."""
        return Decimation(stage.scale)


@dataclass(frozen=True)
class Imresize(LinearStep):
    """MATLAB's ``imresize`` to the size of LR, antialiased except for ``nearest``."""

    examples: ClassVar[tuple[str, ...]] = ("bicubic", "bilinear", "lanczos", "nearest")
    subsamples: ClassVar[bool] = True
    takes_levels: ClassVar[bool] = True
    method: str = "bicubic"
    """Also the name in the text form: ``nearest``, ``bilinear``, ``bicubic`` or ``lanczos``."""

    def __post_init__(self) -> None:
        if self.method not in SUBSAMPLERS:
            raise ConfigError(f"unknown subsampling {self.method!r}{did_you_mean(self.method, SUBSAMPLERS)}")

    @classmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Read the method, which is the name of the step."""
        if arguments.text == f"{arguments.name}:aligned":
            raise ConfigError(f"{arguments.name} is aligned by itself. Drop ':aligned'.")
        return cls(arguments.name)

    def __str__(self) -> str:
        return self.method

    def operator(self, stage: Stage) -> Interpolation:
        """The interpolation; its scale is exactly 1 / ``scale`` when nothing resized before."""
        kernel = SUBSAMPLERS[self.method]
        if stage.size == stage.hr_size:
            return Interpolation(kernel, scale=1 / stage.scale)
        return Interpolation(kernel, output_size=stage.lr_size)

"""The contract of a degradation step: it parses its arguments, writes itself and applies itself to an image.

::

    Step                 any step, such as ``jpeg``
    ├── LinearStep       given by a linear operator, such as ``bicubic``; tensors and kernels follow from it
    └── StepSampler      samples other steps, such as ``photo``

A step is a frozen dataclass and a line in ``STEPS`` (:mod:`kukkiri.degradations.steps`), nothing else.
docs/extending/degradation.md adds one of each kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.arguments import Arguments
from kukkiri.degradations.operators import Operator, apply_operator

__all__ = ["LinearStep", "Stage", "Step", "StepSampler"]


@dataclass(frozen=True)
class Stage:
    """Scale and sizes with which a step is applied."""

    scale: int
    """HR pixels for one LR pixel along a side."""
    hr_size: tuple[int, int]
    """(height, width) of the HR image, multiples of ``scale``."""
    size: tuple[int, int]
    """(height, width) of the image that the step is given."""
    aligned: bool = False
    """True for the last blur before ``direct:aligned``: its kernel is moved."""

    @property
    def lr_size(self) -> tuple[int, int]:
        """(height, width) of the LR image."""
        return self.hr_size[0] // self.scale, self.hr_size[1] // self.scale


class Step(ABC):
    """One step of a degradation."""

    usage: ClassVar[str] = ""
    """Text after the name, such as ``:STD[,grey]``, for messages and the docs."""
    examples: ClassVar[tuple[str, ...]] = ()
    """Texts that are their own text form; the tests run each of them."""
    subsamples: ClassVar[bool] = False
    """True when the result is LR; a degradation has exactly one such step."""
    resizes: ClassVar[bool] = False
    """True when the image has another size afterwards, but is not LR yet."""
    random: ClassVar[bool] = False
    """True when two seeds give two images."""
    takes_levels: ClassVar[bool] = False
    """True when an 8-bit image is given as it is; else it becomes float64 first."""

    @classmethod
    @abstractmethod
    def parse(cls, arguments: Arguments) -> Self:
        """Make the step of its arguments; those that are not taken are refused afterwards.

        Raises:
            ConfigError: an argument is missing or impossible.
        """

    @abstractmethod
    def __str__(self) -> str:
        """The text form, which :meth:`parse` reads back as an equal step."""

    @abstractmethod
    def apply(self, image: NDArray[Any], *, stage: Stage, rng: np.random.Generator) -> NDArray[Any]:
        """Apply the step.

        Args:
            image: (H, W) or (H, W, C), float32 or float64; uint8 only when ``takes_levels``. Not to be changed.
            stage: sizes, and the scale.
            rng: the only source of randomness.

        Returns:
            The image afterwards: in the dtype of ``image``, or uint8 when it was rounded to 8 bit.
        """

    def check(self, earlier: Sequence["Step"]) -> None:  # noqa: B027 (most steps have nothing to refuse)
        """Refuse steps before this one that make it impossible; any may be there unless overridden.

        Raises:
            ConfigError: they do; the message begins with the problem, the degradation is named before it.
        """


class LinearStep(Step):
    """A step that is a linear operator, so that it has a tensor twin and adds to the effective kernel."""

    @abstractmethod
    def operator(self, stage: Stage) -> Operator:
        """The operator, as data."""

    def apply(self, image: NDArray[Any], *, stage: Stage, rng: np.random.Generator) -> NDArray[Any]:
        """Apply the operator; see :meth:`Step.apply`."""
        return apply_operator(image, self.operator(stage))


class StepSampler(Step):
    """A step that stands for others, which a seed samples."""

    random: ClassVar[bool] = True

    @abstractmethod
    def sample(self, rng: np.random.Generator, *, scale: int) -> tuple[Step, ...]:
        """Sample the steps.

        Args:
            rng: the source of randomness.
            scale: of the subsampling.

        Returns:
            Steps that are applied; one of them subsamples if ``subsamples``.
        """

    def apply(self, image: NDArray[Any], *, stage: Stage, rng: np.random.Generator) -> NDArray[Any]:
        """Not possible: :meth:`sample` comes first.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"'{self}' stands for steps that are sampled before they are applied")

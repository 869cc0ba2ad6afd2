"""A degradation: steps from an HR image to an LR image, with a one-line text form.

``Degradation.parse("gaussian:4.0,1.0,-0.5+direct")`` is MZSR's g_ani, ``str()`` of it the same text.
docs/reference/degradations.md lists every step.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kukkiri.degradations.alignment import kernel_covariance
from kukkiri.degradations.blur_kernels import Kernel
from kukkiri.degradations.grammar import parse_steps, write_steps
from kukkiri.degradations.linear import Subsampling, check_divisible
from kukkiri.degradations.operators import Correlation, compose_kernels, subsampling_kernel
from kukkiri.degradations.step import LinearStep, Stage, Step, StepSampler
from kukkiri.degradations.steps.blurs import ArrayBlur, Blur
from kukkiri.degradations.steps.subsampling import Direct, Imresize
from kukkiri.errors import ConfigError
from kukkiri.images import quantize

__all__ = ["Degradation", "Seed"]

Pixels = TypeVar("Pixels", bound=NDArray[np.integer[Any] | np.floating[Any]])
Seed = int | Sequence[int] | np.random.Generator | None


@dataclass(frozen=True)
class Degradation:
    """Steps in the order in which they happen, exactly one of which subsamples."""

    steps: tuple[Step, ...]
    """See :mod:`kukkiri.degradations.steps`."""

    def __post_init__(self) -> None:
        count = sum(step.subsamples for step in self.steps)
        if count != 1:
            found = f"{count} steps that subsample" if count else "no step that subsamples"
            remedy = "Keep one of them" if count else "Add +direct or +bicubic"
            raise ConfigError(f"'{self}' has {found}, expected one. {remedy}.")
        for place, step in enumerate(self.steps):
            try:
                step.check(self.steps[:place])
            except ConfigError as problem:
                raise ConfigError(f"'{self}': {problem}") from None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form.

        Raises:
            ConfigError: the text is not one.
        """
        return cls(parse_steps(text))

    @classmethod
    def from_kernel(cls, kernel: ArrayLike, *, method: Subsampling = "direct", aligned: bool = False) -> Self:
        """Blur by any matrix, then subsample; ``aligned`` is for ``direct`` only."""
        sampler = Direct(aligned) if method == "direct" else Imresize(method)
        return cls((ArrayBlur.from_kernel(kernel), sampler))

    def __str__(self) -> str:
        return write_steps(self.steps)

    @property
    def linear(self) -> bool:
        """True when every step is linear, so that a tensor twin exists."""
        return all(isinstance(step, LinearStep) for step in self.steps)

    @property
    def samples_steps(self) -> bool:
        """True when a seed samples steps, as those of ``real`` and ``photo``."""
        return any(isinstance(step, StepSampler) for step in self.steps)

    @property
    def random(self) -> bool:
        """True when two seeds give two images."""
        return any(step.random for step in self.steps)

    def sample(self, *, scale: int, seed: Seed = None) -> "Degradation":
        """The same degradation with ``real``, ``photo`` and their like replaced by the steps that a seed samples."""
        rng = np.random.default_rng(seed)
        steps: list[Step] = []
        for step in self.steps:
            steps += step.sample(rng, scale=scale) if isinstance(step, StepSampler) else [step]
        return Degradation(tuple(steps))

    def stage(self, place: int, *, scale: int, hr_size: tuple[int, int], size: tuple[int, int]) -> Stage:
        """The stage in which ``steps[place]`` is applied to an image of (height, width) ``size``."""
        return Stage(scale=scale, hr_size=hr_size, size=size, aligned=self._is_aligned(place))

    def blur_kernel(self, place: int, *, scale: int) -> Kernel:
        """The kernel of the blur at ``steps[place]``; the last one before ``direct:aligned`` is moved for it."""
        step = self.steps[place]
        if not isinstance(step, Blur):
            raise TypeError(f"step {place} of {self} is not a blur")
        return step.kernel(aligned_to=scale if self._is_aligned(place) else None)

    def blur_covariance(self, *, scale: int) -> tuple[float, float, float]:
        """Second moments (xx, yy, xy) in HR pixels squared of the blurs before the subsampling, which add up."""
        total = np.zeros(3)
        for place, step in enumerate(self.steps):
            if step.subsamples:
                break
            if isinstance(step, Blur):
                total += kernel_covariance(self.blur_kernel(place, scale=scale))
        xx, yy, xy = map(float, total)
        return xx, yy, xy

    def effective_kernel(self, *, scale: int) -> Kernel:
        """The kernel that, followed by direct subsampling, does the same away from the border.

        Raises:
            ValueError: the degradation is not blurs, then a subsampling other than bilinear and Lanczos, then perhaps
                steps that are not linear.
        """
        kernel: Kernel = np.ones((1, 1))
        side = (scale, scale)  # nothing resizes before the subsampling, so any size will do
        for place, step in enumerate(self.steps):
            if not isinstance(step, LinearStep) or step.resizes:
                break
            operator = step.operator(self.stage(place, scale=scale, hr_size=side, size=side))
            if step.subsamples:
                if any(isinstance(later, LinearStep) for later in self.steps[place + 1 :]):
                    break
                try:
                    return compose_kernels(kernel, subsampling_kernel(operator, scale=scale))
                except ValueError:
                    break
            if not isinstance(operator, Correlation):
                break
            kernel = compose_kernels(kernel, operator.kernel)
        raise ValueError(f"{self} cannot be written as one kernel and direct subsampling")

    def apply(self, hr: Pixels, *, scale: int, seed: Seed = None) -> Pixels:
        """Make the low-resolution image.

        Args:
            hr: (H, W) or (H, W, C): uint8, or float32 or float64 in [0, 1]; H and W multiples of ``scale``.
            scale: at least 1.
            seed: for noise, ``real`` and ``photo``; None: unpredictable.

        Returns:
            lr, (H / scale, W / scale[, C]), dtype of ``hr``. Floats are clamped only by ``8bit`` and ``jpeg``.
            An 8-bit image stays so under subsampling (rounded after each pass, as MATLAB does: bit-exact
            BI and BD), becomes float64 at the first blur or noise, and is rounded at the end.

        Raises:
            ImageError: a side is not a multiple of ``scale``.
        """
        if hr.dtype not in (np.uint8, np.float32, np.float64):
            raise TypeError(f"an image is uint8, float32 or float64, got {hr.dtype}")
        check_divisible(hr.shape, scale)
        rng = np.random.default_rng(seed)
        sampled = self.sample(scale=scale, seed=rng)
        lr: NDArray[Any] = hr
        for place, step in enumerate(sampled.steps):
            if not step.takes_levels:
                lr = _as_floats(lr, np.dtype(np.float64))
            stage = sampled.stage(place, scale=scale, hr_size=_size(hr), size=_size(lr))
            lr = step.apply(lr, stage=stage, rng=rng)
        if hr.dtype == np.uint8:
            return lr if lr.dtype == np.uint8 else quantize(lr, 8)  # type: ignore[return-value]
        return _as_floats(lr, hr.dtype).astype(hr.dtype)  # type: ignore[return-value]

    def apply_all(self, images: Iterable[Pixels], *, scale: int, seed: int = 0) -> Iterator[Pixels]:
        """Degrade a sequence; each image has its own stream of random numbers, from ``seed`` and its place."""
        for place, hr in enumerate(images):
            yield self.apply(hr, scale=scale, seed=np.random.default_rng([seed, place]))

    def _is_aligned(self, place: int) -> bool:
        """True for the last blur before ``direct:aligned``."""
        for later in self.steps[place + 1 :]:
            if isinstance(later, Blur):
                return False
            if isinstance(later, Direct):
                return later.aligned
        return False


def _size(image: NDArray[Any]) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _as_floats(image: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return image.astype(dtype) / dtype.type(255) if image.dtype == np.uint8 else image

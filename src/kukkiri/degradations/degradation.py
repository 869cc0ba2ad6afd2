"""A degradation: from a high-resolution image to a low-resolution one, with a one-line text form.

``Degradation.parse("gaussian:4.0,1.0,-0.5+direct")`` is MZSR's g_ani, ``str()`` of it the same text.
docs/reference/degradations.md lists every step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.alignment import kernel_covariance
from kukkiri.degradations.blur_kernels import Kernel, bicubic_kernel
from kukkiri.degradations.grammar import parse_steps, write_steps
from kukkiri.degradations.linear import SUBSAMPLERS, Subsampling, blur, check_divisible, subsample
from kukkiri.degradations.noise import gaussian_noise, jpeg, poisson_noise
from kukkiri.degradations.photo import draw_photo_steps, draw_saved_photo_steps
from kukkiri.degradations.steps import (
    Blur,
    Jpeg,
    Noise,
    Poisson,
    RealPhoto,
    Resize,
    Round,
    SavedPhoto,
    Step,
    Subsample,
)
from kukkiri.errors import ConfigError
from kukkiri.images import quantize
from kukkiri.resampling import resize, weight_table

__all__ = ["Degradation"]

Array = NDArray[Any]
Seed = int | Sequence[int] | np.random.Generator | None


@dataclass(frozen=True)
class Degradation:
    """Steps in the order in which they happen, exactly one of which subsamples."""

    steps: tuple[Step, ...]
    """See :mod:`kukkiri.degradations.steps`."""

    def __post_init__(self) -> None:
        samplers = [step for step in self.steps if isinstance(step, Subsample | RealPhoto | SavedPhoto)]
        if len(samplers) != 1:
            found = f"{len(samplers)} steps that subsample" if samplers else "no step that subsamples"
            raise ConfigError(f"{write_steps(self.steps)!r} has {found}, expected one. Add +direct or +bicubic.")
        before = self.steps[: self.steps.index(samplers[0])]
        if isinstance(samplers[0], Subsample) and samplers[0].method == "direct":
            if any(isinstance(step, Resize) for step in before):
                raise ConfigError(f"'{self}': direct keeps every pixel of a grid, so nothing may resize before it.")
            if samplers[0].aligned and not any(isinstance(step, Blur) for step in before):
                raise ConfigError(f"'{self}': direct:aligned moves the kernel before it, but there is none.")

    @classmethod
    def parse(cls, text: str) -> "Degradation":
        """Read the text form.

        Raises:
            ConfigError: the text is not one.
        """
        return cls(parse_steps(text))

    @classmethod
    def from_kernel(cls, kernel: Array, *, method: Subsampling = "direct", aligned: bool = False) -> "Degradation":
        """Blur by any matrix, then subsample."""
        return cls((Blur.from_array(kernel), Subsample(method, aligned=aligned)))

    def __str__(self) -> str:
        return write_steps(self.steps)

    @property
    def linear(self) -> bool:
        """Whether every step is linear, so that a tensor twin exists."""
        return all(isinstance(step, Blur | Subsample | Resize) for step in self.steps)

    @property
    def samples_steps(self) -> bool:
        """Whether it holds ``real`` or ``photo``, whose steps a seed draws."""
        return any(isinstance(step, RealPhoto | SavedPhoto) for step in self.steps)

    @property
    def random(self) -> bool:
        """Whether two seeds give two images."""
        return self.samples_steps or any(isinstance(step, Noise | Poisson) for step in self.steps)

    def sample(self, *, scale: int, seed: Seed = None) -> "Degradation":
        """The same degradation with ``real`` and ``photo`` replaced by the steps that a seed draws."""
        rng = np.random.default_rng(seed)
        steps: list[Step] = []
        for step in self.steps:
            match step:
                case RealPhoto(orders):
                    steps += draw_photo_steps(rng, scale=scale, orders=orders)
                case SavedPhoto():
                    steps += draw_saved_photo_steps(rng, scale=scale)
                case _:
                    steps.append(step)
        return Degradation(tuple(steps))

    def blur_kernel(self, place: int, *, scale: int) -> Kernel:
        """The kernel of the blur at ``steps[place]``; the last one before ``direct:aligned`` is moved for it."""
        step = self.steps[place]
        if not isinstance(step, Blur):
            raise TypeError(f"step {place} of {self} is not a blur")
        for later in self.steps[place + 1 :]:
            if isinstance(later, Blur):
                break
            if isinstance(later, Subsample) and later.aligned:
                return step.kernel(aligned_to=scale)
        return step.kernel()

    def blur_covariance(self, *, scale: int) -> tuple[float, float, float]:
        """Second moments (xx, yy, xy) in HR pixels squared of the blurs before the subsampling, which add up."""
        total = np.zeros(3)
        for place, step in enumerate(self.steps):
            if isinstance(step, Subsample):
                break
            if isinstance(step, Blur):
                total += kernel_covariance(self.blur_kernel(place, scale=scale))
        xx, yy, xy = map(float, total)
        return xx, yy, xy

    def effective_kernel(self, *, scale: int) -> Kernel:
        """The one kernel that does the same, away from the border, when followed by direct subsampling.

        Raises:
            ValueError: the degradation is not blurs, then a subsampling (and then what is not linear).
        """
        kernel: Kernel = np.ones((1, 1))
        for place, step in enumerate(self.steps):
            match step:
                case Blur():
                    kernel = _compose(kernel, self.blur_kernel(place, scale=scale))
                case Subsample("direct"):
                    return kernel
                case Subsample("bicubic"):
                    return _compose(kernel, bicubic_kernel(scale))
                case Subsample("nearest"):
                    return _compose(kernel, _nearest_kernel(scale))
                case _:
                    break
        raise ValueError(f"{self} cannot be written as one kernel and direct subsampling")

    def apply(self, hr: Array, *, scale: int, seed: Seed = None) -> Array:
        """Make the low-resolution image.

        Args:
            hr: (H, W) or (H, W, C): uint8, or float32 or float64 in [0, 1]; H and W multiples of ``scale``.
            scale: at least 1.
            seed: for noise, ``real`` and ``photo``; None draws anew.

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
        drawn = self.sample(scale=scale, seed=rng)
        lr = hr
        for place in range(len(drawn.steps)):
            lr = drawn._apply_step(place, lr, hr_size=hr.shape[:2], scale=scale, rng=rng)
        if hr.dtype == np.uint8:
            return lr if lr.dtype == np.uint8 else quantize(lr, 8)
        return _as_floats(lr, hr.dtype).astype(hr.dtype)

    def apply_all(self, images: Iterable[Array], *, scale: int, seed: int = 0) -> Iterable[Array]:
        """Degrade a sequence; each image has its own stream of random numbers, from ``seed`` and its place."""
        for place, hr in enumerate(images):
            yield self.apply(hr, scale=scale, seed=np.random.default_rng([seed, place]))

    def _apply_step(
        self, place: int, image: Array, *, hr_size: tuple[int, ...], scale: int, rng: np.random.Generator
    ) -> Array:
        step = self.steps[place]
        floats = np.dtype(np.float64) if image.dtype == np.uint8 else image.dtype
        match step:
            case Subsample() if image.shape[:2] == hr_size:
                return subsample(image, scale=scale, method=step.method)
            case Subsample():
                target = (hr_size[0] // scale, hr_size[1] // scale)
                return resize(image, output_size=target, kernel=SUBSAMPLERS[step.method])
            case Resize():
                return resize(image, scale=step.factor, kernel=SUBSAMPLERS[step.method], antialias=step.antialias)
            case Blur():
                return blur(_as_floats(image, floats), self.blur_kernel(place, scale=scale), border=step.border)
            case Noise():
                return gaussian_noise(_as_floats(image, floats), step.std, rng=rng, grey=step.grey)
            case Poisson():
                return poisson_noise(_as_floats(image, floats), step.peak, rng=rng, grey=step.grey)
            case Jpeg():
                return jpeg(_as_floats(image, floats), step.quality, chroma=step.chroma)
            case Round():
                return image if image.dtype == np.uint8 else quantize(image, 8)
            case RealPhoto() | SavedPhoto():
                raise ValueError(f"'{step}' is drawn before it is applied")


def _as_floats(image: Array, dtype: Any) -> Array:
    return image.astype(dtype) / dtype.type(255) if image.dtype == np.uint8 else image


def _compose(first: Kernel, second: Kernel) -> Kernel:
    """The kernel of one correlation after the other: their full convolution. At most one is even-sized."""
    result = np.zeros((first.shape[0] + second.shape[0] - 1, first.shape[1] + second.shape[1] - 1))
    for (row, column), weight in np.ndenumerate(second):
        result[row : row + first.shape[0], column : column + first.shape[1]] += weight * first
    return result


def _nearest_kernel(scale: int) -> Kernel:
    """A delta at the pixel that MATLAB's nearest keeps of each block."""
    table = weight_table(4 * scale, 4, scale=1 / scale, kernel="nearest")
    phase = int(table.indices[1, np.argmax(table.weights[1])]) - scale
    kernel = np.zeros((2 * phase + 1, 2 * phase + 1))
    kernel[-1, -1] = 1.0
    return kernel

"""Plug-and-play half-quadratic splitting: a data step in closed form and a network as the prior, in turn (DPSR, IRCNN).

Zhang, Zuo and Zhang, "Deep Plug-and-Play Super-Resolution for Arbitrary Blur Kernels", CVPR 2019, arXiv:1903.12529.
The data step is that of Zhao et al., "Fast Single Image Super-Resolution Using a New Analytical Solution for l2-l2
Problems", TIP 2016, as in USRNet; at scale 1 it is DPSR's. Kernels are correlations, as everywhere in kukkiri.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.degradations.blur_kernels import Kernel, as_kernel
from kukkiri.errors import ConfigError, ModelError
from kukkiri.inference.periodic_borders import DataBorder, extend_periodically, find_margin
from kukkiri.resampling import resize

__all__ = ["ITERATIONS", "DataStep", "Prior", "Schedule", "check_kernel", "check_noise", "iterate", "make_schedule"]

Planes = NDArray[np.float32]
Prior = Callable[[Planes, float], Planes]
"""A function from an image (3, H, W), nominally in [0, 1], and the standard deviation of its noise in [0, 1] to the
image without the noise, perhaps upscaled."""

ITERATIONS = 15
"""Of the paper."""
_FIRST, _LAST = 49 / 255, 2.55 / 255
_LEAST_NOISE = 0.255 / 255


@dataclass(frozen=True)
class Schedule:
    """One entry for each iteration."""

    noise_stds: tuple[float, ...]
    """Noise that the prior removes, from 49/255 down to 2.55/255 in equal ratios."""
    weights: tuple[float, ...]
    """Weight of the prior's image in the data step: (noise of the LR image / noise of the prior)^2 / 3."""


def make_schedule(noise_std: float, *, iterations: int = ITERATIONS) -> Schedule:
    """Make DPSR's schedule for an image of this noise, which counts as 0.255/255 at least.

    Raises:
        ConfigError: a number that cannot be used.
    """
    check_noise(noise_std)
    if not isinstance(iterations, int) or isinstance(iterations, bool) or iterations < 1:
        raise ConfigError(f"iterations must be a whole number of at least 1, got {iterations!r}.")
    levels = np.geomspace(_FIRST, _LAST, iterations)
    weights = max(noise_std, _LEAST_NOISE) ** 2 / levels**2 / 3
    return Schedule(tuple(levels.tolist()), tuple(weights.tolist()))


def iterate(
    lr: Planes,
    kernel: NDArray[np.floating[Any]],
    *,
    prior: Prior,
    scale: int = 1,
    prior_scale: int = 1,
    noise_std: float | None = None,
    iterations: int = ITERATIONS,
    border: DataBorder = "extend",
) -> Planes:
    """Deblur, or upscale, an image of known degradation.

    Args:
        lr: (3, H, W) in [0, 1].
        kernel: for a correlation that keeps pixels ``[0::scale]``.
        prior: a denoiser; or DPSR's, which upscales by ``prior_scale``, so that its image is downscaled bicubically for
            the next data step.
        scale: of the data step.
        prior_scale: 1 unless the prior upscales.
        noise_std: of the noise in the LR image, in [0, 1]; None: 0 with ``wrap``, else 2.55/255, as no photograph is
            so exactly periodic that less keeps its border from ringing.
        iterations: pairs of data step and prior.
        border: see :data:`DataBorder`.

    Returns:
        (3, total*H, total*W) of the prior, not clamped; total is the product of both scales.

    Raises:
        ConfigError: a number or a kernel that cannot be used.
        ModelError: the prior returned another shape, or values that are not finite.
    """
    if noise_std is None:
        noise_std = 0.0 if border == "wrap" else _LAST
    schedule = make_schedule(noise_std, iterations=iterations)
    _, height, width = lr.shape
    extended = extend_periodically(lr, find_margin(border, kernel_size=max(np.shape(kernel)), scale=scale))
    step = DataStep(extended, kernel, scale=scale)
    # every LR pixel repeated, as USRNet begins; the first data step moves it to where the kernel says
    x = extended.repeat(scale, axis=-2).repeat(scale, axis=-1)
    for level, weight in zip(schedule.noise_stds, schedule.weights, strict=True):
        z = step.solve(x, weight)
        sr = prior(z, level)
        expected = (len(z), prior_scale * z.shape[1], prior_scale * z.shape[2])
        if sr.shape != expected or not np.isfinite(sr).all():
            raise ModelError(
                f"the prior made {sr.shape} of {z.shape}, or values that are not finite; expected {expected}. Give a "
                "function of (image, noise_std) that denoises."
            )
        x = sr if prior_scale == 1 else _shrink(sr, prior_scale)
    total = scale * prior_scale
    return sr[:, : total * height, : total * width]


class DataStep:
    """The closed form of the image that explains LR and is near to another one."""

    def __init__(self, lr: Planes, kernel: NDArray[np.floating[Any]], *, scale: int) -> None:
        """Transform LR and the kernel.

        Args:
            lr: (C, H, W), periodic.
            kernel: for a correlation, anchor ``size // 2``, that keeps pixels ``[0::scale]``.
            scale: 1 or more.

        Raises:
            ConfigError: it is no kernel, or larger than the image.
        """
        self._scale = scale
        channels, height, width = lr.shape
        size = (scale * height, scale * width)
        checked = check_kernel(kernel, largest=size)
        placed = np.zeros(size)
        placed[: checked.shape[0], : checked.shape[1]] = checked
        rolled = np.roll(placed, (-(checked.shape[0] // 2), -(checked.shape[1] // 2)), axis=(0, 1))
        self._spectrum = np.fft.fft2(rolled).conj()  # of a correlation
        self._power = self._alias(np.abs(self._spectrum[None]) ** 2)
        spread = np.zeros((channels, *size))
        spread[:, ::scale, ::scale] = lr
        self._data = self._spectrum.conj() * np.fft.fft2(spread)

    def solve(self, x: Planes, weight: float) -> Planes:
        """Minimize ||lr - subsample(kernel * z)||^2 + weight ||z - x||^2 over z, in float64.

        At a weight of 1e-5 float32 would amplify its rounding to a level.

        Args:
            x: (C, scale*H, scale*W).
            weight: positive.
        """
        right = self._data + weight * np.fft.fft2(x.astype(np.float64))
        quotient = self._alias(self._spectrum * right) / (self._power + weight)
        tiled = np.tile(quotient, (1, self._scale, self._scale))
        z: Planes = np.fft.ifft2((right - self._spectrum.conj() * tiled) / weight).real.astype(np.float32)
        return z

    def _alias(self, value: NDArray[Any]) -> NDArray[Any]:
        """Average the frequencies that subsampling makes equal."""
        channels, height, width = value.shape
        scale = self._scale
        folded = value.reshape(channels, scale, height // scale, scale, width // scale)
        return np.asarray(folded.mean(axis=(1, 3)))


def check_kernel(kernel: NDArray[np.floating[Any]], *, largest: tuple[int, int]) -> Kernel:
    """Normalize a kernel for an image.

    Args:
        kernel: (height, width).
        largest: height and width of the image that it blurs.

    Raises:
        ConfigError: it is no kernel, or larger than the image.
    """
    try:
        checked = as_kernel(kernel)
    except ValueError as error:
        raise ConfigError(f"{error}. Give one matrix of numbers.") from error
    if any(side > most for side, most in zip(checked.shape, largest, strict=True)):
        raise ConfigError(
            f"the kernel has {checked.shape[0]}x{checked.shape[1]} pixels, more than the image that it blurs, "
            f"{largest[0]}x{largest[1]} (height x width). Give a smaller kernel or a larger image."
        )
    return checked


def check_noise(noise_std: float) -> None:
    """Refuse a standard deviation outside [0, 1].

    Raises:
        ConfigError: it is.
    """
    if not 0 <= noise_std <= 1:
        raise ConfigError(f"noise_std must be in [0, 1], as in 5/255, got {noise_std!r}.")


def _shrink(image: Planes, scale: int) -> Planes:
    """Downscale (C, H, W) bicubically."""
    smaller = resize(np.ascontiguousarray(image.transpose(1, 2, 0)), scale=1 / scale)
    return np.ascontiguousarray(smaller.transpose(2, 0, 1), dtype=np.float32)

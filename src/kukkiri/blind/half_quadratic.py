"""Plug-and-play half-quadratic splitting: a data step in closed form and any denoiser, in turn (DPSR, IRCNN).

Zhang, Zuo and Zhang, "Deep Plug-and-Play Super-Resolution for Arbitrary Blur Kernels", CVPR 2019, arXiv:1903.12529.
Two models of the LR image y: DPSR's, y = (x downscaled bicubically) * k + noise, whose prior upscales; and
y = (x * k) without all but every scale-th pixel, plus noise, whose prior denoises, which at scale 1 is deblurring.
Differs from the authors' code: kernels are correlations, as everywhere in kukkiri; the result may be cropped from a
periodic extension of the image. The denoiser's way has DPSR's schedule and, above scale 1, USRNet's data step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.blind.borders import DataBorder, extend_periodically, find_margin
from kukkiri.blind.image_tensors import Pixels, check_scale, from_tensor, make_kernel_tensor, to_rgb_tensor
from kukkiri.blind.usrnet_solver import check_noise
from kukkiri.errors import ConfigError, ModelError
from kukkiri.networks import DPSR
from kukkiri.networks.usrnet import solve_data_term
from kukkiri.resampling.tensors import resize_tensor

__all__ = ["Denoiser", "Schedule", "make_schedule", "solve_dpsr", "solve_plug_and_play"]

Denoiser = Callable[[Tensor, float], Tensor]
"""A function from an image (1, 3, H, W), nominally in [0, 1], and the standard deviation of its noise in [0, 1] to the
image without the noise."""

_FIRST, _LAST = 49 / 255, 2.55 / 255
_LEAST_NOISE = 0.255 / 255
_ITERATIONS = 15


@dataclass(frozen=True)
class Schedule:
    """One entry for each iteration."""

    noise_stds: tuple[float, ...]
    """Noise that the prior removes, from 49/255 down to 2.55/255 in equal ratios."""
    weights: tuple[float, ...]
    """Weight of the prior's image in the data step: (noise of the LR image / noise of the prior)^2 / 3."""


def make_schedule(noise_std: float, *, iterations: int = _ITERATIONS) -> Schedule:
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


def solve_dpsr(
    lr: Pixels,
    kernel: NDArray[np.floating[Any]],
    *,
    network: DPSR,
    noise_std: float | None = None,
    iterations: int = _ITERATIONS,
    border: DataBorder = "extend",
) -> NDArray[Any]:
    """Upscale an image that was downscaled bicubically and then blurred, with DPSR's prior.

    Args:
        lr: (H, W) or (H, W, 3), uint8 or floats in [0, 1].
        kernel: in LR pixels, for a correlation.
        network: the prior, as in ``kukkiri.load("DPSRx4.pth").module``; the scale is its own.
        noise_std: of the noise in the LR image, in [0, 1]; None: 0 with ``wrap``, else 2.55/255, as no photograph is
            so exactly periodic that less keeps its border from ringing.
        iterations: the paper's 15.
        border: see :data:`kukkiri.blind.DataBorder`.

    Returns:
        (scale*H, scale*W[, 3]), dtype of ``lr``.

    Raises:
        ImageError: not such an image.
        ConfigError: a number or a kernel that cannot be used.
        ModelError: not DPSR's network.
    """
    if not isinstance(network, DPSR):
        raise ModelError(f"solve_dpsr needs DPSR's network, got {type(network).__name__}. Load its weights first.")
    schedule = make_schedule(_choose_noise(noise_std, border), iterations=iterations)
    image = to_rgb_tensor(lr)
    height, width = image.shape[-2:]
    blurry = extend_periodically(image, find_margin(border, kernel_size=max(np.shape(kernel)), scale=1))
    weights = make_kernel_tensor(kernel, largest=(blurry.shape[-2], blurry.shape[-1])).double()
    parameter = next(network.parameters())
    z = blurry
    with torch.inference_mode():
        for level, rho in zip(schedule.noise_stds, schedule.weights, strict=True):
            z = _data_step(z, blurry, weights, rho, scale=1)
            sr = network(z.to(parameter), parameter.new_tensor([level])).cpu()
            z = resize_tensor(sr, scale=1 / network.scale, kernel="cubic")
    return from_tensor(sr[..., : network.scale * height, : network.scale * width], like=lr)


def solve_plug_and_play(
    lr: Pixels,
    kernel: NDArray[np.floating[Any]],
    *,
    denoiser: Denoiser,
    scale: int = 1,
    noise_std: float | None = None,
    iterations: int = _ITERATIONS,
    border: DataBorder = "extend",
) -> NDArray[Any]:
    """Deblur, or upscale, an image of known degradation with a denoiser as the prior.

    Args:
        lr: (H, W) or (H, W, 3), uint8 or floats in [0, 1].
        kernel: in HR pixels, for a correlation that keeps pixels ``[0::scale]``.
        denoiser: any; :func:`kukkiri.blind.load_denoiser` makes one of DnCNN's weights.
        scale: 1 deblurs.
        noise_std: of the noise in the LR image, in [0, 1]; None: 0 with ``wrap``, else 2.55/255, as no photograph is
            so exactly periodic that less keeps its border from ringing.
        iterations: pairs of data step and denoiser.
        border: see :data:`kukkiri.blind.DataBorder`.

    Returns:
        (scale*H, scale*W[, 3]), dtype of ``lr``.

    Raises:
        ImageError: not such an image.
        ConfigError: a number or a kernel that cannot be used.
        ModelError: the denoiser returned another shape, or values that are not finite.
    """
    check_scale(scale)
    schedule = make_schedule(_choose_noise(noise_std, border), iterations=iterations)
    image = to_rgb_tensor(lr)
    height, width = image.shape[-2:]
    extended = extend_periodically(image, find_margin(border, kernel_size=max(np.shape(kernel)), scale=scale))
    weights = make_kernel_tensor(kernel, largest=(scale * extended.shape[-2], scale * extended.shape[-1])).double()
    x = _repeat_pixels(extended, scale=scale)
    with torch.inference_mode():
        for level, rho in zip(schedule.noise_stds, schedule.weights, strict=True):
            z = _data_step(x, extended, weights, rho, scale=scale)
            x = denoiser(z, level)
            if x.shape != z.shape or not bool(torch.isfinite(x).all()):
                raise ModelError(
                    f"the denoiser made {tuple(x.shape)} of {tuple(z.shape)}, or values that are not finite; "
                    "expected an image of the same shape. Give a function of (image, noise_std) that denoises."
                )
    return from_tensor(x[..., : scale * height, : scale * width], like=lr)


def _choose_noise(noise_std: float | None, border: DataBorder) -> float:
    if noise_std is not None:
        return noise_std
    return 0.0 if border == "wrap" else _LAST


def _repeat_pixels(lr: Tensor, *, scale: int) -> Tensor:
    """Begin with every LR pixel repeated, as USRNet does; the first data step moves it where the kernel says."""
    return lr.repeat_interleave(scale, dim=-2).repeat_interleave(scale, dim=-1)


def _data_step(x: Tensor, lr: Tensor, kernel: Tensor, weight: float, *, scale: int) -> Tensor:
    """Solve in float64: at a weight of 1e-5 float32 would amplify its rounding to a level."""
    alpha = torch.tensor(weight, dtype=torch.float64).reshape(1, 1, 1, 1)
    return solve_data_term(x.double(), lr.double(), kernel, alpha, scale=scale).to(lr.dtype)

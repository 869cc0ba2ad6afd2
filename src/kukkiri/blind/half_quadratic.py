"""DPSR, and any torch denoiser as a prior, on images as arrays; :mod:`kukkiri.inference.half_quadratic` iterates.

Zhang, Zuo and Zhang, "Deep Plug-and-Play Super-Resolution for Arbitrary Blur Kernels", CVPR 2019, arXiv:1903.12529.
Two models of the LR image y: DPSR's, y = (x downscaled bicubically) * k + noise, whose prior upscales; and
y = (x * k) without all but every scale-th pixel, plus noise, whose prior denoises, which at scale 1 is deblurring.
Differs from the authors' code: kernels are correlations, as everywhere in kukkiri; the result may be cropped from a
periodic extension of the image. The denoiser's way has DPSR's schedule and, above scale 1, USRNet's data step.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kukkiri.blind.image_tensors import Pixels, check_scale, from_tensor, to_rgb_tensor
from kukkiri.errors import ModelError
from kukkiri.inference.half_quadratic import ITERATIONS, Planes, Schedule, iterate, make_schedule
from kukkiri.inference.periodic_borders import DataBorder
from kukkiri.networks import DPSR

__all__ = ["Denoiser", "Schedule", "make_schedule", "solve_dpsr", "solve_plug_and_play"]

Denoiser = Callable[[Tensor, float], Tensor]
"""A function from an image (1, 3, H, W), nominally in [0, 1], and the standard deviation of its noise in [0, 1] to the
image without the noise."""


def solve_dpsr(
    lr: Pixels,
    kernel: NDArray[np.floating[Any]],
    *,
    network: DPSR,
    noise_std: float | None = None,
    iterations: int = ITERATIONS,
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
    parameter = next(network.parameters())

    def denoise(image: Tensor, level: float) -> Tensor:
        sr: Tensor = network(image.to(parameter), parameter.new_tensor([level]))
        return sr.cpu()

    sr = iterate(
        to_rgb_tensor(lr)[0].numpy(),
        kernel,
        prior=_on_arrays(denoise),
        prior_scale=network.scale,
        noise_std=noise_std,
        iterations=iterations,
        border=border,
    )
    return from_tensor(torch.from_numpy(sr)[None], like=lr)


def solve_plug_and_play(
    lr: Pixels,
    kernel: NDArray[np.floating[Any]],
    *,
    denoiser: Denoiser,
    scale: int = 1,
    noise_std: float | None = None,
    iterations: int = ITERATIONS,
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
    sr = iterate(
        to_rgb_tensor(lr)[0].numpy(),
        kernel,
        prior=_on_arrays(denoiser),
        scale=scale,
        noise_std=noise_std,
        iterations=iterations,
        border=border,
    )
    return from_tensor(torch.from_numpy(sr)[None], like=lr)


def _on_arrays(denoiser: Denoiser) -> Callable[[Planes, float], Planes]:
    def prior(image: Planes, noise_std: float) -> Planes:
        with torch.inference_mode():
            result: Planes = denoiser(torch.from_numpy(image)[None], noise_std)[0].numpy()
        return result

    return prior

"""Torch twins of the linear operators, for training and adaptation; imported on demand, never by the package.

Equal to the array functions to rounding, differentiable any number of times in images and kernels.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kukkiri.degradations.degradation import Degradation
from kukkiri.degradations.linear import SUBSAMPLERS, Subsampling, check_divisible
from kukkiri.degradations.operators import Correlation, Decimation, Interpolation, Operator
from kukkiri.degradations.step import LinearStep
from kukkiri.resampling import Border, border_indices
from kukkiri.resampling.tensors import resize_tensor

__all__ = [
    "apply_operator_to_tensor",
    "blur_downsample_tensor",
    "blur_tensor",
    "degrade_tensor",
    "subsample_tensor",
]

_LARGE = 26  # taps from which the FFT beats torch's convolution of single planes: 15 x 15 by a factor of 200
_FFT_MULTIPLE = 32  # sides with only small prime factors


def blur_tensor(images: Tensor, kernel: Tensor, *, border: Border = "symmetric", step: int = 1) -> Tensor:
    """Correlate every channel with a kernel; the twin of :func:`kukkiri.degradations.blur`.

    Args:
        images: (N, C, H, W), floating point.
        kernel: (K, L), or (N, K, L) for one kernel per image.
        border: see the array function.
        step: keep every ``step``-th pixel, from the first.

    Returns:
        (N, C, ceil(H / step), ceil(W / step)).
    """
    n, c, height, width = images.shape
    sizes = (height, width)
    kernel = kernel.to(images)
    for dim, length, taps in ((-2, height, kernel.shape[-2]), (-1, width, kernel.shape[-1])):
        positions = np.arange(-(taps // 2), length + taps - taps // 2 - 1)
        indices = torch.from_numpy(border_indices(positions, length, border=border)).to(images.device)
        images = images.index_select(dim, indices)
    if kernel.shape[-2] * kernel.shape[-1] >= _LARGE:
        return _correlate_by_fft(images, kernel, sizes)[..., ::step, ::step]
    if kernel.ndim == 2:
        planes = images.reshape(n * c, 1, *images.shape[-2:])
        blurred = functional.conv2d(planes, kernel[None, None], stride=step)
        return blurred.reshape(n, c, *blurred.shape[-2:])
    grouped = images.transpose(0, 1)  # (C, N, H, W): one group per image
    return functional.conv2d(grouped, kernel[:, None], stride=step, groups=n).transpose(0, 1)


def _correlate_by_fft(padded: Tensor, kernel: Tensor, sizes: tuple[int, int]) -> Tensor:
    """The same sum for large kernels, to about 1e-16 (float32: 1e-7) of the largest value."""
    extent = [-(-side // _FFT_MULTIPLE) * _FFT_MULTIPLE for side in padded.shape[-2:]]
    spectrum = torch.fft.rfft2(kernel, s=extent).conj()
    spectrum = spectrum if kernel.ndim == 2 else spectrum[:, None]
    blurred: Tensor = torch.fft.irfft2(torch.fft.rfft2(padded, s=extent) * spectrum, s=extent)
    return blurred[..., : sizes[0], : sizes[1]]


def subsample_tensor(
    images: Tensor, *, scale: int, method: Subsampling = "bicubic", border: Border = "symmetric"
) -> Tensor:
    """Downscale (N, C, H, W) by an integer; the twin of :func:`kukkiri.degradations.subsample`."""
    check_divisible(tuple(images.shape[-2:]), scale)
    if method == "direct":
        return images[..., ::scale, ::scale]
    return resize_tensor(images, scale=1 / scale, kernel=SUBSAMPLERS[method], border=border)


def blur_downsample_tensor(
    hr: Tensor,
    kernel: Tensor,
    *,
    scale: int,
    method: Subsampling = "direct",
    border: Border = "symmetric",
    blur_last: bool = False,
) -> Tensor:
    """Blur and subsample (N, C, H, W); the twin of :func:`kukkiri.degradations.blur_downsample`."""
    check_divisible(tuple(hr.shape[-2:]), scale)
    if blur_last:
        return blur_tensor(subsample_tensor(hr, scale=scale, method=method), kernel, border=border)
    if method == "direct":
        return blur_tensor(hr, kernel, border=border, step=scale)
    return subsample_tensor(blur_tensor(hr, kernel, border=border), scale=scale, method=method)


def degrade_tensor(hr: Tensor, degradation: Degradation, *, scale: int) -> Tensor:
    """Apply a degradation whose steps are all linear: blur, resize, subsample.

    Args:
        hr: (N, C, H, W), floating point; H and W multiples of ``scale``.
        degradation: without noise, JPEG, rounding or sampled steps.
        scale: at least 1.

    Returns:
        lr, (N, C, H / scale, W / scale), not clamped; equal to ``degradation.apply`` of a float image.

    Raises:
        ValueError: a step is not linear.
    """
    hr_size = (hr.shape[-2], hr.shape[-1])
    check_divisible(hr_size, scale)
    images = hr
    for place, step in enumerate(degradation.steps):
        if not isinstance(step, LinearStep):
            raise ValueError(f"{step} is not linear, so it has no tensor twin; apply {degradation} to arrays")
        size = (images.shape[-2], images.shape[-1])
        stage = degradation.stage(place, scale=scale, hr_size=hr_size, size=size)
        images = apply_operator_to_tensor(images, step.operator(stage))
    return images


def apply_operator_to_tensor(images: Tensor, operator: Operator) -> Tensor:
    """Apply an operator to (N, C, H, W); the twin of :func:`kukkiri.degradations.operators.apply_operator`."""
    match operator:
        case Correlation(kernel, border):
            return blur_tensor(images, torch.from_numpy(kernel), border=border)
        case Interpolation(kernel_name, scale, output_size, antialias):
            return resize_tensor(images, scale=scale, output_size=output_size, kernel=kernel_name, antialias=antialias)
        case Decimation(step):
            return images[..., ::step, ::step]

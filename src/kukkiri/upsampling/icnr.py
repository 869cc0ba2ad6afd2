"""ICNR: initialization of a learned upsampler as a convolution followed by an upscaling, without a checkerboard.

Aitken et al., "Checkerboard artifact free sub-pixel convolution: A note on sub-pixel convolution, resize
convolution and convolution resize", 2017, arXiv:1707.02937, for sub-pixel convolution; the transposed form
follows from the same equation. Two upscalings:

- ``nearest``: every output pixel is the LR pixel in which it lies (the paper's);
- ``area``: every output pixel is the mean of the LR image over a square of one LR pixel around its own
  centre. The overlaps are 1 - abs(distance) along each side, so this is bilinear interpolation with zeros
  outside, and for a transposed convolution of one tap it is the bilinear initialization of FCN (Long et al., CVPR
  2015, arXiv:1411.4038).
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor, nn

__all__ = ["Upscaling", "icnr_", "icnr_transposed_", "upscaling_taps"]

Upscaling = Literal["nearest", "area"]
Initializer = Callable[[Tensor], object]


def upscaling_taps(scale: int, *, upscaling: Upscaling = "nearest") -> tuple[Tensor, int]:
    """Compute the weights of one LR pixel in the output pixels around it, along one side.

    Args:
        scale: at least 1.
        upscaling: ``nearest`` or ``area``.

    Returns:
        The taps, float64, which sum to ``scale``, and the number of taps before the pixel's own first output pixel.

    Raises:
        ValueError: an unknown upscaling, or a scale below 1.
    """
    if scale < 1:
        raise ValueError(f"scale must be at least 1, got {scale}")
    if upscaling == "nearest":
        return torch.ones(scale, dtype=torch.float64), 0
    if upscaling == "area":
        before = scale // 2
        centre = (scale - 1) / 2
        positions = torch.arange(-before, scale + before, dtype=torch.float64)
        return 1.0 - (positions - centre).abs() / scale, before
    raise ValueError(f"unknown upscaling {upscaling!r}; known: {', '.join(get_args(Upscaling))}")


def icnr_(
    weight: Tensor,
    *,
    scale: int,
    init: Initializer = nn.init.kaiming_uniform_,
    upscaling: Upscaling = "nearest",
) -> Tensor:
    """Initialize the convolution before a pixel shuffle so that both equal convolution + upscaling, in place.

    Args:
        weight: (C * scale^2, Cin, k, k), channel c * scale^2 + i * scale + j holding phase (i, j) as
            ``torch.nn.PixelShuffle`` reads it. The bias must be equal within each c: set it to zero.
        scale: at least 1.
        init: samples the sub-kernel in place: (C, Cin, k, k), or (C, Cin, k - 2, k - 2) with ``area``,
            whose interpolation needs two taps.
        upscaling: ``nearest`` or ``area``.

    Returns:
        ``weight``.

    Raises:
        ValueError: the channels are no multiple of scale^2, or the kernel is too small.
    """
    _check(weight, scale)
    phases, inputs, height, width = weight.shape
    if phases % scale**2:
        raise ValueError(f"{phases} output channels are not a multiple of scale^2 = {scale**2}")
    taps, before = upscaling_taps(scale, upscaling=upscaling)
    margin = 1 if before else 0  # taps of a phase that the interpolation needs at each end
    if min(height, width) <= 2 * margin:
        raise ValueError(f"{upscaling} needs a kernel of at least {2 * margin + 1}, got {height}x{width}")
    channels = phases // scale**2
    with torch.no_grad():
        kernel = weight.new_empty(channels, inputs, height - 2 * margin, width - 2 * margin)
        init(kernel)
        # phase a reads the pixel at offset t with the tap that this pixel gives to output a - t * scale
        reads = weight.new_zeros(scale, 2 * margin + 1)
        for a in range(scale):
            for t in range(-margin, margin + 1):
                tap = before + a - t * scale
                if 0 <= tap < len(taps):
                    reads[a, t + margin] = taps[tap]
        full = weight.new_zeros(channels, scale, scale, inputs, height, width)
        for y in range(2 * margin + 1):
            for x in range(2 * margin + 1):
                share = torch.outer(reads[:, y], reads[:, x])[None, :, :, None, None, None]
                rows, columns = slice(y, y + kernel.shape[2]), slice(x, x + kernel.shape[3])
                full[..., rows, columns] += share * kernel[:, None, None]
        return weight.copy_(full.reshape(weight.shape))


def icnr_transposed_(
    weight: Tensor,
    *,
    scale: int,
    padding: int | None = None,
    init: Initializer = nn.init.kaiming_uniform_,
    upscaling: Upscaling = "nearest",
) -> Tensor:
    """Initialize a transposed convolution so that it equals convolution + upscaling, in place.

    With ``nearest`` the sub-kernel has one tap for each whole group of ``scale`` taps of the kernel from tap
    ``padding % scale`` on; taps outside these groups become zero. A 4x4 kernel at stride 2 and padding 1 holds one
    group, without padding two. ``padding=0`` for a layer that does crop therefore fills the whole kernel, and gives
    convolution + nearest shifted by ``padding % scale`` output pixels.

    Args:
        weight: (Cin, C, k, k) as in ``torch.nn.ConvTranspose2d``.
        scale: the stride, at least 1.
        padding: of the layer; by default the one that crops most evenly, ceil((k - scale) / 2).
        init: samples the sub-kernel (C, Cin, m, m) in place, in the orientation of a convolution.
        upscaling: ``nearest`` or ``area``.

    Returns:
        ``weight``.

    Raises:
        ValueError: the kernel is not square, or too small for one sub-kernel tap.
    """
    _check(weight, scale)
    inputs, channels, size, width = weight.shape
    if size != width:
        raise ValueError(f"the kernel must be square, got {size}x{width}")
    crop = max(0, (size - scale + 1) // 2) if padding is None else padding
    taps, before = upscaling_taps(scale, upscaling=upscaling)
    first = (crop - before) % scale
    count = (size - first - len(taps)) // scale + 1
    if count < 1:
        least = first + len(taps)
        raise ValueError(
            f"{upscaling} at scale {scale} and padding {crop} needs a kernel of at least {least}, got {size}"
        )
    with torch.no_grad():
        kernel = weight.new_empty(channels, inputs, count, count)
        init(kernel)
        # the transposed layer scatters, so the convolution's last tap comes first
        scattered = kernel.flip(2, 3).transpose(0, 1)
        share = torch.outer(taps, taps).to(weight)
        weight.zero_()
        for y in range(count):
            for x in range(count):
                top, left = first + y * scale, first + x * scale
                weight[:, :, top : top + len(taps), left : left + len(taps)] += (
                    scattered[:, :, y, x][:, :, None, None] * share
                )
    return weight


def _check(weight: Tensor, scale: int) -> None:
    if weight.ndim != 4:
        raise ValueError(f"a weight has four dimensions, got shape {tuple(weight.shape)}")
    if scale < 1:
        raise ValueError(f"scale must be at least 1, got {scale}")

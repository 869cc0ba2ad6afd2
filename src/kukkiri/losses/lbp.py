"""LBP-like loss: error of random differences of pixels in small neighbourhoods, a texture loss without a network."""

import functools
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kukkiri.losses.arguments import Range

__all__ = ["lbp", "make_kernels"]


def lbp(
    sr: Tensor,
    hr: Tensor,
    *,
    kernels: Annotated[int, Range(least=1, most=1024)] = 64,
    side: Annotated[int, Range(least=3, most=9)] = 3,
    epsilon: Annotated[float, Range(above=0.0, most=1.0)] = 1e-3,
    seed: Annotated[int, Range(least=0)] = 0,
) -> Tensor:
    """Compute the Charbonnier error of the responses to random sparse kernels of +1 and -1 that sum to 0.

    It does not see a constant error: add another loss.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`.
        hr: as of :class:`kukkiri.losses.Loss`.
        kernels: their number; each is applied to every channel.
        side: odd height and width of a kernel; an even number counts as the next one.
        epsilon: as of ``charbonnier``.
        seed: of the kernels, which are the same in every step.

    Reference: local binary patterns: Ojala et al., TPAMI 2002; as a loss with random sparse kernels: ``LBPLoss`` of
    nagadomi/nunif, which samples one of 32 banks of 64 kernels in every step. Here there is one bank, and each kernel
    has one +1 and one -1.
    """
    bank = make_kernels(kernels, side | 1, seed)
    error = (sr - hr).flatten(0, 1)[:, None]
    weight = torch.tensor(bank.tolist(), dtype=sr.dtype).to(sr.device)
    pad = side // 2
    padded = functional.pad(error, (pad, pad, pad, pad))
    responses = functional.conv2d(padded, weight[:, None])
    return torch.sqrt(responses.square() + epsilon**2).mean()


@functools.lru_cache(maxsize=8)
def make_kernels(count: int, side: int, seed: int) -> np.ndarray:
    """Make kernels (count, side, side), each with +1 at one place, -1 at another, and 0 elsewhere."""
    generator = np.random.default_rng(seed)
    kernels = np.zeros((count, side * side), np.float32)
    for kernel in kernels:
        plus, minus = generator.choice(side * side, 2, replace=False)
        kernel[plus], kernel[minus] = 1.0, -1.0
    return kernels.reshape(count, side, side)

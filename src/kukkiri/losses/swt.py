"""Wavelet loss: mean absolute error of the sub-bands of the stationary wavelet transform."""

import math
from typing import Annotated, Literal, TypeAlias

import torch
from torch import Tensor

from kukkiri.errors import ConfigError
from kukkiri.losses.arguments import Range

__all__ = ["WAVELETS", "stationary_wavelet_transform", "swt", "wavelet_details"]

Wavelet: TypeAlias = Literal["haar", "sym7"]
Bands: TypeAlias = tuple[Tensor, Tensor, Tensor]
BandWeight: TypeAlias = Annotated[float, Range(least=0.0)]

_LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)  # BT.601 in studio range; its offset is in no detail band
WAVELETS: dict[Wavelet, tuple[float, ...]] = {
    "haar": (math.sqrt(0.5), math.sqrt(0.5)),
    "sym7": (
        0.002681814568260147,
        -0.001047384888679738,
        -0.012636303403240567,
        0.030515513165877885,
        0.06789269350122057,
        -0.04955283493704283,
        0.017441255086835708,
        0.5361019170905692,
        0.7677643170048829,
        0.2886296317506479,
        -0.14004724044293365,
        -0.10780823770328972,
        0.0040102448715223955,
        0.010268176708464817,
    ),
}
"""Orthonormal low-pass filters: Haar's, and the least asymmetric one with seven vanishing moments (Daubechies, "Ten
Lectures on Wavelets", SIAM 1992, section 8.1), computed by spectral factorization in 40 digits."""


def swt(
    sr: Tensor,
    hr: Tensor,
    *,
    wavelet: Wavelet = "haar",
    levels: Annotated[int, Range(least=1, most=6)] = 1,
    band_weights: tuple[BandWeight, BandWeight, BandWeight, BandWeight] = (1.0, 1.0, 1.0, 1.0),
) -> Tensor:
    """Compute the weighted sum of the mean absolute errors of the sub-bands of a stationary wavelet transform.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`.
        hr: as of :class:`kukkiri.losses.Loss`.
        wavelet: ``haar`` (2 taps) or ``sym7`` (14 taps).
        levels: of the transform; the detail bands of every level count, LL of the last one only.
        band_weights: of LL, LH, HL and HH.

    Raises:
        ConfigError: every weight is 0.

    Reference: Korkmaz et al., "Training Generative Image Super-Resolution Models by Wavelet-Domain Losses Enables
    Better Control of Artifacts" (WGSR), CVPR 2024, arXiv:2402.19215: sym7, one level, weights 0.1, 0.01, 0.01 and 0.05
    on luma in levels. Its code divides only the low-pass filter by sqrt(2), so that its weights are here 0.1, 0.0141,
    0.0141 and 0.1, and 255 times that for its balance with other losses in [0, 1]. Here in the network's colour.
    """
    if not any(band_weights):
        raise ConfigError("swt: every one of band_weights is 0. Give one of them a positive weight.")
    low, details = stationary_wavelet_transform(sr - hr, wavelet=wavelet, levels=levels)
    weighted = [(band_weights[0], low), *((band_weights[at], bands[at - 1]) for bands in details for at in (1, 2, 3))]
    (weight, band), *rest = [(weight, band) for weight, band in weighted if weight]
    total = weight * band.abs().mean()
    for weight, band in rest:
        total = total + weight * band.abs().mean()
    return total


def stationary_wavelet_transform(
    images: Tensor, *, wavelet: Wavelet = "haar", levels: int = 1
) -> tuple[Tensor, list[Bands]]:
    """Split images into sub-bands of their own size, without subsampling (the algorithm a trous).

    The border is circular. Both filters are divided by sqrt(2), so that LL of a constant image is that constant and the
    energies of all bands add up to that of the image: the transform's adjoint is its inverse. A band is shifted against
    the image by at most the length of the filter.

    Args:
        images: (N, C, H, W).
        wavelet: as of :func:`swt`.
        levels: at least 1; level k spreads the taps 2^(k-1) pixels apart.

    Returns:
        LL of the last level, and for each level from the finest (LH, HL, HH): L is low-pass and H high-pass, the first
        letter along the width, the second along the height; LH shows horizontal edges.
    """
    low, details = images, []
    for level in range(levels):
        left, right = _split(low, wavelet, dim=-1, step=2**level)
        (low, lh), (hl, hh) = (_split(half, wavelet, dim=-2, step=2**level) for half in (left, right))
        details.append((lh, hl, hh))
    return low, details


def wavelet_details(images: Tensor) -> Tensor:
    """Compute the detail bands of luma that the discriminator of WGSR sees: sym7, one level, in levels of 0..255.

    Args:
        images: (N, 1, H, W) luma or (N, 3, H, W) RGB, nominally [0, 1].

    Returns:
        (N, 3, H, W): LH, HL and HH, LH and HL times sqrt(2) and HH times 2, because the code of WGSR divides only the
        low-pass filter by sqrt(2).

    Reference: as of :func:`swt`, section 3.2.
    """
    luma = images
    if images.shape[1] == 3:
        luma = sum((images[:, at : at + 1] * factor for at, factor in enumerate(_LUMA)), images.new_zeros(()))
    _, ((lh, hl, hh),) = stationary_wavelet_transform(255 * luma, wavelet="sym7")
    return torch.cat([math.sqrt(2) * lh, math.sqrt(2) * hl, 2 * hh], dim=1)


def _split(images: Tensor, wavelet: Wavelet, *, dim: int, step: int) -> tuple[Tensor, Tensor]:
    """The low-pass and the high-pass half along an axis; the high-pass filter is the reversed, alternating low-pass."""
    taps = [tap * math.sqrt(0.5) for tap in WAVELETS[wavelet]]
    low, high = images * taps[0], images * taps[-1]
    for at in range(1, len(taps)):
        shifted = images.roll(at * step, dims=dim)
        low = low.add(shifted, alpha=taps[at])
        high = high.add(shifted, alpha=taps[-1 - at] * (-1) ** at)
    return low, high

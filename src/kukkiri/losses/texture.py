"""Texture loss: distance between the correlations of features in patches of two images."""

from typing import Annotated

import torch
from torch import Tensor

from kukkiri.losses.arguments import Range
from kukkiri.losses.feature_space import FeatureName, LayerWeight, Normalization, compare_layers

__all__ = ["compute_gram_matrices", "texture"]

_LAYERS: dict[str, tuple[str, ...]] = {
    "efficientnet-lite0": ("stem", "block2", "block4"),
    "vgg16": ("relu1_1", "relu2_1", "relu3_1"),
    "vgg19": ("relu1_1", "relu2_1", "relu3_1"),
}


def texture(
    sr: Tensor,
    hr: Tensor,
    *,
    network: FeatureName = "efficientnet-lite0",
    weights: str = "",
    layers: tuple[str, ...] = (),
    layer_weights: tuple[LayerWeight, ...] = (),
    patch: Annotated[int, Range(least=1)] = 16,
    normalization: Normalization = "imagenet",
    unit_mean: bool = False,
) -> Tensor:
    """Compute the mean squared error of the Gram matrices of a classifier's features in patches, summed over layers.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`.
        hr: as of :class:`kukkiri.losses.Loss`.
        network: as of ``perceptual``.
        weights: as of ``perceptual``.
        layers: as of ``perceptual``; empty: EnhanceNet's of VGG, the stem and blocks 2 and 4 of Lite0.
        layer_weights: one for each layer; empty: 1.
        patch: height and width of a patch in pixels of the images, one patch beside the other; in a layer that has 1/k
            of the size it is ``patch / k``, at least 1. A remainder at the right and at the bottom is left out; a
            smaller image is one patch.
        normalization: as of ``perceptual``.
        unit_mean: as of ``perceptual``.

    Raises:
        BackendError: as ``perceptual``.
        ConfigError: as ``perceptual``.
        ModelError: as ``perceptual``.

    Reference: Gatys et al., NIPS 2015, arXiv:1505.07376 (Gram matrices); Sajjadi et al. (EnhanceNet), ICCV 2017,
    arXiv:1612.07919, section 4.2.3 and 5.3: VGG-19 conv1_1, conv2_1 and conv3_1, weights 3e-7, 1e-6 and 1e-6, patches
    of 16 pixels. Here a Gram matrix is a mean over the places of a patch, not a sum.
    """
    layers = layers or _LAYERS[network]
    pairs = compare_layers(
        sr, hr, loss="texture", network=network, weights=weights, layers=layers, layer_weights=layer_weights,
        normalization=normalization, unit_mean=unit_mean,
    )  # fmt: skip
    total = sr.new_zeros((), dtype=torch.float32)
    for factor, estimate, truth in pairs:
        side = max(1, round(patch * estimate.shape[-1] / sr.shape[-1]))
        error = compute_gram_matrices(estimate, patch=side) - compute_gram_matrices(truth, patch=side)
        total = total + factor * error.square().mean()
    return total.to(sr.dtype)


def compute_gram_matrices(features: Tensor, *, patch: int) -> Tensor:
    """Compute the Gram matrix of the features of every patch, divided by the number of its places.

    Args:
        features: (N, C, H, W).
        patch: height and width of a patch; larger than the features: they are one patch.

    Returns:
        (N, patches down, patches across, C, C).
    """
    n, c, h, w = features.shape
    high, wide = min(patch, h), min(patch, w)
    down, across = h // high, w // wide
    cut = features[..., : down * high, : across * wide].reshape(n, c, down, high, across, wide)
    places = cut.permute(0, 2, 4, 1, 3, 5).flatten(4)
    return places @ places.transpose(-1, -2) / (high * wide)

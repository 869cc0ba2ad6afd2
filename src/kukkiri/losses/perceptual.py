"""Perceptual loss: distance between the features that a pretrained classifier has of two images."""

import torch
from torch import Tensor

from kukkiri.losses.feature_space import (
    Distance,
    FeatureName,
    LayerWeight,
    Normalization,
    compare_layers,
)

__all__ = ["perceptual"]

_LAYERS: dict[str, tuple[str, ...]] = {
    "efficientnet-lite0": ("block2", "block4", "block7", "block10"),
    "vgg16": ("relu2_2",),
    "vgg19": ("conv5_4",),
}


def perceptual(
    sr: Tensor,
    hr: Tensor,
    *,
    network: FeatureName = "efficientnet-lite0",
    weights: str = "",
    layers: tuple[str, ...] = (),
    layer_weights: tuple[LayerWeight, ...] = (),
    distance: Distance = "l1",
    normalization: Normalization = "imagenet",
    unit_mean: bool = False,
) -> Tensor:
    """Compute the weighted sum of the distances between the features of sr and hr in layers of a pretrained classifier.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`.
        hr: as of :class:`kukkiri.losses.Loss`.
        network: ``efficientnet-lite0`` (extra ``perceptual``), or ``vgg16`` or ``vgg19`` with ``weights``.
        weights: file of the network's weights in torchvision's layout; empty: those of the extra.
        layers: such as ``relu2_2`` (after ReLU) or ``conv5_4`` (before it) of VGG, ``stem``, ``block0`` to ``block15``
            and ``head`` of Lite0. Empty: Johnson's of VGG-16, ESRGAN's of VGG-19, blocks 2, 4, 7 and 10 of Lite0.
        layer_weights: one for each layer; empty: 1.
        distance: mean absolute (``l1``) or squared (``mse``) error of the features of a layer.
        normalization: of the network's input: ``imagenet``, ``caffe`` (original VGG weights) or ``none``.
        unit_mean: divide the features at every place by their mean over the channels, which is for layers after ReLU.

    Raises:
        BackendError: the extra is not installed.
        ConfigError: a VGG without ``weights``, or ``layer_weights`` that do not fit ``layers``.
        ModelError: a file that is not that network's, or an unknown layer.

    Reference: Johnson et al., ECCV 2016, arXiv:1603.08155, Eq. 2 (VGG-16 relu2_2, squared); Ledig et al. (SRGAN), CVPR
    2017, arXiv:1609.04802, Eq. 5 (VGG-19 relu5_4 or relu2_2, squared, features times 1/12.75); Wang et al. (ESRGAN),
    ECCVW 2018, arXiv:1809.00219, section 3.3 (VGG-19 conv5_4, L1); Sajjadi et al. (EnhanceNet), ICCV 2017,
    arXiv:1612.07919 (VGG-19 pool2 and pool5, squared, ``unit_mean``).
    """
    layers = layers or _LAYERS[network]
    pairs = compare_layers(
        sr, hr, loss="perceptual", network=network, weights=weights, layers=layers, layer_weights=layer_weights,
        normalization=normalization, unit_mean=unit_mean,
    )  # fmt: skip
    total = sr.new_zeros((), dtype=torch.float32)
    for factor, estimate, truth in pairs:
        error = estimate - truth
        total = total + factor * (error.abs() if distance == "l1" else error.square()).mean()
    return total.to(sr.dtype)

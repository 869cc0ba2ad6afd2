"""LPIPS and DISTS: distances in the features of classifiers, weighted as human judgements were fitted.

The weights of the features come with the library ``torchmetrics`` (extra ``lpips``), those of the classifiers from
files of the user's. The library's own functions would download the latter, and need torchvision.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018, arXiv:1801.03924
(heads BSD-2-Clause). Ding et al., "Image Quality Assessment: Unifying Structure and Texture Similarity", TPAMI 2020,
arXiv:2004.07728 (weights MIT).
"""

import functools
from pathlib import Path

import torch
from torch import Tensor

from kukkiri.errors import BackendError, require
from kukkiri.losses.feature_space import compute_features

__all__ = ["DISTANCES", "dists", "lpips"]

_LPIPS_LAYERS = ("relu1", "relu2", "relu3", "relu4", "relu5")
_DISTS_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
_LEARNED = {"lpips": "lpips_models/alex.pth", "dists": "dists_models/weights.pt"}
"""Files of the learned weights in torchmetrics/functional/image."""


def lpips(sr: Tensor, hr: Tensor, *, weights: str) -> Tensor:
    """Compute LPIPS 0.1 on AlexNet: weighted squared differences of the features of unit length, summed over layers.

    Args:
        sr: (N, 3, H, W), [0, 1], at least 32 pixels along each side.
        hr: the same shape.
        weights: file of AlexNet in torchvision's layout.

    Returns:
        (N,).

    Raises:
        BackendError: torchmetrics is not installed, or has no learned weights.
        ModelError: the file is not AlexNet's.
    """
    learned = _read_learned("lpips")
    pairs = _features(sr, hr, network="alexnet", weights=weights, layers=_LPIPS_LAYERS)
    total = sr.new_zeros(len(sr))
    for number, pair in enumerate(pairs):
        estimate, truth = (x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in pair)
        factors = learned[f"lin{number}.model.1.weight"].to(sr)
        total = total + (factors * (estimate - truth).square()).sum(1).mean((1, 2))
    return total


def dists(sr: Tensor, hr: Tensor, *, weights: str) -> Tensor:
    """Compute DISTS: 1 minus the weighted similarity of means (texture) and correlations (structure) of features.

    The image itself counts as the first layer, before those of VGG-16.

    Args:
        sr: (N, 3, H, W), [0, 1], at least 32 pixels along each side.
        hr: the same shape.
        weights: file of VGG-16 in torchvision's layout.

    Returns:
        (N,), 0 for equal images.

    Raises:
        BackendError: torchmetrics is not installed, or has no learned weights.
        ModelError: the file is not VGG-16's.
    """
    learned = _read_learned("dists")
    pairs = [(sr, hr), *_features(sr, hr, network="vgg16-l2", weights=weights, layers=_DISTS_LAYERS)]
    channels = [pair[0].shape[1] for pair in pairs]
    size = learned["alpha"].sum() + learned["beta"].sum()
    alphas, betas = (torch.split((learned[key] / size).to(sr).flatten(), channels) for key in ("alpha", "beta"))
    similarity = sr.new_zeros(len(sr))
    for (x, y), alpha, beta in zip(pairs, alphas, betas, strict=True):
        means = [each.mean((2, 3)) for each in (x, y)]
        variances = [each.var((2, 3), correction=0) for each in (x, y)]
        covariance = (x * y).mean((2, 3)) - means[0] * means[1]
        texture = (2 * means[0] * means[1] + 1e-6) / (means[0].square() + means[1].square() + 1e-6)
        structure = (2 * covariance + 1e-6) / (variances[0] + variances[1] + 1e-6)
        similarity = similarity + (alpha * texture + beta * structure).sum(1)
    return 1 - similarity


DISTANCES = {"dists": dists, "lpips": lpips}
"""The distances by the name of their metric."""


def _features(
    sr: Tensor, hr: Tensor, *, network: str, weights: str, layers: tuple[str, ...]
) -> list[tuple[Tensor, Tensor]]:
    found = [
        compute_features(images, network=network, weights=weights, layers=layers, normalization="imagenet")
        for images in (sr, hr)
    ]
    return list(zip(*found, strict=True))


@functools.cache
def _read_learned(name: str) -> dict[str, Tensor]:
    """The weights of the features, which torchmetrics holds."""
    require("torchmetrics", for_what=name.upper())
    import torchmetrics

    path = Path(torchmetrics.__file__).parent / "functional" / "image" / _LEARNED[name]
    if not path.is_file():
        raise BackendError(
            f"{name.upper()} needs the file {_LEARNED[name]} of torchmetrics, which {torchmetrics.__version__} lacks. "
            "Install kukkiri[lpips]."
        )
    learned: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return learned

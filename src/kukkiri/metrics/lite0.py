"""Distances in the features of EfficientNet-Lite0, a classifier trained on ImageNet (extra ``perceptual``).

They are built as LPIPS and DISTS are, on another network and without weights that were learned from human judgements:
their numbers are neither of the two, and are compared with one another only. Measured behaviour:
docs/results/perceptual-metrics.md.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018, arXiv:1801.03924.
Ding et al., "Image Quality Assessment: Unifying Structure and Texture Similarity", TPAMI 2020, arXiv:2004.07728.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.engine_loaders import compute_features
from kukkiri.metrics.border import cut_colours, make_value
from kukkiri.metrics.metric import Metric

__all__ = ["LITE0_DISTANCE", "LITE0_STRUCTURE_TEXTURE", "lite0_distance", "lite0_structure_texture"]

Features = NDArray[np.float64]
_LAYERS = ("block2", "block4", "block7", "block10")  # 1/4 to 1/16 of the size; the first two rank blur above a GAN
_SMALLEST = 32  # two features along a side in the last layer
_TINY = 1e-10


def lite0_distance(hr: NDArray[Any], sr: NDArray[Any], *, border: int = 0) -> float:
    """Sum over four layers of the mean squared difference of features of unit length (LPIPS's form, unlearned).

    Args:
        hr: (H, W, 3) RGB or (H, W) luma, uint8, at least 32 pixels along each side after the cut.
        sr: the same shape.
        border: pixels cut from each side first.

    Returns:
        At least 0, which equal images have; at most 16.

    Raises:
        BackendError: the extra is not installed.
        ValueError: the shapes differ, the images are not uint8, or a side is too small.
    """
    total = 0.0
    for reference, estimate in _pairs(hr, sr, border=border):
        unit = [x / np.sqrt(np.square(x).sum(axis=0) + _TINY) for x in (reference, estimate)]
        total += float(np.square(unit[0] - unit[1]).sum(axis=0).mean())
    return total


def lite0_structure_texture(hr: NDArray[Any], sr: NDArray[Any], *, border: int = 0) -> float:
    """Mean dissimilarity of the texture and of the structure of every feature map (DISTS's idea, unlearned).

    Structure is 1 minus the correlation of a map's two versions. Texture compares their means and deviations over the
    image, m and s: ((m1 - m2)^2 + (s1 - s2)^2) / (m1^2 + m2^2 + s1^2 + s2^2); DISTS has 1 - 2 m1 m2 / (m1^2 + m2^2),
    for features that are not negative, which those of Lite0's blocks are. The two count as much as one another.

    Args:
        hr: see :func:`lite0_distance`.
        sr: the same shape.
        border: pixels cut from each side first.

    Returns:
        0 for equal images, about 1/2 for unrelated ones of one texture, at most 3/2.

    Raises:
        BackendError: the extra is not installed.
        ValueError: see :func:`lite0_distance`.
    """
    layers = []
    for reference, estimate in _pairs(hr, sr, border=border):
        means = [x.mean(axis=(1, 2)) for x in (reference, estimate)]
        centred = [x - mean[:, None, None] for x, mean in zip((reference, estimate), means, strict=True)]
        variances = [np.square(x).mean(axis=(1, 2)) for x in centred]
        covariance = (centred[0] * centred[1]).mean(axis=(1, 2))
        # the root of the product, not the product of the roots: exactly the covariance where the images are equal
        structure = 1 - (covariance + _TINY) / (np.sqrt(variances[0] * variances[1]) + _TINY)
        difference = (means[0] - means[1]) ** 2 + (np.sqrt(variances[0]) - np.sqrt(variances[1])) ** 2
        size = means[0] ** 2 + means[1] ** 2 + variances[0] + variances[1]
        layers.append(float(np.mean((structure + difference / (size + _TINY)) / 2)))
    return float(np.mean(layers))


def _pairs(hr: NDArray[Any], sr: NDArray[Any], *, border: int) -> Iterator[tuple[Features, Features]]:
    """The features of both images, (C, h, w), layer by layer."""
    cut = cut_colours(hr, sr, border=border, smallest=_SMALLEST, metric="Lite0")
    found = [compute_features(image, _LAYERS) for image in cut]
    for reference, estimate in zip(*found, strict=True):
        yield reference.astype(np.float64), estimate.astype(np.float64)


_NEEDS = f"the extra `perceptual`; {_SMALLEST} pixels along each side after the cut"
LITE0_DISTANCE = Metric(
    "Lite0 distance",
    make_value(lite0_distance, smallest=_SMALLEST, colour=True),
    higher_is_better=False,
    summary="squared difference of the normalized features of EfficientNet-Lite0 (the form of LPIPS, not LPIPS)",
    needs=_NEEDS,
    digits=3,
)
LITE0_STRUCTURE_TEXTURE = Metric(
    "Lite0 structure and texture",
    make_value(lite0_structure_texture, smallest=_SMALLEST, colour=True),
    higher_is_better=False,
    summary="dissimilarity of structure and texture in the same features (the idea of DISTS, not DISTS)",
    needs=_NEEDS,
    digits=4,
)

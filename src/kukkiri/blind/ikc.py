"""IKC: a predicted kernel code, an upscaled image made with it, and a corrector of the code, seven times in turn.

Gu, Lu, Zuo and Dong, "Blind Super-Resolution With Iterative Kernel Correction", CVPR 2019, arXiv:1904.03377.
The LR image is taken to be the HR image blurred by an isotropic Gaussian, then downscaled bicubically.
Differs from the authors' test script: it takes, of the seven images, the one nearest to the ground truth; here it is
the last, or all of them. Beside the authors' SFTMD, whose code is the kernel's principal components, ModulatedPlain
serves, whose code is the kernel's covariance.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kukkiri.blind.image_tensors import Pixels, from_tensor, to_rgb_tensor
from kukkiri.degradations import read_covariance
from kukkiri.errors import ConfigError, ModelError
from kukkiri.networks import SFTMD, IKCCorrector, IKCPredictor, ModulatedPlain

__all__ = ["IKCResult", "find_ikc_covariance", "solve_ikc"]

_SEEN = 256  # LR pixels along a side of the crop that a blur is estimated from


@dataclass(frozen=True, eq=False)
class IKCResult:
    """The image of the last code, and the codes of all iterations."""

    image: NDArray[Any]
    """(scale*H, scale*W[, 3]), dtype of the LR image."""
    codes: NDArray[np.float64]
    """(iterations, length): the code that made each image; the first is the predictor's."""
    images: tuple[NDArray[Any], ...]
    """The image of each iteration, if they were asked; else empty."""


def solve_ikc(
    lr: Pixels,
    *,
    predictor: IKCPredictor,
    corrector: IKCCorrector,
    network: SFTMD | ModulatedPlain,
    iterations: int = 7,
    keep_images: bool = False,
) -> IKCResult:
    """Upscale an image of unknown blur with IKC's three networks.

    Args:
        lr: (H, W) or (H, W, 3), uint8 or floats in [0, 1].
        predictor: of the code, from the LR image.
        corrector: of the code, from the image that was made with it.
        network: conditioned on the code; its output is clamped to [0, 1], as the authors' is.
        iterations: images that are made; each but the first after one correction.
        keep_images: keep the image of every iteration.

    Raises:
        ImageError: not such an image.
        ConfigError: no whole number of iterations of at least 1.
        ModelError: the three networks have codes of different lengths.
    """
    if not isinstance(iterations, int) or isinstance(iterations, bool) or iterations < 1:
        raise ConfigError(f"iterations must be a whole number of at least 1, got {iterations!r}.")
    image = to_rgb_tensor(lr).to(next(network.parameters()))
    codes, images = [], []
    with torch.inference_mode():
        code = predictor(image)
        _check_lengths(code.shape[1], corrector, network)
        for iteration in range(iterations):
            codes.append(code[0].double().cpu().numpy())
            sr = network(image, code).clamp(0, 1)
            if keep_images:
                images.append(from_tensor(sr, like=lr))
            if iteration < iterations - 1:
                code = corrector(sr, code)
    return IKCResult(from_tensor(sr, like=lr), np.stack(codes), tuple(images))


def find_ikc_covariance(
    lr: Pixels, *, predictor: IKCPredictor, corrector: IKCCorrector, network: ModulatedPlain, iterations: int = 7
) -> tuple[float, float, float]:
    """Estimate the covariance of the blur of an image with IKC's networks, from its middle.

    Args:
        lr: (H, W) or (H, W, 3), uint8 or floats in [0, 1]; at most 256 x 256 pixels are looked at.
        predictor: see :func:`solve_ikc`, as the others.
        corrector: of the code.
        network: whose code is the covariance.
        iterations: images that are made.

    Returns:
        (xx, yy, xy) in HR pixels squared.

    Raises:
        ImageError: not such an image.
        ModelError: the three networks have codes of different lengths.
    """
    top, left = (max(0, (side - _SEEN) // 2) for side in lr.shape[:2])
    seen = np.ascontiguousarray(lr[top : top + _SEEN, left : left + _SEEN])
    found = solve_ikc(seen, predictor=predictor, corrector=corrector, network=network, iterations=iterations)
    xx, yy, xy = read_covariance(found.codes[-1], scale=network.scale)
    return xx, yy, xy


def _check_lengths(predicted: int, corrector: IKCCorrector, network: SFTMD | ModulatedPlain) -> None:
    corrected = corrector.code_dense[0].in_features
    taken = network.code if isinstance(network, SFTMD) else 3 + network.noise
    if not predicted == corrected == taken:
        raise ModelError(
            f"the predictor's code has {predicted} numbers, the corrector's {corrected} and the network's {taken}. "
            "Take the three networks of one training."
        )

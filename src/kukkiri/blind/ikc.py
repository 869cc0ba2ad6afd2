"""IKC: a predicted kernel code, an upscaled image made with it, and a corrector of the code, seven times in turn.

Gu, Lu, Zuo and Dong, "Blind Super-Resolution With Iterative Kernel Correction", CVPR 2019, arXiv:1904.03377.
The LR image is taken to be the HR image blurred by an isotropic Gaussian, then downscaled bicubically.
Differs from the authors' test script: it takes, of the seven images, the one nearest to the ground truth; here it is
the last, or all of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kukkiri.blind.image_tensors import Pixels, from_tensor, to_rgb_tensor
from kukkiri.errors import ConfigError, ModelError
from kukkiri.networks import SFTMD, IKCCorrector, IKCPredictor

__all__ = ["IKCResult", "solve_ikc"]


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
    network: SFTMD,
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


def _check_lengths(predicted: int, corrector: IKCCorrector, network: SFTMD) -> None:
    corrected = corrector.code_dense[0].in_features
    if not predicted == corrected == network.code:
        raise ModelError(
            f"the predictor's code has {predicted} numbers, the corrector's {corrected} and the network's "
            f"{network.code}. Take the three networks of one training."
        )

"""USRNet as a solver: an image of known kernel, noise and scale, upscaled by a network that unfolds the problem.

Zhang, Van Gool and Timofte, "Deep Unfolding Network for Image Super-Resolution", CVPR 2020, arXiv:2003.10428.
The LR image is taken to be the HR image blurred by the kernel, of which every scale-th pixel is kept, plus noise.
Differs from the authors' code: kernels are correlations, as everywhere in kukkiri; photographs are made periodic by a
strip that fades from one side to the other, not by solving Laplace's equation on it.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kukkiri.blind.image_tensors import Pixels, check_scale, from_tensor, make_kernel_tensor, to_rgb_tensor
from kukkiri.errors import ModelError
from kukkiri.inference.half_quadratic import check_noise
from kukkiri.inference.periodic_borders import DataBorder, extend_periodically, find_margin
from kukkiri.networks import USRNet

__all__ = ["solve_usrnet"]


def solve_usrnet(
    lr: Pixels,
    kernel: NDArray[np.floating[Any]],
    *,
    scale: int,
    network: USRNet,
    noise_std: float = 0.0,
    border: DataBorder = "extend",
) -> NDArray[Any]:
    """Upscale, or deblur at scale 1, an image of known degradation with USRNet.

    Args:
        lr: (H, W) or (H, W, 3), uint8 or floats in [0, 1].
        kernel: in HR pixels, for a correlation that keeps pixels ``[0::scale]``. A centred one takes the LR image to be
            (scale - 1) / 2 HR pixels off the bicubic grid; :func:`kukkiri.degradations.align_kernel` puts it there.
        scale: 1 or more; the published weights are for 1 to 4.
        network: as in ``kukkiri.load("usrnet_tiny.pth").module``.
        noise_std: of the noise in the LR image, in [0, 1]; the published weights are for up to 25/255.
        border: see :data:`kukkiri.blind.DataBorder`.

    Returns:
        (scale*H, scale*W[, 3]), dtype of ``lr``.

    Raises:
        ImageError: not such an image.
        ConfigError: a number or a kernel that cannot be used.
        ModelError: not a USRNet.
    """
    if not isinstance(network, USRNet):
        raise ModelError(f"solve_usrnet needs a USRNet, got {type(network).__name__}. Load its weights first.")
    check_scale(scale)
    check_noise(noise_std)
    image = to_rgb_tensor(lr)[0].numpy()
    height, width = image.shape[-2:]
    margin = find_margin(border, kernel_size=max(np.shape(kernel)), scale=scale)
    extended = torch.from_numpy(extend_periodically(image, margin))[None]
    blurred = (scale * extended.shape[-2], scale * extended.shape[-1])
    weights = make_kernel_tensor(kernel, largest=blurred)
    parameter = next(network.parameters())
    with torch.inference_mode():
        sr = network(extended.to(parameter), weights.to(parameter), parameter.new_tensor([noise_std]), scale=scale)
    return from_tensor(sr[..., : scale * height, : scale * width], like=lr)

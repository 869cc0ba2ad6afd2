"""LR-consistency loss: mean absolute error between the LR image and the downscaled SR image."""

from torch import Tensor

from kukkiri.losses.l1 import l1
from kukkiri.resampling.tensors import resize_tensor

__all__ = ["lr_consistency"]


def lr_consistency(sr: Tensor, hr: Tensor, *, lr: Tensor) -> Tensor:
    """Compute the mean absolute error between lr and sr downscaled by MATLAB's antialiased bicubic ``imresize``.

    It fits LR images of the ``bicubic`` degradation; blurred, noisy or compressed ones are not what the downscaled HR
    image looks like. It does not look at ``hr``, and many SR images have none of it: add another loss.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`.
        hr: as of :class:`kukkiri.losses.Loss`.
        lr: (N, C, H/scale, W/scale), [0, 1]; the scale follows from the sizes.

    Raises:
        ValueError: sr is not an integer multiple of lr, the same for both sides, or has other channels.

    Reference: Lugmayr et al., "NTIRE 2021 Learning the Super-Resolution Space Challenge", CVPRW 2021, which asks it
    of every SR image, as LR-PSNR; here L1 and without clamping and rounding.
    """
    scale = sr.shape[-1] // lr.shape[-1]
    if sr.shape != (*lr.shape[:-2], lr.shape[-2] * scale, lr.shape[-1] * scale):
        raise ValueError(f"sr {tuple(sr.shape)} must be lr {tuple(lr.shape)} times an integer scale")
    return l1(resize_tensor(sr, output_size=(lr.shape[-2], lr.shape[-1])), lr)

"""FFT-L1 loss: mean absolute error of the Fourier coefficients."""

import torch
from torch import Tensor

__all__ = ["fft"]


def fft(sr: Tensor, hr: Tensor) -> Tensor:
    """Compute the mean absolute error of the real and imaginary parts of the 2-D Fourier transforms.

    Each channel's ``rfft2`` (half of the spectrum, the other half is its mirror image) is orthonormal, that is, divided
    by sqrt(H W), so that errors like white noise give values of the size of their L1 loss for any size of the patch.

    Args:
        sr: as of :class:`kukkiri.losses.Loss`.
        hr: as of :class:`kukkiri.losses.Loss`.

    Reference: Cho et al., "Rethinking Coarse-to-Fine Approach in Single Image Deblurring" (MIMO-UNet), ICCV 2021,
    arXiv:2108.05054, with weight 0.1; Zheng et al., "SMFANet", ECCV 2024: L1 plus 0.05 of it. Their code does not
    divide: their weight w for HR patches of H x W pixels is w sqrt(H W) here, which is 12.8 for SMFANet's 256 x 256.
    """
    error = sr - hr
    if error.dtype in (torch.float16, torch.bfloat16):  # for which most devices have no transform
        return fft(sr.float(), hr.float()).to(error.dtype)
    return torch.view_as_real(torch.fft.rfft2(error, norm="ortho")).abs().mean()

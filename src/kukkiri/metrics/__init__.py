"""How good is it: PSNR and SSIM by named protocols, equal to the published MATLAB code, and measures beside them."""

from kukkiri.metrics.checkerboard import checkerboard, network_checkerboard
from kukkiri.metrics.consistency import ColourDrift, colour_drift, lr_consistency
from kukkiri.metrics.fidelity import psnr, ssim
from kukkiri.metrics.ms_ssim import ms_ssim
from kukkiri.metrics.niqe import NiqeModel, niqe
from kukkiri.metrics.protocols import PROTOCOLS, Protocol, Score

__all__ = [
    "PROTOCOLS",
    "ColourDrift",
    "NiqeModel",
    "Protocol",
    "Score",
    "checkerboard",
    "colour_drift",
    "lr_consistency",
    "ms_ssim",
    "network_checkerboard",
    "niqe",
    "psnr",
    "ssim",
]

"""How good is it: PSNR and SSIM by named protocols, equal to the published MATLAB code."""

from kukkiri.metrics.fidelity import psnr, ssim
from kukkiri.metrics.protocols import PROTOCOLS, Protocol, Score

__all__ = ["PROTOCOLS", "Protocol", "Score", "psnr", "ssim"]

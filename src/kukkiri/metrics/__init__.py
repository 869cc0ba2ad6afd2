"""Image quality metrics: PSNR and SSIM by named protocols, equal to the published MATLAB code, and further ones."""

from kukkiri.metrics.checkerboard import checkerboard, network_checkerboard
from kukkiri.metrics.consistency import ColourDrift, colour_drift, lr_consistency
from kukkiri.metrics.flicker import error_flicker, flicker
from kukkiri.metrics.learned import dists, lpips
from kukkiri.metrics.lite0 import lite0_distance, lite0_structure_texture
from kukkiri.metrics.metric import Metric, Sample
from kukkiri.metrics.ms_ssim import ms_ssim
from kukkiri.metrics.niqe import NiqeModel, niqe
from kukkiri.metrics.protocols import PROTOCOLS, Protocol, Score
from kukkiri.metrics.psnr import psnr
from kukkiri.metrics.registry import METRICS
from kukkiri.metrics.ssim import ssim
from kukkiri.metrics.texture import texture_difference

__all__ = [
    "METRICS",
    "PROTOCOLS",
    "ColourDrift",
    "Metric",
    "NiqeModel",
    "Protocol",
    "Sample",
    "Score",
    "checkerboard",
    "colour_drift",
    "dists",
    "error_flicker",
    "flicker",
    "lite0_distance",
    "lite0_structure_texture",
    "lpips",
    "lr_consistency",
    "ms_ssim",
    "network_checkerboard",
    "niqe",
    "psnr",
    "ssim",
    "texture_difference",
]

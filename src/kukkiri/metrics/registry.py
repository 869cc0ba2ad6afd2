"""Every metric by the name that ``--metrics`` takes."""

from kukkiri.metrics.checkerboard import CHECKERBOARD
from kukkiri.metrics.consistency import COLOUR_DRIFT, LR_PSNR
from kukkiri.metrics.learned import DISTS, LPIPS
from kukkiri.metrics.lite0 import LITE0_DISTANCE, LITE0_STRUCTURE_TEXTURE
from kukkiri.metrics.metric import Metric
from kukkiri.metrics.ms_ssim import MS_SSIM
from kukkiri.metrics.niqe import NIQE
from kukkiri.metrics.psnr import PSNR
from kukkiri.metrics.ssim import SSIM
from kukkiri.metrics.texture import TEXTURE

__all__ = ["METRICS"]

METRICS: dict[str, Metric] = {
    "psnr": PSNR,
    "ssim": SSIM,
    "checkerboard": CHECKERBOARD,
    "colour-drift": COLOUR_DRIFT,
    "dists": DISTS,
    "lite0-distance": LITE0_DISTANCE,
    "lite0-structure-texture": LITE0_STRUCTURE_TEXTURE,
    "lpips": LPIPS,
    "lr-psnr": LR_PSNR,
    "ms-ssim": MS_SSIM,
    "niqe": NIQE,
    "texture": TEXTURE,
}
"""A program may add its own, ``METRICS["name"] = Metric(...)``, before it evaluates."""

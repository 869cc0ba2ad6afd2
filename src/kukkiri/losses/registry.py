"""Every training loss by the name that a recipe gives it."""

from kukkiri.losses.charbonnier import charbonnier
from kukkiri.losses.fft import fft
from kukkiri.losses.gradient import gradient
from kukkiri.losses.interface import Loss
from kukkiri.losses.l1 import l1
from kukkiri.losses.lbp import lbp
from kukkiri.losses.lr_consistency import lr_consistency
from kukkiri.losses.mse import mse
from kukkiri.losses.perceptual import perceptual
from kukkiri.losses.swt import swt
from kukkiri.losses.texture import texture
from kukkiri.losses.total_variation import total_variation

__all__ = ["LOSSES"]

LOSSES: dict[str, Loss] = {
    "charbonnier": charbonnier,
    "fft": fft,
    "gradient": gradient,
    "l1": l1,
    "lbp": lbp,
    "lr-consistency": lr_consistency,
    "mse": mse,
    "perceptual": perceptual,
    "swt": swt,
    "texture": texture,
    "total-variation": total_variation,
}
"""A program may add its own, ``LOSSES["name"] = loss``, before it trains."""

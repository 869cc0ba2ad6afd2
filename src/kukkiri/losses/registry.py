"""Every training loss by the name that a recipe gives it."""

from kukkiri.losses.charbonnier import charbonnier
from kukkiri.losses.fft import fft
from kukkiri.losses.gradient import gradient
from kukkiri.losses.interface import Loss
from kukkiri.losses.l1 import l1
from kukkiri.losses.lr_consistency import lr_consistency
from kukkiri.losses.mse import mse
from kukkiri.losses.swt import swt

__all__ = ["LOSSES"]

LOSSES: dict[str, Loss] = {
    "charbonnier": charbonnier,
    "fft": fft,
    "gradient": gradient,
    "l1": l1,
    "lr-consistency": lr_consistency,
    "mse": mse,
    "swt": swt,
}
"""A program may add its own, ``LOSSES["name"] = loss``, before it trains."""

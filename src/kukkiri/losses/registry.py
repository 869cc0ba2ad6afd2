"""Every training loss by the name that a recipe gives it."""

from kukkiri.losses.charbonnier import charbonnier
from kukkiri.losses.interface import Loss
from kukkiri.losses.l1 import l1
from kukkiri.losses.mse import mse

__all__ = ["LOSSES"]

LOSSES: dict[str, Loss] = {
    "charbonnier": charbonnier,
    "l1": l1,
    "mse": mse,
}
"""A program may add its own, ``LOSSES["name"] = loss``, before it trains."""

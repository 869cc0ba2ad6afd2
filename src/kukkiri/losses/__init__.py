"""Training losses: functions of (sr, hr) that return a scalar, in the units of the images, and their weighted sums."""

from kukkiri.losses.charbonnier import charbonnier
from kukkiri.losses.composite import CompositeLoss, LossTerm, parse_loss
from kukkiri.losses.interface import Loss
from kukkiri.losses.l1 import l1
from kukkiri.losses.mse import mse
from kukkiri.losses.registry import LOSSES

__all__ = ["LOSSES", "CompositeLoss", "Loss", "LossTerm", "charbonnier", "l1", "mse", "parse_loss"]

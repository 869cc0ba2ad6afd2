"""Training losses: functions of (sr, hr) that return a scalar, in the units of the images, and their weighted sums."""

from kukkiri.losses.arguments import Argument, Range
from kukkiri.losses.charbonnier import charbonnier
from kukkiri.losses.composite import CompositeLoss, LossTerm, parse_loss
from kukkiri.losses.description import LossDescription, describe_losses, loss_schema
from kukkiri.losses.fft import fft
from kukkiri.losses.gradient import gradient
from kukkiri.losses.interface import Loss
from kukkiri.losses.l1 import l1
from kukkiri.losses.lr_consistency import lr_consistency
from kukkiri.losses.mse import mse
from kukkiri.losses.registry import LOSSES
from kukkiri.losses.swt import stationary_wavelet_transform, swt

__all__ = [
    "LOSSES",
    "Argument",
    "CompositeLoss",
    "Loss",
    "LossDescription",
    "LossTerm",
    "Range",
    "charbonnier",
    "describe_losses",
    "fft",
    "gradient",
    "l1",
    "loss_schema",
    "lr_consistency",
    "mse",
    "parse_loss",
    "stationary_wavelet_transform",
    "swt",
]

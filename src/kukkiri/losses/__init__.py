"""Training losses: functions of (sr, hr) that return a scalar, in the units of the images, and their weighted sums."""

from kukkiri.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from kukkiri.losses.arguments import Argument, Range
from kukkiri.losses.charbonnier import charbonnier
from kukkiri.losses.composite import CompositeLoss, LossTerm, parse_loss
from kukkiri.losses.description import LossDescription, describe_losses, loss_schema
from kukkiri.losses.fft import fft
from kukkiri.losses.gradient import gradient
from kukkiri.losses.interface import Loss
from kukkiri.losses.l1 import l1
from kukkiri.losses.lbp import lbp
from kukkiri.losses.lr_consistency import lr_consistency
from kukkiri.losses.mse import mse
from kukkiri.losses.perceptual import perceptual
from kukkiri.losses.registry import LOSSES
from kukkiri.losses.swt import stationary_wavelet_transform, swt
from kukkiri.losses.texture import texture
from kukkiri.losses.total_variation import total_variation

__all__ = [
    "ADVERSARIAL_LOSSES",
    "LOSSES",
    "AdversarialLoss",
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
    "lbp",
    "loss_schema",
    "lr_consistency",
    "mse",
    "parse_loss",
    "perceptual",
    "stationary_wavelet_transform",
    "swt",
    "texture",
    "total_variation",
]

"""Recipes of adversarial training: a discriminator beside the network, and the weights of their losses."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from kukkiri.errors import ConfigError
from kukkiri.info import JSON
from kukkiri.losses import ADVERSARIAL_LOSSES
from kukkiri.networks import DISCRIMINATORS
from kukkiri.training.recipe import Recipe, check_choice

__all__ = ["AdversarialRecipe"]


@dataclass(frozen=True, kw_only=True)
class AdversarialRecipe(Recipe):
    """A run of adversarial training, whose TOML file says ``kind = "adversarial"``. The defaults are ESRGAN's.

    The network minimizes ``loss`` plus ``adversarial_weight`` times the adversarial loss. Its gradient and that of the
    discriminator are computed from the same images before either is updated. The last weights are saved, not those
    with the highest PSNR, which a GAN gives up.
    """

    fixed_fields: ClassVar[tuple[str, ...]] = ("discriminator", "discriminator_arguments", "discriminator_input")

    discriminator: str = "esrgan"
    """A key of ``kukkiri.networks.DISCRIMINATORS``; its input is an HR patch, ``patch`` times ``scale`` pixels."""
    discriminator_arguments: Mapping[str, JSON] = field(default_factory=dict)
    """Further keyword arguments of the discriminator."""
    discriminator_input: str = "image"
    """``image``, or ``wavelet``: the three detail bands of luma in a stationary wavelet transform, as in WGSR."""
    discriminator_learning_rate: float = 0.0
    """Maximum of its learning rate, which follows the schedule; 0: ``learning_rate``."""
    adversarial_loss: str = "relativistic"
    """A key of ``kukkiri.losses.ADVERSARIAL_LOSSES``: ``relativistic``, ``vanilla`` or ``hinge``."""
    adversarial_weight: float = 5e-3
    """Factor of the adversarial loss of the network."""
    d_steps: int = 1
    """Updates of the discriminator for each update of the network; ``steps`` counts those of the discriminator."""
    r1_weight: float = 0.0
    """Factor of the R1 penalty, half the squared norm of the discriminator's gradient at real images; 0: none."""
    collapse_steps: int = 1000
    """Steps in a row with a discriminator loss below ``collapse_loss``, after which the run ends; 0: it goes on."""
    collapse_loss: float = 1e-4
    """Loss of a discriminator that is never wrong, so that the network learns nothing from it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("discriminator", self.discriminator, tuple(DISCRIMINATORS))
        check_choice("discriminator_input", self.discriminator_input, ("image", "wavelet"))
        check_choice("adversarial_loss", self.adversarial_loss, tuple(ADVERSARIAL_LOSSES))
        for name in ("discriminator_learning_rate", "adversarial_weight", "r1_weight", "collapse_loss"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigError(f"{name} must be a number from 0, got {getattr(self, name)}.")
        if self.d_steps < 1 or self.collapse_steps < 0:
            raise ConfigError(
                f"d_steps must be at least 1 and collapse_steps at least 0, got {self.d_steps}, {self.collapse_steps}."
            )

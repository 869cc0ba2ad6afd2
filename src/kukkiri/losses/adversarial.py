"""Losses of adversarial training: functions of a discriminator's logits for real images and for a network's."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus

__all__ = ["ADVERSARIAL_LOSSES", "AdversarialLoss"]


@dataclass(frozen=True)
class AdversarialLoss:
    """Losses of the generator and the discriminator; means over all logits, of images or of places in them."""

    generator: Callable[[Tensor, Tensor], Tensor]
    """Of the logits of real images and of the generator's."""
    discriminator: Callable[[Tensor, Tensor], Tensor]
    """Of the same; 0 where the discriminator is never wrong."""
    compares: bool
    """The generator's loss depends on the logits of real images."""


def _vanilla_generator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-fake).mean()  # -log D


def _vanilla_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real).mean() + softplus(fake).mean()


def _relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    return (softplus(real - fake.mean()).mean() + softplus(real.mean() - fake).mean()) / 2


def _relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return (softplus(fake.mean() - real).mean() + softplus(fake - real.mean()).mean()) / 2


def _hinge_generator(real: Tensor, fake: Tensor) -> Tensor:
    return -fake.mean()


def _hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    return relu(1 - real).mean() + relu(1 + fake).mean()


ADVERSARIAL_LOSSES: dict[str, AdversarialLoss] = {
    "hinge": AdversarialLoss(_hinge_generator, _hinge_discriminator, compares=False),
    "relativistic": AdversarialLoss(_relativistic_generator, _relativistic_discriminator, compares=True),
    "vanilla": AdversarialLoss(_vanilla_generator, _vanilla_discriminator, compares=False),
}
"""``vanilla``: cross-entropy, the generator minimizes -log D (Goodfellow et al., NIPS 2014, arXiv:1406.2661; SRGAN).
``relativistic``: the average relativistic GAN (Jolicoeur-Martineau, ICLR 2019, arXiv:1807.00734), as in ESRGAN, whose
code takes half of the sum of the two terms, and so does this. ``hinge``: Lim and Ye, 2017, arXiv:1705.02894. The
averages of ``relativistic`` are over the patches of one part of an update in one process. A program may add its own."""

"""The adversarial step for the loop: gradients of the network, then of the discriminator, on the same images.

Goodfellow et al., "Generative Adversarial Nets", NIPS 2014, arXiv:1406.2661; Ledig et al., SRGAN, CVPR 2017,
arXiv:1609.04802; Wang et al., ESRGAN, ECCVW 2018, arXiv:1809.00219. The R1 penalty: Mescheder et al., ICML 2018,
arXiv:1801.04406, Eq. 9. Wavelets: Korkmaz et al., WGSR, CVPR 2024, arXiv:2402.19215.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from kukkiri.errors import ConfigError, TrainingError, did_you_mean
from kukkiri.losses import ADVERSARIAL_LOSSES, CompositeLoss
from kukkiri.losses.swt import wavelet_details
from kukkiri.networks import DISCRIMINATORS, Network
from kukkiri.networks.discriminator import Discriminator
from kukkiri.training.adversarial.recipe import AdversarialRecipe
from kukkiri.training.precision import autocast
from kukkiri.training.processes import World
from kukkiri.training.schedules import is_final, learning_rate_at
from kukkiri.training.setup import Part, Setup
from kukkiri.training.state import TrainingState
from kukkiri.training.supervised import (
    Forward,
    backpropagate,
    estimate,
    make_network,
    make_optimizer,
    set_up_supervised,
)

__all__ = ["CollapseCheck", "adversarial_step", "make_discriminator", "rates_at", "set_up_adversarial"]


def set_up_adversarial(recipe: AdversarialRecipe, *, device: torch.device, world: World) -> Setup:
    """Make the network and the discriminator of a recipe, and read its images.

    Raises:
        ConfigError: unknown network or loss, arguments that the discriminator does not take, patches of a size that it
            does not take, or missing data.
    """
    discriminator = make_discriminator(recipe, device=device)
    setup = set_up_supervised(recipe, device=device, world=world, step=partial(adversarial_step, discriminator))
    return dataclasses.replace(
        setup,
        modules={**setup.modules, "discriminator": discriminator},
        optimizers={**setup.optimizers, "discriminator": make_optimizer(recipe, discriminator)},
        rates=partial(rates_at, recipe),
        writes_last=True,
        check=CollapseCheck(recipe),
    )


def make_discriminator(recipe: AdversarialRecipe, *, device: torch.device | str = "cpu") -> Discriminator:
    """Make the discriminator of a recipe, with random initial weights that do not depend on the device.

    Raises:
        ConfigError: arguments that it does not take, or patches of a size that it does not take.
    """
    kind = DISCRIMINATORS[recipe.discriminator]
    known = inspect.signature(kind).parameters
    for name in recipe.discriminator_arguments:
        if name not in known:
            raise ConfigError(f"discriminator_arguments: unknown argument {name!r}{did_you_mean(name, known)}")
    sides = {recipe.scale * patch for patch in (recipe.patch, *(s.patch for s in recipe.stages if s.patch))}
    channels = 3 if recipe.discriminator_input == "wavelet" else make_network(recipe, device="meta").channels
    arguments: dict[str, Any] = {"channels": channels, **recipe.discriminator_arguments}
    try:
        discriminator = kind(**arguments).eval()
        for side in sides:
            with torch.no_grad():
                discriminator.logits(torch.zeros(1, channels, side, side))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"discriminator = {recipe.discriminator!r} does not fit these patches or arguments: {error}. A patch has "
            f"{recipe.patch} x {recipe.scale} = {recipe.patch * recipe.scale} HR pixels."
        ) from error
    return discriminator.train().to(device)


def rates_at(recipe: AdversarialRecipe, step: int) -> dict[str, float]:
    """Return the learning rates of a step; that of the network in the last of every ``d_steps`` steps only."""
    rate = learning_rate_at(recipe, step)
    own = recipe.discriminator_learning_rate or recipe.learning_rate
    rates = {"discriminator": own * (rate / recipe.learning_rate)}
    return {"network": rate, **rates} if (step + 1) % recipe.d_steps == 0 else rates


def adversarial_step(
    discriminator: Discriminator,
    recipe: AdversarialRecipe,
    forward: Forward,
    network: Network,
    losses: tuple[CompositeLoss, CompositeLoss],
    state: TrainingState,
    part: Part,
) -> dict[str, Tensor]:
    """Add the gradients of the network and of the discriminator; see :attr:`kukkiri.training.setup.Setup.step`.

    The discriminator's gradient is at the images of the network before its update, so that updating both afterwards is
    what updating one after the other is in the code of ESRGAN.

    Args:
        discriminator: on the device.
        recipe: of the run.
        forward: the network, compiled where the recipe says so.
        network: read for its attributes.
        losses: of the network, without its adversarial loss: that of the run, and that of its end.
        state: read for its step, its scaler and its idle modules.
        part: (lr, hr).

    Returns:
        ``loss``, the network's; its terms with ``adversarial``; ``discriminator``; ``r1`` where there is a penalty.
    """
    lr, hr = part.data
    final = is_final(recipe, state.step)
    view = wavelet_details if recipe.discriminator_input == "wavelet" else _as_it_is
    judge = partial(_judge, discriminator, precision="float32" if final else recipe.precision, view=view)
    adversarial = ADVERSARIAL_LOSSES[recipe.adversarial_loss]
    values: dict[str, Tensor] = {}
    if "network" in state.idle:
        with torch.no_grad():
            sr = estimate(recipe, forward, network, lr, step=state.step)
    else:
        sr = estimate(recipe, forward, network, lr, step=state.step)
        content, terms = losses[final](sr, hr, lr=lr, progress=state.step / recipe.steps)
        fake = judge(sr)
        with torch.no_grad():
            real = judge(hr) if adversarial.compares else fake.detach()
        fooling = adversarial.generator(real, fake)
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        total = content + recipe.adversarial_weight * fooling
        values["loss"] = backpropagate(state, total, share=part.share, inputs=trained)
        terms = {**terms, "adversarial": fooling.detach()}
        values.update({name: value * part.share for name, value in terms.items()})
    loss = adversarial.discriminator(judge(hr), judge(sr.detach()))
    values["discriminator"] = loss.detach() * part.share
    if recipe.r1_weight:
        penalty = _penalize_gradient(discriminator, view(hr))
        values["r1"] = penalty.detach() * part.share
        loss = loss + recipe.r1_weight * penalty
    backpropagate(state, loss, share=part.share, inputs=list(discriminator.parameters()))
    return values


def _as_it_is(images: Tensor) -> Tensor:
    return images


def _judge(discriminator: Discriminator, images: Tensor, *, precision: str, view: Callable[[Tensor], Tensor]) -> Tensor:
    seen = view(images)
    with autocast(precision, device=images.device):
        return discriminator.logits(seen).float()


def _penalize_gradient(discriminator: Discriminator, real: Tensor) -> Tensor:
    """Half the squared norm of the gradient of the logits with respect to an image, a mean over the images."""
    images = real.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator.logits(images).sum(), images, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean() / 2


class CollapseCheck:
    """Ends a run whose discriminator is never wrong: its loss is 0 step after step."""

    def __init__(self, recipe: AdversarialRecipe) -> None:
        self._steps = recipe.collapse_steps or math.inf
        self._loss = recipe.collapse_loss
        self._count = 0

    def __call__(self, step: int, values: Mapping[str, float]) -> None:
        """Look at the losses of an update.

        Raises:
            TrainingError: the discriminator's was below ``collapse_loss`` for ``collapse_steps`` steps in a row.
        """
        loss = values["discriminator"]
        self._count = self._count + 1 if loss < self._loss else 0
        if self._count >= self._steps:
            raise TrainingError(
                f"the discriminator won at step {step + 1}: its loss has been below {self._loss:g} for {self._count} "
                f"steps ({loss:.3g} now), so that the network learns nothing from it; the last checkpoint is kept. "
                "Lower discriminator_learning_rate, set r1_weight = 1.0, or go on with collapse_steps=0 --resume."
            )

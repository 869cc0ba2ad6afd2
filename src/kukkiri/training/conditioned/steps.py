"""Conditioned training for the loop: degraded patches, what made them in the network's form, and its loss."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from kukkiri.checkpoints import read_safetensors, save_safetensors
from kukkiri.data import PairSet
from kukkiri.errors import ConfigError, ModelError
from kukkiri.info import Condition, ModelInfo
from kukkiri.losses import CompositeLoss, parse_loss
from kukkiri.networks import ModulatedPlain, Network
from kukkiri.training.conditioned.forms import (
    check_network,
    complete_condition,
    fingerprint_of,
    make_conditions,
    scale_options,
)
from kukkiri.training.conditioned.patches import Patches, crop_sides, make_patches
from kukkiri.training.conditioned.recipe import ConditionedRecipe
from kukkiri.training.conditioned.validation import ConditionedValidation
from kukkiri.training.initialization import initialize_as_interpolator, transfer
from kukkiri.training.processes import World
from kukkiri.training.schedules import learning_rate_at, sizes_at
from kukkiri.training.setup import Part, Score, Setup
from kukkiri.training.state import Average, TrainingState
from kukkiri.training.supervised import (
    check_needs,
    check_shares,
    choose_sampler,
    describe_trained,
    make_network,
    make_optimizer,
    supervised_step,
)

__all__ = ["ConditionedPart", "conditioned_step", "make_cutter", "set_up_conditioned", "split_patches"]


@dataclasses.dataclass(frozen=True, eq=False)
class ConditionedPart:
    """Patches with what the network is conditioned on."""

    lr: Tensor
    hr: Tensor
    conditions: tuple[Tensor, ...]
    """Arguments of the forward after the image, N rows each."""
    scale: float


def set_up_conditioned(recipe: ConditionedRecipe, *, device: torch.device, world: World) -> Setup:
    """Make the network of a recipe, and read its images; see :class:`kukkiri.training.setup.Setup`.

    Raises:
        ConfigError: a network without a condition, or without one that the recipe samples; an unknown loss; or missing
            data.
    """
    final_loss = recipe.loss if recipe.final_loss == "" else recipe.final_loss
    losses = (parse_loss(recipe.loss), parse_loss(final_loss, key="final_loss"))
    check_needs(losses)
    check_shares(recipe, world)
    network = make_network(recipe, device=device, conditioned=True)
    check_network(network, recipe)
    validation = ConditionedValidation.from_recipe(recipe) if world.is_first and recipe.validation else None
    condition = complete_condition(network, recipe)
    cut, fingerprint = make_cutter(recipe, network, device=device, world=world)
    forward: Callable[..., Tensor] = torch.compile(network) if recipe.compile else network
    return Setup(
        device=device,
        modules={"network": network},
        optimizers={"network": make_optimizer(recipe, network)},
        rates=lambda step: {"network": learning_rate_at(recipe, step)},
        parts=partial(_make_parts, recipe, network, cut, condition, device=device, world=world),
        step=partial(conditioned_step, recipe, forward, network, losses),
        initialize=partial(_initialize, recipe, network),
        validate=partial(_validate, recipe, validation, condition, device=device),
        patches=lambda step: sizes_at(recipe, step)[1],
        fingerprint=f"{fingerprint}-{fingerprint_of(condition)}",
        scored_on=validation.fingerprint() if validation else "",
    )


def make_cutter(
    recipe: ConditionedRecipe, network: Network, *, device: torch.device, world: World
) -> tuple[Callable[[int, int, int], Tensor], str]:
    """Read the images of a recipe.

    Returns:
        The function that cuts the crops of a step, see :func:`kukkiri.training.conditioned.patches.make_patches`, and
        the fingerprint of the images.

    Raises:
        ConfigError: no images, none as large as a crop, or a source with LR images or a degradation of its own.
    """
    for source in recipe.training_sets:
        if source.lr or source.degradation or source.variants:
            raise ConfigError(f"{source}: conditioned training makes LR itself. Leave only the folder of HR images.")
    # LR of scale 1 is HR itself, the same memory
    images = PairSet.from_sources(recipe.training_sets, scale=1, colour=network.colour, degradation="direct")
    sides = crop_sides(recipe)
    sampler = choose_sampler(recipe, images, patch=max(sides), device=device, world=world)
    for side in sides:
        sampler.check_patch(side)

    def cut(step: int, side: int, batch: int) -> Tensor:
        return sampler.at(step, patch=side, batch=batch)[1].to(device)

    return cut, images.fingerprint()


def conditioned_step(
    recipe: ConditionedRecipe,
    forward: Callable[..., Tensor],
    network: Network,
    losses: tuple[CompositeLoss, CompositeLoss],
    state: TrainingState,
    part: Part,
) -> dict[str, Tensor]:
    """Add the gradients of the loss on some patches; see :attr:`kukkiri.training.setup.Setup.step`.

    Args:
        recipe: of the run.
        forward: the network, compiled where the recipe says so.
        network: read for its attributes.
        losses: that of the run, and that of the last ``final_share`` of the steps.
        state: read for its step and its scaler.
        part: a :class:`ConditionedPart`.
    """
    data: ConditionedPart = part.data
    options = scale_options(network, recipe, data.scale)

    def conditioned(lr: Tensor) -> Tensor:
        return forward(lr, *data.conditions, **options)

    return supervised_step(recipe, conditioned, network, losses, state, Part((data.lr, data.hr), part.share))


def split_patches(patches: Patches, conditions: tuple[Tensor, ...], *, count: int, total: int) -> list[Part]:
    """Divide patches into the parts that gradients are accumulated over.

    Args:
        patches: of this process.
        conditions: of all of them.
        count: of the parts.
        total: patches in the update of all processes.
    """
    parts = []
    for first in range(count):
        lr, hr = patches.lr[first::count], patches.hr[first::count]
        if len(lr):
            own = tuple(condition[first::count] for condition in conditions)
            parts.append(Part(ConditionedPart(lr, hr, own, patches.drawn.scale), len(lr) / total))
    return parts


def _make_parts(
    recipe: ConditionedRecipe,
    network: Network,
    cut: Callable[[int, int, int], Tensor],
    condition: Condition | None,
    step: int,
    *,
    device: torch.device,
    world: World,
) -> list[Part]:
    patches = make_patches(recipe, cut, step=step, world=world)
    conditions = make_conditions(network, patches.drawn, condition=condition, device=device)
    return split_patches(patches, conditions, count=recipe.accumulate, total=sizes_at(recipe, step)[1])


@torch.no_grad()
def _initialize(recipe: ConditionedRecipe, network: Network) -> None:
    """Set the initial weights: random, an interpolation, those of a file, or of a contextplain or modulatedplain."""
    if recipe.initialization == "interpolator":
        initialize_as_interpolator(network)
    if recipe.initialization != "transfer":
        return
    path = recipe.weights_file
    try:
        info, state = read_safetensors(path) if path.suffix == ".safetensors" else (None, {})
        match network, info:
            case ModulatedPlain(), ModelInfo(network="contextplain"):
                network.begin_as_context(state)
            case ModulatedPlain(), ModelInfo(network="modulatedplain", scale=scale) if scale != network.scale:
                network.begin_at_other_scale(state, scale=scale)
            case _:
                transfer(network, path)
    except ModelError as error:
        raise ConfigError(f"{path}: {error}") from error


def _validate(
    recipe: ConditionedRecipe,
    validation: ConditionedValidation | None,
    condition: Condition | None,
    average: Average,
    *,
    device: torch.device,
) -> Score:
    """Score averaged weights."""
    network = make_network(recipe, device=device, conditioned=True)
    network.load_state_dict(average["network"])
    psnr, scores = validation.psnr(network.eval(), condition=condition) if validation else (None, {})
    names = ", ".join(Path(source.folder).name for source in recipe.training_sets)
    low, high = recipe.noise_levels
    noise = f", noise {low:g} to {high:g} of 255" if high else ""
    data = f"{names}, {' and '.join(recipe.kernel_shares)} kernels, {recipe.subsample} subsampling{noise}"
    shipped, info = describe_trained(recipe, network, training_data=data)
    info = dataclasses.replace(info, condition=condition)

    def write(path: Path) -> None:
        save_safetensors(shipped.cpu(), path, info=info, overwrite=True)

    return Score(psnr=psnr, write=write, scores=scores if len(scores) > 1 else {})

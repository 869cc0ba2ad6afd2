"""Supervised training: patches of LR and HR images, and a loss between the network's output and HR."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from kukkiri.checkpoints import describe, save_safetensors
from kukkiri.data import DevicePatchSampler, PairSet, PatchSampler, Prefetcher, bytes_on_device
from kukkiri.errors import ConfigError
from kukkiri.info import ModelInfo
from kukkiri.losses import CompositeLoss, parse_loss
from kukkiri.networks import NETWORKS, Network
from kukkiri.networks.construction import make_network_from
from kukkiri.networks.registry import write_unknown_network
from kukkiri.resampling.tensors import resize_tensor
from kukkiri.training.centring import Centred
from kukkiri.training.initialization import initialize_as_interpolator, initialize_whitened, solve_head, transfer, widen
from kukkiri.training.precision import autocast
from kukkiri.training.processes import World
from kukkiri.training.recipe import Recipe
from kukkiri.training.schedules import is_final, learning_rate_at, sizes_at
from kukkiri.training.setup import Part, Score, Setup
from kukkiri.training.soap import SOAP
from kukkiri.training.state import Average, TrainingState
from kukkiri.training.validation import ValidationSets

__all__ = [
    "Forward",
    "backpropagate",
    "check_needs",
    "check_shares",
    "choose_sampler",
    "describe_trained",
    "estimate",
    "make_network",
    "make_optimizer",
    "set_up_supervised",
    "supervised_step",
]

_INITIALIZATION_BATCHES = 40  # for whitening and for the last layer: 650,000 LR pixels at the default batch
_MEMORY_SHARE = 0.5  # of the free memory of a GPU that the training images may take
Batch = tuple[Tensor, Tensor]
Forward = Callable[[Tensor], Tensor]


def set_up_supervised(
    recipe: Recipe, *, device: torch.device, world: World, step: Callable[..., dict[str, Tensor]] | None = None
) -> Setup:
    """Make the network of a recipe, and read its images.

    Args:
        recipe: of the run.
        device: where to train.
        world: all processes of the run.
        step: with the arguments of :func:`supervised_step`, which it replaces.

    Raises:
        ConfigError: unknown network or loss, or missing data.
    """
    final_loss = recipe.loss if recipe.final_loss == "" else recipe.final_loss
    losses = (parse_loss(recipe.loss), parse_loss(final_loss, key="final_loss"))
    check_needs(losses)
    check_shares(recipe, world)
    network = make_network(recipe, device=device)
    _try_losses(recipe, losses, network, device=device)
    model: nn.Module = network
    if recipe.centre:
        try:
            model = Centred(network, centre=recipe.centre * network.value_range)
        except ValueError as error:
            raise ConfigError(f"centre = {recipe.centre} does not fit {recipe.network}: {error}.") from error
    pairs = PairSet.from_sources(
        recipe.training_sets,
        scale=recipe.scale,
        colour=network.colour,
        degradation=recipe.degradation,
        variants=recipe.variants,
        cache=Path(recipe.cache) if recipe.cache else None,
    )
    sample, close = _make_sampler(recipe, pairs, device=device, world=world)
    validation = ValidationSets.from_recipe(recipe) if world.is_first and recipe.scored_sets else None
    forward: Forward = torch.compile(model) if recipe.compile else model
    return Setup(
        device=device,
        modules={"network": network},
        optimizers={"network": make_optimizer(recipe, network)},
        rates=lambda step: {"network": learning_rate_at(recipe, step)},
        parts=lambda step: _split(recipe, sample(step), step, device=device),
        step=partial(step or supervised_step, recipe, forward, network, losses),
        initialize=lambda: _initialize(recipe, network, model, pairs, device=device),
        validate=partial(_validate, recipe, validation, device=device),
        patches=lambda step: sizes_at(recipe, step)[1],
        fingerprint=pairs.fingerprint(),
        scored_on=validation.fingerprint() if validation else "",
        close=close,
    )


def supervised_step(
    recipe: Recipe,
    forward: Forward,
    network: Network,
    losses: tuple[CompositeLoss, CompositeLoss],
    state: TrainingState,
    part: Part,
) -> dict[str, Tensor]:
    """Add the gradients of the loss on some patches; see :attr:`kukkiri.training.setup.Setup.step`.

    Args:
        recipe: of the run.
        forward: the network, centred or compiled where the recipe says so.
        network: read for its attributes.
        losses: that of the run, and that of the last ``final_share`` of the steps.
        state: read for its step and its scaler.
        part: (lr, hr).
    """
    lr, hr = part.data
    final = is_final(recipe, state.step)
    sr = estimate(recipe, forward, network, lr, step=state.step)
    loss, terms = losses[final](sr, hr, lr=lr, progress=state.step / recipe.steps)
    weighted = backpropagate(state, loss, share=part.share)
    several = len(losses[final].terms) > 1
    named = {name: value * part.share for name, value in terms.items()} if several else {}
    return {"loss": weighted, **named}


def estimate(recipe: Recipe, forward: Forward, network: Network, lr: Tensor, *, step: int) -> Tensor:
    """Compute sr of lr in the precision of a step; float32 in the units of the images, [0, 1], not clamped."""
    white = network.value_range
    inputs = resize_tensor(lr, scale=recipe.scale) if network.pre_upsampled else lr
    if recipe.channels_last:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    with autocast("float32" if is_final(recipe, step) else recipe.precision, device=lr.device):
        sr = forward(inputs * white if white != 1.0 else inputs)
    return sr.float() / white if white != 1.0 else sr.float()


def backpropagate(
    state: TrainingState, loss: Tensor, *, share: float, inputs: list[nn.Parameter] | None = None
) -> Tensor:
    """Add the gradient of a loss times its share of the update; return that product, detached.

    Args:
        state: read for its scaler.
        loss: of a part.
        share: of the part.
        inputs: the parameters whose gradients are computed; ``None``: all.
    """
    weighted = loss if share == 1.0 else loss * share
    state.scaler.scale(weighted).backward(inputs=inputs)  # type: ignore[no-untyped-call]
    return weighted.detach()


def make_network(recipe: Recipe, *, device: torch.device | str = "cpu", conditioned: bool = False) -> Network:
    """Make the network of a recipe, with random initial weights that do not depend on the device.

    Args:
        recipe: of the run.
        device: where the network is put.
        conditioned: the training gives the network its conditions.

    Raises:
        ConfigError: unknown network, one that training cannot give its inputs, or arguments that it does not take.
    """
    if recipe.network not in NETWORKS:
        raise ConfigError(write_unknown_network(recipe.network))
    if (conditions := NETWORKS[recipe.network].conditions) and not conditioned:
        raise ConfigError(
            f"{recipe.network} is conditioned on {', '.join(conditions)}, which this training does not give it. Set "
            "kind = 'conditioned', or train another network."
        )
    if recipe.arguments.get("scale", recipe.scale) != recipe.scale:
        raise ConfigError(
            f"scale = {recipe.scale} and arguments.scale = {recipe.arguments['scale']} differ. Drop arguments.scale."
        )
    try:
        network = make_network_from(recipe.network, {**recipe.arguments, "scale": recipe.scale})
    except ValueError as error:
        raise ConfigError(str(error)) from error
    network.to(device)
    if recipe.channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    return network


def make_optimizer(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over all weights of a network."""
    if recipe.optimizer == "soap":
        return SOAP(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
    return torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas)


def describe_trained(recipe: Recipe, network: Network, *, training_data: str) -> tuple[Network, ModelInfo]:
    """Return a trained network in its deployed form, in evaluation mode, and its descriptor."""
    shipped = network.deployed()
    arguments = {"scale": recipe.scale, **recipe.arguments}
    if shipped is not network:
        arguments = {**arguments, **network.deployed_arguments}
    info = describe(shipped, name=recipe.name, arguments=arguments)
    return shipped.eval(), dataclasses.replace(info, training_data=training_data)


def check_needs(losses: tuple[CompositeLoss, ...]) -> None:
    """Refuse a loss that needs more than this training can give, before any image is read."""
    for loss in losses:
        for term in loss.terms:
            if missing := term.needs - {"lr"}:
                raise ConfigError(
                    f"the loss {term.name!r} needs {', '.join(sorted(missing))}, which this training does not give. "
                    "Leave it out."
                )


@torch.no_grad()
def _try_losses(recipe: Recipe, losses: tuple[CompositeLoss, ...], network: Network, *, device: torch.device) -> None:
    """Compute losses in features once, so that a missing file or a wrong layer is said before any image is read."""
    side = recipe.patch * recipe.scale
    for term in (term for loss in losses for term in loss.terms if term.name in ("perceptual", "texture")):
        grey = torch.full((1, network.channels, side, side), 0.5, device=device)
        try:
            term.function(grey, grey)
        except RuntimeError as error:
            raise ConfigError(
                f"the loss {term.name!r} does not take patches of {side} HR pixels ({str(error).splitlines()[0]}). "
                "Raise patch, or use an earlier layer."
            ) from error


def check_shares(recipe: Recipe, world: World) -> None:
    """Refuse a batch that is smaller than the number of parts that it is divided into."""
    for size in {recipe.batch, *(stage.batch for stage in recipe.stages if stage.batch)}:
        if size < world.size * recipe.accumulate:
            raise ConfigError(
                f"a batch of {size} patches cannot be divided among {world.size} processes and {recipe.accumulate} "
                "parts. Choose a larger batch, or fewer of them."
            )


def _check_patches(recipe: Recipe, sampler: PatchSampler | DevicePatchSampler) -> None:
    """Refuse a stage whose patches no image is large enough for, before the first step."""
    for size in {recipe.patch, *(stage.patch for stage in recipe.stages if stage.patch)}:
        sampler.check_patch(size)


def _make_sampler(
    recipe: Recipe, pairs: PairSet, *, device: torch.device, world: World
) -> tuple[Callable[[int], Batch], Callable[[], None]]:
    """Return the function that samples the batch of a step, and the one that ends its thread."""
    sampler = choose_sampler(recipe, pairs, patch=recipe.patch, device=device, world=world)
    _check_patches(recipe, sampler)
    sample = partial(_sample, recipe, sampler)
    if isinstance(sampler, DevicePatchSampler) or device.type == "cpu" or not recipe.prefetch:
        return sample, _nothing
    prefetcher = Prefetcher(sample, ahead=recipe.prefetch, stop=recipe.steps, device=device)
    return prefetcher.at, prefetcher.close


def choose_sampler(
    recipe: Recipe, pairs: PairSet, *, patch: int, device: torch.device, world: World
) -> PatchSampler | DevicePatchSampler:
    """Choose where patches are cut: on the device where the recipe and its memory allow it, else in the host's memory.

    Args:
        recipe: of the run.
        pairs: the images.
        patch: height and width of a patch in LR pixels.
        device: that computes.
        world: all processes.

    Raises:
        ConfigError: no image is as large as a patch.
    """
    place = {"patch": patch, "batch": recipe.batch, "seed": recipe.seed, "rank": world.rank, "world": world.size}
    fits = device.type != "cpu" and bytes_on_device(pairs) < _free_bytes(device)
    if recipe.data_on_device == "always" or (recipe.data_on_device == "auto" and fits):
        return DevicePatchSampler(pairs, device=device, **place)
    return PatchSampler(pairs, **place)


def _free_bytes(device: torch.device) -> float:
    """Bytes that training images may take on a GPU; unified memory (MPS) is left to the host."""
    return _MEMORY_SHARE * torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0.0


def _sample(recipe: Recipe, sampler: PatchSampler | DevicePatchSampler, step: int) -> Batch:
    patch, batch = sizes_at(recipe, step)
    return sampler.at(step, patch=patch, batch=batch)


def _split(recipe: Recipe, batch: Batch, step: int, *, device: torch.device) -> list[Part]:
    """Divide this process's patches into the parts that gradients are accumulated over."""
    lr, hr = (values.to(device) for values in batch)
    total, count = sizes_at(recipe, step)[1], recipe.accumulate
    if count == 1:
        return [Part((lr, hr), len(lr) / total)]
    return [Part((lr[i::count], hr[i::count]), len(lr[i::count]) / total) for i in range(count) if len(lr[i::count])]


@torch.no_grad()
def _initialize(recipe: Recipe, network: Network, model: nn.Module, pairs: PairSet, *, device: torch.device) -> None:
    """Set the initial weights; images are sampled that training does not use, those of the steps after the last."""
    batches: list[tuple[Tensor, Tensor]] = []
    if recipe.initialization in ("whitened", "transfer"):
        sampler = PatchSampler(pairs, patch=recipe.patch, batch=recipe.batch, seed=recipe.seed)
        batches = [sampler.at(recipe.steps + number) for number in range(_INITIALIZATION_BATCHES)]
    network.cpu()  # least squares in float64, which not every device has
    match recipe.initialization:
        case "interpolator":
            initialize_as_interpolator(network)
        case "whitened":
            initialize_whitened(network, batches, centre=recipe.centre, seed=recipe.seed)
        case "transfer":
            complete = transfer(network, recipe.weights_file)
            if isinstance(model, Centred):
                model.unfold()
            if not complete:
                solve_head(network, batches, centre=recipe.centre)
        case "widened":
            widen(network, recipe.weights_file, centre=recipe.centre)
    network.to(device)


def _validate(recipe: Recipe, validation: ValidationSets | None, average: Average, *, device: torch.device) -> Score:
    """Score averaged weights, with the centre folded in and the blocks folded together."""
    network = make_network(recipe, device=device)
    network.load_state_dict(average["network"])
    if recipe.centre:
        network.load_state_dict(Centred(network, centre=recipe.centre * network.value_range).folded_state())
    names = ", ".join(Path(source.folder or source.hr).name for source in recipe.training_sets)
    shipped, info = describe_trained(recipe, network.eval(), training_data=f"{names}, {recipe.degradation}")
    psnr, scores = validation.psnr(shipped, info=info, device=device) if validation else (None, {})

    def write(path: Path) -> None:
        save_safetensors(shipped.cpu(), path, info=info, overwrite=True)

    return Score(psnr=psnr, write=write, scores=scores if len(scores) > 1 else {})


def _nothing() -> None:
    """Close nothing."""

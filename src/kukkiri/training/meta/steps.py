"""Meta-training for the loop: tasks instead of batches, and learning rates that may be learned.

Soh et al., MZSR, CVPR 2020, arXiv:2002.12213, section 3.2; Antoniou et al., "How to train your MAML", ICLR 2019,
arXiv:1810.09502 (rates by parameter and step). Beside ``weights.safetensors`` the run leaves ``rates.json``.
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from kukkiri.checkpoints import save_safetensors
from kukkiri.errors import ConfigError
from kukkiri.files import write_atomically
from kukkiri.losses import LOSSES
from kukkiri.losses.arguments import read_needs
from kukkiri.networks import ContextPlain, Network
from kukkiri.training.initialization import transfer
from kukkiri.training.meta.maml import InnerLoop, MetaGradients, meta_gradients
from kukkiri.training.meta.recipe import MetaRecipe
from kukkiri.training.meta.step_weights import constant_weights, last_step_weights, multi_step_weights
from kukkiri.training.meta.tasks import BlurTask, TaskSampler, stack_codes, upscale
from kukkiri.training.meta.validation import MetaValidation
from kukkiri.training.precision import autocast
from kukkiri.training.processes import World
from kukkiri.training.recipe import check_choice
from kukkiri.training.schedules import is_final, learning_rate_at
from kukkiri.training.setup import Part, Score, Setup
from kukkiri.training.state import Average, TrainingState
from kukkiri.training.supervised import describe_trained, make_network, make_optimizer

__all__ = ["InnerRates", "meta_transfer_step", "set_up_meta", "weights_at"]


class InnerRates(nn.Module):
    """Logarithms of the learning rates of the inner steps, for every parameter that they update."""

    def __init__(self, rates: Mapping[str, Sequence[float]]) -> None:
        """Begin with rates.

        Args:
            rates: one for each inner step, by parameter; a parameter whose rates are all 0 is never updated.
        """
        super().__init__()
        self.steps = max(map(len, rates.values()), default=0)
        self.names = list(rates)
        self._learned = [name for name, values in rates.items() if any(values)]
        self.logarithms = nn.ParameterList([torch.tensor(rates[name]).log() for name in self._learned])

    def items(self) -> list[tuple[str, nn.Parameter]]:
        """Return the logarithms by the name of the parameter whose rates they are."""
        return list(zip(self._learned, self.logarithms, strict=True))

    def values(self, state: Mapping[str, Tensor] | None = None) -> dict[str, tuple[float, ...]]:
        """Return the rates by parameter: its own, or those of a state dict of this module."""
        tensors = self.state_dict() if state is None else state
        found = {
            name: tuple(tensors[f"logarithms.{number}"].exp().tolist()) for number, name in enumerate(self._learned)
        }
        return {name: found.get(name, (0.0,) * self.steps) for name in self.names}


def set_up_meta(recipe: MetaRecipe, *, device: torch.device, world: World) -> Setup:
    """Make the network of a recipe, and read its images; see :class:`kukkiri.training.setup.Setup`.

    Raises:
        ConfigError: a network or a loss that meta-training cannot use, or missing data.
    """
    for loss in (str(recipe.loss), recipe.inner_loss):
        check_choice("loss", loss, tuple(LOSSES))
        if needs := read_needs(LOSSES[loss]):
            raise ConfigError(f"the loss {loss!r} needs {', '.join(needs)}, which tasks do not give. Use another loss.")
    if recipe.tasks < world.size * recipe.accumulate:
        raise ConfigError(
            f"{recipe.tasks} tasks cannot be divided among {world.size} processes and {recipe.accumulate} parts. "
            "Choose more tasks, or fewer of them."
        )
    network = make_network(recipe, device=device)
    if recipe.kernel_conditioned and not (isinstance(network, ContextPlain) and len(network.code) == 3):
        raise ConfigError(f"kernel_conditioned = true needs contextplain with a context of 3, got {recipe.network}.")
    if not network.pre_upsampled and set(recipe.scales) - {recipe.scale}:
        raise ConfigError(
            f"scales = {list(recipe.scales)}: {recipe.network} upscales by {recipe.scale} only. Remove scales, or take "
            "a network on the upscaled image, such as vdsr."
        )
    names = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
    unknown = set(recipe.inner_rates) - set(names)
    if unknown:
        raise ConfigError(f"inner_rates: {recipe.network} has no parameter {min(unknown)!r}.")
    rates = InnerRates(_read_initial_rates(recipe, names)).to(device)
    modules: dict[str, nn.Module] = {"network": network, "rates": rates}
    optimizers = {"network": make_optimizer(recipe, network)}
    learns = recipe.learn_rates and recipe.inner_steps > 0 and len(rates.logarithms) > 0
    rates.requires_grad_(learns)
    if learns:
        optimizers["rates"] = torch.optim.Adam(rates.parameters(), lr=recipe.rates_learning_rate, betas=(0.9, 0.99))
    sampler = TaskSampler(recipe, network, rank=world.rank, world=world.size)
    validation = MetaValidation.from_recipe(recipe) if world.is_first and recipe.validation else None
    return Setup(
        device=device,
        modules=modules,
        optimizers=optimizers,
        rates=partial(_learning_rates, recipe, tuple(optimizers)),
        parts=lambda step: _split(recipe, [task.to(device) for task in sampler.at(step)]),
        step=partial(meta_transfer_step, recipe, network, rates),
        initialize=partial(_initialize, recipe, network),
        validate=partial(_validate, recipe, rates, validation, device=device),
        patches=lambda step: recipe.tasks * recipe.batch,
        fingerprint=sampler.fingerprint(),
        scored_on=validation.fingerprint() if validation else "",
    )


def meta_transfer_step(
    recipe: MetaRecipe, network: Network, rates: InnerRates, state: TrainingState, part: Part
) -> dict[str, Tensor]:
    """Add the gradients of the meta-loss of some tasks; see :attr:`kukkiri.training.setup.Setup.step`.

    Args:
        recipe: of the run.
        network: whose initial weights are learned.
        rates: of the inner steps.
        state: read for its step.
        part: a list of tasks.
    """
    tasks = part.data
    if not recipe.inner_steps:
        return {"loss": _joint_step(recipe, network, state, part)}
    found = _meta_gradients(recipe, network, rates, tasks, step=state.step)
    if recipe.kernel_conditioned:
        found.gradients.pop("code", None)  # the code of the network stays zero: that of the kernel is added to it
    for name, parameter in network.named_parameters():
        if name in found.gradients:
            _add_gradient(parameter, found.gradients[name], share=part.share)
    for name, logarithm in rates.items():
        if name in found.rates:
            _add_gradient(logarithm, found.rates[name] * logarithm.detach().exp(), share=part.share)
    device = next(network.parameters()).device
    return {"loss": torch.tensor(found.loss * part.share, device=device)}


def _add_gradient(parameter: nn.Parameter, gradient: Tensor, *, share: float) -> None:
    gradient = gradient if share == 1.0 else gradient * share
    parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def _joint_step(recipe: MetaRecipe, network: Network, state: TrainingState, part: Part) -> Tensor:
    """Add the gradients of the query losses without adaptation; the queries of one scale are one batch."""
    tasks: list[BlurTask] = part.data
    total = torch.zeros((), device=next(network.parameters()).device)
    for scale in sorted({task.scale for task in tasks}):
        of_scale = [task for task in tasks if task.scale == scale]
        loss = _query_loss(recipe, network, of_scale, step=state.step)
        weighted = loss * (len(of_scale) / len(tasks) * part.share)
        state.scaler.scale(weighted).backward()  # type: ignore[no-untyped-call]
        total += weighted.detach()
    if recipe.kernel_conditioned:
        dict(network.named_parameters())["code"].grad = None  # see above
    return total


def _query_loss(recipe: MetaRecipe, network: Network, tasks: list[BlurTask], *, step: int) -> Tensor:
    """Compute the mean query loss of tasks of one scale."""
    lr, hr = (torch.cat([getattr(task, name) for task in tasks]) for name in ("query_lr", "query_hr"))
    codes = (stack_codes(tasks).to(lr.device).repeat_interleave(recipe.batch, dim=0),)
    if recipe.channels_last:
        lr = lr.contiguous(memory_format=torch.channels_last)
    with autocast("float32" if is_final(recipe, step) else recipe.precision, device=lr.device):
        given = codes if recipe.kernel_conditioned else ()
        sr = upscale(network, lr, *given, like=network, scale=tasks[0].scale).float()
    return LOSSES[str(recipe.loss)](sr, hr)


def _meta_gradients(
    recipe: MetaRecipe, network: Network, rates: InnerRates, tasks: list[BlurTask], *, step: int
) -> MetaGradients:
    """Compute the gradients of the query losses through the inner loop."""
    inner = InnerLoop(
        steps=recipe.inner_steps,
        learning_rate=rates.values(),
        order=1 if recipe.order == 1 or step < recipe.first_order_updates else 2,
    )
    weights = weights_at(recipe, step)
    return meta_gradients(network, tasks, inner=inner, weights=weights, learn_rates=recipe.learn_rates)


def weights_at(recipe: MetaRecipe, step: int) -> tuple[float, ...]:
    """Return the weights of the query losses after each inner step, in the update after ``step`` updates."""
    match recipe.weighting:
        case "annealed":
            return multi_step_weights(recipe.inner_steps, iteration=step, decay_iterations=recipe.annealing)
        case "last":
            return last_step_weights(recipe.inner_steps)
        case "ends" if recipe.inner_steps > 1:
            return (0.25, *[0.0] * (recipe.inner_steps - 2), 0.75)
    return constant_weights(recipe.inner_steps)


def _learning_rates(recipe: MetaRecipe, names: tuple[str, ...], step: int) -> dict[str, float]:
    """Return the learning rates of a step; that of the inner rates follows the same schedule."""
    rate = learning_rate_at(recipe, step)
    rates = {"network": rate, "rates": recipe.rates_learning_rate * rate / recipe.learning_rate}
    return {name: rates[name] for name in names}


def _split(recipe: MetaRecipe, tasks: list[BlurTask]) -> list[Part]:
    """Divide this process's tasks into the parts that gradients are accumulated over."""
    count = recipe.accumulate
    return [Part(tasks[i::count], len(tasks[i::count]) / recipe.tasks) for i in range(count) if tasks[i::count]]


def _initialize(recipe: MetaRecipe, network: Network) -> None:
    """Set the initial weights; pretrained weights of another scale initialize everything but the head."""
    if recipe.initialization == "transfer":
        transfer(network, recipe.weights_file)


def _validate(
    recipe: MetaRecipe,
    rates: InnerRates,
    validation: MetaValidation | None,
    average: Average,
    *,
    device: torch.device,
) -> Score:
    """Adapt averaged weights with averaged rates, and score the results."""
    network = make_network(recipe, device=device)
    network.load_state_dict(average["network"])
    averaged = rates.values(average["rates"])
    curve = validation.curve(network.eval(), rates=averaged) if validation else ()
    training_data = f"{Path(recipe.data).name}, Gaussian blur, {recipe.subsample} subsampling"
    shipped, info = describe_trained(recipe, network, training_data=training_data)

    def write(path: Path) -> None:
        save_safetensors(shipped.cpu(), path, info=info, overwrite=True)
        rounded = {name: [_round_rate(rate) for rate in values] for name, values in averaged.items()}
        text = json.dumps(rounded, indent=1)
        write_atomically(path.with_name("rates.json"), f"{text}\n".encode(), overwrite=True)

    return Score(psnr=curve[-1] if curve else None, write=write, curve=curve)


def _round_rate(rate: float) -> float:
    """Round to six significant digits, more than a learning rate needs."""
    return float(f"{rate:.6g}")


def _read_initial_rates(recipe: MetaRecipe, names: list[str]) -> dict[str, list[float]]:
    """Return the initial learning rates of every parameter: those of the recipe, or of the file that it names."""
    steps = recipe.inner_steps
    if not recipe.rates:
        return {name: [recipe.inner_rates.get(name, recipe.inner_rate)] * steps for name in names}
    path = Path(recipe.rates)
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        found = {name: [float(rate) for rate in saved[name]] for name in names}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path}: not the learning rates of {recipe.network} ({error}). Expected rates.json of a run."
        ) from error
    if any(not math.isfinite(rate) or rate < 0 for rates in found.values() for rate in rates):
        raise ConfigError(f"{path}: learning rates must be finite and not negative.")
    return {name: (rates + rates[-1:] * steps)[:steps] for name, rates in found.items()}

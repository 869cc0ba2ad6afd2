"""Meta-training: the training loop with tasks instead of batches, and learning rates that may be learned.

Soh et al., MZSR, CVPR 2020, arXiv:2002.12213, section 3.2; Antoniou et al., "How to train your MAML", ICLR 2019,
arXiv:1810.09502 (rates by parameter and step). Beside ``weights.safetensors`` the run leaves ``rates.json``.
"""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kukkiri.errors import ConfigError
from kukkiri.files import write_atomically
from kukkiri.info import ModelInfo
from kukkiri.losses import LOSSES
from kukkiri.networks import ContextPlain, Network
from kukkiri.training.initialization import transfer
from kukkiri.training.loop import Run, TrainingProgress, drive, learning_rate_at
from kukkiri.training.meta.maml import InnerLoop, MetaGradients, meta_gradients
from kukkiri.training.meta.recipe import MetaRecipe
from kukkiri.training.meta.step_weights import constant_weights, last_step_weights, multi_step_weights
from kukkiri.training.meta.tasks import BlurTask, TaskSampler, stack_codes, upscale
from kukkiri.training.meta.validation import MetaValidation
from kukkiri.training.recipe import check_choice

__all__ = ["meta_train", "weights_at"]


def meta_train(
    recipe: MetaRecipe,
    *,
    resume: bool = False,
    stop_at: int | None = None,
    report: Callable[[TrainingProgress], None] | None = None,
) -> Path:
    """Meta-learn an initialization for adaptation; arguments and errors as of :func:`kukkiri.training.train`.

    Returns:
        The weights file; beside it, ``rates.json`` holds the learning rates of the inner steps for every parameter.
    """
    return drive(_MetaRun, recipe, resume=resume, stop_at=stop_at, report=report)


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


class _MetaRun(Run):
    """A run whose update is a meta-gradient."""

    recipe: MetaRecipe

    def __init__(self, recipe: MetaRecipe) -> None:
        super().__init__(recipe)
        check_choice("loss", recipe.inner_loss, tuple(LOSSES))
        if recipe.kernel_conditioned and not (isinstance(self.network, ContextPlain) and len(self.network.code) == 3):
            raise ConfigError(
                f"kernel_conditioned = true needs contextplain with a context of 3, got {recipe.network}."
            )
        self.patches = recipe.tasks * recipe.batch
        names = [name for name, parameter in self.network.named_parameters() if parameter.requires_grad]
        unknown = set(recipe.inner_rates) - set(names)
        if unknown:
            raise ConfigError(f"inner_rates: {recipe.network} has no parameter {min(unknown)!r}.")
        initial = _read_initial_rates(recipe, names)
        self.log_rates = {name: torch.tensor(rates).log() for name, rates in initial.items() if any(rates)}
        self.average_rates = {name: value.clone() for name, value in self.log_rates.items()}
        self.names = names
        self.rates_optimizer = torch.optim.Adam(
            self.log_rates.values() or [torch.zeros(0)], lr=recipe.rates_learning_rate, betas=(0.9, 0.99)
        )

    def _read_images(self) -> None:
        self.tasks = TaskSampler(self.recipe, self.network)
        self.adapted = MetaValidation.from_recipe(self.recipe) if self.recipe.validation else None

    def initialize(self) -> None:
        """Set the initial weights; pretrained weights of another scale initialize everything but the head."""
        if self.recipe.initialization == "transfer":
            transfer(self.network, Path(self.recipe.weights))
        self.average = {key: value.detach().clone() for key, value in self.network.state_dict().items()}

    def _update(self) -> float:
        recipe = self.recipe
        tasks = self.tasks.at(self.step)
        found = self._meta_gradients(tasks) if recipe.inner_steps else self._joint_gradients(tasks)
        if not all(bool(gradient.isfinite().all()) for gradient in found.gradients.values()):
            return found.loss  # the gradient of an inner loop that diverged has no meaning
        if recipe.kernel_conditioned:
            found.gradients.pop("code", None)  # the code of the network stays zero: that of the kernel is added to it
        for name, parameter in self.network.named_parameters():
            parameter.grad = found.gradients.get(name)
        self._descend()
        if recipe.learn_rates and recipe.inner_steps:
            self._learn_rates(found.rates)
        return found.loss

    def _joint_gradients(self, tasks: list[BlurTask]) -> MetaGradients:
        """Compute the gradients of the query losses without adaptation; the queries of one scale are one batch."""
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for scale in sorted({task.scale for task in tasks}):
            of_scale = [task for task in tasks if task.scale == scale]
            loss = self._query_loss(of_scale, scale=scale) * (len(of_scale) / len(tasks))
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        parameters = self.network.named_parameters()
        gradients = {name: parameter.grad for name, parameter in parameters if parameter.grad is not None}
        return MetaGradients(loss=total, last=total, gradients=gradients, rates={})

    def _query_loss(self, tasks: list[BlurTask], *, scale: int) -> Tensor:
        """Compute the mean query loss of tasks of one scale."""
        recipe = self.recipe
        lr, hr = (torch.cat([getattr(task, name) for task in tasks]) for name in ("query_lr", "query_hr"))
        codes = (stack_codes(tasks).repeat_interleave(recipe.batch, dim=0),) if recipe.kernel_conditioned else ()
        if recipe.channels_last:
            lr = lr.contiguous(memory_format=torch.channels_last)
        with self._autocast():
            sr = upscale(self.network, lr, *codes, like=self.network, scale=scale).float()
        return LOSSES[recipe.loss](sr, hr)

    def _meta_gradients(self, tasks: list[BlurTask]) -> MetaGradients:
        """Compute the gradients of the query losses through the inner loop."""
        recipe = self.recipe
        inner = InnerLoop(
            steps=recipe.inner_steps,
            learning_rate=self._rates(self.log_rates),
            order=1 if recipe.order == 1 or self.step < recipe.first_order_updates else 2,
        )
        weights = weights_at(recipe, self.step)
        return meta_gradients(self.network, tasks, inner=inner, weights=weights, learn_rates=recipe.learn_rates)

    def _learn_rates(self, gradients: dict[str, Tensor]) -> None:
        recipe = self.recipe
        for group in self.rates_optimizer.param_groups:
            group["lr"] = recipe.rates_learning_rate * learning_rate_at(recipe, self.step) / recipe.learning_rate
        for name, value in self.log_rates.items():
            value.grad = gradients[name] * value.exp()
        self.rates_optimizer.step()
        for name, value in self.log_rates.items():
            self.average_rates[name].lerp_(value, 1 - self._decay())

    def _rates(self, logarithms: dict[str, Tensor]) -> dict[str, tuple[float, ...]]:
        zeros = (0.0,) * self.recipe.inner_steps
        return {name: tuple(logarithms[name].exp().tolist()) if name in logarithms else zeros for name in self.names}

    def _validate(self) -> float | None:
        network, rates = self._averaged_network(), self._rates(self.average_rates)
        self.curve = self.adapted.curve(network, rates=rates) if self.adapted else ()
        score = self.curve[-1] if self.curve else None
        if self._keep_best(score, network, info=self._info(network)):
            text = json.dumps(
                {name: [_round_rate(rate) for rate in values] for name, values in rates.items()}, indent=1
            )
            write_atomically(self.recipe.folder / "rates.json", f"{text}\n".encode(), overwrite=True)
        return score

    def _info(self, network: Network) -> ModelInfo:
        blur = f"Gaussian blur, {self.recipe.subsample} subsampling"
        return dataclasses.replace(super()._info(network), training_data=f"{Path(self.recipe.data).name}, {blur}")

    def _additional_state(self) -> dict[str, Any]:
        return {
            "log_rates": self.log_rates,
            "average_rates": self.average_rates,
            "rates_optimizer": self.rates_optimizer.state_dict(),
        }

    def _restore_additional_state(self, state: dict[str, Any]) -> None:
        for name, value in state["log_rates"].items():
            self.log_rates[name].copy_(value)
        self.average_rates = state["average_rates"]
        self.rates_optimizer.load_state_dict(state["rates_optimizer"])


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

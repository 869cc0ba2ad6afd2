"""The training loop: trains a network by a recipe and resumes to equal bits.

The batch of a step depends on the seed and the step only, the learning rate on the step only; so a
checkpoint holds the weights, their average, the optimizer's state and the step, and nothing else.
"""

import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kukkiri.checkpoints import describe, save_safetensors
from kukkiri.data import PairSet, PatchSampler
from kukkiri.errors import ConfigError
from kukkiri.files import replacing, sweep_temporary_files, write_atomically
from kukkiri.info import ModelInfo
from kukkiri.losses import LOSSES
from kukkiri.networks import NETWORKS, Network
from kukkiri.networks.registry import write_unknown_network
from kukkiri.resampling.tensors import resize_tensor
from kukkiri.training.centring import Centred
from kukkiri.training.initialization import initialize_as_interpolator, initialize_whitened, solve_head, transfer, widen
from kukkiri.training.precision import autocast, warn_if_slow
from kukkiri.training.recipe import Recipe, check_choice
from kukkiri.training.soap import SOAP
from kukkiri.training.validation import Validation

__all__ = ["Run", "TrainingProgress", "drive", "learning_rate_at", "make_optimizer", "train"]

_log = logging.getLogger(__name__)
_INITIALIZATION_BATCHES = 40  # for whitening and for the last layer: 650,000 LR pixels at the default batch


@dataclass(frozen=True)
class TrainingProgress:
    """One line of the log of a training run."""

    step: int
    """Updates done."""
    steps: int
    """Updates of the whole run."""
    loss: float
    """Mean since the last line."""
    learning_rate: float
    patches_per_second: float
    seconds_left: float
    psnr: float | None = None
    """Of the averaged weights on the validation set, in dB; None on lines without a validation."""
    data_share: float = 0.0
    """Fraction of the time since the last line that was spent on sampling patches."""
    curve: tuple[float, ...] = ()
    """In meta-training: that PSNR before and after each step of adaptation."""


def learning_rate_at(recipe: Recipe, step: int) -> float:
    """Return the learning rate of an update, counted from 0: linear warm-up times the schedule."""
    warmup = min(1.0, (step + 1) / recipe.warmup) if recipe.warmup else 1.0
    match recipe.schedule:
        case "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
        case "step":
            factor = 0.5 ** sum(step >= milestone for milestone in recipe.milestones)
        case _:
            factor = 1.0
    return recipe.learning_rate * warmup * factor


def train(
    recipe: Recipe,
    *,
    resume: bool = False,
    stop_at: int | None = None,
    report: Callable[[TrainingProgress], None] | None = None,
) -> Path:
    """Train a network and write ``weights.safetensors`` (the best validated ones) into the recipe's folder.

    Args:
        recipe: see :class:`Recipe`.
        resume: continue from ``checkpoint.pt`` of the same recipe.
        stop_at: write a checkpoint after this many steps and return, as after an interruption.
        report: called with every line of the log.

    Returns:
        The weights file.

    Raises:
        ConfigError: unknown network or loss, missing data, a checkpoint of another recipe, or a finished or
            unfinished run without ``resume``.
    """
    return drive(Run, recipe, resume=resume, stop_at=stop_at, report=report)


def drive(
    kind: "Callable[[Any], Run]",
    recipe: Recipe,
    *,
    resume: bool,
    stop_at: int | None,
    report: Callable[[TrainingProgress], None] | None,
) -> Path:
    """Do the work of :func:`train` for any kind of run."""
    folder = recipe.folder
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists() and not resume:
        raise ConfigError(f"{checkpoint} exists already. Use --resume to continue, or another output or name.")
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    folder.mkdir(parents=True, exist_ok=True)
    sweep_temporary_files(folder)
    run = kind(recipe)
    if checkpoint.exists():
        run.restore(checkpoint)
        _remove_lines_after(folder / "log.jsonl", run.step)
    else:
        run.initialize()
        recipe_text = json.dumps(asdict(recipe), indent=2) + "\n"
        write_atomically(folder / "recipe.json", recipe_text.encode(), overwrite=True)
    last = recipe.steps if stop_at is None else min(stop_at, recipe.steps)
    try:
        run.train_until(last, report=report)
    except KeyboardInterrupt:
        run.save(checkpoint)
        _log.warning("interrupted at step %d; use --resume to continue", run.step)
        raise
    run.save(checkpoint)
    return run.weights


class Run:
    """The state of a run: everything that a checkpoint holds, and everything that the recipe determines."""

    def __init__(self, recipe: Recipe) -> None:
        if recipe.network not in NETWORKS:
            raise ConfigError(write_unknown_network(recipe.network))
        if conditions := NETWORKS[recipe.network].conditions:
            raise ConfigError(
                f"{recipe.network} is conditioned on {', '.join(conditions)}, which training does not give it. "
                "Train another network, or train this one from Python in a loop of your own."
            )
        for loss in filter(None, (recipe.loss, recipe.final_loss)):
            check_choice("loss", loss, tuple(LOSSES))
        self.recipe = recipe
        self.weights = recipe.folder / "weights.safetensors"
        self.step = 0
        self.curve: tuple[float, ...] = ()
        self.best = -math.inf
        torch.manual_seed(recipe.seed)
        self.network = self._make_network()
        if recipe.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        warn_if_slow(recipe.precision)
        try:
            self.model = Centred(self.network, centre=recipe.centre) if recipe.centre else self.network
        except ValueError as error:
            raise ConfigError(f"centre = {recipe.centre} does not fit {recipe.network}: {error}.") from error
        self.optimizer = make_optimizer(recipe, self.network)
        self.average: dict[str, Tensor] = {}
        self.patches = recipe.batch
        self.sampling_seconds = 0.0  # since the last line of the log
        self._read_images()

    def _make_network(self) -> Network:
        recipe = self.recipe
        try:
            return NETWORKS[recipe.network](scale=recipe.scale, **recipe.arguments)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{recipe.network} does not take these arguments: {error}.") from error

    def _read_images(self) -> None:
        """Read the training and the validation images."""
        recipe = self.recipe
        pairs = PairSet.from_folder(
            Path(recipe.data),
            scale=recipe.scale,
            colour=self.network.colour,
            degradation=recipe.degradation,
            variants=recipe.variants,
            cache=Path(recipe.cache) if recipe.cache else None,
        )
        self.sampler = PatchSampler(pairs, patch=recipe.patch, batch=recipe.batch, seed=recipe.seed)
        self.validation = (
            Validation.from_folder(
                Path(recipe.validation),
                scale=recipe.scale,
                degradation=recipe.validation_degradation or recipe.degradation,
            )
            if recipe.validation
            else None
        )

    def initialize(self) -> None:
        """Set the initial weights."""
        recipe = self.recipe
        batches = self._initialization_batches() if recipe.initialization in ("whitened", "transfer") else []
        match recipe.initialization:
            case "interpolator":
                initialize_as_interpolator(self.network)
            case "whitened":
                initialize_whitened(self.network, batches, centre=recipe.centre, seed=recipe.seed)
            case "transfer":
                complete = transfer(self.network, Path(recipe.weights))
                if isinstance(self.model, Centred):
                    self.model.unfold()
                if not complete:
                    solve_head(self.network, batches, centre=recipe.centre)
            case "widened":
                widen(self.network, Path(recipe.weights), centre=recipe.centre)
        self.average = {key: value.detach().clone() for key, value in self.network.state_dict().items()}

    def _initialization_batches(self) -> list[tuple[Tensor, Tensor]]:
        """Sample batches that training does not use: those of the steps after the last."""
        return [self.sampler.at(self.recipe.steps + number) for number in range(_INITIALIZATION_BATCHES)]

    def train_until(self, last: int, *, report: Callable[[TrainingProgress], None] | None) -> None:
        """Update the weights until ``last`` steps are done."""
        recipe = self.recipe
        total, counted, since = 0.0, 0, time.perf_counter()
        self.network.train()
        while self.step < last:
            total += self._update()
            counted += 1
            self.step += 1
            validate = self.step % recipe.validate_every == 0 or self.step == recipe.steps
            if self.step % recipe.log_every == 0 or validate:
                elapsed = time.perf_counter() - since
                line = TrainingProgress(
                    step=self.step,
                    steps=recipe.steps,
                    loss=total / counted,
                    learning_rate=learning_rate_at(recipe, self.step - 1),
                    patches_per_second=counted * self.patches / elapsed,
                    seconds_left=(recipe.steps - self.step) * elapsed / counted,
                    psnr=self._validate() if validate else None,
                    data_share=self.sampling_seconds / elapsed,
                    curve=self.curve if validate else (),
                )
                self._write(line, report)
                total, counted, since, self.sampling_seconds = 0.0, 0, time.perf_counter(), 0.0
            if self.step % recipe.checkpoint_every == 0:
                self.save(recipe.folder / "checkpoint.pt")

    def _update(self) -> float:
        recipe = self.recipe
        criterion = LOSSES[recipe.final_loss if recipe.final_loss and self._is_final() else recipe.loss]
        begun = time.perf_counter()
        lr, hr = self.sampler.at(self.step)
        self.sampling_seconds += time.perf_counter() - begun
        self.optimizer.zero_grad(set_to_none=True)
        loss = criterion(self._forward(lr), hr)
        loss.backward()  # type: ignore[no-untyped-call]
        self._descend()
        return float(loss.detach())

    def _autocast(self) -> torch.autocast:
        """Return the autocast context of this update."""
        return autocast("float32" if self._is_final() else self.recipe.precision)

    def _is_final(self) -> bool:
        """Return True when this update is one of the last ``final_share``."""
        return self.step >= self.recipe.steps * (1 - self.recipe.final_share)

    def _descend(self) -> None:
        """Update the weights by their clipped gradients, and then their average."""
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(recipe, self.step)
        if recipe.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimizer.step()
        decay = self._decay()
        with torch.no_grad():
            for key, value in self.network.state_dict().items():
                if value.is_floating_point() and recipe.ema:
                    self.average[key].lerp_(value, 1 - decay)
                else:
                    self.average[key].copy_(value)

    def _decay(self) -> float:
        """Return the decay of the averages: small at first, so that the initial weights do not count (EMA warm-up)."""
        return min(self.recipe.ema, (1 + self.step) / (10 + self.step))

    def _forward(self, lr: Tensor) -> Tensor:
        """Run the network on images in [0, 1] and return its result in the same range."""
        white = self.network.value_range
        if self.network.pre_upsampled:
            lr = resize_tensor(lr, scale=self.recipe.scale)
        if self.recipe.channels_last:
            lr = lr.contiguous(memory_format=torch.channels_last)
        with self._autocast():
            sr: Tensor = self.model(lr * white if white != 1.0 else lr)
        return sr.float() / white if white != 1.0 else sr.float()

    def _averaged_network(self) -> Network:
        """Return a network of its own with the averaged weights, the centre folded in."""
        network = self._make_network()
        network.load_state_dict(self.average)
        if self.recipe.centre:
            network.load_state_dict(Centred(network, centre=self.recipe.centre).folded_state())
        return network.eval()

    def _validate(self) -> float | None:
        """Score the averaged weights and save them when they are the best so far."""
        network = self._averaged_network()
        info = self._info(network)
        score = self.validation.psnr(network, info=info) if self.validation else None
        self._keep_best(score, network, info=info)
        return score

    def _keep_best(self, score: float | None, network: Network, *, info: ModelInfo) -> bool:
        """Save a network when its score is the best so far, or when there is none; return True when it was saved."""
        if score is not None and score <= self.best:
            return False
        self.best = self.best if score is None else score
        save_safetensors(network, self.weights, info=info, overwrite=True)
        return True

    def _info(self, network: Network) -> ModelInfo:
        recipe = self.recipe
        info = describe(network, name=recipe.name, arguments={"scale": recipe.scale, **recipe.arguments})
        return dataclasses.replace(info, training_data=f"{Path(recipe.data).name}, {recipe.degradation}")

    def _write(self, line: TrainingProgress, report: Callable[[TrainingProgress], None] | None) -> None:
        with (self.recipe.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(asdict(line)) + "\n")
        if report is not None:
            report(line)

    def save(self, path: Path) -> None:
        """Write a checkpoint, atomically."""
        state = {
            "recipe": _as_text(_identity(self.recipe)),
            "step": self.step,
            "best": self.best,
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            **self._additional_state(),
        }
        with replacing(path, overwrite=True) as temporary:
            torch.save(state, temporary)

    def restore(self, path: Path) -> None:
        """Read a checkpoint of the same recipe.

        Raises:
            ConfigError: it is of another recipe.
        """
        state: dict[str, Any] = torch.load(path, weights_only=True)
        now = _identity(self.recipe)
        before = {
            **_identity(type(self.recipe)(name="", network="", scale=1)),  # for fields that were added since
            **json.loads(state["recipe"]),
        }
        changed = [key for key in now if _as_text(now[key]) != _as_text(before[key])]
        if changed:
            raise ConfigError(f"{path} is of another recipe: {', '.join(changed)} differ. Use another name or output.")
        self.step, self.best = state["step"], state["best"]
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
        self._restore_additional_state(state)

    def _additional_state(self) -> dict[str, Any]:
        """Return what a checkpoint of a subclass holds in addition."""
        return {}

    def _restore_additional_state(self, state: dict[str, Any]) -> None:
        """Restore it from a checkpoint."""


def _remove_lines_after(log: Path, step: int) -> None:
    """Remove the lines of steps that a killed run did after its last checkpoint; these steps are repeated."""
    if log.exists():
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        write_atomically(log, "".join(kept).encode(), overwrite=True)


def _as_text(value: Any) -> str:
    """Return equal texts for equal values: the order of keys, and list or tuple, make no difference."""
    return json.dumps(value, sort_keys=True)


def _identity(recipe: Recipe) -> dict[str, Any]:
    """Return the part of a recipe that determines the weights; paths and intervals of logging do not."""
    values = asdict(recipe)
    for key in ("data", "validation", "cache", "output", "weights", "log_every", "validate_every", "checkpoint_every"):
        del values[key]
    return values


def make_optimizer(recipe: Recipe, network: Network) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over all weights of a network."""
    if recipe.optimizer == "soap":
        return SOAP(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
    return torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas)

"""The one training loop: a recipe in, weights out, resumable to the bit.

The batch of a step is a function of the seed and the step, the learning rate of the step alone; so a
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
from kukkiri.info import ModelInfo
from kukkiri.losses import LOSSES
from kukkiri.networks import NETWORKS, Network
from kukkiri.resampling.tensors import resize_tensor
from kukkiri.training.centring import Centred
from kukkiri.training.initialization import initialize_as_interpolator, initialize_whitened, solve_head, transfer, widen
from kukkiri.training.precision import autocast, warn_if_slow
from kukkiri.training.recipe import Recipe
from kukkiri.training.soap import SOAP
from kukkiri.training.validation import Validation

__all__ = ["Run", "TrainingProgress", "drive", "learning_rate_at", "make_optimizer", "train"]

_log = logging.getLogger(__name__)
_START_BATCHES = 40  # for whitening and for the last layer: 650,000 LR pixels at the default batch


@dataclass(frozen=True)
class TrainingProgress:
    """One line of the log."""

    step: int
    steps: int
    loss: float
    """Mean since the last line."""
    learning_rate: float
    patches_per_second: float
    seconds_left: float
    psnr: float | None = None
    """Of the averaged weights on the validation set, when it was measured."""
    data_share: float = 0.0
    """Part of the time since the last line that was spent on drawing patches."""
    curve: tuple[float, ...] = ()
    """Of meta-training: that PSNR before and after each step of adaptation."""


def learning_rate_at(recipe: Recipe, step: int) -> float:
    """The learning rate of an update, counted from 0: a linear rise, then the schedule."""
    rise = min(1.0, (step + 1) / recipe.warmup) if recipe.warmup else 1.0
    match recipe.schedule:
        case "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
        case "step":
            factor = 0.5 ** sum(step >= milestone for milestone in recipe.milestones)
        case _:
            factor = 1.0
    return recipe.learning_rate * rise * factor


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
        resume: go on from ``checkpoint.pt`` of the same recipe.
        stop_at: stop after this many steps with a checkpoint, as an interruption would.
        report: called with every line of the log.

    Returns:
        The weights file.

    Raises:
        ConfigError: unknown network or loss, missing data, a checkpoint of another recipe, or a finished or
            started run without ``resume``.
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
    """What :func:`train` does, for any kind of run."""
    folder = recipe.folder
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists() and not resume:
        raise ConfigError(f"{checkpoint} is there already. Use --resume to go on, or another output or name.")
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    folder.mkdir(parents=True, exist_ok=True)
    run = kind(recipe)
    if checkpoint.exists():
        run.restore(checkpoint)
        _forget_after(folder / "log.jsonl", run.step)
    else:
        run.begin()
        (folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")
    last = recipe.steps if stop_at is None else min(stop_at, recipe.steps)
    try:
        run.go(last, report=report)
    except KeyboardInterrupt:
        run.save(checkpoint)
        _log.warning("stopped at step %d; --resume goes on", run.step)
        raise
    run.save(checkpoint)
    return run.weights


class Run:
    """State of a run: everything that a checkpoint keeps, and what can be made again from the recipe."""

    def __init__(self, recipe: Recipe) -> None:
        if recipe.network not in NETWORKS:
            raise ConfigError(f"unknown network {recipe.network!r}. Known: {', '.join(sorted(NETWORKS))}.")
        if recipe.loss not in LOSSES or (recipe.final_loss and recipe.final_loss not in LOSSES):
            raise ConfigError(f"unknown loss {recipe.loss!r} or {recipe.final_loss!r}. Known: {', '.join(LOSSES)}.")
        self.recipe = recipe
        self.weights = recipe.folder / "weights.safetensors"
        self.step = 0
        self.curve: tuple[float, ...] = ()
        self.best = -math.inf
        torch.manual_seed(recipe.seed)
        self.network: Network = NETWORKS[recipe.network](scale=recipe.scale, **recipe.arguments)
        if recipe.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        warn_if_slow(recipe.precision)
        self.model = Centred(self.network, centre=recipe.centre) if recipe.centre else self.network
        self.optimizer = make_optimizer(recipe, self.network)
        self.average: dict[str, Tensor] = {}
        self.patches = recipe.batch
        self.drawing = 0.0  # seconds since the last line of the log
        self._read_images()

    def _read_images(self) -> None:
        """Set the sampler and the validation."""
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

    def begin(self) -> None:
        """Set the initial weights."""
        recipe = self.recipe
        batches = self._start_batches() if recipe.initialization in ("whitened", "transfer") else []
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

    def _start_batches(self) -> list[tuple[Tensor, Tensor]]:
        """Batches that training itself does not begin with."""
        return [self.sampler.at(self.recipe.steps + number) for number in range(_START_BATCHES)]

    def go(self, last: int, *, report: Callable[[TrainingProgress], None] | None) -> None:
        """Update until ``last`` steps are done."""
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
                    data_share=self.drawing / elapsed,
                    curve=self.curve if validate else (),
                )
                self._write(line, report)
                total, counted, since, self.drawing = 0.0, 0, time.perf_counter(), 0.0
            if self.step % recipe.checkpoint_every == 0:
                self.save(recipe.folder / "checkpoint.pt")

    def _update(self) -> float:
        recipe = self.recipe
        criterion = LOSSES[recipe.final_loss if recipe.final_loss and self._late() else recipe.loss]
        begun = time.perf_counter()
        lr, hr = self.sampler.at(self.step)
        self.drawing += time.perf_counter() - begun
        self.optimizer.zero_grad(set_to_none=True)
        loss = criterion(self._forward(lr), hr)
        loss.backward()  # type: ignore[no-untyped-call]
        self._descend()
        return float(loss.detach())

    def _precision(self) -> torch.autocast:
        """What the network computes in during this update."""
        return autocast("float32" if self._late() else self.recipe.precision)

    def _late(self) -> bool:
        """Whether this update is one of the last ``final_share``."""
        return self.step >= self.recipe.steps * (1 - self.recipe.final_share)

    def _descend(self) -> None:
        """Move the weights along their gradients, and the average after them."""
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
        """Of the averages: small at first, so that the start is forgotten."""
        return min(self.recipe.ema, (1 + self.step) / (10 + self.step))

    def _forward(self, lr: Tensor) -> Tensor:
        """The network in the units of the images."""
        white = self.network.value_range
        if self.network.pre_upsampled:
            lr = resize_tensor(lr, scale=self.recipe.scale)
        if self.recipe.channels_last:
            lr = lr.contiguous(memory_format=torch.channels_last)
        with self._precision():
            sr: Tensor = self.model(lr * white if white != 1.0 else lr)
        return sr.float() / white if white != 1.0 else sr.float()

    def _plain_average(self) -> Network:
        """The averaged weights in a network of their own, with the centre folded in."""
        network: Network = NETWORKS[self.recipe.network](scale=self.recipe.scale, **self.recipe.arguments)
        network.load_state_dict(self.average)
        if self.recipe.centre:
            network.load_state_dict(Centred(network, centre=self.recipe.centre).folded_state())
        return network.eval()

    def _validate(self) -> float | None:
        """Score the averaged weights and keep them when they are the best so far."""
        network = self._plain_average()
        info = self._info(network)
        score = self.validation.psnr(network, info=info) if self.validation else None
        self._keep_best(score, network, info=info)
        return score

    def _keep_best(self, score: float | None, network: Network, *, info: ModelInfo) -> bool:
        """Save what is the best so far, and say whether it was; without a score the latest is."""
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
        temporary = path.with_suffix(".tmp")
        torch.save(
            {
                "recipe": _text(_identity(self.recipe)),
                "step": self.step,
                "best": self.best,
                "network": self.network.state_dict(),
                "average": self.average,
                "optimizer": self.optimizer.state_dict(),
                **self._more(),
            },
            temporary,
        )
        temporary.replace(path)

    def restore(self, path: Path) -> None:
        """Read a checkpoint of the same recipe.

        Raises:
            ConfigError: it belongs to another recipe.
        """
        kept: dict[str, Any] = torch.load(path, weights_only=True)
        now = _identity(self.recipe)
        before = {
            **_identity(type(self.recipe)(name="", network="", scale=1)),
            **json.loads(kept["recipe"]),
        }  # of fewer fields
        changed = [key for key in now if _text(now[key]) != _text(before[key])]
        if changed:
            raise ConfigError(f"{path} is of another recipe: {', '.join(changed)} differ. Use another name or output.")
        self.step, self.best = kept["step"], kept["best"]
        self.network.load_state_dict(kept["network"])
        self.average = kept["average"]
        self.optimizer.load_state_dict(kept["optimizer"])
        self._restore_more(kept)

    def _more(self) -> dict[str, Any]:
        """What else a checkpoint keeps."""
        return {}

    def _restore_more(self, kept: dict[str, Any]) -> None:
        """Read it."""


def _forget_after(log: Path, step: int) -> None:
    """Take out the lines of steps that a killed run did after its last checkpoint; they will come again."""
    if log.exists():
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        log.write_text("".join(kept), encoding="utf-8")


def _text(value: Any) -> str:
    """The same for equal values, whatever the order of their keys, and for lists and tuples."""
    return json.dumps(value, sort_keys=True)


def _identity(recipe: Recipe) -> dict[str, Any]:
    """The part of a recipe that decides the weights; where things lie and how often they are logged does not."""
    values = asdict(recipe)
    for free in ("data", "validation", "cache", "output", "weights", "log_every", "validate_every", "checkpoint_every"):
        del values[free]
    return values


def make_optimizer(recipe: Recipe, network: Network) -> torch.optim.Optimizer:
    """The recipe's optimizer of all weights."""
    if recipe.optimizer == "soap":
        return SOAP(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
    return torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas)

"""The state of a run: everything that an update changes, and so everything that a checkpoint holds.

The batch of a step, its learning rate and its random numbers depend on the seed and the step only; so a checkpoint
needs neither a sampler's place nor the number of processes.
"""

import dataclasses
import json
import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kukkiri.errors import ConfigError, TrainingError
from kukkiri.files import replacing
from kukkiri.training.finite import check_weights
from kukkiri.training.recipe import Recipe
from kukkiri.training.schedules import average_decay

__all__ = ["FORMAT", "Average", "TrainingState"]

FORMAT = 2
"""Of ``checkpoint.pt``; checkpoints of format 1 (version 0.1.0) are not read."""
_FIXED = ("network", "scale", "arguments", "centre", "optimizer", "emas")
"""Fields that decide which tensors a checkpoint holds, and what they mean."""
_WITHOUT_EFFECT = (
    *("name", "data", "lr", "hr", "sources", "validation", "validation_sets", "validation_degradation"),
    *("cache", "output", "weights", "log_every", "validate_every", "checkpoint_every", "tensorboard", "prefetch"),
    *("data_on_device", "initialization", "rates", "validation_degradations", "validation_images", "validation_side"),
    "validation_scales",
)
"""Fields that do not change the weights of a run that goes on, or that the fingerprint of the data stands for."""
_log = logging.getLogger(__name__)

Average = dict[str, dict[str, Tensor]]
"""Averaged state dicts, by module."""


@dataclass
class TrainingState:
    """Modules, their optimizers and averages, and the number of updates done."""

    modules: dict[str, nn.Module]
    """All that is trained, ``network`` among them."""
    optimizers: dict[str, torch.optim.Optimizer]
    """One for each module that has weights to update."""
    scaler: torch.amp.GradScaler
    """Scales the losses in float16; does nothing otherwise."""
    averages: dict[float, Average] = field(default_factory=dict)
    """Of the weights, by their decay; 0 is the weights themselves."""
    step: int = 0
    """Updates done."""
    best: float = -math.inf
    """The highest PSNR so far."""
    skipped: int = 0
    """Updates in a row, up to now, that were left out."""
    scored_on: str = ""
    """Fingerprint of the validation images to which ``best`` belongs; empty where there are none."""
    is_due: bool = False
    """The weights of this step are to be validated, and are not yet."""
    idle: frozenset[str] = frozenset()
    """Modules that the current step leaves as they are."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Iterate over all parameters that the current step updates, in a fixed order."""
        for name, module in self.modules.items():
            if name not in self.idle:
                yield from (parameter for parameter in module.parameters() if parameter.requires_grad)

    def begin_step(self, rates: Mapping[str, float]) -> None:
        """Set the learning rates of a step, by module; modules without one are idle. All gradients are removed."""
        self.idle = frozenset(self.modules.keys() & self.optimizers.keys() - rates.keys())
        for name, optimizer in self.optimizers.items():
            optimizer.zero_grad(set_to_none=True)
            if name not in self.idle:
                for group in optimizer.param_groups:
                    group["lr"] = rates[name]

    def apply_gradients(self) -> None:
        """Update the weights of all modules that are not idle."""
        for name, optimizer in self.optimizers.items():
            if name not in self.idle:
                self.scaler.step(optimizer)

    def begin_averages(self, emas: tuple[float, ...]) -> None:
        """Let the averages begin at the weights as they are."""
        self.averages = {ema: self._copy_weights() for ema in emas}

    def _copy_weights(self) -> Average:
        return {
            name: {key: value.detach().clone() for key, value in module.state_dict().items()}
            for name, module in self.modules.items()
        }

    @torch.no_grad()
    def update_averages(self) -> None:
        """Move the averages towards the weights after an update."""
        for ema, average in self.averages.items():
            decay = average_decay(ema, self.step)
            for name, module in self.modules.items():
                for key, value in module.state_dict().items():
                    if value.is_floating_point() and ema:
                        average[name][key].lerp_(value, 1 - decay)
                    else:
                        average[name][key].copy_(value)

    def weights(self) -> list[Tensor]:
        """Return all weights and buffers, in a fixed order."""
        return [value for module in self.modules.values() for value in module.state_dict().values()]

    def unscale(self) -> None:
        """Divide the gradients by the scale of the loss, in float16."""
        for name, optimizer in self.optimizers.items():
            if name not in self.idle:
                self.scaler.unscale_(optimizer)

    def save(self, path: Path, *, recipe: Recipe, fingerprint: str) -> None:
        """Write a checkpoint, atomically, after a check that its weights are finite.

        Args:
            path: of the file; an existing one is replaced.
            recipe: of the run.
            fingerprint: of the training images.

        Raises:
            TrainingError: a weight is not finite, or the disk is full; the file stays as it was.
        """
        check_weights(self.modules, step=self.step)
        state = {
            "format": FORMAT,
            "recipe": json.dumps(_values(recipe)),
            "fingerprint": fingerprint,
            "step": self.step,
            "best": self.best,
            "scored_on": self.scored_on,
            "skipped": self.skipped,
            "is_due": self.is_due,
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "averages": self.averages,
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "scaler": self.scaler.state_dict(),
        }
        try:
            with replacing(path, overwrite=True) as temporary:
                torch.save(state, temporary)
        except (OSError, RuntimeError) as error:  # torch's archive writer has no error of its own for a full disk
            raise TrainingError(
                f"{path}: could not be written at step {self.step} ({str(error).splitlines()[0]}). Free some space; "
                "an earlier checkpoint is kept, from which --resume goes on."
            ) from error

    def restore(self, path: Path, *, recipe: Recipe, fingerprint: str) -> None:
        """Read a checkpoint; a recipe that differs in what may change goes on, and the log says what changed.

        Raises:
            ConfigError: it is damaged, of another version, of another network, was trained on other images, or has done
                more steps than the recipe has.
        """
        saved = _read(path)
        _compare(json.loads(saved["recipe"]), recipe, path=path)
        if saved["fingerprint"] != fingerprint:
            raise ConfigError(
                f"{path}: was trained on other images, or on LR images made in another way. Train with these under "
                "another name, with initialization = 'transfer' to begin from its weights."
            )
        if saved["step"] > recipe.steps:
            raise ConfigError(
                f"{path}: has done {saved['step']} steps, more than steps = {recipe.steps}. Raise steps, or use "
                "another name."
            )
        self.step, self.best, self.skipped = saved["step"], saved["best"], saved["skipped"]
        self.is_due = saved["is_due"]
        if saved.get("scored_on", self.scored_on) != self.scored_on:
            self.best = -math.inf
            _log.warning("the validation changed, so the best weights are chosen anew")
        for name, module in self.modules.items():
            module.load_state_dict(saved["modules"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(saved["optimizers"][name])
        self.scaler.load_state_dict(saved["scaler"])
        self.begin_averages(recipe.emas)
        for ema, average in self.averages.items():
            for name, state in average.items():
                for key, value in state.items():
                    value.copy_(saved["averages"][ema][name][key])


def _read(path: Path) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its unpickler and its archive reader raise
        raise ConfigError(f"{path}: is damaged, or no checkpoint. Begin again under another name.") from error
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise ConfigError(
            f"{path}: was written by another version of kukkiri. Begin a new run with initialization = 'transfer' and "
            "weights = its weights.safetensors."
        )
    return saved


def _values(recipe: Recipe) -> dict[str, Any]:
    return {"kind": type(recipe).__name__, "emas": recipe.emas, **asdict(recipe)}


def _compare(before: Mapping[str, Any], recipe: Recipe, *, path: Path) -> None:
    """Refuse a changed network, and say what else changed."""
    now = _values(recipe)
    # a field that was added since the checkpoint was written had the value that is its default now
    defaults = {
        definition.name: definition.default
        for definition in dataclasses.fields(recipe)
        if definition.default is not dataclasses.MISSING
    }
    before = {**defaults, **before}
    changed = [key for key in now if key in before and _as_text(now[key]) != _as_text(before[key])]
    fixed = [key for key in changed if key in ("kind", *_FIXED, *recipe.fixed_fields)]
    if fixed:
        raise ConfigError(
            f"{path} is of another recipe: {', '.join(fixed)} {'differs' if len(fixed) == 1 else 'differ'}. "
            "Use another name or output."
        )
    effective = [key for key in changed if key not in ("ema", *_WITHOUT_EFFECT)]
    if effective:
        texts = [f"{key} {_as_text(before[key])} -> {_as_text(now[key])}" for key in effective]
        _log.warning("going on with a changed recipe: %s", ", ".join(texts))


def _as_text(value: Any) -> str:
    """Return equal texts for equal values: the order of keys, and list or tuple, make no difference."""
    return json.dumps(value, sort_keys=True)

"""One kind of training as the loop sees it: modules, batches, a step function, and a validation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kukkiri.training.state import Average, TrainingState

__all__ = ["Part", "Score", "Setup"]


@dataclass(frozen=True)
class Part:
    """Patches or tasks of an update whose gradient is computed at once."""

    data: Any
    """In the form that the step function takes: (lr, hr), or tasks."""
    share: float
    """Fraction of the update, in (0, 1], over which its loss is the mean; over all parts of all processes they sum up
    to 1."""


@dataclass(frozen=True)
class Score:
    """The result of a validation."""

    psnr: float | None
    """In dB; None where there are no validation images."""
    write: Callable[[Path], None]
    """Writes the validated weights to a file, and what belongs to them beside it."""
    curve: tuple[float, ...] = ()
    """In meta-training: PSNR before and after each step of adaptation."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """PSNR by validation set."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """All that differs between kinds of training."""

    device: torch.device
    """The device that computes."""
    modules: dict[str, nn.Module]
    """On the device, with their random initial weights; ``network`` is one of them."""
    optimizers: dict[str, torch.optim.Optimizer]
    """By module."""
    rates: Callable[[int], Mapping[str, float]]
    """Learning rates of a step, by module; a module without one is not updated in this step."""
    parts: Callable[[int], list[Part]]
    """The parts of the update of a step that this process computes; a function of the seed and the step only."""
    step: Callable[[TrainingState, Part], dict[str, Tensor]]
    """Adds the gradients of a part's loss, times its share, to the modules' parameters, and returns ``loss`` and its
    terms, detached and times that share."""
    initialize: Callable[[], None]
    """Sets the initial weights."""
    validate: Callable[[Average], Score]
    """Scores averaged weights."""
    patches: Callable[[int], int]
    """Patches in the update of a step, of all processes together."""
    fingerprint: str
    """Of the training images."""
    scored_on: str = ""
    """Fingerprint of the validation images; empty where there are none."""
    writes_last: bool = False
    """The weights of the last validation are written, not those with the highest PSNR."""
    check: Callable[[int, Mapping[str, float]], None] = lambda step, values: None
    """Called with the step and the finite values of every update, in order; it raises to end the run."""
    close: Callable[[], None] = lambda: None
    """Ends what the setup started, such as a thread."""

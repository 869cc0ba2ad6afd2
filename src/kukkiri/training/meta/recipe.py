"""Recipes of meta-training: tasks of one random blur kernel each, and the inner loop that adapts a network to them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from kukkiri.errors import ConfigError
from kukkiri.training.recipe import Recipe, check_choice

__all__ = ["META_CHOICES", "MetaRecipe"]

META_CHOICES: dict[str, tuple[str, ...]] = {
    "subsample": ("direct", "bicubic"),
    "support": ("pairs", "downscaled"),
    "weighting": ("constant", "annealed", "last", "ends"),
}
"""The values of fields that have a few."""

_UNUSED = (
    *("lr", "hr", "sources", "validation_sets", "stages", "cache", "centre", "final_loss", "compile", "restarts"),
)


@dataclass(frozen=True, kw_only=True)
class MetaRecipe(Recipe):
    """A run of meta-training, whose TOML file says ``kind = "meta"``. The defaults are MZSR's.

    A task is ``batch`` patches of ``patch`` LR pixels, an update averages over ``tasks`` tasks, and ``loss`` is the
    query loss, the name of one. Keys that meta-training does not use are refused; ``degradation`` has no effect.
    """

    fixed_fields: ClassVar[tuple[str, ...]] = (
        *("inner_steps", "inner_rate", "inner_rates", "learn_rates", "kernel_conditioned"),
    )

    batch: int = 8
    """Patches in a task, for support and query each."""
    skip_non_finite: int = 10
    """Updates in a row whose meta-gradient may be infinite or not a number, as when an inner loop diverges, and that
    are then left out; one more ends the run."""
    tasks: int = 5
    """Tasks in an update, of one kernel each."""
    subsample: str = "direct"
    """``direct`` (pixels [0::scale]) or ``bicubic``."""
    scales: tuple[int, ...] = ()
    """Scales of the tasks, one sampled for each; only for networks on the upscaled image. Empty: ``scale``."""
    hr_patch: int = 0
    """Height and width of a patch in HR pixels, rounded down to a multiple of the scale, so that tasks of all scales
    cost the same, as in MZSR; 0: ``patch`` LR pixels."""
    kernel_size: int = 15
    """Height and width of the Gaussian kernels."""
    smallest_variance: float = 1.0
    """HR pixels squared."""
    largest_variance: float = 2.5
    """HR pixels squared, for each unit of the scale."""
    support: str = "pairs"
    """``pairs``: other LR patches with their HR patches, as in MZSR. ``downscaled``: the query's LR patches and their
    copies downscaled by the same kernel, the pairs that a test image can provide."""
    query_patch: int = 0
    """Height and width, in LR pixels, of the middle of the patches that the query uses; 0: all."""
    eight_bit: bool = False
    """Round LR to 8 bit, as in image files."""
    kernel_conditioned: bool = False
    """The network is conditioned on the kernel: its covariance is the code, to which the inner steps add; the network's
    own code stays 0."""
    inner_steps: int = 5
    """Steps of gradient descent on the support loss; 0: none, so that one network is trained for all kernels."""
    inner_loss: str = "l1"
    """The support loss, a key of ``kukkiri.losses.LOSSES``."""
    inner_rate: float = 0.01
    """Learning rate of the inner steps; their initial value when rates are learned."""
    inner_rates: Mapping[str, float] = field(default_factory=dict)
    """Initial rates of parameters by name, instead of ``inner_rate``; a rate of 0 is never changed."""
    rates: str = ""
    """``rates.json`` of an earlier run, whose rates are the initial ones; further steps take the last ones."""
    learn_rates: bool = False
    """Every parameter and step has a rate of its own, whose logarithm is learned (so it stays positive)."""
    rates_learning_rate: float = 0.02
    """Learning rate of Adam on the logarithms; it follows the schedule."""
    order: int = 2
    """2: differentiate through the inner gradients; 1: they are constants (first-order MAML)."""
    first_order_updates: int = 0
    """Number of updates at the beginning that are of order 1 when ``order`` is 2."""
    weighting: str = "constant"
    """Of the query losses: ``constant``, ``annealed`` (MAML++), ``last``, ``ends`` (a quarter for the first step)."""
    annealing: float = 10_000 / 3
    """Updates after which ``annealed`` gives all but the last step its lowest weight; MZSR's code has 3,333."""
    validation_degradations: tuple[str, ...] = ()
    """Texts of degradations; the validation adapts with the true kernel. Empty: variance 2 with ``subsample``."""
    validation_images: int = 6
    """Number of images of the folder that are used, the first ones by name."""
    validation_side: int = 240
    """Height and width, in HR pixels, of the central crop that is used of each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("tasks", "kernel_size", "validation_images", "validation_side"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("first_order_updates", "query_patch"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)}.")
        for name, rate in {
            "rates_learning_rate": self.rates_learning_rate,
            "inner_rate": self.inner_rate,
            **{f"inner_rates.{name}": rate for name, rate in self.inner_rates.items()},
        }.items():
            if not (math.isfinite(rate) and rate >= 0):
                raise ConfigError(f"{name} must be a number from 0, got {rate}.")
        if self.hr_patch < 0 or self.annealing <= 0:
            raise ConfigError(f"hr_patch and annealing must be positive, got {self.hr_patch} and {self.annealing}.")
        if self.inner_steps < 0 or self.order not in (1, 2):
            raise ConfigError(f"inner_steps must be 0 or more and order 1 or 2, got {self.inner_steps}, {self.order}.")
        if not 0 < self.smallest_variance <= self.largest_variance * self.scale:
            raise ConfigError(
                f"variances must be positive, got {self.smallest_variance} to {self.largest_variance * self.scale}."
            )
        for name, known in META_CHOICES.items():
            check_choice(name, getattr(self, name), known)
        if self.precision != "float32" and self.inner_steps:
            raise ConfigError("meta-gradients need float32. Remove precision, or set inner_steps = 0.")
        unused = [name for name in _UNUSED if getattr(self, name)]
        if unused or self.initialization not in ("default", "transfer"):
            keys = ", ".join(unused) or "this initialization"
            raise ConfigError(f"{keys}: not supported by meta-training. Remove it.")
        if not isinstance(self.loss, str):
            raise ConfigError(f"meta-training takes the name of one loss, got {self.loss}.")
        for scale in self.scales or (self.scale,):
            if scale < 1:
                raise ConfigError(f"scales must be at least 1, got {list(self.scales)}.")
            side = self.lr_patch(scale)
            if side < 1:
                raise ConfigError(f"hr_patch must be at least the scale, got {self.hr_patch} at x{scale}.")
            if self.support == "downscaled" and self.inner_steps and side % scale:
                raise ConfigError(
                    f"patch must be a multiple of the scale, so that it can be downscaled, got {side} at x{scale}."
                )

    def lr_patch(self, scale: int) -> int:
        """Return the height and width of a patch of a task, in LR pixels."""
        return self.hr_patch // scale if self.hr_patch else self.patch

"""Recipes of meta-training: tasks of one random blur each, and how a network adapts to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kukkiri.errors import ConfigError
from kukkiri.training.recipe import Recipe, build_recipe, check_choice, read_recipe_values

__all__ = ["KINDS", "MetaRecipe", "read_any_recipe"]


@dataclass(frozen=True, kw_only=True)
class MetaRecipe(Recipe):
    """A run that learns to adapt; a TOML file says ``kind = "meta"``. The defaults are MZSR's.

    ``batch`` patches of ``patch`` LR pixels make a task, ``tasks`` of them an update, ``loss`` judges the queries.
    ``degradation``, ``cache``, ``centre`` and ``final_loss`` have no meaning here.
    """

    batch: int = 8
    """Patches in a task, for support and query each."""
    tasks: int = 5
    """Kernels in an update."""
    subsample: str = "direct"
    """``direct`` (pixels [0::scale]) or ``bicubic``."""
    scales: tuple[int, ...] = ()
    """Of the tasks, one drawn for each; only for networks on the upscaled image. Empty: ``scale``."""
    hr_patch: int = 0
    """HR pixels to a side of a patch, rounded down to a multiple of the scale, so that tasks of all scales cost the
    same, as in MZSR; 0: ``patch`` LR pixels."""
    kernel_size: int = 15
    """Side of the Gaussian kernels."""
    smallest_variance: float = 1.0
    """HR pixels squared."""
    largest_variance: float = 2.5
    """HR pixels squared, for every unit of the scale."""
    support: str = "pairs"
    """``pairs``: other patches with their HR, as in MZSR. ``son``: the query's LR patches and their own sons by the
    same kernel, which is what a test image has to offer."""
    query_patch: int = 0
    """LR pixels to a side of what the query sees of its patches, in their middle; 0: all."""
    eight_bit: bool = False
    """Round LR to 8 bit, as files are."""
    kernel_conditioned: bool = False
    """The network is given the covariance of the kernel as its code, to which inner steps add; its own code stays 0."""
    inner_steps: int = 5
    """Of gradient descent on the support loss; 0: none, so that the network learns to serve all kernels at once."""
    inner_loss: str = "l1"
    """Of the support; a key of ``kukkiri.losses.LOSSES``."""
    inner_rate: float = 0.01
    """Learning rate of the inner steps; at first, when rates are learned."""
    inner_rates: Mapping[str, float] = field(default_factory=dict)
    """Other ones for parameters by name; 0 keeps a parameter as it is, for good."""
    rates: str = ""
    """``rates.json`` of an earlier run, to begin with its rates instead; further steps take the last ones."""
    learn_rates: bool = False
    """Every parameter and step has a rate of its own, learned by its logarithm (so it stays positive)."""
    rates_learning_rate: float = 0.02
    """Of Adam on the logarithms; it follows the schedule."""
    order: int = 2
    """2: through the inner gradients; 1: they are constants."""
    first_order_updates: int = 0
    """Updates at the beginning that are of order 1 all the same."""
    weighting: str = "constant"
    """Of the query losses: ``constant``, ``annealed`` (MAML++), ``last``, ``ends`` (a quarter for the first step)."""
    annealing: float = 10_000 / 3
    """Updates after which ``annealed`` weighs all but the last step next to nothing; MZSR's code means 3,333."""
    validation_degradations: tuple[str, ...] = ()
    """Text forms; adapted to with the true kernel. Empty: variance 2 with ``subsample``."""
    validation_images: int = 6
    """The first so many of the folder are used."""
    validation_side: int = 240
    """HR pixels to a side of the middle that is used of each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("tasks", "kernel_size", "validation_images", "validation_side"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.hr_patch < 0 or self.annealing <= 0:
            raise ConfigError(f"hr_patch and annealing must be positive, got {self.hr_patch} and {self.annealing}.")
        if self.inner_steps < 0 or self.order not in (1, 2):
            raise ConfigError(f"inner_steps must be 0 or more and order 1 or 2, got {self.inner_steps}, {self.order}.")
        if not 0 < self.smallest_variance <= self.largest_variance * self.scale:
            raise ConfigError(
                f"variances must be positive, got {self.smallest_variance} to {self.largest_variance * self.scale}."
            )
        check_choice("subsample", self.subsample, ("direct", "bicubic"))
        check_choice("support", self.support, ("pairs", "downscaled"))
        check_choice("weighting", self.weighting, ("constant", "annealed", "last", "ends"))
        if self.precision != "float32" and self.inner_steps:
            raise ConfigError("meta-gradients need float32. Take precision out, or set inner_steps = 0.")
        unused = [name for name in ("cache", "centre", "final_loss") if getattr(self, name)]
        if unused or self.initialization not in ("default", "transfer"):
            raise ConfigError(f"{', '.join(unused) or 'this initialization'}: not for meta-training. Take it out.")
        for scale in self.scales or (self.scale,):
            side = self.lr_patch(scale)
            if self.support == "downscaled" and self.inner_steps and side % scale:
                raise ConfigError(
                    f"patch must be a multiple of the scale, so that it has a son, got {side} at x{scale}."
                )

    def lr_patch(self, scale: int) -> int:
        """LR pixels to a side of a patch of a task."""
        return self.hr_patch // scale if self.hr_patch else self.patch


KINDS: dict[str, type[Recipe]] = {"supervised": Recipe, "meta": MetaRecipe}
"""What ``kind`` in a recipe file may say."""


def read_any_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe of the kind that the file says; without ``kind``, an ordinary one.

    Raises:
        ConfigError: as :func:`kukkiri.training.read_recipe`, or an unknown kind.
    """
    values = read_recipe_values(path, overrides)
    kind = str(values.pop("kind", "supervised"))
    check_choice("kind", kind, tuple(KINDS))
    return build_recipe(KINDS[kind], values, source=str(path))

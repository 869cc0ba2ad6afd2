"""Training recipes: a run as one frozen dataclass, whose fields are the keys of a recipe file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, get_args

from kukkiri import pretrained
from kukkiri.data import DataSource
from kukkiri.errors import ConfigError, ModelError, did_you_mean
from kukkiri.info import JSON
from kukkiri.training.precision import Precision

__all__ = ["CHOICES", "Recipe", "Stage", "ValidationSet", "check_choice"]

CHOICES: dict[str, tuple[str, ...]] = {
    "data_on_device": ("auto", "always", "never"),
    "initialization": ("default", "interpolator", "whitened", "transfer", "widened"),
    "optimizer": ("adam", "soap"),
    "precision": get_args(Precision),
    "schedule": ("cosine", "step", "constant", "trapezoid"),
}
"""The values of fields that have a few."""
_MOST_THREADS = 1024
_HIGHEST_RATE = 1e38  # of float32


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Sizes of the batches from a fraction of the steps on (progressive training)."""

    start: float = field(metadata={"key": "from"})
    """Fraction of the steps at which the stage begins, in [0, 1); ``from`` in a recipe file."""
    patch: int = 0
    """Height and width of a patch in LR pixels; 0: as before."""
    batch: int = 0
    """Patches in an update; 0: as before."""

    def __post_init__(self) -> None:
        if not 0 <= self.start < 1:
            raise ConfigError(f"a stage begins at a fraction of the steps in [0, 1), got from = {self.start}.")
        if self.patch < 0 or self.batch < 0:
            raise ConfigError(f"patch and batch of a stage must not be negative, got {self.patch} and {self.batch}.")


@dataclass(frozen=True, kw_only=True)
class ValidationSet:
    """A folder of HR images on which the averaged weights are scored."""

    folder: str
    """Folder of HR images."""
    degradation: str = ""
    """From HR to LR; empty: ``validation_degradation`` of the recipe, or else its ``degradation``."""
    weight: float = 1.0
    """Share of its PSNR in the mean that chooses the best weights; 0: it is only logged."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ConfigError(f"the weight of a validation set must be a number from 0, got {self.weight}.")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines a run: the same recipe, data, number of threads and CPU give the same weights."""

    name: str
    """Weights id, such as ``espcn-x3``."""
    network: str
    """A key of ``kukkiri.networks.NETWORKS``."""
    scale: int
    """HR pixels for one LR pixel along each axis."""
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    """Further keyword arguments of the network."""
    data: str = ""
    """Folder of HR training images, or one made by ``kukkiri data prepare``; relative to the working directory."""
    lr: str = ""
    """Folder of LR training images, paired by name with those of ``hr``; instead of ``data``."""
    hr: str = ""
    """Folder of the HR images of ``lr``."""
    sources: Mapping[str, DataSource] = field(default_factory=dict)
    """Several training sets by a name of your choice, each with a weight; instead of ``data``."""
    validation: str = ""
    """Folder of HR validation images; empty: no validation, unless there are ``validation_sets``."""
    validation_sets: Mapping[str, ValidationSet] = field(default_factory=dict)
    """Several validation sets by a name of your choice; instead of ``validation``."""
    degradation: str = "bicubic"
    """From HR to LR, as the text of a ``Degradation``."""
    variants: int = 1
    """LR images of each HR image, each with its own sample of a random degradation."""
    validation_degradation: str = ""
    """From HR to LR for the validation; empty: ``degradation``."""
    cache: str = ""
    """Folder that keeps the LR and HR images for the next run, as memory-mapped files; empty: no cache."""
    output: str = "runs"
    """Checkpoints, log and weights go to ``output/name``."""
    loss: str | Mapping[str, float | Mapping[str, JSON]] = "l1"
    """A key of ``kukkiri.losses.LOSSES``, or a table of weights: ``{ l1 = 1.0, fft = 0.05 }``."""
    final_loss: str | Mapping[str, float | Mapping[str, JSON]] = ""
    """The loss of the last ``final_share`` of the steps; empty: ``loss``."""
    final_share: float = 0.1
    """Fraction of the steps that use ``final_loss``, and float32 whatever the ``precision``."""
    optimizer: str = "adam"
    """``adam`` or ``soap``."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of the averages of the gradient and of its square."""
    learning_rate: float = 1e-3
    """Its maximum, which the schedule multiplies."""
    schedule: str = "cosine"
    """``cosine`` to zero, ``step`` (halved at each milestone), ``constant``, or ``trapezoid`` (constant, then linear
    to zero over the last ``decay_share``)."""
    milestones: tuple[int, ...] = ()
    """Steps at which ``step`` halves the learning rate."""
    restarts: tuple[int, ...] = ()
    """Steps at which ``cosine`` begins again at its maximum (warm restarts, SGDR)."""
    decay_share: float = 0.2
    """Fraction of the steps over which ``trapezoid`` falls to zero."""
    warmup: int = 100
    """Steps over which the learning rate rises linearly from zero."""
    clip: float = 0.0
    """Largest norm of the gradient; 0: no gradient clipping."""
    skip_non_finite: int = 0
    """Updates in a row whose loss or gradient may be infinite or not a number, and are then left out; one more ends
    the run."""
    ema: float | tuple[float, ...] = 0.999
    """Decay of the exponential moving average (EMA) of the weights, which is validated and saved; 0: no average.
    Several: each is validated, and the best is saved."""
    initialization: str = "default"
    """``default`` (torch's), ``interpolator``, ``whitened``, or from ``weights``: ``transfer``, ``widened``."""
    weights: str = ""
    """Pretrained weights, a file or the id of a shipped model such as ``plain-m-x4``: of the same network at this or
    another scale (``transfer``; ``.safetensors``, or the authors' ``.pth``), or of a smaller one (``widened``)."""
    centre: float = 0.0
    """Grey value that is subtracted from the input and added to the output while training; folded into the biases
    afterwards, exactly."""
    steps: int = 100_000
    """Updates."""
    batch: int = 16
    """Patches in an update, of all processes together."""
    accumulate: int = 1
    """Parts in which the gradient of an update is computed, one after the other: the memory of one part."""
    patch: int = 32
    """Height and width of a patch in LR pixels."""
    stages: tuple[Stage, ...] = ()
    """Other sizes of patch and batch from fractions of the steps on (progressive training)."""
    seed: int = 0
    """Of the initial weights and of the sampled patches."""
    device: str = "auto"
    """``auto`` (a GPU when torch sees one), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``."""
    precision: str = "float32"
    """``float32``, or ``bfloat16`` or ``float16`` (GPUs): layers compute in it until the last ``final_share`` of the
    steps; weights, their average, the optimizer and the loss are float32 throughout."""
    tf32: bool = False
    """Let the float32 convolutions of NVIDIA GPUs round their inputs to 10 bits of mantissa, which is faster."""
    compile: bool = False
    """Compile the network with ``torch.compile``."""
    channels_last: bool = False
    """Keep features as (N, H, W, C) in memory, which is faster on most CPUs and on GPUs with reduced precision."""
    data_on_device: str = "auto"
    """Keep the training images on the GPU and cut patches there: ``auto`` (when they fit), ``always``, ``never``."""
    prefetch: int = 2
    """Batches that a thread prepares ahead for a GPU; 0: none."""
    threads: int = 0
    """Torch threads; 0: torch's choice. Part of the recipe because the order of summation changes the last bit."""
    log_every: int = 100
    """Steps between two lines of the log."""
    validate_every: int = 2000
    """Steps between two validations."""
    checkpoint_every: int = 1000
    """Steps between two checkpoints."""
    tensorboard: bool = False
    """Write the log for TensorBoard, too; needs the extra ``tensorboard``."""

    def __post_init__(self) -> None:
        counts = ("scale", "variants", "steps", "batch", "accumulate", "patch")
        for name in (*counts, "log_every", "validate_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("clip", "skip_non_finite", "warmup", "prefetch", "threads"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)}.")
        if self.threads > _MOST_THREADS:  # a thread library that cannot make them ends the process
            raise ConfigError(f"threads must be 0 to {_MOST_THREADS}, got {self.threads}.")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed must be 0 to 2^63 - 1, got {self.seed}.")
        if not 0 < self.learning_rate <= _HIGHEST_RATE:
            raise ConfigError(
                f"learning_rate must be positive, and {_HIGHEST_RATE:g} at most; got {self.learning_rate}."
            )
        if not all(0 <= decay < 1 for decay in self.betas):
            raise ConfigError(f"betas must be in [0, 1), got {list(self.betas)}.")
        if not 0 <= self.centre <= 1:
            raise ConfigError(f"centre must be a grey value in [0, 1], got {self.centre}.")
        if not self.emas or not all(0 <= decay < 1 for decay in self.emas):
            raise ConfigError(f"ema must be in [0, 1), got {self.ema}.")
        for name in ("final_share", "decay_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be in [0, 1], got {getattr(self, name)}.")
        for name, steps in (("restarts", self.restarts), ("milestones", self.milestones)):
            if any(later <= earlier for earlier, later in pairwise((0, *steps))):
                raise ConfigError(f"{name} must be steps in ascending order, got {list(steps)}.")
        for name, known in CHOICES.items():
            check_choice(name, getattr(self, name), known)
        for name, schedule in (("restarts", "cosine"), ("milestones", "step")):
            if getattr(self, name) and self.schedule != schedule:
                raise ConfigError(
                    f"{name} belong to schedule = {schedule!r}, got {self.schedule!r}. Remove them, or change it."
                )
        if (self.initialization in ("transfer", "widened")) != bool(self.weights):
            raise ConfigError(
                "initialization = 'transfer' (or 'widened') and weights = FILE belong together; got only one of them."
            )
        self._check_sets()
        if any(later.start <= earlier.start for earlier, later in pairwise(self.stages)):
            raise ConfigError(f"stages must be in the order of their from, got {[s.start for s in self.stages]}.")

    def _check_sets(self) -> None:
        """Check that the training set and the validation set are each given in one way."""
        if bool(self.lr) != bool(self.hr):
            raise ConfigError("lr and hr, the folders of paired images, belong together; got only one of them.")
        given = [name for name in ("data", "lr", "sources") if getattr(self, name)]
        if len(given) > 1:
            raise ConfigError(f"data, lr with hr, or sources name the training images; got {' and '.join(given)}.")
        if self.validation and self.validation_sets:
            raise ConfigError("validation or validation_sets names the validation images; got both.")

    fixed_fields: ClassVar[tuple[str, ...]] = ()
    """Fields of a kind of training that cannot change when a run goes on, besides those of every kind."""

    @property
    def folder(self) -> Path:
        """Folder of the run: recipe, log, checkpoint and weights."""
        return Path(self.output) / self.name

    @property
    def weights_file(self) -> Path:
        """The file of :attr:`weights`; of a shipped model, which has no suffix, that in the package.

        Raises:
            ConfigError: no such file, and no such model.
        """
        path = Path(self.weights)
        if path.suffix or path.exists():
            return path
        try:
            return pretrained.locate(self.weights, ".safetensors")
        except ModelError as error:
            raise ConfigError(f"weights: {error}") from error

    @property
    def emas(self) -> tuple[float, ...]:
        """Decays of the averages of the weights."""
        return self.ema if isinstance(self.ema, tuple) else (self.ema,)

    @property
    def training_sets(self) -> tuple[DataSource, ...]:
        """The training images, in whichever way the recipe names them.

        Raises:
            ConfigError: it names none.
        """
        if self.sources:
            return tuple(self.sources.values())
        if not (self.data or self.lr):
            raise ConfigError("no training images. Set data = FOLDER, or lr and hr, or sources.")
        return (DataSource(lr=self.lr, hr=self.hr) if self.lr else DataSource(folder=self.data),)

    @property
    def scored_sets(self) -> dict[str, ValidationSet]:
        """The validation sets by name."""
        if self.validation:
            return {Path(self.validation).name: ValidationSet(folder=self.validation)}
        return dict(self.validation_sets)


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Check that a value is one of the known ones.

    Args:
        name: the key, for the message.
        value: as the recipe has it.
        known: all valid values.

    Raises:
        ConfigError: it is none of them; the message names the nearest.
    """
    if value not in known:
        raise ConfigError(f"unknown {name} {value!r}{did_you_mean(value, known)}")

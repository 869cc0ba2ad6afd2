"""Training recipes: a run as one frozen dataclass; a TOML file and ``key=value`` overrides replace its defaults."""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.info import JSON
from kukkiri.training.precision import Precision

__all__ = ["Recipe", "build_recipe", "check_choice", "read_recipe", "read_recipe_values"]

AnyRecipe = TypeVar("AnyRecipe", bound="Recipe")

_INITIALIZATIONS = ("default", "interpolator", "whitened", "transfer", "widened")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines a run: the same recipe, data, number of threads and machine give the same weights."""

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
    validation: str = ""
    """Folder of HR validation images; empty: no validation."""
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
    loss: str = "l1"
    """A key of ``kukkiri.losses.LOSSES``."""
    final_loss: str = ""
    """The loss of the last ``final_share`` of the steps; empty: ``loss``."""
    final_share: float = 0.1
    """Fraction of the steps that use ``final_loss``."""
    optimizer: str = "adam"
    """``adam`` or ``soap``."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay of the averages of the gradient and of its square."""
    learning_rate: float = 1e-3
    """Its maximum, which the schedule multiplies."""
    schedule: str = "cosine"
    """``cosine`` to zero, ``step`` (halved at each milestone) or ``constant``."""
    milestones: tuple[int, ...] = ()
    """Steps at which ``step`` halves the learning rate."""
    warmup: int = 100
    """Steps over which the learning rate rises linearly from zero."""
    clip: float = 0.0
    """Largest norm of the gradient; 0: no gradient clipping."""
    ema: float = 0.999
    """Decay of the exponential moving average (EMA) of the weights, which is validated and saved; 0: no average."""
    initialization: str = "default"
    """``default`` (torch's), ``interpolator``, ``whitened``, or from ``weights``: ``transfer``, ``widened``."""
    weights: str = ""
    """A ``.safetensors`` file with pretrained weights: of the same network at this or another scale (``transfer``), or
    of a smaller one (``widened``)."""
    centre: float = 0.0
    """Grey value that is subtracted from the input and added to the output while training; folded into the biases
    afterwards, exactly."""
    steps: int = 100_000
    """Updates."""
    batch: int = 16
    """Patches in an update, of each process."""
    patch: int = 32
    """Height and width of a patch in LR pixels."""
    seed: int = 0
    """Of the initial weights and of the sampled patches."""
    precision: str = "float32"
    """``float32``, or ``bfloat16``: layers compute in bfloat16 until the last ``final_share`` of the steps; weights,
    their average, the optimizer and the loss are float32 throughout."""
    channels_last: bool = False
    """Keep features as (N, H, W, C) in memory, which is faster on most CPUs."""
    threads: int = 0
    """Torch threads; 0: torch's choice. Part of the recipe because the order of summation changes the last bit."""
    log_every: int = 100
    """Steps between two lines of the log."""
    validate_every: int = 2000
    """Steps between two validations."""
    checkpoint_every: int = 1000
    """Steps between two checkpoints."""

    def __post_init__(self) -> None:
        for name in ("scale", "variants", "steps", "batch", "patch", "log_every", "validate_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.learning_rate <= 0:
            raise ConfigError(f"learning_rate must be positive, got {self.learning_rate}.")
        if not 0 <= self.ema < 1:
            raise ConfigError(f"ema must be in [0, 1), got {self.ema}.")
        if not 0 <= self.final_share <= 1:
            raise ConfigError(f"final_share must be in [0, 1], got {self.final_share}.")
        check_choice("optimizer", self.optimizer, ("adam", "soap"))
        check_choice("precision", self.precision, get_args(Precision))
        check_choice("schedule", self.schedule, ("cosine", "step", "constant"))
        check_choice("initialization", self.initialization, _INITIALIZATIONS)
        if (self.initialization in ("transfer", "widened")) != bool(self.weights):
            raise ConfigError(
                "initialization = 'transfer' (or 'widened') and weights = FILE belong together; got only one of them."
            )

    @property
    def folder(self) -> Path:
        """Folder of the run: recipe, log, checkpoint and weights."""
        return Path(self.output) / self.name


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Check that a value is one of the known ones.

    Args:
        name: the key, for the message.
        value: what the recipe says.
        known: all valid values.

    Raises:
        ConfigError: it is none of them; the message names the nearest.
    """
    if value not in known:
        raise ConfigError(f"unknown {name} {value!r}{did_you_mean(value, known)}")


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe from a TOML file, with ``key=value`` overrides.

    Args:
        path: a TOML file of :class:`Recipe` fields; ``arguments`` may be a table.
        overrides: such as ``steps=2000`` or ``arguments.icnr=true``; values are TOML, or else plain text.

    Raises:
        ConfigError: unreadable file, unknown key, or a value of the wrong type.
    """
    return build_recipe(Recipe, read_recipe_values(path, overrides), source=str(path))


def read_recipe_values(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Read the values of a TOML file and its overrides, unchecked.

    Raises:
        ConfigError: unreadable file, or an override without ``=``.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error}).") from error
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"{text!r} is not an override. Write key=value, such as steps=2000.")
        target, *rest = key.strip().split(".")
        if rest:
            values[target] = {**values.get(target, {}), ".".join(rest): _parse_value(value)}
        else:
            values[target] = _parse_value(value)
    return values


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def build_recipe(kind: type[AnyRecipe], values: Mapping[str, Any], *, source: str) -> AnyRecipe:
    """Build a recipe of a kind from its values.

    Args:
        kind: :class:`Recipe` or a subclass.
        values: by field; lists for tuples.
        source: the file, for messages.

    Raises:
        ConfigError: unknown key, missing key, or a value of the wrong type.
    """
    types = get_type_hints(kind)
    known = [definition.name for definition in dataclasses.fields(kind)]
    for key in values:
        if key not in known:
            raise ConfigError(f"{source}: unknown key {key!r}{did_you_mean(key, known)}")
    missing = [key for key in ("name", "network", "scale") if key not in values]
    if missing:
        raise ConfigError(f"{source}: {', '.join(missing)} must be given.")
    return kind(**{key: _check_type(key, value, types[key], source=source) for key, value in values.items()})


def _check_type(key: str, value: Any, kind: Any, *, source: str) -> Any:
    """Check a TOML value against a field's type; whole numbers serve as floats, lists as tuples."""
    origin = get_origin(kind)
    if origin is tuple and isinstance(value, list):
        inner = get_args(kind)[0]
        return tuple(_check_type(key, element, inner, source=source) for element in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = dict if origin is not None else kind
    if not isinstance(value, expected) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{source}: {key} must be {kind if origin else kind.__name__}, got {value!r}.")
    return value

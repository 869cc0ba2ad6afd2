"""Meta-learned initializations: weights that a few gradient steps adapt to an image, and their learning rates.

The weights are a safetensors file; the card, a JSON file of the same name beside it, holds the object ``adaptation``::

    {"scale": 2, "subsample": "direct", "loss": "l1", "rates": [...], "kernel_conditioned": true, "max_side": null}

``rates`` are the learning rates of step 1, 2, ..., or an object of such lists by the names of the parameters;
parameters without a list have that of ``"*"``, or are not trained when there is none; further steps use the last rate.
With ``kernel_conditioned`` the initial code of the network is that of the kernel. A file without a card is assumed to
be one of MZSR's, with the learning rates of its code.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from kukkiri import pretrained
from kukkiri.checkpoints import load
from kukkiri.degradations import Degradation
from kukkiri.degradations.steps.subsampling import Direct
from kukkiri.errors import ConfigError, ModelError, did_you_mean
from kukkiri.losses import LOSSES
from kukkiri.networks import ContextPlain, Network

__all__ = [
    "Initialization",
    "check_grid",
    "find_initialization",
    "grid_of",
    "initializations_for",
    "load_initialization",
]

Grid = Literal["direct", "bicubic"]
_PAPER: dict[tuple[str, int], tuple[float, ...]] = {
    ("direct", 2): (0.02, *[0.01] * 3, *[0.005] * 6),
    ("bicubic", 2): (*[0.01] * 3, *[0.001] * 7),
    ("direct", 4): (0.01, *[0.005] * 4, *[0.001] * 5),
}
_PAPER_OTHER = (*[0.01] * 3, *[0.005] * 7)


@dataclass(frozen=True)
class Initialization:
    """A network with meta-learned weights, and the learning rates that adapt it."""

    name: str
    network: Network
    """Of RGB; never changed."""
    subsample: Grid
    """The grid of the images that it was trained for, see :func:`grid_of`."""
    rates: Sequence[float] | Mapping[str, Sequence[float]]
    """Learning rates of the steps: for all parameters, or by their names."""
    loss: str = "l1"
    """A key of ``kukkiri.losses.LOSSES``."""
    kernel_conditioned: bool = False
    """The network is a :class:`kukkiri.networks.ContextPlain` whose initial code is that of the kernel."""
    max_side: int | None = None
    """Images of more than ``max_side**2`` pixels are used in crops; None: 448."""

    def trains(self, parameter: str) -> bool:
        """Return True when a parameter has a learning rate other than 0."""
        return any(self.rates[parameter] if isinstance(self.rates, Mapping) else self.rates)

    def rate(self, parameter: str, step: int) -> float:
        """Return the learning rate of a parameter in step 0, 1, ...; further steps use the last one."""
        rates = self.rates[parameter] if isinstance(self.rates, Mapping) else self.rates
        return rates[min(step, len(rates) - 1)]


def grid_of(degradation: Degradation) -> Grid:
    """Return the grid of LR: ``direct``: on HR pixels, the first on the first; ``bicubic``: centred like HR's.

    ``direct:aligned``, whose kernel is shifted to the centred grid, is of the second kind.
    """
    return "direct" if any(isinstance(step, Direct) and not step.aligned for step in degradation.steps) else "bicubic"


def initializations_for(degradation: Degradation, *, scale: int) -> list[str]:
    """List the ids of the shipped initializations for a scale and a grid: ours, better and faster, before MZSR's."""
    wanted = (scale, grid_of(degradation))
    cards = {name: pretrained.read_card(name) for name in pretrained.list_initializations()}
    fitting = [name for name, card in cards.items() if _made_for(card["adaptation"]) == wanted]
    return sorted(fitting, key=lambda name: (cards[name]["network"] == "mzsr", name))


def find_initialization(degradation: Degradation, *, scale: int, network: str | None = None) -> str | None:
    """Find the shipped initialization for a scale and a grid.

    Args:
        degradation: assumed to have made the image.
        scale: integer.
        network: such as ``mzsr``; None: any, the first of :func:`initializations_for`.

    Returns:
        Its id; None when there is none.
    """
    found = initializations_for(degradation, scale=scale)
    return next((name for name in found if network in (None, pretrained.read_card(name)["network"])), None)


def load_initialization(path_or_id: str | PathLike[str], *, scale: int, subsample: Grid) -> Initialization:
    """Read an initialization.

    Args:
        path_or_id: the id of a shipped one, or a file that :func:`kukkiri.load` reads.
        scale: of the result; the weights of a network on the upscaled image do not determine it.
        subsample: for a file without a card.

    Raises:
        ModelError: no such initialization, not RGB, of another scale, or with a damaged card.
    """
    path = Path(path_or_id)
    if not path.is_file() and str(path_or_id) in pretrained.list_initializations():
        path = pretrained.locate(str(path_or_id), ".safetensors")
    network = load(path_or_id).module
    if network.conditions:
        conditions = ", ".join(network.conditions)
        raise ModelError(f"{path_or_id}: is conditioned on {conditions}, and adaptation gives it only the image.")
    if network.value_range != 1.0:
        raise ModelError(
            f"{path_or_id}: works on 0 to {network.value_range:g}, but adaptation needs 0 to 1. Use another "
            "initialization."
        )
    about = _read_adaptation(path)
    if network.colour != "rgb":
        raise ModelError(f"{path_or_id}: works on luma, but adaptation needs RGB. Use another initialization.")
    if about is None and network.pre_upsampled:
        network.scale = scale
    made_for = network.scale if about is None else about.get("scale", network.scale)
    if made_for != scale:
        raise ModelError(
            f"{path_or_id}: an initialization for scale {made_for}, but scale {scale} was requested. "
            "Use another initialization."
        )
    if about is None:
        return Initialization(path.stem, network, subsample, _PAPER.get((subsample, scale), _PAPER_OTHER))
    card, loss = path.with_suffix(".json"), about.get("loss")
    if loss not in LOSSES:
        raise ModelError(f"{card}: unknown loss {loss!r}{did_you_mean(str(loss), LOSSES)}")
    if about.get("subsample") not in ("direct", "bicubic"):
        raise ModelError(f"{card}: subsample must be direct or bicubic, got {about.get('subsample')!r}.")
    rates = _check_rates(about.get("rates"), network, source=card)
    side, conditioned = about.get("max_side"), bool(about.get("kernel_conditioned", False))
    if conditioned and not (isinstance(network, ContextPlain) and len(network.code) == 3):
        raise ModelError(
            f"{card}: kernel_conditioned needs a network with a code of three numbers, got {type(network).__name__}."
        )
    return Initialization(
        path.stem, network, about["subsample"], rates, loss, conditioned, None if side is None else int(side)
    )


def check_grid(initialization: Initialization, degradation: Degradation) -> None:
    """Check that an initialization was trained for the grid of a degradation.

    Otherwise its first steps would have to shift the whole image.

    Raises:
        ConfigError: it was trained for the other grid.
    """
    if initialization.subsample != grid_of(degradation):
        raise ConfigError(
            f"{initialization.name} was trained for {initialization.subsample} subsampling, but {degradation} makes "
            f"images on the grid of {grid_of(degradation)} subsampling. Use another initialization, or --method zssr."
        )


def _made_for(about: Mapping[str, Any]) -> tuple[int, str]:
    return about["scale"], about["subsample"]


def _read_adaptation(path: Path) -> dict[str, Any] | None:
    """Return the object ``adaptation`` of the card beside a weights file; None without a card."""
    card = path.with_suffix(".json")
    if not card.is_file():
        return None
    try:
        about = json.loads(card.read_text(encoding="utf-8")).get("adaptation")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{card}: not a card ({error}). Expected a JSON object.") from error
    if not isinstance(about, dict):
        raise ModelError(f"{card}: has no object 'adaptation', so the learning rates are unknown.")
    return about


def _check_rates(given: Any, network: Network, *, source: Path) -> tuple[float, ...] | dict[str, tuple[float, ...]]:
    """Check a card's learning rates, which may be negative when they were learned.

    Returns:
        The rates of the steps, or those of every parameter of the network.
    """
    if isinstance(given, dict):
        names = {name for name, _ in network.named_parameters()}
        unknown = sorted(set(given) - names - {"*"})
        if unknown:
            raise ModelError(
                f"{source}: learning rates of parameters that the network lacks: {', '.join(unknown[:3])}."
            )
        others = given.get("*", [0.0])
        return {name: _check_numbers(given.get(name, others), source=source) for name in names}
    return _check_numbers(given, source=source)


def _check_numbers(given: Any, *, source: Path) -> tuple[float, ...]:
    if (
        not isinstance(given, list)
        or not given
        or not all(isinstance(rate, int | float) and math.isfinite(rate) for rate in given)
    ):
        raise ModelError(f"{source}: expected learning rates, a list of numbers, got {given!r}.")
    return tuple(float(rate) for rate in given)

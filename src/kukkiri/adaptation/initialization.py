"""Meta-learned initializations: weights from which a few gradient steps on an image are enough, and their step sizes.

The weights are a safetensors file; the card, a JSON file of the same name beside it, holds the object
``adaptation``: ``{"scale": 2, "subsample": "direct", "loss": "l1", "rates": [...], "kernel_conditioned": true, "max_side": null}``.
``rates`` are the learning rates of step 1, 2, ..., or an object of such lists by the names of the parameters, of which
those without a list have the one of ``"*"``, or stay as they are without; later steps take the last. ``kernel_conditioned`` says
that the steps begin from the code of the kernel. A file without a card is taken for one of MZSR's, with the rates of
its code.
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
from kukkiri.degradations.steps import Subsample
from kukkiri.errors import ConfigError, ModelError
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
    """Where meta-test begins."""

    name: str
    network: Network
    """Of RGB; never changed."""
    subsample: Grid
    """The grid of the images that it was learned for, see :func:`grid_of`."""
    rates: Sequence[float] | Mapping[str, Sequence[float]]
    """Learning rates of the steps: for all parameters, or by their names."""
    loss: str = "l1"
    """A key of ``kukkiri.losses.LOSSES``."""
    kernel_conditioned: bool = False
    """The network is a :class:`kukkiri.networks.ContextPlain` whose code is at first that of the kernel."""
    max_side: int | None = None
    """An image of more pixels than a square of this side is learned from in crops; None: 448."""

    def learns(self, parameter: str) -> bool:
        """Whether a parameter is moved at all."""
        return any(self.rates[parameter] if isinstance(self.rates, Mapping) else self.rates)

    def rate(self, parameter: str, step: int) -> float:
        """Learning rate of a parameter in step 0, 1, ...; beyond the last one it stays as it is."""
        rates = self.rates[parameter] if isinstance(self.rates, Mapping) else self.rates
        return rates[min(step, len(rates) - 1)]


def grid_of(degradation: Degradation) -> Grid:
    """Where the pixels of LR lie: ``direct``: on HR pixels, the first on the first; ``bicubic``: between them.

    A kernel moved for ``direct:aligned`` makes images of the second kind.
    """
    sampler = next(step for step in degradation.steps if isinstance(step, Subsample))
    return "direct" if sampler.method == "direct" and not sampler.aligned else "bicubic"


def initializations_for(degradation: Degradation, *, scale: int) -> list[str]:
    """The ids of the shipped initializations for a scale and a grid: ours, which are better and quicker, before MZSR's."""
    wanted = (scale, grid_of(degradation))
    cards = {name: pretrained.read_card(name) for name in pretrained.list_initializations()}
    fitting = [name for name, one in cards.items() if _made_for(one["adaptation"]) == wanted]
    return sorted(fitting, key=lambda name: (cards[name]["network"] == "mzsr", name))


def find_initialization(degradation: Degradation, *, scale: int, network: str | None = None) -> str | None:
    """The id of the shipped initialization for a scale and a grid; None when there is none.

    Args:
        degradation: as the image was made.
        scale: whole.
        network: such as ``mzsr``; the first of :func:`initializations_for` when None.
    """
    found = initializations_for(degradation, scale=scale)
    return next((name for name in found if network in (None, pretrained.read_card(name)["network"])), None)


def load_initialization(path_or_id: str | PathLike[str], *, scale: int, subsample: Grid) -> Initialization:
    """Read an initialization.

    Args:
        path_or_id: the id of a shipped one, or a file that :func:`kukkiri.load` reads.
        scale: for a network on the upscaled image without a card, whose weights do not know it.
        subsample: for a file without a card.

    Raises:
        ModelError: no such initialization, not RGB, of another scale, or with a damaged card.
    """
    path = Path(path_or_id)
    if not path.is_file() and str(path_or_id) in pretrained.list_initializations():
        path = pretrained.locate(str(path_or_id), ".safetensors")
    network = load(path_or_id).module
    about = _adaptation(path)
    if network.colour != "rgb":
        raise ModelError(f"{path_or_id}: works on luma, but adaptation needs RGB. Use another initialization.")
    if about is None and network.pre_upsampled:
        network.scale = scale
    made_for = network.scale if about is None else about.get("scale", network.scale)
    if made_for != scale:
        raise ModelError(
            f"{path_or_id}: an initialization for scale {made_for}, but {scale} was asked. Use another initialization."
        )
    if about is None:
        return Initialization(path.stem, network, subsample, _PAPER.get((subsample, scale), _PAPER_OTHER))
    card, loss = path.with_suffix(".json"), about.get("loss")
    if loss not in LOSSES:
        raise ModelError(f"{card}: unknown loss {loss!r}. Known: {', '.join(LOSSES)}.")
    if about.get("subsample") not in ("direct", "bicubic"):
        raise ModelError(f"{card}: subsample must be direct or bicubic, got {about.get('subsample')!r}.")
    rates = _rates(about.get("rates"), network, source=card)
    side, conditioned = about.get("max_side"), bool(about.get("kernel_conditioned", False))
    if conditioned and not (isinstance(network, ContextPlain) and len(network.code) == 3):
        raise ModelError(
            f"{card}: kernel_conditioned is for networks with a code of three numbers, not for {type(network).__name__}."
        )
    return Initialization(
        path.stem, network, about["subsample"], rates, loss, conditioned, None if side is None else int(side)
    )


def check_grid(initialization: Initialization, degradation: Degradation) -> None:
    """Refuse an initialization for pixels that lie elsewhere: its first steps would have to move the whole image.

    Raises:
        ConfigError: it is one.
    """
    if initialization.subsample != grid_of(degradation):
        raise ConfigError(
            f"{initialization.name} was learned for {initialization.subsample} subsampling, but {degradation} makes images on the "
            f"grid of {grid_of(degradation)} subsampling. Use another initialization, or --method zssr."
        )


def _made_for(about: Mapping[str, Any]) -> tuple[int, str]:
    return about["scale"], about["subsample"]


def _adaptation(path: Path) -> dict[str, Any] | None:
    card = path.with_suffix(".json")
    if not card.is_file():
        return None
    try:
        about = json.loads(card.read_text(encoding="utf-8")).get("adaptation")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{card}: not a card ({error}). Expected a JSON object.") from error
    if not isinstance(about, dict):
        raise ModelError(f"{card}: no object 'adaptation', so its learning rates are unknown.")
    return about


def _rates(given: Any, network: Network, *, source: Path) -> tuple[float, ...] | dict[str, tuple[float, ...]]:
    """Numbers, which may be negative when they were learned: a list, or a list for each parameter of the network."""
    if isinstance(given, dict):
        names = {name for name, _ in network.named_parameters()}
        strangers = sorted(set(given) - names - {"*"})
        if strangers:
            other = ", ".join(strangers[:3])
            raise ModelError(f"{source}: its learning rates are not those of the network's parameters: {other}.")
        others = given.get("*", [0.0])
        return {name: _numbers(given.get(name, others), source=source) for name in names}
    return _numbers(given, source=source)


def _numbers(given: Any, *, source: Path) -> tuple[float, ...]:
    if (
        not isinstance(given, list)
        or not given
        or not all(isinstance(one, int | float) and math.isfinite(one) for one in given)
    ):
        raise ModelError(f"{source}: expected learning rates, a list of numbers, got {given!r}.")
    return tuple(float(one) for one in given)

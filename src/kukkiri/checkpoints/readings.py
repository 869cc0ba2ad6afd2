"""Readings of a state dict: every set of tensors in it that may be one network, under that network's own keys.

Training code puts prefixes before the keys (``module.``, ``net_g.``), keeps losses and metrics beside the network, and
writes in the layouts of other ports. The whole is read first, then the parts.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from kukkiri.checkpoints.dialects import DIALECTS
from kukkiri.info import JSON

__all__ = ["Part", "Reading", "add_missing_counters", "find_reading", "list_parts", "list_readings", "strip_wrappers"]

_WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that DataParallel and torch.compile add to every key."""
_NETWORKS = re.compile(
    r"(?:(?:module|model|net|network|generator|gen|netg|g|sr|srnet|srmodel|student|ema|shadow|avg|average|averaged|params|"
    r"state|statedict|weights|main|base|core|backbone|encoder|learner|architecture|arch|inner|wrapped|forward)[_\d]*)+",
    re.IGNORECASE,
)
"""Names of attributes that hold a network; tried last, as the keys of some networks begin with such a name."""
_AVERAGED = re.compile(r"ema|shadow|av(?:era)?g", re.IGNORECASE)
_OTHERS = re.compile(
    r".*(?:loss|criterion|metric|psnr|ssim|lpips|niqe|perceptual|vgg|feature|disc|critic|net_?d\b|optim|sched).*|d|fid|dists",
    re.IGNORECASE,
)
"""Names of attributes that hold no network from image to image."""
_DEPTH = 3


@dataclass(frozen=True)
class Reading:
    """One way to read a state dict."""

    tensors: dict[str, Tensor]
    dialect: str = ""
    """The foreign layout that was translated; empty: none."""
    arguments: Mapping[str, JSON] = field(default_factory=dict)
    """Keywords of the constructor that the layout implies."""
    assumes: str = ""
    """Arguments that the layout leaves open, and the values taken for them."""
    dropped: tuple[str, ...] = ()
    """Keys that the translation left out."""


@dataclass(frozen=True)
class Part:
    """The tensors under one prefix."""

    prefix: str
    tensors: dict[str, Tensor]
    beside: tuple[str, ...]
    """First names of the keys that are left out."""

    @property
    def rank(self) -> int:
        """Order of trust: 0 for averaged weights, 1 for the name of a network, 2 for other names."""
        names = self.prefix.rstrip(".").split(".")
        if not all(_NETWORKS.fullmatch(name) for name in names):
            return 2
        return 0 if any(_AVERAGED.search(name) for name in names) else 1

    @property
    def is_alone(self) -> bool:
        """Only losses, metrics and the like stand beside it."""
        return all(_OTHERS.fullmatch(name) for name in self.beside)


def strip_wrappers(state: Mapping[str, Tensor], *, outer: bool = False) -> dict[str, Tensor]:
    """Remove prefixes that all keys share: ``module.``; with ``outer`` also ``model.``, ``generator.`` and so on."""
    stripped = dict(state)
    while stripped:
        firsts = {key.split(".", 1)[0] for key in stripped if "." in key}
        if len(firsts) != 1 or not all("." in key for key in stripped):
            break
        (first,) = firsts
        if f"{first}." not in _WRAPPERS and not (outer and _NETWORKS.fullmatch(first)):
            break
        stripped = {key.removeprefix(f"{first}."): value for key, value in stripped.items()}
    return stripped


def list_readings(state: Mapping[str, Tensor]) -> Iterator[Reading]:
    """List the readings of a state dict that holds one network: unchanged, translated, then without prefixes."""
    plain, inner = strip_wrappers(state), strip_wrappers(state, outer=True)
    seen = []
    for tensors in (plain, *_strip_one_by_one(plain), inner):
        if tensors.keys() in seen:
            continue
        seen.append(tensors.keys())
        yield Reading(tensors)
        for dialect in DIALECTS:
            if dialect.applies(tensors):
                translated = dialect.translate(tensors)
                if translated.keys() != tensors.keys():
                    dropped = tuple(tensors.keys() - translated.keys()) if len(translated) < len(tensors) else ()
                    arguments = {**dialect.arguments, **dialect.infer(tensors)}
                    yield Reading(translated, dialect.name, arguments, dialect.assumes, dropped)


def _strip_one_by_one(state: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Remove names that all keys share one after the other, whatever they are: nothing stands beside them."""
    tensors = dict(state)
    for _ in range(_DEPTH):
        firsts = {key.split(".", 1)[0] for key in tensors}
        if len(firsts) != 1 or not all("." in key for key in tensors):
            return
        tensors = {key.split(".", 1)[1]: value for key, value in tensors.items()}
        yield tensors


def find_reading(state: Mapping[str, Tensor], expected: Mapping[str, torch.Size]) -> Reading:
    """Find the reading of a state dict that has the most tensors of a known network, for one that is made already."""
    readings = list(list_readings(state))
    for part in list_parts(state):
        readings += list_readings(part.tensors)

    def count(reading: Reading) -> tuple[int, int]:
        shapes = [
            key for key, size in expected.items() if key in reading.tensors and reading.tensors[key].shape == size
        ]
        return len(shapes), sum(key in reading.tensors for key in expected)

    best = max(readings, key=count)
    return replace(best, tensors=add_missing_counters(best.tensors, expected))


def list_parts(state: Mapping[str, Tensor]) -> list[Part]:
    """List the parts of a state dict that may be a network beside other modules, the most likely first."""
    found: list[Part] = []
    prefixes = {""}
    for _ in range(_DEPTH):
        prefixes = {
            prefix + key.removeprefix(prefix).split(".", 1)[0] + "."
            for prefix in prefixes
            for key in state
            if key.startswith(prefix) and "." in key.removeprefix(prefix)
        }
        for prefix in sorted(prefixes):
            inside = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            outside = {_name_beside(key, prefix) for key in state if not key.startswith(prefix)}
            if outside and len(inside) > 1 and not _OTHERS.fullmatch(prefix.rstrip(".").split(".")[0]):
                found.append(Part(prefix, inside, tuple(sorted(outside))))
    return sorted(found, key=lambda part: part.rank)


def _name_beside(key: str, prefix: str) -> str:
    """First name of a key that differs from the prefix."""
    names, ours = key.split("."), prefix.split(".")
    return next((name for name, other in zip(names, ours, strict=False) if name != other), names[0])


def add_missing_counters(state: Mapping[str, Tensor], expected: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Add the counters of batch normalizations, which files before PyTorch 0.4.1 lack and which change no result."""
    missing = [key for key in expected if key not in state and key.endswith(".num_batches_tracked")]
    return {**state, **{key: torch.zeros((), dtype=torch.long) for key in missing}}

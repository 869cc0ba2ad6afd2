"""Weights of others: the network that a state dict belongs to, recognized by the keys and shapes of its tensors."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from kukkiri.checkpoints.description import settle_white
from kukkiri.checkpoints.misfits import Misfit, find_misfit, write_misfits
from kukkiri.checkpoints.readings import (
    Part,
    Reading,
    add_missing_counters,
    list_parts,
    list_readings,
    strip_wrappers,
)
from kukkiri.checkpoints.shapes import list_shapes
from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks import NETWORKS
from kukkiri.networks.construction import make_network_from

__all__ = ["Recognized", "recognize"]


@dataclass(frozen=True)
class Recognized:
    """The network that a foreign state dict belongs to."""

    network: str
    """Its name in ``NETWORKS``."""
    arguments: dict[str, JSON]
    """Keywords for its constructor."""
    state: dict[str, Tensor]
    """The tensors under the keys of that network, which load with ``strict=True``."""
    dialect: str = ""
    """The foreign layout that was translated; empty: none."""
    assumed: Mapping[str, str] = field(default_factory=dict)
    """Keywords that the tensors do not tell and nobody gave, each with words that help to choose its value."""
    notes: tuple[str, ...] = ()
    """Sentences about what else was assumed or left out."""


def recognize(
    state: Mapping[str, Tensor], *, source: str, preferred_scale: int | None = None, **arguments: JSON
) -> Recognized:
    """Find the network that a state dict belongs to.

    Args:
        state: tensors by name; losses and metrics may stand beside the network.
        source: the file's name, for the error message.
        preferred_scale: taken where the tensors leave the scale open; ``arguments`` may give it strictly.
        **arguments: keywords for the constructor that the tensors do not determine, such as ``scale=3`` for an
            FSRCNN or ``res_scale=0.1`` for the wide EDSR; they override inferred ones.

    Raises:
        ModelError: no known network has these keys and shapes, several have, or an argument does not fit.
    """
    search = _Search(source, arguments, preferred_scale)
    found = search.read(state)
    if found is not None:
        return found
    for found, part in search.read_parts(list_parts(state)):
        beside = ", ".join(f"{name}.*" for name in part.beside[:5])
        return replace(found, notes=(*found.notes, f"the tensors under {part.prefix}* are used, not {beside}"))
    stripped = strip_wrappers(state), strip_wrappers(state, outer=True)
    raise ModelError(f"{source}: {write_misfits(stripped, search.misfits)}")


@dataclass
class _Search:
    """A search through the registry, which remembers why networks did not fit."""

    source: str
    arguments: Mapping[str, JSON]
    preferred_scale: int | None
    misfits: list[Misfit] = field(default_factory=list)

    def read(self, state: Mapping[str, Tensor]) -> Recognized | None:
        """Recognize a state dict of one network."""
        for reading in list_readings(state):
            for network in NETWORKS:
                found = self._fit(network, reading)
                if found is not None:
                    return found
        return None

    def read_parts(self, parts: list[Part]) -> Iterator[tuple[Recognized, Part]]:
        """Recognize the part that is meant.

        Raises:
            ModelError: two parts are networks of another kind, or a part of a larger network is known.
        """
        found = [(recognized, part) for part in parts if (recognized := self.read(part.tensors)) is not None]
        if not found:
            return
        best, part = found[0]
        same_rank = [
            (other, twin)
            for other, twin in found[1:]
            if twin.rank == part.rank and not twin.prefix.startswith(part.prefix) and not _is_same(other, best)
        ]
        if same_rank:
            names = ", ".join(f"{each.prefix}* ({other.network})" for other, each in [(best, part), *same_rank])
            raise ModelError(f"{self.source}: holds several networks: {names}. Save the one that is meant by itself.")
        if part.rank == 2 and not part.is_alone:
            raise ModelError(
                f"{self.source}: {part.prefix}* is {best.network}, but beside {', '.join(part.beside[:5])} it may be "
                "a part of a larger network. Save its tensors by themselves if it is the whole."
            )
        yield best, part

    def _fit(self, network: str, reading: Reading) -> Recognized | None:
        """Infer the arguments with which ``network`` has exactly these keys and shapes; ``None``: there are none."""
        kind, tensors = NETWORKS[network], reading.tensors
        takes = inspect.signature(kind.arguments_from_state).parameters
        given = {**reading.arguments, **self.arguments}
        wanted = {key: given[key] for key in takes if key in given}
        if "scale" in takes and self.preferred_scale is not None:
            wanted.setdefault("scale", self.preferred_scale)
        try:
            inferred = kind.arguments_from_state(tensors, **wanted)
        except ModelError as error:
            if "scale" in takes and "scale" not in wanted and self._fits_at_some_scale(network, tensors):
                raise ModelError(
                    f"{self.source}: {network}, whose file does not tell its scale. Give the whole one that it was "
                    "trained for: --scale N or --model-args scale=N, in Python load(..., scale=N)."
                ) from error
            self.misfits.append(Misfit(network, str(error)))
            return None
        except (ValueError, IndexError, KeyError, ZeroDivisionError, RuntimeError):
            return None
        expected = list_shapes(network, inferred)
        if expected is None:
            self.misfits.append(Misfit(network, _explain(network, inferred)))
            return None
        tensors = add_missing_counters(tensors, expected)
        misfit = find_misfit(network, tensors, expected, dialect=reading.dialect)
        if misfit is not None:
            self.misfits.append(misfit)
            return None
        merged = self._merge(network, {**inferred, **reading.arguments})
        settled = {*given, *wanted}
        assumed = {key: words for key, words in kind.list_untraced(merged).items() if key not in settled}
        notes = (reading.assumes,) if reading.assumes else ()
        return Recognized(network, merged, tensors, reading.dialect, assumed, notes)

    @staticmethod
    def _fits_at_some_scale(network: str, tensors: Mapping[str, Tensor]) -> bool:
        """True when only the scale is missing, which leaves no trace."""
        try:
            inferred = NETWORKS[network].arguments_from_state(tensors, scale=2)  # type: ignore[call-arg]
        except (ModelError, ValueError, IndexError, KeyError, RuntimeError):
            return False
        return list_shapes(network, inferred) == {key: value.shape for key, value in tensors.items()}

    def _merge(self, network: str, inferred: dict[str, JSON]) -> dict[str, JSON]:
        """Override inferred arguments by given ones, if the constructor takes them and the shapes stay."""
        known = inspect.signature(NETWORKS[network]).parameters
        given = settle_white(network, self.arguments, source=self.source)
        for key in given:
            if key not in known:
                raise ModelError(f"{self.source}: {network} takes no argument {key!r}. It takes: {', '.join(known)}.")
        merged = {**inferred, **given}
        if merged != inferred and list_shapes(network, merged) != list_shapes(network, inferred):
            wrong = ", ".join(f"{key}={value!r}" for key, value in given.items() if inferred.get(key, value) != value)
            was = ", ".join(f"{key}={value!r}" for key, value in inferred.items())
            raise ModelError(f"{self.source}: {wrong} does not fit, its tensors are those of {network} with {was}.")
        return merged


def _explain(network: str, arguments: Mapping[str, JSON]) -> str:
    """Write why a network cannot be made of the arguments that its tensors tell."""
    try:
        with torch.device("meta"):
            make_network_from(network, arguments)
    except ValueError as error:
        return str(error)
    return "no network has such tensors"


def _is_same(first: Recognized, second: Recognized) -> bool:
    """True for two copies of a network, such as the last weights and their average."""
    return (first.network, first.arguments) == (second.network, second.arguments)

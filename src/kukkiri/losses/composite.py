"""A loss of several weighted terms, each active in its share of the run: the ``loss`` of a recipe."""

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from kukkiri.errors import ConfigError, did_you_mean
from kukkiri.info import JSON
from kukkiri.losses.arguments import check_argument, is_finite_number, read_arguments, read_needs
from kukkiri.losses.interface import Loss
from kukkiri.losses.registry import LOSSES

__all__ = ["CompositeLoss", "LossTerm", "parse_loss"]

_WEIGHT_AND_SHARES = ("weight", "from", "until")


@dataclass(frozen=True, kw_only=True)
class LossTerm:
    """One loss of the sum."""

    name: str
    """A key of ``LOSSES``."""
    weight: float
    """Its factor, positive."""
    start: float
    """Fraction of the run's steps, in [0, 1), from which it is active."""
    until: float
    """Fraction of the run's steps, in (0, 1], at which it is no longer active; 1: active to the end."""
    function: Loss
    """The loss with its arguments set."""
    needs: frozenset[str]
    """Keywords that ``function`` needs besides sr and hr."""

    def is_active(self, progress: float) -> bool:
        """True where the term counts."""
        return self.start <= progress and (progress < self.until or self.until == 1.0)


@dataclass(frozen=True)
class CompositeLoss:
    """The weighted sum of the active terms; a single term of weight 1 is that loss, bit for bit."""

    terms: tuple[LossTerm, ...]
    """At least one, and at any progress in [0, 1] at least one of them active."""

    @property
    def needs(self) -> frozenset[str]:
        """Keywords that some term needs, at whatever progress."""
        return frozenset().union(*(term.needs for term in self.terms))

    def __call__(
        self, sr: Tensor, hr: Tensor, *, progress: float = 0.0, **given: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the sum.

        Args:
            sr: as of :class:`kukkiri.losses.Loss`.
            hr: as of :class:`kukkiri.losses.Loss`.
            progress: steps done, as a fraction of the steps of the run, in [0, 1].
            **given: inputs by name, of which a term receives those that it needs.

        Returns:
            The total, and the value of each active term by name, without its weight and detached from the graph.

        Raises:
            ConfigError: an active term needs an input that was not given.
            ValueError: ``progress`` is not in [0, 1].
        """
        if not 0.0 <= progress <= 1.0:
            raise ValueError(f"progress must be in [0, 1], got {progress}")
        total: Tensor | None = None
        parts: dict[str, Tensor] = {}
        for term in self.terms:
            if not term.is_active(progress):
                continue
            missing = sorted(term.needs - given.keys())
            if missing:
                raise ConfigError(
                    f"the loss {term.name!r} needs {', '.join(missing)}, which this training does not give "
                    f"(it gives {', '.join(sorted(given)) or 'only sr and hr'}). Leave this loss out."
                )
            value = term.function(sr, hr, **{need: given[need] for need in term.needs})
            parts[term.name] = value.detach()
            weighted = value if term.weight == 1.0 else term.weight * value
            total = weighted if total is None else total + weighted
        if total is None:
            raise ValueError(f"no term is active at progress {progress}")
        return total, parts


def parse_loss(value: str | Mapping[str, float | Mapping[str, JSON]], *, key: str = "loss") -> CompositeLoss:
    """Read the loss of a recipe.

    Args:
        value: a key of ``LOSSES``; or weights by key; or by key a table of ``weight`` (default 1), ``from`` and
            ``until`` (fractions of the run's steps, default 0 and 1) and arguments of the loss. A term of weight 0 is
            left out.
        key: of the recipe, for messages.

    Returns:
        The loss.

    Raises:
        ConfigError: unknown loss, unknown key, a value of the wrong type or out of its range, no positive weight, or a
            part of the run in which no term is active.
    """
    if isinstance(value, str):
        value = {value: 1.0}
    if not isinstance(value, Mapping) or not value:
        raise ConfigError(
            f"{key} must be the name of a loss, such as 'l1', or a table of weights, such as "
            f"{{ l1 = 1.0, fft = 0.05 }}; got {value!r}."
        )
    terms = tuple(_parse_term(name, entry, key=key) for name, entry in value.items())
    active = tuple(term for term in terms if term.weight > 0)
    if not active:
        raise ConfigError(f"{key}: every weight is 0. Give one of {', '.join(value)} a positive weight.")
    _check_no_gap(active, key=key)
    return CompositeLoss(active)


def _parse_term(name: str, entry: object, *, key: str) -> LossTerm:
    if name not in LOSSES:
        raise ConfigError(f"{key}: unknown loss {name!r}{did_you_mean(str(name), LOSSES)}")
    where = f"{key}.{name}"
    if not isinstance(entry, Mapping | int | float):
        raise ConfigError(
            f"{where} must be a weight or a table of weight, from, until and arguments of the loss; got {entry!r}."
        )
    table = entry if isinstance(entry, Mapping) else {"weight": entry}
    numbers = {"weight": 1.0, "from": 0.0, "until": 1.0}
    arguments = {argument.name: argument for argument in read_arguments(LOSSES[name])}
    chosen = {}
    for word, setting in table.items():
        if word in numbers and word in arguments and table is entry:
            raise ConfigError(
                f"{where}: {word!r} is a key of the table and an argument of the loss. Rename the argument."
            )
        if word in numbers:
            numbers[word] = _read_number(setting, where=where if table is not entry else f"{where}.{word}")
        elif word in arguments:
            try:
                chosen[word] = check_argument(arguments[word], setting)
            except ValueError as error:
                raise ConfigError(f"{where}.{word} {error}") from None
        else:
            raise ConfigError(f"{where}: unknown key {word!r}{did_you_mean(str(word), [*numbers, *arguments])}")
    weight, start, until = (numbers[word] for word in _WEIGHT_AND_SHARES)
    if weight < 0:
        raise ConfigError(f"{where}: the weight must not be negative, got {weight:g}.")
    if not 0 <= start < until <= 1:
        raise ConfigError(
            f"{where}: from and until are fractions of the steps with 0 <= from < until <= 1, "
            f"got from = {start:g}, until = {until:g}."
        )
    loss = LOSSES[name]
    function = functools.partial(loss, **chosen) if chosen else loss
    return LossTerm(name=name, weight=weight, start=start, until=until, function=function, needs=read_needs(loss))


def _read_number(value: Any, *, where: str) -> float:
    if not is_finite_number(value):
        raise ConfigError(f"{where} must be a finite number, got {value!r}.")
    return float(value)


def _check_no_gap(terms: tuple[LossTerm, ...], *, key: str) -> None:
    """Refuse a part of the run without an active term; such a part begins at 0 or where a term ends."""
    edges = sorted({0.0, 1.0, *(term.start for term in terms), *(term.until for term in terms)})
    for edge, following in itertools.pairwise(edges):
        if not any(term.is_active(edge) for term in terms):
            raise ConfigError(
                f"{key}: no term is active from {edge:g} until {following:g} of the steps. "
                f"Change from or until of {', '.join(term.name for term in terms)}, or add a term."
            )

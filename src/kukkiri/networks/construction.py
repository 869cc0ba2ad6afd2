"""Networks made from the arguments of a recipe or of a checkpoint, with words for those that do not fit."""

import inspect
import math
import typing
import warnings
from collections.abc import Mapping, Sequence

from kukkiri.errors import did_you_mean
from kukkiri.info import JSON
from kukkiri.networks.interface import Network
from kukkiri.networks.registry import NETWORKS

__all__ = ["make_network_from"]


def make_network_from(name: str, arguments: Mapping[str, JSON]) -> Network:
    """Make a network of the registry.

    Args:
        name: a key of ``NETWORKS``.
        arguments: keywords of its constructor.

    Raises:
        ValueError: the message says which argument does not fit, and what is expected.
    """
    kind = NETWORKS[name]
    wrong = _find_wrong(kind, arguments)
    if wrong:
        raise ValueError(f"{name} does not take these arguments: {wrong}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about empty layers, which are refused below
            network = kind(**arguments)
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError, ZeroDivisionError) as error:
        reason = str(error).rstrip(".") if isinstance(error, ValueError) else "no layer can be made of them"
        raise ValueError(f"{name} does not take these arguments: {reason}. It was given {dict(arguments)}.") from error
    empty = next((key for key, value in network.named_parameters() if not value.numel()), "")
    if empty:
        raise ValueError(
            f"{name} does not take these arguments: {dict(arguments)} leave {empty} empty. Widths are at least 1."
        )
    return network


def _find_wrong(kind: type[Network], arguments: Mapping[str, JSON]) -> str:
    """Write what is wrong with the first argument that does not fit; empty: nothing."""
    parameters = inspect.signature(kind).parameters
    try:
        hints = typing.get_type_hints(kind.__init__)
    except (NameError, TypeError):  # annotations of another package that cannot be read here
        hints = {}
    for key, value in arguments.items():
        if key not in parameters:
            return f"unknown argument {key!r}{did_you_mean(key, list(parameters))}"
        expected = _find_expected(hints.get(key), value)
        if expected:
            return f"{key} must be {expected}, got {value!r}."
    missing = [key for key, each in parameters.items() if each.default is each.empty and key not in arguments]
    return f"{', '.join(missing)} must be given." if missing else ""


def _find_expected(hint: object, value: JSON) -> str:
    """Write what a type wants; empty: the value is of it, or the type is of another kind."""
    choices = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return "" if value in choices else f"one of {', '.join(map(repr, choices))}"
    if hint is bool:
        return "" if isinstance(value, bool) else "true or false"
    if hint is int:
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return "" if fits else "a whole number that is not negative"
    if hint is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return "" if fits else "a number"
    if hint is str:
        return "" if isinstance(value, str) else "a text"
    if typing.get_origin(hint) in (tuple, Sequence) and int in choices:
        numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
        whole = [isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in numbers]
        return "" if whole and all(whole) else "a list of whole numbers"
    return ""

"""The needs and the arguments of a loss, read from its signature; the check of a recipe's values for them."""

import functools
import inspect
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from torch import nn

from kukkiri.errors import did_you_mean
from kukkiri.info import JSON
from kukkiri.losses.interface import Loss

__all__ = [
    "Argument",
    "Range",
    "argument_schema",
    "check_argument",
    "describe_kind",
    "is_finite_number",
    "read_arguments",
    "read_needs",
]


@dataclass(frozen=True, kw_only=True)
class Range:
    """The numbers that an argument may have: ``Annotated[float, Range(above=0.0, most=1.0)]``."""

    above: float = -math.inf
    """Every value is greater than it."""
    least: float = -math.inf
    """The least value."""
    most: float = math.inf
    """The greatest value."""

    def holds(self, value: float) -> bool:
        """True for a number in the range."""
        return self.above < value and self.least <= value <= self.most

    def describe(self) -> str:
        """Its limits in words, such as ``above 0 and at most 1``."""
        words = {"above": self.above, "at least": self.least, "at most": self.most}
        return " and ".join(f"{word} {limit:g}" for word, limit in words.items() if math.isfinite(limit))


@dataclass(frozen=True)
class Argument:
    """A keyword-only parameter of a loss that has a default."""

    name: str
    kind: Any
    """Its type: bool, int, float, str, a Literal or a tuple of these, perhaps ``Annotated`` with a :class:`Range`."""
    default: Any


def read_needs(loss: Loss) -> frozenset[str]:
    """Return the names of the inputs that a loss needs besides sr and hr."""
    return frozenset(parameter.name for parameter in _keywords(loss) if parameter.default is parameter.empty)


def read_arguments(loss: Loss) -> tuple[Argument, ...]:
    """Return the arguments of a loss in the order of its signature."""
    try:
        hints = get_type_hints(_function(loss), include_extras=True)
    except (NameError, TypeError):  # annotations that cannot be resolved: the type of the default serves
        hints = {}
    keywords = [parameter for parameter in _keywords(loss) if parameter.default is not parameter.empty]
    return tuple(
        Argument(parameter.name, hints.get(parameter.name, type(parameter.default)), parameter.default)
        for parameter in keywords
    )


def _function(loss: Loss) -> Any:
    """The function that has the annotations of the loss."""
    if isinstance(loss, functools.partial):
        return _function(loss.func)
    return loss.forward if isinstance(loss, nn.Module) else loss if inspect.isroutine(loss) else type(loss).__call__


def _keywords(loss: Loss) -> list[inspect.Parameter]:
    called = loss.forward if isinstance(loss, nn.Module) else loss  # a module's own signature is (*args, **kwargs)
    try:
        parameters = inspect.signature(called).parameters.values()
    except ValueError:  # a function written in C that has no signature
        return []
    return [parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def check_argument(argument: Argument, value: Any) -> Any:
    """Check a value of a recipe against the type of an argument.

    Args:
        argument: of :func:`read_arguments`.
        value: as TOML or JSON gives it.

    Returns:
        The value; a whole number for a float becomes a float, a list for a tuple a tuple.

    Raises:
        ValueError: another type, or a number out of its range; the message is the end of a sentence that begins with
            the name of the argument.
    """
    checked = _convert(argument.kind, value)
    if checked is _UNFIT:
        hint = ""
        choices = [choice for choice in get_args(argument.kind) if isinstance(choice, str)]
        if get_origin(argument.kind) is Literal and isinstance(value, str):
            hint = did_you_mean(value, choices).partition(" Known")[0].removeprefix(".")
        raise ValueError(f"must be {describe_kind(argument.kind)}, got {value!r}{hint or '.'}")
    return checked


_UNFIT = object()


def _convert(kind: Any, value: Any) -> Any:
    """The value as the type has it, or ``_UNFIT``."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        checked = _convert(inner[0], value)
        fits = checked is not _UNFIT and all(limit.holds(checked) for limit in inner[1:] if isinstance(limit, Range))
        return checked if fits else _UNFIT
    if origin is Literal:
        return value if any(value == choice and type(value) is type(choice) for choice in inner) else _UNFIT
    if origin in (Union, UnionType):
        return next((found for part in inner if (found := _convert(part, value)) is not _UNFIT), _UNFIT)
    if origin is tuple:
        return _convert_tuple(inner, value)
    if kind in (None, NoneType):
        return value if value is None else _UNFIT
    if kind is float:
        return float(value) if is_finite_number(value) else _UNFIT
    if kind in (bool, int, str):
        return value if type(value) is kind else _UNFIT
    return value


def is_finite_number(value: object) -> bool:
    """True for an int or a float that a float can hold; False for a bool, NaN and infinity."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _convert_tuple(kinds: tuple[Any, ...], value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return _UNFIT
    each = (kinds[0],) * len(value) if kinds[-1] is Ellipsis else kinds
    if len(each) != len(value):
        return _UNFIT
    converted = tuple(_convert(kind, element) for kind, element in zip(each, value, strict=True))
    return _UNFIT if any(element is _UNFIT for element in converted) else converted


def describe_kind(kind: Any) -> str:
    """Return an argument's type in words, such as ``a finite number above 0 and at most 1``."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        limits = " and ".join(limit.describe() for limit in inner[1:] if isinstance(limit, Range))
        return f"{describe_kind(inner[0])} {limits}"
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin in (Union, UnionType):
        return " or ".join(map(describe_kind, inner))
    if origin is tuple:
        each = [describe_kind(part) for part in inner if part is not Ellipsis]
        words = f"each {each[0]}" if len(set(each)) == 1 else ", ".join(each)
        return f"a list, {words}" if inner[-1] is Ellipsis else f"a list of {len(inner)} values, {words}"
    return _WORDS.get(kind, str(kind))


_WORDS = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text", NoneType: "nothing"}
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", NoneType: "null"}


def argument_schema(kind: Any) -> dict[str, JSON]:
    """Return the JSON Schema of an argument's type; ``{}``, which allows anything, for a type of another sort."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        schema = argument_schema(inner[0])
        for limit in inner[1:]:
            if isinstance(limit, Range):
                keys = {"exclusiveMinimum": limit.above, "minimum": limit.least, "maximum": limit.most}
                schema.update({key: value for key, value in keys.items() if math.isfinite(value)})
        return schema
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, UnionType):
        return {"anyOf": [argument_schema(part) for part in inner]}
    if origin is tuple and inner[-1] is Ellipsis:
        return {"type": "array", "items": argument_schema(inner[0])}
    if origin is tuple:
        items: list[Mapping[str, JSON]] = [argument_schema(part) for part in inner]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    return {"type": _TYPES[kind]} if kind in _TYPES else {}

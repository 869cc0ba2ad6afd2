"""Rules that hold for every option of every command: whole numbers stay whole, lists take several values at once."""

from collections.abc import Sequence
from typing import Annotated, Any, get_args

from cyclopts import CoercionError, Parameter, Token, convert

from kukkiri.errors import KukkiriError

__all__ = ["EVERY_PARAMETER", "STREAM", "Inputs", "OptionalInputs", "UsageError", "holds_whole_numbers"]

STREAM = "\0-"
"""Stands for ``-``, standard input or output, which the parser would take for an option; no file has this name."""


class UsageError(KukkiriError):
    """Options that do not go together, or whose value cannot be read; the exit code is 2."""


def holds_whole_numbers(hint: Any) -> bool:
    """True for ``int``, and for an optional, a list or a tuple of it."""
    return hint is int or any(holds_whole_numbers(part) for part in get_args(hint))


def _convert(hint: Any, tokens: Sequence[Token]) -> Any:
    """Convert as cyclopts does, but refuse to round.

    ``3.0`` and ``1e3`` are whole and pass as 3 and 1000; ``2.5`` is refused.

    Raises:
        CoercionError: a whole number was expected, or cyclopts cannot convert it.
    """
    return convert(hint, [_whole(token) for token in tokens] if holds_whole_numbers(hint) else tokens)


def _whole(token: Token) -> Token:
    try:
        value = float(token.value)
    except ValueError:  # no number at all: cyclopts says so
        return token
    if not value.is_integer():
        raise CoercionError(msg=f"must be a whole number, got {token.value}", token=token, target_type=int)
    return token if token.value.lstrip("+-").isdecimal() else token.evolve(value=str(int(value)))


def _show_default(value: Any) -> str | None:
    """The default as the help shows it; nothing for what is off, empty or chosen later."""
    if value is None or value is False or value == ():
        return None
    if value is True:
        return "on"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


EVERY_PARAMETER = Parameter(negative=(), consume_multiple=True, converter=_convert, show_default=_show_default)
"""Flags have no ``--no-`` twin unless they ask for one; a list option takes ``--model a b`` and repetition."""

Inputs = Annotated[list[str], Parameter(name="INPUT")]
"""Images, clips, folders and globs."""

OptionalInputs = Annotated[tuple[str, ...], Parameter(name="INPUT")]
"""The same, where a list of them may be given instead."""

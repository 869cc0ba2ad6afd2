"""The text of one step: its arguments are read one by one, and written in one way."""

import math
from collections.abc import Sequence

from kukkiri.errors import ConfigError, did_you_mean

__all__ = ["Arguments", "write_number", "write_step"]


class Arguments:
    """The arguments of one step, ``name:argument,argument``: numbers, words and ``key=value`` in any order.

    A step takes those that it knows; :meth:`finish` refuses the rest.
    """

    def __init__(self, text: str, *, usage: str = "") -> None:
        """Split a text at its commas.

        Args:
            text: of one step, such as ``noise:0.1,grey``.
            usage: what may follow the name, such as ``:STD[,grey]``, for messages.
        """
        self.text = text
        self.name, _, rest = text.partition(":")
        self._usage = usage
        self._parts = [part.strip() for part in rest.split(",")] if rest else []
        self._known: list[str] = []

    def first(self) -> str:
        """Take the first argument as it stands; empty when there is none."""
        return self._parts.pop(0) if self._parts else ""

    def numbers(self, fewest: int, most: int | None = None) -> tuple[float, ...]:
        """Take all numbers.

        Args:
            fewest: how many there must be.
            most: how many there may be; ``fewest`` when None.

        Raises:
            ConfigError: another count, or a number that is not finite.
        """
        found, rest = [], []
        for part in self._parts:
            try:
                found.append(float(part))
            except ValueError:
                rest.append(part)
        self._parts = rest
        if not all(map(math.isfinite, found)):
            raise self.error("its numbers must be finite")
        most = fewest if most is None else most
        if not fewest <= len(found) <= most:
            wanted = f"{fewest}" if fewest == most else f"{fewest} {'or' if most == fewest + 1 else 'to'} {most}"
            raise self.error(f"it has {len(found)} numbers, {wanted} expected")
        return tuple(found)

    def whole_numbers(self, fewest: int, most: int | None = None) -> tuple[int, ...]:
        """Take all numbers, which must be whole; arguments and errors as for :meth:`numbers`."""
        return tuple(self._whole(number, f"{number:g}") for number in self.numbers(fewest, most))

    def flag(self, word: str) -> bool:
        """Take a word; False when it is not there."""
        return self.choice((word,)) is not None

    def choice(self, words: Sequence[str]) -> str | None:
        """Take one of several words; None when none of them is there."""
        self._known += words
        found = next((part for part in self._parts if part in words), None)
        if found is not None:
            self._parts.remove(found)
        return found

    def option(self, key: str) -> str | None:
        """Take the value of ``key=value``, the last one if there are several; None when there is none."""
        self._known.append(f"{key}=")
        found = [part for part in self._parts if part.startswith(f"{key}=")]
        self._parts = [part for part in self._parts if part not in found]
        return found[-1].partition("=")[2] if found else None

    def whole_option(self, key: str) -> int | None:
        """Take the value of ``key=value`` as a whole number; None when there is none.

        Raises:
            ConfigError: it is not whole.
        """
        value = self.option(key)
        try:
            return None if value is None else int(value)
        except ValueError:
            raise self.error(f"{value!r} is not a whole number") from None

    def finish(self) -> None:
        """Refuse arguments that were not taken.

        Raises:
            ConfigError: there are some.
        """
        if self._parts:
            left = self._parts[0]
            if left in self._known:
                raise self.error(f"{left!r} is there twice")
            hint = did_you_mean(left, self._known).rstrip(".") if self._known else ""
            raise self.error(f"{left!r} means nothing there{hint}")

    def error(self, problem: str) -> ConfigError:
        """An error about this text, which ends with the usage of the step."""
        return ConfigError(f"cannot read {self.text!r}: {problem}. Write {self.name}{self._usage}.")

    def _whole(self, value: float, text: str) -> int:
        if value != int(value):
            raise self.error(f"{text} is not a whole number")
        return int(value)


def write_number(value: float) -> str:
    """The shortest decimal that reads back as the same float, without a plus sign."""
    return repr(value).replace("e+", "e")


def write_step(name: str, *arguments: str) -> str:
    """The text form of a step; empty arguments are left out."""
    written = ",".join(argument for argument in arguments if argument)
    return f"{name}:{written}" if written else name

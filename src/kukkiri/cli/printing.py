"""Results to stdout, progress and warnings to stderr."""

import json
import sys
from typing import Any, Self

__all__ = ["TerminalBar", "print_json", "print_progress", "print_result"]


def print_result(text: str) -> None:
    """One line of result."""
    print(text)  # noqa: T201


def print_json(value: Any) -> None:
    """The one JSON object of a ``--json`` run."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201


def print_progress(text: str) -> None:
    """One line of progress or warning."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


class TerminalBar:
    """What shows progress by a rich bar while it is entered; without a bar, which only a terminal gets, nothing."""

    _bar: Any = None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

"""Results to stdout, progress and warnings to stderr."""

import json
import sys
from typing import Any

__all__ = ["print_json", "print_progress", "print_result"]


def print_result(text: str) -> None:
    """One line of result."""
    print(text)  # noqa: T201


def print_json(value: Any) -> None:
    """The one JSON object of a ``--json`` run."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201


def print_progress(text: str) -> None:
    """One line of progress or warning."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201

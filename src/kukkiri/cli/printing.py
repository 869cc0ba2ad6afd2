"""Results to stdout, progress and warnings to stderr."""

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from kukkiri.errors import make_printable

if TYPE_CHECKING:
    from kukkiri.inference import FileJob

__all__ = [
    "TerminalBar",
    "make_line_printable",
    "name_own_options",
    "print_json",
    "print_progress",
    "print_result",
    "report_file",
]

_UPPER_CONTROLS = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
"""Controls that JSON lets stand and a terminal obeys; escaped they mean the same to a reader of JSON."""
_IN_PYTHON = ", pixel_limit in Python"


def print_result(text: str) -> None:
    """One line of result; on a terminal its control characters are replaced, elsewhere its bytes are kept."""
    if sys.stdout.isatty():
        print(make_line_printable(text), flush=True)  # noqa: T201
        return
    try:
        print(text, flush=True)  # noqa: T201
    except UnicodeEncodeError:  # a file name that is no text in the locale's encoding
        sys.stdout.buffer.write(os.fsencode(f"{text}\n"))
        sys.stdout.flush()


def print_json(value: Any) -> None:
    """The one JSON object of a ``--json`` run."""
    try:
        print(json.dumps(value, indent=2, ensure_ascii=False).translate(_UPPER_CONTROLS))  # noqa: T201
    except UnicodeEncodeError:
        print(json.dumps(value, indent=2))  # noqa: T201


def print_progress(text: str) -> None:
    """One line of progress or warning; what a terminal could take for a command is replaced."""
    print(make_line_printable(text), file=sys.stderr, flush=True)  # noqa: T201


def make_line_printable(text: str) -> str:
    """Escape what a terminal could take for a command; line breaks stay, and remedies for programs go."""
    return make_printable(text.replace(_IN_PYTHON, ""), keep="\n")


def name_own_options(error: str) -> str:
    """Return an error of ``kukkiri upscale`` with its own option as the remedy."""
    return error.replace(_IN_PYTHON, "").replace("--max-pixels of kukkiri upscale", "--max-pixels")


def report_file(job: "FileJob", *, place: str, error: str, summary: str, notes: Sequence[str], quiet: bool) -> None:
    """Print the outcome of one file: progress, notes and errors to stderr, the result's name to stdout.

    Args:
        job: the file that was read, and the one that was written.
        place: such as ``3/10``.
        error: the reason why there is no result, or empty.
        summary: of what was done, one line.
        notes: what the user should know about the result.
        quiet: leave stdout to ``--json``.
    """
    if error:
        print_progress(f"kukkiri: {error}")
        return
    print_progress(f"[{place}] {job.source} -> {job.target}  {summary}")
    for note in notes:
        print_progress(f"kukkiri: {note}")
    if not quiet:
        print_result(str(job.target))


class TerminalBar:
    """Base of progress displays: starts and stops a rich bar, which only a terminal gets."""

    _bar: Any = None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

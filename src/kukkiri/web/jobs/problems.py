"""Errors in four parts, as the HTTP API tells them: what happened, what was found, what was expected, what to do."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Self

from kukkiri.errors import BackendError, ConfigError, ImageError, KukkiriError, ModelError
from kukkiri.web.jobs.options import JobOptions

__all__ = ["ErrorInfo", "describe_error", "find_status", "name_as_request"]

_STATUS = {ConfigError: 422, ModelError: 422, ImageError: 422, BackendError: 501}
_GOT = re.compile(r"\bgot ((?:'[^']*'|\"[^\"]*\"|[^;,.]|[.,](?=\S))+)")
_EXPECTED = re.compile(r"\b(?:expected|must be|Known:) ((?:(?!, got\b)[^;.]|\.(?=\S))+)")
_VALUE = r"\d\w*|separate|opaque|transparency|keep|strip|copyright|photo|clean"
_COMMAND = re.compile(rf"(?:kukkiri upscale )?--([a-z]+(?:-[a-z]+)*)(?: ({_VALUE}))?")
_OPTIONS = frozenset(field.name for field in dataclasses.fields(JobOptions))
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")


@dataclass(frozen=True, kw_only=True)
class ErrorInfo:
    """An error as a client sees it."""

    what: str
    """One sentence or more; never empty."""
    got: str | None = None
    """The value that was found, when the message names it."""
    expected: str | None = None
    """The values that would have been right, when the message names them."""
    remedy: str | None = None
    """The advice at the end of the message."""
    status: int = 500
    """HTTP status."""

    def as_json(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Undo :meth:`as_json`."""
        return cls(**values)

    def rename(self, before: str, after: str) -> Self:
        """Replace a text in every field, such as a path of the server by the name that the client gave."""
        values = self.as_json()
        return type(self).from_json(
            {name: value.replace(before, after) if isinstance(value, str) else value for name, value in values.items()}
        )


def describe_error(error: Exception | str, *, status: int | None = None) -> ErrorInfo:
    """Split the message of an error into its parts.

    Args:
        error: an error of kukkiri, or its message: one sentence on what happened, and at the end the remedy.
        status: HTTP status; by default that of the error's type.
    """
    text = name_as_request(str(error).strip()) or type(error).__name__
    sentences = _SENTENCE.split(text)
    remedy = None
    if len(sentences) > 1 and not sentences[-1].startswith("Known:"):
        remedy = sentences.pop()
    what = " ".join(sentences)
    got, expected = _GOT.search(what), _EXPECTED.search(what)
    return ErrorInfo(
        what=what,
        got=got and got[1].strip(),
        expected=expected and expected[1].strip(),
        remedy=remedy,
        status=find_status(error) if status is None else status,
    )


def name_as_request(text: str) -> str:
    """Write the options of ``kukkiri upscale`` in a message as a request has them, ``fit=9x9`` for ``--fit 9x9``."""

    def rename(match: re.Match[str]) -> str:
        name = match[1].replace("-", "_")
        if name not in _OPTIONS:
            return match[0]
        return f"{name}={match[2]}" if match[2] else name

    return _COMMAND.sub(rename, text)


def find_status(error: Exception | str) -> int:
    """Return the HTTP status for an error: its own, or 422 for what the user can change, 501 for a missing engine, 500.

    Args:
        error: one with an attribute ``status`` knows its own; a text is what the user can change.
    """
    own = getattr(error, "status", None)
    if isinstance(own, int):
        return own
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status
    return 422 if isinstance(error, KukkiriError | str) else 500

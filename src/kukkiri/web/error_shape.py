"""The one shape of every error: status and ``{"error": {"what", "got", "expected", "remedy"}}``."""

from collections.abc import Mapping
from typing import Any

from kukkiri.errors import KukkiriError, make_printable
from kukkiri.web.jobs.problems import ErrorInfo, describe_error

__all__ = ["RefusalError", "make_body"]

_LONGEST = 2000
"""Letters of a part that are sent; longer ones quote what a client sent."""


class RefusalError(KukkiriError):
    """A request that is answered with an error, in words that say what to do."""

    def __init__(
        self,
        status: int,
        what: str,
        *,
        got: str | None = None,
        expected: str | None = None,
        remedy: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the parts of the message.

        Args:
            status: of HTTP, 400 to 599.
            what: what happened, a sentence.
            got: what was found.
            expected: what would have been accepted.
            remedy: what to do, a sentence.
            headers: of the answer, such as ``Retry-After``.
        """
        super().__init__(" ".join(part for part in (what, remedy) if part))
        self.info = ErrorInfo(what=what, got=got, expected=expected, remedy=remedy, status=status)
        self.headers = dict(headers or {})

    @classmethod
    def of(
        cls, error: Exception, *, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> "RefusalError":
        """Make the refusal that an error stands for."""
        if isinstance(error, RefusalError):
            return error
        info = describe_error(error, status=status)
        return cls.tell(info, headers=headers)

    @classmethod
    def tell(cls, info: ErrorInfo, *, headers: Mapping[str, str] | None = None) -> "RefusalError":
        """Make a refusal of its parts."""
        return cls(info.status, info.what, got=info.got, expected=info.expected, remedy=info.remedy, headers=headers)


def make_body(info: ErrorInfo) -> dict[str, dict[str, Any]]:
    """Make the JSON of an error; control characters are escaped, and long quotations end somewhere."""
    parts = {"what": info.what, "got": info.got, "expected": info.expected, "remedy": info.remedy}
    return {"error": {name: _shorten(text) for name, text in parts.items()}}


def _shorten(text: str | None) -> str | None:
    if text is None:
        return None
    shown = make_printable(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."

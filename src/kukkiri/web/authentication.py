"""API keys: read from a file or the environment, compared in constant time, never logged."""

import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from kukkiri.errors import ConfigError
from kukkiri.web.answers import send_refusal
from kukkiri.web.error_shape import RefusalError

__all__ = ["COOKIE", "Authentication", "Keys", "read_keys"]

COOKIE = "kukkiri_session"
"""Cookie that stands for a key in a browser, so that the key itself is not kept there."""
VARIABLE = "KUKKIRI_API_KEY"
"""Environment variable that may hold the keys."""
_SHORTEST = 16
_PUBLIC = ("/health", "/ready")


@dataclass(frozen=True, repr=False)
class Keys:
    """The keys that a server accepts, as digests; no key at all: everyone may use it."""

    digests: tuple[bytes, ...] = ()

    @classmethod
    def make(cls, keys: Iterable[str]) -> "Keys":
        """Make the digests of keys."""
        return cls(tuple(_digest(key) for key in keys))

    def __bool__(self) -> bool:
        return bool(self.digests)

    def find_client(self, key: str) -> str | None:
        """Return the name of the client that has a key, which does not tell the key; ``None`` for a wrong one."""
        return self._match(_digest(key), self.digests)

    def find_session(self, cookie: str) -> str | None:
        """Return the name of the client that has a session's cookie; ``None`` for a wrong one."""
        return self._match(cookie.encode(), [_session(digest) for digest in self.digests])

    def make_session(self, key: str) -> str:
        """Make the value of the cookie for a key; it ends when the key is removed."""
        return _session(_digest(key)).decode()

    def _match(self, given: bytes, known: Iterable[bytes]) -> str | None:
        found = None
        for digest, candidate in zip(self.digests, known, strict=True):  # all of them, whichever fits
            if hmac.compare_digest(given, candidate):
                found = f"key-{hashlib.sha256(digest).hexdigest()[:12]}"
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _session(digest: bytes) -> bytes:
    return hmac.new(digest, b"kukkiri session", "sha256").hexdigest().encode()


def read_keys(path: Path | None, environment: Mapping[str, str] = os.environ) -> Keys:
    """Read keys from a file, one a line, ``#`` before comments, or from the variable ``KUKKIRI_API_KEY``.

    Args:
        path: the file; ``None``: the variable, which may hold several, separated by commas.
        environment: of the process.

    Raises:
        ConfigError: no such file, no key in it, or a short one.
    """
    if path is None:
        found = [key.strip() for key in environment.get(VARIABLE, "").split(",") if key.strip()]
    else:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path}: the API keys cannot be read ({error}). Give a text file, one key a line."
            ) from error
        found = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if not found:
            raise ConfigError(f"{path}: holds no API key. Write one a line, such as that of: openssl rand -hex 24.")
    for number, key in enumerate(found, start=1):
        if len(key) < _SHORTEST or not key.isascii() or any(letter.isspace() for letter in key):
            raise ConfigError(
                f"API key {number} is too short, or holds a space or a letter beyond ASCII. Expected at least "
                f"{_SHORTEST} letters and digits. Make one with: openssl rand -hex 24."
            )
    return Keys.make(found)


class Authentication:
    """Middleware: names the client of a request, and refuses those without a key where keys are used."""

    def __init__(self, app: ASGIApp, keys: Keys, *, protected: tuple[str, ...] = ("/v1/", "/metrics")) -> None:
        """Wrap an application.

        Args:
            app: the application.
            keys: that are accepted.
            protected: beginnings of the paths that need one.
        """
        self.app, self.keys, self.protected = app, keys, protected

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["client"] = _name_address(scope)
        if self.keys and scope["path"].startswith(self.protected) and scope["method"] != "OPTIONS":
            client = self._find_client(Headers(scope=scope))
            if client is None:
                await send_refusal(_refuse(), scope, receive, send)
                return
            state["client"] = client
        await self.app(scope, receive, send)

    def _find_client(self, headers: Headers) -> str | None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key:
            return self.keys.find_client(key.strip())
        if given := headers.get("x-api-key"):
            return self.keys.find_client(given)
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE)
        return self.keys.find_session(cookie) if cookie else None


def _name_address(scope: Scope) -> str:
    client = scope.get("client")
    return f"address-{client[0]}" if client else "address-unknown"


def _refuse() -> RefusalError:
    return RefusalError(
        401,
        "this server needs an API key, and the request has none that it knows.",
        expected="Authorization: Bearer KEY, or X-API-Key: KEY",
        remedy="Ask whoever runs the server for a key.",
        headers={"WWW-Authenticate": 'Bearer realm="kukkiri"'},
    )

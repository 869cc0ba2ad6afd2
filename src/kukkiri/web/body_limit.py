"""Limits of what a client sends: size and time of a body, open requests of one client."""

import asyncio
from collections import Counter
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kukkiri.web.answers import send_refusal
from kukkiri.web.error_shape import RefusalError
from kukkiri.web.limits import MB, Limits, name_option

__all__ = ["BodyLimit", "ClientLimit"]

_BODYLESS = ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE")
_SMALL = 65536
"""Bytes of a body where none is expected."""


class _RefusedError(Exception):
    """Ends the application when its body is refused."""


class BodyLimit:
    """Middleware: refuses a body from its Content-Length before it is read, counts a chunked one, and times both."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        """Wrap an application."""
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limits.body_bytes if scope["method"] not in _BODYLESS else _SMALL
        length = Headers(scope=scope).get("content-length", "")
        if limit and length.isascii() and length.isdigit() and int(length[:20]) > limit:
            refusal = _too_large(f"{int(length[:20]):,} bytes", limit, scope["method"])
            await send_refusal(refusal, scope, receive, send, close=True)
            return
        reader = _Reader(receive, limit=limit, limits=self.limits, method=scope["method"])
        started = False

        async def send_unless_refused(message: Message) -> None:
            nonlocal started
            if reader.refusal is not None and not started:
                return  # whatever the application makes of the exception, the refusal goes out instead
            started = True
            await send(message)

        with suppress(_RefusedError):
            await self.app(scope, reader.receive, send_unless_refused)
        if reader.refusal is not None and not started:
            await send_refusal(reader.refusal, scope, receive, send, close=True)


def _too_large(got: str, limit: int, method: str) -> RefusalError:
    if method in _BODYLESS:
        return RefusalError(
            413,
            f"{method} takes no body.",
            got=got,
            expected=f"at most {limit:,} bytes, which are not read",
            remedy="Send images with POST.",
        )
    return RefusalError(
        413,
        "the body is larger than this server takes.",
        got=got,
        expected=f"at most {limit / MB:g} MB",
        remedy=f"Send a smaller file, or start the server with a larger {name_option('max_body_mb')}.",
    )


class _Reader:
    """Reads a body within the limits of size and time."""

    def __init__(self, receive: Receive, *, limit: int, limits: Limits, method: str) -> None:
        self._receive, self._limit, self._limits = receive, limit, limits
        self._method = method
        self._seen, self._ended = 0, False
        self._until = asyncio.get_running_loop().time() + limits.body_seconds if limits.body_seconds else None
        self.refusal: RefusalError | None = None

    async def receive(self) -> Message:
        """Receive the next message."""
        if self._ended:  # from here on it only tells when the client leaves
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._next_end()):
                message = await self._receive()
        except TimeoutError:
            raise self._refuse(self._too_slow()) from None
        self._seen += len(message.get("body", b""))
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        if self._limit and self._seen > self._limit:
            raise self._refuse(_too_large(f"more than {self._limit:,} bytes", self._limit, self._method))
        return message

    def _next_end(self) -> float | None:
        now, stall = asyncio.get_running_loop().time(), self._limits.body_stall_seconds
        ends = [end for end in (now + stall if stall else None, self._until) if end is not None]
        return min(ends, default=None)

    def _refuse(self, refusal: RefusalError) -> _RefusedError:
        self.refusal = refusal
        return _RefusedError()

    def _too_slow(self) -> RefusalError:
        return RefusalError(
            408,
            "the body came too slowly.",
            got=f"{self._seen:,} bytes",
            expected=f"a byte every {self._limits.body_stall_seconds:g} s, all within {self._limits.body_seconds:g} s",
            remedy=f"Send it again, or start the server with larger {name_option('body_stall_seconds')} and "
            f"{name_option('body_seconds')}.",
        )


class ClientLimit:
    """Middleware: bounds the open requests of one client."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        """Wrap an application."""
        self.app, self.limits = app, limits
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client, limit = scope.get("state", {}).get("client", ""), self.limits.max_client_requests
        if limit and self._open[client] >= limit and scope["path"].startswith("/v1/"):
            await send_refusal(self._too_many(limit), scope, receive, send)
            return
        self._open[client] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

    def _too_many(self, limit: int) -> RefusalError:
        return RefusalError(
            429,
            "this client has as many open requests as one may have.",
            got=f"{limit} open requests",
            expected=f"fewer than {limit}",
            remedy=f"Wait for some of them, or start the server with a larger {name_option('max_client_requests')}.",
            headers={"Retry-After": "1"},
        )

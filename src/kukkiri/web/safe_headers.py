"""Headers that protect, other sites that are kept out, HEAD and OPTIONS."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kukkiri.web.answers import send_refusal
from kukkiri.web.error_shape import RefusalError

__all__ = ["HeadRequests", "OwnSiteOnly", "SafeHeaders"]

_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self' blob:; style-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class SafeHeaders:
    """Middleware: adds the protecting headers to every answer, with a policy for pages and one for data."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_data = scope["path"].startswith("/v1/")

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE.items():
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", _DATA_POLICY if is_data else _PAGE_POLICY)
                shared = "access-control-allow-origin" in headers
                headers.setdefault("cross-origin-resource-policy", "cross-origin" if shared else "same-origin")
                if is_data:
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self.app(scope, receive, send_safe)


class OwnSiteOnly:
    """Middleware: refuses unsafe requests that a page of another site makes, and unknown values of Host.

    A page on any site can send a form to a server on 127.0.0.1, and with a name of its own that it lets point to
    127.0.0.1 it could read the answers.
    """

    def __init__(self, app: ASGIApp, *, origins: Sequence[str], host_names: Sequence[str]) -> None:
        """Wrap an application.

        Args:
            app: the application.
            origins: of other sites that may use the API.
            host_names: that are answered, without a port; every one when empty.
        """
        self.app, self.origins, self.host_names = app, frozenset(origins), frozenset(host_names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        refusal = self._check_host(host) or self._check_origin(scope["method"], headers, host)
        if refusal is not None:
            await send_refusal(refusal, scope, receive, send, close=True)
            return
        await self.app(scope, receive, send)

    def _check_host(self, host: str) -> RefusalError | None:
        if not self.host_names or _strip_port(host) in self.host_names:
            return None
        return RefusalError(
            421,
            "the request names another host than this server's.",
            got=host or "no Host",
            expected=", ".join(sorted(self.host_names)),
            remedy="Use one of these names, or start the server with --host-name NAME.",
        )

    def _check_origin(self, method: str, headers: Headers, host: str) -> RefusalError | None:
        origin = headers.get("origin")
        if method in _SAFE_METHODS or origin is None or origin in self.origins or _host_of(origin) == host.lower():
            return None
        return RefusalError(
            403,
            "a page of another site made this request.",
            got=origin,
            expected="a page of this server",
            remedy="Start the server with --allow-origin ORIGIN to let that site use it.",
        )


def _strip_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


class HeadRequests:
    """Middleware: answers HEAD as GET without its body."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        scope["method"] = "GET"  # the same scope, in which the router leaves the route for the metrics
        await self.app(scope, receive, send_head)

"""uvicorn as this server runs it: sockets with words for what is wrong, clean ends, and a side port for the metrics."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kukkiri.errors import ConfigError
from kukkiri.web.application import make_application
from kukkiri.web.prometheus import MEDIA_TYPE
from kukkiri.web.protocol import HttpProtocol
from kukkiri.web.routes_about import write_metrics
from kukkiri.web.service import Service

__all__ = ["open_socket", "run_server"]

_HEAD = 32768  # bytes of the head of a request
_BACKLOG = 1024
_LAST_PORT = 65535
_IN_USE = 98, 48, 10048  # EADDRINUSE of Linux, macOS and Windows


def open_socket(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Listen at an address.

    Args:
        host: name or number of an address of this machine.
        port: 0: a free one.
        option: that chooses the port, for the message.

    Raises:
        ConfigError: the port is taken or not allowed, or the host is not this machine's.
    """
    if not 0 <= port <= _LAST_PORT:
        raise ConfigError(f"there is no port {port}. Give 1 to {_LAST_PORT} with {option}, or 0 for a free one.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if number in _IN_USE:
            raise ConfigError(
                f"port {port} of {host} is in use. Choose another with {option}, or 0 for a free one."
            ) from error
        if isinstance(error, PermissionError):
            raise ConfigError(
                f"port {port} needs rights that this user lacks. Choose one above 1023 with {option}."
            ) from error
        raise ConfigError(
            f"{host}:{port}: cannot listen there ({error}). Give an address of this machine with --host."
        ) from error


def run_server(
    service: Service,
    *,
    listener: socket.socket,
    metrics_listener: socket.socket | None = None,
    proxy: str | None = None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve until a signal comes; running jobs have time to finish.

    Args:
        service: the parts of the server.
        listener: where it listens.
        metrics_listener: where ``/metrics`` is, instead of among its other addresses.
        proxy: address of the proxy whose ``X-Forwarded-For`` and ``-Proto`` are believed.
        started: called when the server answers.
    """
    application = make_application(service, serves_metrics=metrics_listener is None)
    main = _Server(_configure(application, service, proxy=proxy), service=service, started=started)
    metrics = None
    if metrics_listener is not None:
        metrics = _SideServer(_configure(_make_metrics_application(service), service, lifespan="off"))
    asyncio.run(_run(main, listener, metrics, metrics_listener))


async def _run(
    main: uvicorn.Server,
    listener: socket.socket,
    metrics: uvicorn.Server | None,
    metrics_listener: socket.socket | None,
) -> None:
    side = None
    if metrics is not None and metrics_listener is not None:
        side = asyncio.create_task(metrics.serve(sockets=[metrics_listener]))
    try:
        await main.serve(sockets=[listener])
    finally:
        if metrics is not None and side is not None:
            metrics.should_exit = True
            with suppress(asyncio.CancelledError):
                await side


def _configure(application: Any, service: Service, *, proxy: str | None = None, lifespan: Any = "on") -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=partial(HttpProtocol, limits=service.limits),  # type: ignore[arg-type]
        ws="none",
        loop="asyncio",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=proxy is not None,
        forwarded_allow_ips=proxy,
        h11_max_incomplete_event_size=_HEAD,
        timeout_graceful_shutdown=max(1, round(service.settings.stop_seconds)),
    )


class _Server(uvicorn.Server):
    """Tells when it answers, and lets streams end as soon as a signal comes."""

    def __init__(self, config: uvicorn.Config, *, service: Service, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._service, self._tell = service, started
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=sockets)
        if not self.should_exit:
            self._tell()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end_streams)

    def _end_streams(self) -> None:
        self._ending = asyncio.get_running_loop().create_task(self._service.begin_to_stop())


class _SideServer(uvicorn.Server):
    """Leaves the signals to the main one."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _make_metrics_application(service: Service) -> Starlette:
    async def answer(request: Request) -> Response:
        return Response(await write_metrics(service), media_type=MEDIA_TYPE)

    handler: Callable[[Request], Awaitable[Response]] = answer
    return Starlette(routes=[Route("/metrics", handler)])

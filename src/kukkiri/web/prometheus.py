"""Counters of the server in the text form of Prometheus, and the middleware that counts."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kukkiri.errors import make_printable

_LOG = logging.getLogger("kukkiri.web.requests")

__all__ = ["MEDIA_TYPE", "Measuring", "Metrics"]

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histogram of times, in seconds."""

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counters, and times of requests; used from the event loop only, so that it needs no lock."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.requests: Counter[Labels] = Counter()
        self.in_progress = 0
        self.received_bytes = 0
        self.sent_bytes = 0
        self.refused: Counter[Labels] = Counter()
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def count_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.requests[("method", method), ("route", route), ("status", str(status))] += 1
        self._seconds += seconds
        self._buckets[next((place for place, bound in enumerate(_BOUNDS) if seconds <= bound), len(_BOUNDS))] += 1

    def write(self, *, jobs: Mapping[str, int], workers: int, running_memory: int, version: str) -> str:
        """Write everything in the text form 0.0.4.

        Args:
            jobs: number of jobs by state.
            workers: live worker processes.
            running_memory: bytes that the running jobs take, by the planner's estimates.
            version: of kukkiri.
        """
        lines = [
            *_family("info", "gauge", "Version of kukkiri.", [((("version", version),), 1)]),
            *_family("requests_total", "counter", "Requests that were answered.", sorted(self.requests.items())),
            *self._histogram(),
            *_family("requests_in_progress", "gauge", "Requests that are being answered.", [((), self.in_progress)]),
            *_family("received_bytes_total", "counter", "Bytes of bodies that came.", [((), self.received_bytes)]),
            *_family("sent_bytes_total", "counter", "Bytes of bodies that were sent.", [((), self.sent_bytes)]),
            *_family("jobs", "gauge", "Jobs by state.", [((("state", state),), n) for state, n in jobs.items()]),
            *_family("queue_length", "gauge", "Jobs that wait.", [((), jobs.get("queued", 0))]),
            *_family("running_memory_bytes", "gauge", "Estimate for the running jobs.", [((), running_memory)]),
            *_family("workers", "gauge", "Worker processes that are alive.", [((), workers)]),
        ]
        return "\n".join(lines) + "\n"

    def _histogram(self) -> list[str]:
        name = "kukkiri_request_duration_seconds"
        lines = [f"# HELP {name} Time until the last byte of an answer.", f"# TYPE {name} histogram"]
        total = 0
        for bound, number in zip((*_BOUNDS, "+Inf"), self._buckets, strict=True):
            total += number
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{name}_sum {self._seconds:.6f}", f"{name}_count {total}"]


def _family(name: str, kind: str, meaning: str, values: Iterable[tuple[Labels, float]]) -> list[str]:
    lines = [f"# HELP kukkiri_{name} {meaning}", f"# TYPE kukkiri_{name} {kind}"]
    for labels, value in values:
        shown = ",".join(f'{label}="{_escape(text)}"' for label, text in labels)
        lines.append(f"kukkiri_{name}{{{shown}}} {value}" if shown else f"kukkiri_{name} {value}")
    return lines


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Measuring:
    """Middleware: counts requests, bytes and times; a route is named by its pattern, so that labels stay few."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap an application."""
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        metrics, began, method = self.metrics, time.monotonic(), _name_method(scope["method"])
        status = 499  # the client left, as nginx numbers it

        async def count_received() -> Message:
            message = await receive()
            metrics.received_bytes += len(message.get("body", b""))
            return message

        async def count_sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            metrics.sent_bytes += len(message.get("body", b""))
            await send(message)

        metrics.in_progress += 1
        try:
            await self.app(scope, count_received, count_sent)
        except BaseException:
            status = 500 if status == 499 else status
            raise
        finally:
            metrics.in_progress -= 1
            seconds = time.monotonic() - began
            route = getattr(scope.get("route"), "path", "other")
            metrics.count_request(method=method, route=route, status=status, seconds=seconds)
            client = scope.get("state", {}).get("client", "-")
            _LOG.info("%s %s %s %d %.3f s", client, method, make_printable(scope["path"]), status, seconds)


def _name_method(method: str) -> str:
    return method if method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS") else "other"

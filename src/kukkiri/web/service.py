"""The parts of a running server that its routes share."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

from fastapi import Request

from kukkiri.web.authentication import Keys
from kukkiri.web.events import JobWatch
from kukkiri.web.jobs.admission import Admissions
from kukkiri.web.jobs.store import JobStore
from kukkiri.web.prometheus import Metrics
from kukkiri.web.settings import ServerSettings

__all__ = ["Service", "Workers", "find_service"]

P = ParamSpec("P")
T = TypeVar("T")
_THREADS = 8  # for SQLite and headers of images: short work


class Workers(Protocol):
    """The worker processes of a server."""

    def start(self) -> None:
        """Start them."""

    def stop(self) -> None:
        """Let them finish what they do, within the time for it, and end."""

    def alive(self) -> int:
        """Count those that live."""


class Service:
    """Store, workers, keys, metrics and threads of one server process."""

    def __init__(self, settings: ServerSettings, *, store: JobStore, pool: Workers | None, keys: Keys) -> None:
        """Join the parts.

        Args:
            settings: of the server.
            store: of the jobs.
            pool: worker processes; ``None`` in a server that only takes jobs, such as that of a test.
            keys: of the API.
        """
        self.settings = settings
        self.limits = settings.limits
        self.store = store
        self.pool = pool
        self.keys = keys
        self.metrics = Metrics()
        self.closing = asyncio.Event()
        """Set when the server stops: streams end, and waiting requests are answered with their job."""
        self.watch = JobWatch(store, call=self.call, closing=self.closing)
        self.admissions = Admissions(settings)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="kukkiri-web")

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what blocks (SQLite, files, image headers) in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))

    def count_workers(self) -> int:
        """Count the worker processes that are alive."""
        return 0 if self.pool is None else self.pool.alive()

    async def begin_to_stop(self) -> None:
        """End streams, and let waiting requests be answered."""
        self.closing.set()
        await self.watch.wake()

    async def stop(self) -> None:
        """Stop the workers, which finish what they do within the time for it, and close the store."""
        await self.begin_to_stop()
        if self.pool is not None:
            await self.call(self.pool.stop)
        await self.call(self.store.close)
        self._threads.shutdown(wait=False, cancel_futures=True)


def find_service(request: Request) -> Service:
    """Return the service of a request's application."""
    service: Service = request.app.state.service
    return service

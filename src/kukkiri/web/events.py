"""Changes of jobs: one poll of the store for all who wait, and server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import contextmanager
from typing import Any, Protocol

from kukkiri.web.jobs.job import Job

__all__ = ["JobWatch", "write_events"]

_EVERY = 0.1  # seconds between two polls
_ALIVE = 15.0  # seconds without an event after which a comment shows that the stream lives


class _Store(Protocol):
    def get_many(self, ids: list[str]) -> dict[str, Job]: ...


class JobWatch:
    """Watches jobs for requests: the store is asked for all of them at once, in a thread."""

    def __init__(self, store: _Store, *, call: Callable[..., Coroutine[Any, Any, Any]], closing: asyncio.Event) -> None:
        """Watch nothing yet.

        Args:
            store: of the jobs.
            call: runs a function in a thread.
            closing: set when the server stops; waiting ends then.
        """
        self._store, self._call, self._closing = store, call, closing
        self._waiting: dict[str, int] = {}
        self._seen: dict[str, Job | None] = {}
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def wait_for_change(self, job: Job, *, seconds: float) -> Job | None:
        """Wait until a job differs from what the caller knows, the time is over, or the server stops.

        Args:
            job: as the caller knows it.
            seconds: to wait at most.

        Returns:
            The job as it is now; ``None`` when it is no longer there.
        """
        with self._watched(job.id):
            try:
                async with asyncio.timeout(seconds), self._changed:
                    await self._changed.wait_for(
                        lambda: self._closing.is_set() or (job.id in self._seen and self._seen[job.id] != job)
                    )
            except TimeoutError:
                return job
            return self._seen.get(job.id, job)

    async def wait_to_end(self, job: Job, *, seconds: float | None) -> Job | None:
        """Wait until a job is in a final state, the time is over, or the server stops.

        Returns:
            The job as it is then; ``None`` when it is no longer there.
        """
        loop = asyncio.get_running_loop()
        end = None if seconds is None else loop.time() + seconds
        now: Job | None = job
        while now is not None and not now.is_final and not self._closing.is_set():
            left = 60.0 if end is None else end - loop.time()
            if left <= 0:
                break
            now = await self.wait_for_change(now, seconds=left)
        return now

    @contextmanager
    def _watched(self, job_id: str) -> Any:
        self._waiting[job_id] = self._waiting.get(job_id, 0) + 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._poll())
        try:
            yield
        finally:
            self._waiting[job_id] -= 1
            if not self._waiting[job_id]:
                del self._waiting[job_id]
                self._seen.pop(job_id, None)

    async def _poll(self) -> None:
        while self._waiting and not self._closing.is_set():
            ids = list(self._waiting)
            found = await self._call(self._store.get_many, ids)
            self._seen.update((job_id, found.get(job_id)) for job_id in ids if job_id in self._waiting)
            async with self._changed:
                self._changed.notify_all()
            await asyncio.sleep(_EVERY)

    async def wake(self) -> None:
        """Let all who wait see that the server stops."""
        async with self._changed:
            self._changed.notify_all()


async def write_events(
    watch: JobWatch, job: Job, *, describe: Callable[[Job], dict[str, Any]], closing: asyncio.Event
) -> AsyncIterator[bytes]:
    """Write a job's changes as server-sent events, ``event: job``, until it is in a final state.

    Args:
        watch: of the server.
        job: as it is now.
        describe: makes the JSON of a job.
        closing: set when the server stops; the stream ends then, and the client asks again.
    """
    now: Job | None = job
    known: Job | None = None
    yield b"retry: 1000\n\n"
    while now is not None:
        if now != known:
            yield f"event: job\nid: {now.revision}\ndata: {json.dumps(describe(now))}\n\n".encode()
            known = now
        if now.is_final or closing.is_set():
            return
        now = await watch.wait_for_change(now, seconds=_ALIVE)
        if now == known and not closing.is_set():
            yield b": alive\n\n"
    yield b"event: gone\ndata: {}\n\n"

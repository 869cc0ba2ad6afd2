"""Frames through worker threads and out in their order, with a bounded number of them in work.

One thread reads frames and hands out results: that of the caller, so that sources and sinks need no locks. The
networks run in the workers. When ``workers + 2`` frames are in work the next one is read only after the oldest result
is out: memory does not grow with the clip.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from kukkiri.errors import ConfigError

__all__ = ["AHEAD", "Stopped", "run_in_order"]

Item = TypeVar("Item")
Part = TypeVar("Part")
Result = TypeVar("Result")

AHEAD = 2
"""Frames in work beyond one for each worker: one that waits to be handed out, one that waits for a worker."""
_PATIENCE = 1.5  # seconds that closing waits for each worker, which ends between two tiles


class Stopped(Exception):  # noqa: N818 (an order, not an error)
    """The work was ended from outside; raised inside workers by the check that they are given."""


class _Workers(Generic[Part]):
    """Threads that compute parts; unlike those of an executor they never hold up the end of the process."""

    def __init__(self, count: int) -> None:
        self._tasks: queue.SimpleQueue[tuple[Future[Part], Callable[[], Part]] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"kukkiri-video-{n}", daemon=True) for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """Raise :class:`Stopped` after :meth:`close`."""
        if self._stopped.is_set():
            raise Stopped

    def submit(self, work: Callable[[], Part]) -> "Future[Part]":
        future: Future[Part] = Future()
        self._tasks.put((future, work))
        return future

    def close(self) -> None:
        """End the threads: at once those that wait, between two tiles those that compute."""
        self._stopped.set()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(_PATIENCE / len(self._threads))

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, work = task
            if self._stopped.is_set():
                future.cancel()
                continue
            try:
                future.set_result(work())
            except BaseException as error:  # handed to the thread that waits for the result
                future.set_exception(error)


def run_in_order(
    items: Iterable[Item],
    start: Callable[[Item, Callable[[], None]], Callable[[], Part]],
    finish: Callable[[Item, Part], Result],
    *,
    workers: int,
) -> Generator[Result, None, None]:
    """Compute parts in worker threads and finish them in order.

    Args:
        items: read in the calling thread, at most ``workers + AHEAD`` before the result that is handed out. Closed,
            when they can be, as soon as the results are.
        start: called in the calling thread for each item and a check; returns the work for a worker. The check raises
            :class:`Stopped` when the results were closed, and should be called about once a second.
        finish: called in the calling thread with each item and its part, in order.
        workers: threads, at least 1.

    Yields:
        Results in the order of the items. An exception of ``items``, ``start``, a worker or ``finish`` is raised here
        after the results before it; closing the iterator ends the threads.

    Raises:
        ConfigError: no worker.
    """
    if workers < 1:
        raise ConfigError(f"workers must be at least 1, got {workers}.")
    pool: _Workers[Part] = _Workers(workers)
    waiting: deque[tuple[Item, Future[Part]]] = deque()
    source = iter(items)
    try:
        failure: BaseException | None = None
        more = True
        while more or waiting:
            while more and len(waiting) < workers + AHEAD:
                try:
                    item = next(source)
                    waiting.append((item, pool.submit(start(item, pool.check))))
                except StopIteration:
                    more = False
                except Exception as error:  # raised after the results before it
                    failure, more = error, False
            if waiting:
                item, future = waiting.popleft()
                yield finish(item, future.result())
        if failure is not None:
            raise failure
    finally:
        pool.close()
        close: Any = getattr(source, "close", None)
        if close is not None:
            close()

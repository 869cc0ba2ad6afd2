"""Work on several files at one time in other threads, which end when the caller is interrupted."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["WORKER", "StoppedError", "work_side_by_side"]

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

WORKER = "kukkiri-image"
"""Beginning of the names of the threads."""
_PATIENCE = 1.0  # seconds that interrupted threads are given to stop
_SLICE = 0.2


class StoppedError(BaseException):
    """The run was interrupted; raised in the threads that work."""


def work_side_by_side(
    jobs: Iterable[Job], work: Callable[[Job], Outcome], *, at_once: int, stop: threading.Event
) -> Generator[Outcome]:
    """Do jobs in other threads, so that this one hears Ctrl-C at once.

    Args:
        jobs: at most twice ``at_once`` are taken before their outcomes.
        work: does one; it looks at ``stop`` now and then, and raises :class:`StoppedError` when it is set.
        at_once: number of threads.
        stop: is set by what is raised here, such as KeyboardInterrupt; the threads are given a second to end.

    Yields:
        Outcomes as they come.
    """
    pool = ThreadPoolExecutor(at_once, thread_name_prefix=WORKER)
    waiting: set[Future[Outcome]] = set()
    try:
        for job in jobs:
            waiting.add(pool.submit(work, job))
            if len(waiting) >= 2 * at_once:
                done, waiting = _wait_for_one(waiting)
                yield from (future.result() for future in done)
        while waiting:
            done, waiting = _wait_for_one(waiting)
            yield from (future.result() for future in done)
    except BaseException:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        wait(waiting, timeout=_PATIENCE)
        raise
    pool.shutdown()


def _wait_for_one(waiting: set[Future[Outcome]]) -> tuple[set[Future[Outcome]], set[Future[Outcome]]]:
    """Wait until one is done, in slices of time: on Windows nothing else lets Ctrl-C through."""
    while True:
        done, left = wait(waiting, timeout=_SLICE, return_when=FIRST_COMPLETED)
        if done:
            return done, left

"""Strips of an image, in one thread or several: NumPy lets go of the interpreter while it computes."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["each_strip"]


def each_strip(work: Callable[[int], None], starts: Iterable[int], *, threads: int) -> None:
    """Call ``work`` with every start, in several threads when that is asked and there is more than one."""
    starts = list(starts)
    if threads <= 1 or len(starts) <= 1:
        for start in starts:
            work(start)
        return
    with ThreadPoolExecutor(min(threads, len(starts))) as pool:
        for _ in pool.map(work, starts):
            pass

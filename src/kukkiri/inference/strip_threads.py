"""Strips of an image, in one thread or several: NumPy releases the interpreter lock while it computes."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["run_strips"]


def run_strips(work: Callable[[int], None], starts: Iterable[int], *, threads: int) -> None:
    """Call ``work`` with every start, in several threads when that is asked and there is more than one start.

    The height of a strip must not depend on ``threads``: float32 results have the same bits only for the
    same shapes.
    """
    starts = list(starts)
    if threads <= 1 or len(starts) <= 1:
        for start in starts:
            work(start)
        return
    with ThreadPoolExecutor(min(threads, len(starts))) as pool:
        for _ in pool.map(work, starts):
            pass

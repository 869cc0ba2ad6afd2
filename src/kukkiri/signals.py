"""SIGTERM and SIGHUP as exceptions, like Ctrl-C: clusters and closed terminals send them, and work ends cleanly."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupted", "handled_signals", "raise_on_signals"]

_SIGNALS = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end; what catches Ctrl-C catches it, too."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        super().__init__(signal.Signals(number).name)
        self.signal = number
        """Number of the signal; the exit code of the command line is 128 more."""


@contextmanager
def handled_signals(handle: Callable[[int, FrameType | None], object], *, ctrl_c: bool = False) -> Iterator[None]:
    """Call ``handle`` in the main thread when SIGTERM or SIGHUP comes; restore the handlers afterwards.

    A signal that the process ignores stays ignored (``nohup``). In other threads, where Python allows no handlers,
    nothing changes.

    Args:
        handle: called with the number of the signal and the frame that it interrupts.
        ctrl_c: also for SIGINT.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in [*([signal.SIGINT] if ctrl_c else []), *_SIGNALS]}
    replaced = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in replaced:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, before[number])


@contextmanager
def raise_on_signals() -> Iterator[None]:
    """Raise :class:`Interrupted` in the main thread when SIGTERM or SIGHUP comes, as :func:`handled_signals` does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    with handled_signals(interrupt):
        yield

"""Ctrl-C, SIGTERM and SIGHUP during training: the update that runs is finished first, so that it can be saved."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from kukkiri.signals import Interrupted, handled_signals

__all__ = ["StopRequest"]


class StopRequest:
    """The first signal asks to end after the update; a second one, or one while it waits, ends at once."""

    def __init__(self) -> None:
        """Begin without a request."""
        self.number = 0
        """Of the signal that came; 0: none."""
        self.forced = False
        """True when the end came in the middle of an update, whose half must not be saved."""
        self._waiting = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals for the length of the block; in another thread than the main one nothing changes."""
        with handled_signals(self._receive, ctrl_c=True):
            yield

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let a signal end the block at once: it does not change what a checkpoint holds."""
        self._waiting = True
        try:
            if self.number:
                self.raise_()
            yield
        finally:
            self._waiting = False

    def raise_(self) -> None:
        """Raise the signal as an exception: KeyboardInterrupt for Ctrl-C, Interrupted for the others."""
        if self.number == signal.SIGINT:
            raise KeyboardInterrupt
        raise Interrupted(self.number or signal.SIGTERM)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        again = self.number != 0
        self.number = number
        if self._waiting:
            self.raise_()
        if again:
            self.forced = True
            self.raise_()

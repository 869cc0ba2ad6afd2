"""A watch over Ray's head: when it is gone, Ray itself ends this process after a minute, and says nothing."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ["HeadWatch"]

_LOG = logging.getLogger(__name__)
_PATIENCE = 45.0  # seconds; Ray gives up after 60, in which a head may be started again
_BETWEEN = 5.0


class HeadWatch:
    """Ends the process with one line and the code 1 once the head has been out of reach for some time.

    Nothing else can be done: Ray's threads end the process soon, without an exception. A head that was never reached is
    not watched. Finished files are in the manifest by then, so ``--resume`` goes on.
    """

    def __init__(
        self,
        address: str,
        *,
        patience: float = _PATIENCE,
        between: float = _BETWEEN,
        end: Callable[[str], None] | None = None,
    ) -> None:
        """Keep what is watched; it begins on entry.

        Args:
            address: host and port of the head, as Ray names it.
            patience: seconds without a connection, after which it is gone.
            between: seconds from one look to the next.
            end: is given the line; by default it is logged and the process ends.
        """
        host, _, port = address.rpartition(":")
        self._address = (host.strip("[]"), int(port)) if port.isdecimal() else None
        self._patience, self._between = patience, between
        self._end = end or _end_process
        self._done = threading.Event()

    def __enter__(self) -> Self:
        if self._is_there():
            threading.Thread(target=self._watch, name="kukkiri-head-watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()

    def _watch(self) -> None:
        seen = time.monotonic()
        while not self._done.wait(self._between):
            if self._is_there():
                seen = time.monotonic()
            elif time.monotonic() - seen >= self._patience and not self._done.is_set():
                self._end(f"Ray's head has been out of reach for {self._patience:g} s. Go on with --resume.")
                return

    def _is_there(self) -> bool:
        if self._address is None:
            return False
        with suppress(OSError):
            socket.create_connection(self._address, timeout=self._between).close()
            return True
        return False


def _end_process(line: str) -> None:
    _LOG.error(line)
    logging.shutdown()
    os._exit(1)

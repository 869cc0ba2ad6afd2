"""Connections by which processes on several machines notice that one of them is gone, or its network.

A sum over the processes waits for all of them. When a process dies, its connections end, and so does the wait. When a
cable is pulled or a machine loses its power, nothing comes, for as long as a sum may take: an hour, because the others
wait for a validation in the first process. Therefore each process holds a connection to the first one that nothing is
sent over, and that the system asks for signs of life (TCP keepalive).
"""

import logging
import os
import secrets
import socket
import threading
from contextlib import suppress

from torch._C._distributed_c10d import Store

__all__ = ["Lifeline"]

_IDLE, _EVERY, _COUNT = 10, 5, 4  # seconds until the first question, between two, and how many without an answer
_TOKEN = 16  # bytes
_BYE = b"."
_KEY = "kukkiri-lifeline"
_PATIENCE = 60.0  # seconds to connect in
_log = logging.getLogger(__name__)


class Lifeline:
    """The connection of this process to the first one or, in the first one, to all others."""

    def __init__(self, store: Store, *, rank: int, size: int) -> None:
        """Connect; a process that cannot goes without.

        Args:
            store: that the processes share.
            rank: of this process.
            size: number of processes.
        """
        self._lost, self._ended = threading.Event(), threading.Event()
        self._connections: list[socket.socket] = []
        self._listening: socket.socket | None = None
        address = os.environ.get("MASTER_ADDR", "127.0.0.1")
        try:
            if rank == 0:
                self._listen(store, address, size - 1)
            else:
                port, token = store.get(_KEY).decode().split()
                connection = socket.create_connection((address, int(port)), timeout=_PATIENCE)
                connection.sendall(bytes.fromhex(token))
                self._watch(connection)
        except OSError as error:
            _log.warning("no lifeline to the other processes (%s): a broken network is noticed after an hour", error)

    @property
    def is_broken(self) -> bool:
        """True when another process cannot be reached, or has ended before its time."""
        return self._lost.is_set()

    def close(self) -> None:
        """Say goodbye to the others, and close the connections."""
        self._ended.set()
        for connection in self._connections:
            with suppress(OSError):
                connection.send(_BYE, getattr(socket, "MSG_DONTWAIT", 0))
            connection.close()
        if self._listening is not None:
            self._listening.close()

    def _listen(self, store: Store, address: str, count: int) -> None:
        local = address in ("localhost", "::1") or address.startswith("127.")
        both = not local and socket.has_dualstack_ipv6()
        self._listening = (
            socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
            if both
            else socket.create_server(("127.0.0.1" if local else "", 0))
        )
        token = secrets.token_bytes(_TOKEN)
        store.set(_KEY, f"{self._listening.getsockname()[1]} {token.hex()}")
        threading.Thread(target=self._accept, args=(count, token), name="kukkiri-lifeline", daemon=True).start()

    def _accept(self, count: int, token: bytes) -> None:
        while self._listening is not None and len(self._connections) < count:
            try:
                connection, _ = self._listening.accept()
                connection.settimeout(_PATIENCE)
                if connection.recv(_TOKEN, socket.MSG_WAITALL) == token:
                    self._watch(connection)
                else:
                    connection.close()
            except OSError:
                if self._ended.is_set():
                    return

    def _watch(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        _ask_for_life(connection)
        self._connections.append(connection)
        threading.Thread(target=self._wait, args=(connection,), name="kukkiri-lifeline", daemon=True).start()

    def _wait(self, connection: socket.socket) -> None:
        try:
            said = connection.recv(1)
        except OSError:
            said = b""
        if said != _BYE and not self._ended.is_set():
            self._lost.set()


def _ask_for_life(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": _IDLE,
        "TCP_KEEPALIVE": _IDLE,  # the name of the same on macOS
        "TCP_KEEPINTVL": _EVERY,
        "TCP_KEEPCNT": _COUNT,
    }
    for name, value in options.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

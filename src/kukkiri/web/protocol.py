"""HTTP/1.1 of uvicorn with what it lacks: times for a request's head and for a client that does not read, and an end of
a connection that does not cost the client the answer.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from kukkiri.web.answers import answer_refusal
from kukkiri.web.error_shape import RefusalError
from kukkiri.web.limits import Limits

__all__ = ["HttpProtocol"]

_LINGER = 2.0  # seconds


class HttpProtocol(H11Protocol):
    """HTTP/1.1 with limits on connections, on the time of a request's head, and on a client that reads nothing."""

    def __init__(self, *args: Any, limits: Limits, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._limits = limits
        self._head_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to time the head of a request, unless there are too many connections."""
        super().connection_made(transport)
        self._lingering = _Lingering(transport, asks=lambda: self.conn.their_state in (h11.SEND_BODY, h11.ERROR))
        self.transport = self._lingering  # type: ignore[assignment]
        most = self._limits.max_connections
        if most and len(self.connections) > most:
            transport.abort()
            return
        self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop_timers()
        self._lingering.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless the answer is out already."""
        if self._lingering.closing:
            return
        super().data_received(data)
        self._time_head()

    def pause_writing(self) -> None:
        """Begin to time a client that does not read."""
        super().pause_writing()
        if self._limits.send_stall_seconds and self._send_timer is None:
            self._send_timer = self.loop.call_later(self._limits.send_stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop to time it."""
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the shape of every error."""
        refusal = RefusalError(
            400,
            "this is no HTTP/1.1 request.",
            got=msg,
            expected="HTTP/1.1",
            remedy="Use an HTTP client, such as curl.",
        )
        answer = answer_refusal(refusal, headers={"Connection": "close", "X-Content-Type-Options": "nosniff"})
        head = b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + bytes(answer.body))
        self.transport.close()

    def _time_head(self) -> None:
        """Run the timer exactly while the head of a request is awaited."""
        awaited = self.cycle is None or self.cycle.response_complete
        if awaited and self._head_timer is None and self._limits.header_seconds:
            self._head_timer = self.loop.call_later(self._limits.header_seconds, self._give_up)
        elif not awaited and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._send_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._send_timer = None


class _Lingering:
    """A transport whose end waits a little for a client that still sends, and drops what it sends.

    A connection that is closed over unread bytes is reset, and with that many clients lose the answer that says why.
    """

    def __init__(self, transport: asyncio.Transport, *, asks: Callable[[], bool]) -> None:
        """Wrap a transport.

        Args:
            transport: of a connection.
            asks: true while the client still has to send of its request.
        """
        self._transport, self._asks = transport, asks
        self._timer: asyncio.TimerHandle | None = None

    @property
    def closing(self) -> bool:
        """The answer is out, and what still comes is dropped."""
        return self._timer is not None

    def close(self) -> None:
        """End the connection: at once, or when the client has seen the end of the answer or some time has passed."""
        if self.closing:
            return
        if not self._asks() or self._transport.is_closing() or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._timer = asyncio.get_running_loop().call_later(_LINGER, self._transport.abort)
        try:
            self._transport.write_eof()
        except OSError:  # the client is gone, and the event loop has not noticed yet
            self._transport.abort()
            return
        self._transport.resume_reading()

    def is_closing(self) -> bool:
        """True from the call of :meth:`close` on."""
        return self.closing or self._transport.is_closing()

    def end(self) -> None:
        """Forget the timer of a connection that is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

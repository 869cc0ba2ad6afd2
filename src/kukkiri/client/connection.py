"""HTTP requests to a server of kukkiri, and its errors in its own words."""

import http.client
import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any
from urllib.parse import SplitResult, urlencode, urlsplit

from kukkiri.errors import ConfigError, KukkiriError, make_printable

__all__ = ["Answer", "Connection", "RemoteError"]

Body = bytes | IO[bytes]
_BUSY = (429, 503)
_PAUSE = 1.0  # seconds, where a busy server does not say how long to wait


class RemoteError(KukkiriError):
    """A server refused a request or failed, or did not answer; the message is the server's."""

    def __init__(
        self,
        what: str,
        *,
        got: str | None = None,
        expected: str | None = None,
        remedy: str | None = None,
        status: int | None = None,
    ) -> None:
        """Keep the parts of the message.

        Args:
            what: what happened.
            got: what was found.
            expected: what would have been accepted.
            remedy: what to do.
            status: of HTTP; ``None``: there was no answer.
        """
        parts = [what]
        if got and got not in what:
            parts.append(f"Got {got}.")
        if expected and expected not in what:
            parts.append(f"Expected {expected}.")
        if remedy:
            parts.append(remedy)
        super().__init__(" ".join(parts))
        self.what, self.got, self.expected, self.remedy, self.status = what, got, expected, remedy, status


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> dict[str, Any]:
        """The JSON of the body.

        Raises:
            RemoteError: it is none, so that it is not kukkiri that answered.
        """
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise RemoteError(
                "what answers at this address is no kukkiri server.",
                got=make_printable(self.body[:60].decode(errors="replace")),
                expected="JSON",
                remedy="Check the address.",
                status=self.status,
            )
        return value


class Connection:
    """Makes requests to one server; each has a connection of its own, so that threads may share it."""

    def __init__(self, address: str, *, api_key: str | None, timeout: float, patience: float) -> None:
        """Keep the address.

        Args:
            address: of the server, such as ``http://127.0.0.1:8080``.
            api_key: of the server, where it asks for one.
            timeout: seconds without a byte from the server.
            patience: seconds for which a busy server is asked again.

        Raises:
            ConfigError: it is no address.
        """
        try:
            parts = urlsplit(address)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            parts, usable = SplitResult("", "", "", "", ""), False
        if not usable or parts.query or parts.fragment or parts.username:
            raise ConfigError(f"{address!r} is no address of a server. Expected one such as http://127.0.0.1:8080.")
        self.address = address.rstrip("/")
        self._parts, self._api_key, self._timeout, self._patience = parts, api_key, timeout, patience

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | list[tuple[str, str]] | None = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request; one that a busy server refuses is made again after the time that it says.

        Args:
            method: of HTTP.
            path: from the root of the server.
            query: names and values.
            body: bytes or a file, which is read from where it stands.
            headers: more of them.

        Raises:
            RemoteError: the server refused it, or did not answer.
        """
        end = time.monotonic() + self._patience
        start = body.tell() if isinstance(body, io.IOBase) and body.seekable() else None
        while True:
            with self.open(method, path, query=query, body=body, headers=headers) as response:
                answer = Answer(response.status, dict(response.getheaders()), response.read())
            pause = _read_pause(answer)
            again = body is None or isinstance(body, bytes) or start is not None
            if answer.status not in _BUSY or not again or time.monotonic() + pause > end:
                break
            time.sleep(pause)
            if start is not None and not isinstance(body, bytes) and body is not None:
                body.seek(start)
        if answer.status >= 400:
            raise _read_error(answer)
        return answer

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | list[tuple[str, str]] | None = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """Make a request, and read its answer as it comes.

        Raises:
            RemoteError: there was no answer.
        """
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "", self._parts.port, timeout=self._timeout)
        target = self._parts.path.rstrip("/") + path + (f"?{urlencode(query)}" if query else "")
        sent = {"Accept": "*/*", **(headers or {})}
        if self._api_key is not None:
            sent["Authorization"] = f"Bearer {self._api_key}"
        if body is not None and not isinstance(body, bytes):
            length = _measure(body)
            if length is not None:
                sent["Content-Length"] = str(length)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent: read the reason
                connection.request(method, target, body=body, headers=sent)
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise RemoteError(
                f"{self.address}: no answer ({make_printable(error) or type(error).__name__}).",
                remedy="Start it with kukkiri serve, or check the address.",
            ) from error
        finally:
            connection.close()


def _measure(body: IO[bytes]) -> int | None:
    """Bytes of a file from where it stands; ``None`` for a stream."""
    if not body.seekable():
        return None
    here = body.tell()
    end = body.seek(0, io.SEEK_END)
    body.seek(here)
    return end - here


def _read_pause(answer: Answer) -> float:
    header = next((value for name, value in answer.headers.items() if name.lower() == "retry-after"), "")
    return float(header) if header.isdigit() else _PAUSE


def _read_error(answer: Answer) -> RemoteError:
    try:
        parts = json.loads(answer.body)["error"]
        return RemoteError(
            parts["what"],
            got=parts.get("got"),
            expected=parts.get("expected"),
            remedy=parts.get("remedy"),
            status=answer.status,
        )
    except (ValueError, KeyError, TypeError):
        start = make_printable(answer.body[:60].decode(errors="replace"))
        return RemoteError(
            f"the server answered {answer.status}.", got=start, remedy="Check the address.", status=answer.status
        )

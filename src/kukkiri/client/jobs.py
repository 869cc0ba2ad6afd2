"""An upscaling on a server: its state, its progress, its result."""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from kukkiri.client.connection import Connection, RemoteError
from kukkiri.client.results import RemoteResult

__all__ = ["RemoteJob"]

_FINAL = ("done", "failed", "cancelled")
_EVERY = 0.2  # seconds between two looks, where events do not come


class RemoteJob:
    """An upscaling on a server, as it was when it was last asked for."""

    def __init__(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Keep what the server answered.

        Args:
            connection: to the server.
            values: JSON of the job.
        """
        self._connection = connection
        self._values = dict(values)

    def __repr__(self) -> str:
        return f"RemoteJob({self.id!r}, {self.state}, {self.done}/{self.total} tiles)"

    @property
    def id(self) -> str:
        """Name of the job."""
        return str(self._values["id"])

    @property
    def state(self) -> Literal["queued", "running", "done", "failed", "cancelled"]:
        """Its state."""
        state: Literal["queued", "running", "done", "failed", "cancelled"] = self._values["state"]
        return state

    @property
    def is_final(self) -> bool:
        """True in a state that it does not leave."""
        return self.state in _FINAL

    @property
    def done(self) -> int:
        """Tiles that are done."""
        return int(self._values["progress"]["done"])

    @property
    def total(self) -> int:
        """Tiles of all network runs; 0: not known yet."""
        return int(self._values["progress"]["total"])

    @property
    def position(self) -> int | None:
        """Place in the queue, counted from 1."""
        position: int | None = self._values["position"]
        return position

    @property
    def details(self) -> dict[str, Any]:
        """Everything that the server answered: the JSON of the job, see docs/reference/http.md."""
        return dict(self._values)

    def refresh(self) -> "RemoteJob":
        """Ask the server for its state.

        Raises:
            RemoteError: it is no longer there, or the server does not answer.
        """
        self._values = self._connection.ask("GET", f"/v1/jobs/{self.id}").json()
        return self

    def follow(self) -> Iterator["RemoteJob"]:
        """Yield the job whenever it has changed, the last time in a final state; events are pushed by the server.

        Raises:
            RemoteError: it is no longer there, or the server does not answer.
        """
        yield self
        while not self.is_final:
            with contextlib.suppress(
                RemoteError
            ):  # the stream broke, as when the server starts anew: ask for the state
                yield from self._follow_events()
            if not self.is_final:
                time.sleep(_EVERY)
                before = dict(self._values)
                if self.refresh()._values != before:
                    yield self

    def _follow_events(self) -> Iterator["RemoteJob"]:
        with self._connection.open("GET", f"/v1/jobs/{self.id}/events") as response:
            if response.status != 200:
                return
            for line in response:
                if line.startswith(b"data: {") and (values := json.loads(line[6:])) and values != self._values:
                    self._values = values
                    yield self
                if self.is_final:
                    return

    def wait(self) -> RemoteResult:
        """Wait until it is done, and fetch the result.

        Raises:
            RemoteError: it failed or was cancelled, in the server's words.
        """
        for _ in self.follow():
            pass
        return self.result()

    def result(self) -> RemoteResult:
        """Fetch the result of a job that is done.

        Raises:
            RemoteError: it is not done, failed or was cancelled, in the server's words.
        """
        error = self._values["error"]
        if error is not None:
            raise RemoteError(**error)
        if self.state == "cancelled":
            raise RemoteError("the job was cancelled.", remedy="Send the image again.")
        answer = self._connection.ask("GET", f"/v1/jobs/{self.id}/result")
        result = self._values["result"] or self.refresh()._values["result"]
        return RemoteResult(
            data=answer.body,
            file_name=result["file_name"],
            media_type=result["media_type"],
            notes=tuple(result["notes"]),
        )

    def delete(self) -> None:
        """Cancel it unless it is done, and delete its files on the server.

        Raises:
            RemoteError: there is no such job, or the server does not answer.
        """
        self._connection.ask("DELETE", f"/v1/jobs/{self.id}")

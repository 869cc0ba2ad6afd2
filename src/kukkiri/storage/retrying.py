"""Repetition of requests that failed for a passing reason, after waits that double, with chance in them."""

import errno
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from kukkiri.errors import BackendError, ConfigError, make_printable

__all__ = ["Patience", "is_transient", "retry"]

Answer = TypeVar("Answer")

_PASSING_STATUS = (408, 425, 429)
"""Beside those from 500 on: the request took too long, came too early, or is one of too many."""
_NOT_FOUND = 404
_FINAL_STATUS = (501, 505)
"""Not implemented, and a version of HTTP that is not known."""
_PASSING_NUMBERS = {
    *(errno.EAGAIN, errno.EBUSY, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH),
    *(errno.EIO, errno.ENETRESET, errno.ENETUNREACH, errno.EPIPE, errno.ETIMEDOUT, getattr(errno, "EREMOTEIO", 121)),
}
"""s3fs answers EBUSY for 503 and SlowDown, and EREMOTEIO for 500."""
_PASSING_NAMES = {
    *("ClientConnectionError", "ClientPayloadError", "ConnectionClosedError", "ConnectionError", "ConnectTimeoutError"),
    *("EndpointConnectionError", "FSTimeoutError", "HTTPClientError", "IncompleteRead", "IncompleteReadError"),
    *("ReadTimeoutError", "ResponseParserError", "ServerDisconnectedError", "ServiceRequestError"),
    *("ServiceResponseError", "TimeoutError"),
}
"""Classes of errors of botocore, aiohttp, azure.core and fsspec, which are not imported for their sake."""
_FINAL = (FileNotFoundError, PermissionError, FileExistsError, IsADirectoryError, NotADirectoryError)


@dataclass(frozen=True)
class Patience:
    """The number of attempts, and the waits between them."""

    attempts: int = 7
    first: float = 0.5
    """Seconds, at most, before the second attempt."""
    longest: float = 20.0
    """Seconds, at most, before any."""

    def waits(self, chance: random.Random) -> Iterator[float]:
        """Seconds before each further attempt: evenly distributed below a limit that doubles (full jitter)."""
        for number in range(self.attempts - 1):
            yield chance.uniform(0.0, min(self.longest, self.first * 2**number))


PATIENCE = Patience()
_CHANCE = random.Random()


class IncompleteObjectError(OSError):
    """Fewer bytes came than the object has."""


def retry(request: Callable[[], Answer], *, what: str) -> Answer:
    """Send a request, again when it fails for a passing reason.

    Args:
        request: may be sent several times.
        what: is asked, for the message: ``s3://bucket/a.jpg``.

    Raises:
        FileNotFoundError, FileExistsError: the answer of the store.
        ConfigError: the store refuses, for a reason that stays: no credentials, no right, a wrong bucket.
        BackendError: all attempts failed.
    """
    waits = PATIENCE.waits(_CHANCE)
    while True:
        try:
            return request()
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            if not is_transient(error):
                if any(_find_status(each) == _NOT_FOUND for each in _chain(error)):
                    raise FileNotFoundError(what) from error
                raise ConfigError(f"{make_printable(what)}: {_explain(error)}.") from error
            wait = next(waits, None)
            if wait is None:
                raise BackendError(
                    f"{make_printable(what)}: the store did not answer in {PATIENCE.attempts} attempts "
                    f"({_tell(error)}). Try again later."
                ) from error
            time.sleep(wait)


def is_transient(error: BaseException) -> bool:
    """True for an error that may not come again: the server's own (5xx), throttling, a timeout, a lost connection."""
    chain = list(_chain(error))
    if any(kind.__name__ in _PASSING_NAMES for each in chain for kind in type(each).__mro__):
        return True  # also when the library gives it a status of its own, as aiohttp does for a body that was cut
    statuses = [status for each in chain if (status := _find_status(each)) is not None]
    if statuses:
        return (statuses[0] >= 500 and statuses[0] not in _FINAL_STATUS) or statuses[0] in _PASSING_STATUS
    for each in chain:
        if isinstance(each, _FINAL):
            return False
        if isinstance(each, IncompleteObjectError | TimeoutError):
            return True
        if isinstance(each, OSError) and each.errno in _PASSING_NUMBERS:
            return True
    return False


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        error, seen = error.__cause__, seen + 1


def _find_status(error: BaseException) -> int | None:
    """Status of HTTP that an error of botocore, gcsfs, aiohttp or azure.core holds."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(error, "status", None) or getattr(error, "status_code", None) or getattr(error, "code", None)
    return int(status) if isinstance(status, int) or (isinstance(status, str) and status.isdigit()) else None


def _explain(error: Exception) -> str:
    """Say why a store refuses."""
    name = type(error).__name__
    if "Credential" in name or "Credential" in str(error):
        return "no credentials are found. Set those of the store in the environment, see docs/how-to/scale.md"
    if isinstance(error, PermissionError):
        return f"the store refuses it ({_tell(error)}). Check the credentials and the rights"
    return f"the store cannot do this ({_tell(error)})"


def _tell(error: Exception) -> str:
    text = str(error.strerror or error) if isinstance(error, OSError) else str(error)
    return make_printable(" ".join(text.split())[:200] or type(error).__name__)

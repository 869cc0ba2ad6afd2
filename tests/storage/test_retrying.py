"""Requests that are sent again, and those that are not."""

import errno
import random

import pytest

from kukkiri.errors import BackendError, ConfigError
from kukkiri.storage import retrying
from kukkiri.storage.retrying import Patience, is_transient, retry


class AnswerError(Exception):
    """As botocore raises."""

    def __init__(self, status):
        super().__init__(f"status {status}")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


class StatusError(Exception):
    """As gcsfs and azure.core raise."""

    def __init__(self, status):
        super().__init__(f"status {status}")
        self.status_code = status


class ReadTimeoutError(Exception):
    """As botocore names it."""


class ClientPayloadError(Exception):
    """As aiohttp names it."""


def cut_body():
    """As aiohttp raises."""
    error = ClientPayloadError("Response payload is not completed")
    error.__cause__ = StatusError(400)
    return error


def translated(status, translation):
    """As s3fs raises."""
    error = translation
    error.__cause__ = AnswerError(status)
    return error


TRANSIENT = [
    *(AnswerError(status) for status in (408, 429, 500, 502, 503, 504)),
    StatusError(503),
    ReadTimeoutError(),
    ConnectionResetError(errno.ECONNRESET, "reset"),
    TimeoutError(),
    cut_body(),
    OSError(errno.EBUSY, "SlowDown"),
    translated(500, OSError(errno.EIO, "internal error")),
    translated(503, PermissionError("SlowDown")),  # the status tells more than the translation
]
FINAL = [
    *(AnswerError(status) for status in (400, 401, 403, 404, 409, 412, 501)),
    StatusError(403),
    FileNotFoundError(),
    PermissionError(),
    translated(403, OSError(errno.EBUSY, "denied")),
    OSError(errno.ENOSPC, "disk full"),
    ValueError("a bug"),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
def test_what_may_pass_is_transient(error):
    assert is_transient(error)


@pytest.mark.parametrize("error", FINAL, ids=repr)
def test_what_stays_is_not(error):
    assert not is_transient(error)


@pytest.fixture
def waits(monkeypatch):
    waited = []
    monkeypatch.setattr(retrying.time, "sleep", waited.append)
    return waited


def failing(*errors):
    left = list(errors)

    def request():
        if left:
            raise left.pop(0)
        return "answer"

    return request


def test_a_request_is_sent_again_until_it_is_answered(waits):
    assert retry(failing(AnswerError(503), TimeoutError()), what="s3://b/a") == "answer"
    assert len(waits) == 2


def test_waits_double_and_hold_chance():
    limits = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    rows = [list(Patience().waits(random.Random(seed))) for seed in range(400)]
    for limit, column in zip(limits, zip(*rows, strict=True), strict=True):
        assert 0 <= min(column) <= max(column) <= limit
        assert sum(column) / len(column) == pytest.approx(limit / 2, rel=0.1)
    assert max(Patience(attempts=20).waits(random.Random(0))) <= 20.0


def test_patience_ends_with_one_line(waits):
    with pytest.raises(
        BackendError, match=r"s3://b/a: the store did not answer in 7 attempts \(status 503\)"
    ) as caught:
        retry(failing(*(AnswerError(503) for _ in range(7))), what="s3://b/a")
    assert "\n" not in str(caught.value)
    assert len(waits) == 6


@pytest.mark.parametrize("error", [AnswerError(403), PermissionError("denied"), AnswerError(400)], ids=repr)
def test_a_refusal_is_not_repeated(waits, error):
    with pytest.raises(ConfigError, match="s3://b/a"):
        retry(failing(error), what="s3://b/a")
    assert waits == []


def test_what_is_not_there_is_an_answer(waits):
    with pytest.raises(FileNotFoundError):
        retry(failing(FileNotFoundError()), what="s3://b/a")
    assert waits == []


@pytest.mark.parametrize("error", [AnswerError(404), StatusError(404), translated(404, OSError("gone"))], ids=repr)
def test_a_status_of_404_is_one_too_whatever_the_library_raises(waits, error):
    with pytest.raises(FileNotFoundError, match="s3://b/a"):
        retry(failing(error), what="s3://b/a")
    assert waits == []


def test_missing_credentials_are_named(waits):
    class NoCredentialsError(Exception):
        pass

    with pytest.raises(ConfigError, match=r"no credentials are found\. Set those of the store in the environment"):
        retry(failing(NoCredentialsError("Unable to locate credentials")), what="s3://b/a")

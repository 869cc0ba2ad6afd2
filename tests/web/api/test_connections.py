"""Requests that no HTTP client makes: slow heads, stalled bodies, readers that do not read, bytes that are no HTTP."""

import asyncio
import errno
import importlib.util
import json
import random
import socket
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import uvicorn
from uvicorn.server import ServerState

from kukkiri.images import Image
from kukkiri.web.limits import Limits
from kukkiri.web.protocol import HttpProtocol

LOAD = Path(__file__).parents[3] / "benchmarks" / "web_load.py"


@pytest.fixture(scope="module")
def load() -> ModuleType:
    """benchmarks/web_load.py, whose attacks run here in small."""
    spec = importlib.util.spec_from_file_location("web_load", LOAD)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exchange(server, data: bytes) -> bytes:
    with socket.create_connection(server.place, timeout=20) as sock:
        with suppress(OSError):
            sock.sendall(data)
        received = b""
        with suppress(OSError):
            while part := sock.recv(65536):
                received += part
    return received


@pytest.mark.parametrize("data", [b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"a" * 70000])
def test_what_is_no_http_is_answered_in_the_one_shape(server, data):
    head, _, body = exchange(server, data).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request")
    assert json.loads(body)["error"]["what"] == "this is no HTTP/1.1 request."


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"", b""),
        (b"POST /v1/upscale HTTP/1.1\r\nHost: 127", b""),
        (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /hea", b"HTTP/1.1 200 OK"),
        (b"POST /v1/upscale HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n\x89PNG", b"HTTP/1.1 408 "),
    ],
    ids=["nothing", "half a head", "half a second head", "half a body"],
)
def test_who_sends_too_slowly_is_given_up(server, data, answer):
    began = time.monotonic()
    assert exchange(server, data)[:15].startswith(answer)
    assert 0.5 < time.monotonic() - began < 15


def test_who_reads_nothing_is_given_up(server, http, tmp_path):
    path = tmp_path / "a.png"
    Image.from_array(np.random.default_rng(0).integers(0, 256, (260, 260), dtype=np.uint8)).save(path)
    answer = http.post("/v1/upscale?mode=wait&model=nearest&scale=10&format=bmp", content=path.read_bytes())
    assert len(answer.content) > 6_000_000
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(20)
        sock.connect(server.place)
        sock.sendall(
            f"GET /v1/jobs/{answer.headers['x-kukkiri-job']}/result HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        )
        time.sleep(2.5)
        received = 0
        with suppress(OSError):
            while part := sock.recv(65536):
                received += len(part)
    assert 0 < received < len(answer.content)


def test_malformed_requests_and_bombs_are_refused(server, http, load, photo):
    before = http.get("/v1/jobs").status_code
    for number in range(120):
        seed = load.list_seeds()[number % len(load.list_seeds())]
        data = load.mutate(seed, random.Random(number + 1_000_000))
        with socket.create_connection(server.place, timeout=5) as sock, suppress(OSError):
            sock.sendall(data)
            sock.settimeout(0.02)
            start = sock.recv(100)
            assert start[:9] in (b"HTTP/1.1 ", b"")
            assert start[9:12] != b"500"
    statuses = {
        name: http.post("/v1/upscale?mode=wait", content=bomb) for name, bomb in load.list_bombs(megabytes=5).items()
    }
    profile = statuses.pop("PNG with a packed profile")
    assert profile.status_code in (200, 413, 422)
    assert {answer.status_code for answer in statuses.values()} <= {413, 415, 422}
    assert http.post("/v1/upscale?model=nearest", content=photo.read_bytes()).status_code == before == 200


def test_a_refused_body_that_goes_on_does_not_cost_the_client_the_answer(server):
    head = b"POST /v1/upscale HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil\r\nContent-Length: 3000000\r\n\r\n"
    with socket.create_connection(server.place, timeout=20) as sock:
        sock.sendall(head + b"x" * 60_000)
        time.sleep(0.2)
        for _ in range(5):  # raises in a connection that was reset
            sock.sendall(b"x" * 100_000)
            time.sleep(0.02)
        received = b""
        while part := sock.recv(65536):
            received += part
    assert received.startswith(b"HTTP/1.1 403 ")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["got"] == "http://evil"


class GoneTransport(asyncio.Transport):
    """Of a client whose reset has come, and which the event loop has not read yet."""

    aborted = False

    def is_closing(self) -> bool:
        return self.aborted

    def can_write_eof(self) -> bool:
        return True

    def write(self, data: bytes) -> None: ...

    def write_eof(self) -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    def abort(self) -> None:
        self.aborted = True


def test_client_that_is_gone_when_its_answer_ends_is_no_error():
    async def answer_noise() -> GoneTransport:
        async def unused(scope: Any, receive: Any, send: Any) -> None: ...

        config = uvicorn.Config(unused, log_config=None, lifespan="off")
        config.load()
        protocol = HttpProtocol(config, ServerState(), {}, limits=Limits())
        transport = GoneTransport()
        protocol.connection_made(transport)
        protocol.data_received(b"\0\0\0\0\r\n\r\n")
        protocol.connection_lost(None)
        return transport

    assert asyncio.run(answer_noise()).aborted

"""Servers: one of all tests, in a process of its own, and those of a test, in this process and without workers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from kukkiri.client import Client
from kukkiri.images import Image
from kukkiri.web.limits import Limits
from kukkiri.web.settings import ServerSettings

if find_spec("fastapi") is None:  # the extra web
    collect_ignore_glob = ["test_*.py"]
else:
    from kukkiri.web.application import make_application
    from kukkiri.web.authentication import Keys
    from kukkiri.web.jobs.store import JobStore
    from kukkiri.web.service import Service


@dataclass
class Served:
    """``kukkiri serve`` in a process of its own."""

    address: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def place(self) -> tuple[str, int]:
        host, _, port = self.address.removeprefix("http://").partition(":")
        return host, int(port)


@contextmanager
def serve(folder: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """Run ``kukkiri serve`` on a free port until the block ends."""
    command = [sys.executable, "-m", "kukkiri", "serve", "--port", "0", "--folder", str(folder / "state")]
    log = folder / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*command, "--threads", "1", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **(environment or {})},
        ) as process,
    ):
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://"), log.read_text()
        try:
            yield Served(address, process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with short times, for every test that needs a real one."""
    limits = ["--header-seconds=1", "--body-stall-seconds=1", "--send-stall-seconds=1", "--max-body-mb=2"]
    limits += ["--max-output-megapixels=9", "--max-client-jobs=0", "--max-queue=0", "--log-requests"]
    with serve(tmp_path_factory.mktemp("server"), *limits) as served:
        while httpx.get(f"{served.address}/ready").status_code != 200:
            time.sleep(0.1)
        yield served
        assert "Traceback" not in served.log.read_text()


@pytest.fixture
def client(server: Served) -> Client:
    return Client(server.address)


@pytest.fixture
def http(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.address, timeout=60) as session:
        yield session


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A PNG file with an image that no other test has."""
    rng = np.random.default_rng(abs(hash(str(tmp_path))))
    path = tmp_path / "photo.png"
    Image.from_array(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(path)
    return path


Make = Callable[..., httpx.AsyncClient]


@pytest.fixture
def make_api(tmp_path: Path) -> Iterator[Make]:
    """Make a client of an application in this process, whose jobs nobody does."""
    stores: list[JobStore] = []

    def make(*, keys: "Keys | None" = None, settings: dict[str, Any] | None = None, **limits: Any) -> httpx.AsyncClient:
        chosen = ServerSettings(folder=tmp_path / f"state{len(stores)}", limits=Limits(**limits), **(settings or {}))
        stores.append(JobStore(chosen))
        service = Service(chosen, store=stores[-1], pool=None, keys=keys or Keys())
        transport = httpx.ASGITransport(make_application(service), raise_app_exceptions=False)
        api = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        api.service = service  # type: ignore[attr-defined]
        return api

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def png(photo: Path) -> bytes:
    """The bytes of a small PNG file."""
    return photo.read_bytes()

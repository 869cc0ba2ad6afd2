"""A browser for the page, and a server that does what a test wants."""

import io
import os
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")  # a process has one such loop at a time, and other modules start theirs
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[Any]:
    pytest.importorskip("PIL", reason="needs Pillow")
    from tests.web.page.fake_server import FakeServer

    fake = FakeServer()
    yield fake
    fake.close()


@pytest.fixture
def open_page(chromium: Any, server: Any) -> Iterator[Any]:
    """A function that opens the page of the fake server; the test fails on errors that no one caught."""
    contexts, problems = [], []

    def open_it(**options: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1200, "height": 900}, "locale": "en-US"} | options)
        context.set_default_timeout(8000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if "Security Policy" in message.text else None)
        page.on(
            "request",
            lambda request: problems.append(request.url) if not request.url.startswith((server.url, "blob:")) else None,
        )
        page.goto(server.url)
        page.locator("#presets input").first.wait_for(state="attached")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def photo() -> bytes:
    """A PNG of 60x40 pixels: a slope of grey with a red square."""
    from PIL import Image

    pixels = np.repeat(np.linspace(0, 255, 60).astype(np.uint8)[None, :, None], 40, axis=0).repeat(3, axis=2)
    pixels[10:20, 10:20] = (255, 0, 0)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()

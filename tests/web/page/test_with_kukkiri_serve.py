"""The page against ``kukkiri serve`` itself, and with the engine in the browser."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kukkiri
from kukkiri.images import read_image

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
pytest.importorskip("fastapi", reason="needs the extra web")
from playwright.sync_api import expect


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    command = [
        sys.executable,
        "-m",
        "kukkiri",
        "serve",
        "--port",
        "0",
        "--folder",
        str(tmp_path / "state"),
        "--threads",
        "1",
    ]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.send_signal(signal.SIGTERM)
        server.stdout.read()


def test_result_is_that_of_python_and_the_browser_engine_sends_nothing(
    chromium: Any, served: str, photo: bytes, tmp_path: Path
):
    (tmp_path / "cat.png").write_bytes(photo)
    context = chromium.new_context(locale="en-US")
    context.set_default_timeout(60_000)
    page = context.new_page()
    posted = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    page.goto(served)
    page.check("#presets input[value=fast]", force=True)
    page.set_input_files("#files", str(tmp_path / "cat.png"))
    page.click("#run")
    expect(page.locator("[data-state=done]")).to_be_visible(timeout=60_000)
    expect(page.locator(".numbers")).to_contain_text("60 × 40 → 120 × 80 px")
    with page.expect_download() as waiting:
        page.click("#facts button")
    waiting.value.save_as(tmp_path / "served.png")
    expected = kukkiri.upscale(tmp_path / "cat.png", model="fast", scale=2).to_array()
    got = read_image(tmp_path / "served.png").to_array()
    assert np.abs(got.astype(int) - expected.astype(int)).max() <= 1  # the engine's threads differ

    page.check("#engines input[value=browser]", force=True)
    expect(page.locator("#privacy")).to_contain_text("sends nothing")
    page.check("#presets input[value=fast]", force=True)
    page.click("#run")
    expect(page.locator("[data-state=done]")).to_have_count(0)
    expect(page.locator("[data-state=done]")).to_be_visible(timeout=60_000)
    with page.expect_download() as waiting:
        page.click("#facts button")
    waiting.value.save_as(tmp_path / "here.png")
    context.close()
    got = read_image(tmp_path / "here.png").to_array()
    assert np.abs(got.astype(int) - expected.astype(int)).max() <= 1  # float rounding
    assert len(posted) == 1

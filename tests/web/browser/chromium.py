"""Debian's Chromium, a static file server, and the engine of an exported site called from its page."""

import base64
import functools
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
CALL = """async ({ encoded, name, type, options, cancelAfter }) => {
  const { upscale } = await import(new URL("static/browser/engine.js", document.baseURI));
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const cancel = new AbortController();
  const progress = [];
  try {
    const { blob, ...result } = await upscale(new File([bytes], name, { type }), options, {
      onProgress: ({ phase, done, total }) => {
        progress.push([phase, done, total]);
        if (cancelAfter !== null && phase === "running" && done >= cancelAfter) cancel.abort();
      },
      signal: cancel.signal,
    });
    const data = new Uint8Array(await blob.arrayBuffer());
    let text = "";
    for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
    return { ...result, progress, data: btoa(text), type: blob.type };
  } catch ({ name, what, got, expected, remedy, message }) {
    return { progress, error: { name, what, got, expected, remedy, message } };
  }
}"""
OPTIONS = {
    **{"scale": 2, "width": None, "height": None, "stretch": False, "fit": None, "short_side": None},
    **{"megapixels": None, "preset": "fast", "weights": "auto", "vivid": None, "denoise": None, "format": "same"},
    **{"quality": None, "metadata": "keep", "alpha": "transparency"},
    **{"ensemble": False, "skip_flat": False, "wrap": False},
}


def require_chromium() -> None:
    """Skip the calling test where Playwright or Chromium is missing."""
    pytest.importorskip("playwright", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")


@dataclass
class Visit:
    """A page of an exported site, and every request that it made."""

    page: Any
    address: str
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def upscale(self, path: Path, *, media_type: str = "image/png", cancel_after: int | None = None, **options: Any):
        """Call the engine; the result with its bytes under ``data``, or the error."""
        argument = {
            "encoded": base64.b64encode(path.read_bytes()).decode(),
            "name": path.name,
            "type": media_type,
            "options": {**OPTIONS, **options},
            "cancelAfter": cancel_after,
        }
        result = self.page.evaluate(CALL, argument)
        if "data" in result:
            result["data"] = base64.b64decode(result["data"])
        return result


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve a folder as ``python -m http.server`` does; the address of its root."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def open_page(address: str, profile: Path) -> Iterator[Visit]:
    """Open a page in a fresh browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=CHROMIUM, headless=True, args=FLAGS, viewport={"width": 1000, "height": 800}
        )
        try:
            visit = Visit(browser.pages[0], address)
            browser.on("request", lambda request: visit.requests.append(request.url))
            visit.page.on("console", lambda message: visit.console.append(f"{message.type}: {message.text}"))
            visit.page.on("pageerror", lambda error: visit.console.append(f"pageerror: {error}"))
            visit.page.goto(address)
            yield visit
        finally:
            browser.close()

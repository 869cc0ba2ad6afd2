"""A server that follows the HTTP contract of the page and is as slow, full or locked as a test wants it."""

import contextlib
import io
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image

import kukkiri.web

STATIC = Path(kukkiri.web.__file__).parent / "static"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self' blob:; style-src 'self'"
)
LIMITS = {
    "max_body_mb": 50,
    "max_input_megapixels": 40,
    "max_output_megapixels": 100,
    "keep_hours": 24,
    "max_client_jobs": 4,
}


@dataclass
class Behaviour:
    """Answers and delays that the tests change."""

    tiles: int = 4
    seconds_a_tile: float = 0.02
    held: threading.Event = field(default_factory=threading.Event)
    """Jobs stop after their first tile until this is set; set at first."""
    key: str | None = None
    refuse: dict[str, Any] | None = None
    """The error object that every job ends with."""
    full: int = 0
    """That many submissions are answered with 503."""
    streams: bool = True
    limits: dict[str, float] = field(default_factory=lambda: dict(LIMITS))
    notes: tuple[str, ...] = ()
    kept: dict[str, Any] = field(default_factory=lambda: {"profile": True, "exif": True, "depth": 8, "alpha": None})
    requests: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.held.set()


class FakeServer:
    """Runs on a free port until it is closed; ``behaviour`` may be replaced at any time."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.jobs: dict[str, dict[str, Any]] = {}
        self.files: dict[str, tuple[bytes, bytes]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.behaviour.held.set()
        self.server.shutdown()
        self.server.server_close()

    def submit(self, name: str, body: bytes, query: dict[str, str]) -> dict[str, Any]:
        number = f"job{len(self.jobs)}"
        links = {
            "self": f"/v1/jobs/{number}",
            "events": f"/v1/jobs/{number}/events",
            "input": f"/v1/jobs/{number}/input",
        }
        progress = {"done": 0, "total": self.behaviour.tiles}
        self.jobs[number] = {
            "id": number, "state": "queued", "position": 1, "progress": progress, "input_name": name,
            "options": query, "result": None, "error": None, "links": links,
        }  # fmt: skip
        self.files[number] = (body, b"")
        threading.Thread(target=self._work, args=(number, query), daemon=True).start()
        return self.jobs[number]

    def _work(self, number: str, query: dict[str, str]) -> None:
        job, behaviour = self.jobs[number], self.behaviour
        time.sleep(behaviour.seconds_a_tile)
        for tile in range(1, behaviour.tiles + 1):
            if job["state"] == "cancelled":
                return
            job.update(state="running", position=None, progress={"done": tile, "total": behaviour.tiles})
            time.sleep(behaviour.seconds_a_tile)
            behaviour.held.wait(30)
        if job["state"] == "cancelled":
            return
        if behaviour.refuse is not None:
            job.update(state="failed", error=behaviour.refuse)
            return
        image = Image.open(io.BytesIO(self.files[number][0]))
        width, height = (round(float(query["scale"]) * side) for side in image.size)
        target = io.BytesIO()
        image.resize((width, height), Image.Resampling.LANCZOS).save(target, image.format)
        self.files[number] = (self.files[number][0], target.getvalue())
        stem, dot, suffix = job["input_name"].rpartition(".")
        result = {
            "bytes": len(target.getvalue()), "width": width, "height": height, "seconds": 0.42,
            "media_type": Image.MIME[image.format or "PNG"], "file_name": f"{stem}-x2{dot}{suffix}",
            "notes": list(behaviour.notes), "kept": behaviour.kept,
        }  # fmt: skip
        job["links"]["result"] = f"/v1/jobs/{number}/result"
        job.update(state="done", result=result)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:  # type: ignore[override]
                """Say nothing."""

            def do_GET(self) -> None:
                self.route("GET")

            def do_POST(self) -> None:
                self.route("POST")

            def do_DELETE(self) -> None:
                self.route("DELETE")

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # the page went away
                    super().handle()

            def route(self, method: str) -> None:
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fake.behaviour.requests.append((method, self.path))
                if not url.path.startswith("/v1/"):
                    self.page(url.path)
                elif fake.behaviour.key not in (None, self.headers.get("Authorization", "").removeprefix("Bearer ")):
                    self.json(401, {"error": {"what": "an API key is needed"}})
                elif method == "POST":
                    self.submit(body, {name: values[0] for name, values in parse_qs(url.query).items()})
                else:
                    self.api(method, url.path.removeprefix("/v1/").split("/"))

            def submit(self, body: bytes, query: dict[str, str]) -> None:
                if fake.behaviour.full > 0:
                    fake.behaviour.full -= 1
                    self.json(503, {"error": {"what": "the queue is full"}}, {"Retry-After": "1"})
                else:
                    self.json(202, fake.submit(query["filename"], body, query))

            def api(self, method: str, parts: list[str]) -> None:
                if parts == ["limits"]:
                    limits = {name: {"value": value} for name, value in fake.behaviour.limits.items()}
                    self.json(200, {"version": "0.9.0", "limits": limits})
                elif parts == ["models"]:
                    dials = {"fast": ["denoise"], "balanced": ["vivid", "denoise"], "best": ["vivid", "denoise"]}
                    presets = [{"name": name, "dials": dials[name]} for name in dials]
                    formats = ["png", "jpg", "webp", "tiff"]
                    self.json(
                        200,
                        {
                            "presets": presets,
                            "scales": [2, 3, 4],
                            "weights": ["auto", "clean", "photo"],
                            "formats": formats,
                        },
                    )
                elif parts[0] == "jobs" and len(parts) > 1 and parts[1] in fake.jobs:
                    self.job(method, fake.jobs[parts[1]], parts[2] if len(parts) > 2 else "")
                else:
                    self.json(404, {"error": {"what": "there is no such job"}})

            def job(self, method: str, job: dict[str, Any], what: str) -> None:
                if method == "DELETE":
                    job["state"] = "cancelled"
                    self.json(200, job)
                elif what == "events" and fake.behaviour.streams:
                    self.stream(job)
                elif what in ("input", "result"):
                    self.answer(200, job["result"]["media_type"], fake.files[job["id"]][what == "result"])
                elif what == "":
                    self.json(200, job)
                else:
                    self.json(404, {"error": {"what": "no events here"}})

            def stream(self, job: dict[str, Any]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                last = ""
                while True:
                    now = json.dumps(job)
                    if now != last:
                        self.wfile.write(f": changed\n\nevent: job\ndata: {now}\n\n".encode())
                        self.wfile.flush()
                    last = now
                    if job["state"] in ("done", "failed", "cancelled"):
                        break
                    time.sleep(0.01)
                self.close_connection = True

            def page(self, path: str) -> None:
                name = "index.html" if path == "/" else path.removeprefix("/static/")
                file = STATIC / name
                if file.is_file():
                    self.answer(200, TYPES.get(file.suffix, "application/octet-stream"), file.read_bytes())
                else:
                    self.answer(404, "text/plain", b"not here")

            def json(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
                self.answer(status, "application/json", json.dumps(content).encode(), headers)

            def answer(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                policy = {
                    "Content-Security-Policy": POLICY,
                    "Cross-Origin-Opener-Policy": "same-origin",
                    "Cross-Origin-Embedder-Policy": "require-corp",
                }
                for header, value in (
                    {"Content-Type": kind, "Content-Length": str(len(body))} | policy | (headers or {})
                ).items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(body)

        return Handler

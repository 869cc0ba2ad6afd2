"""The typed client against a server that answers as a test says: words of errors, patience, files."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kukkiri.client import Client, RemoteError, RemoteJob, RemoteResult, UpscaleOptions
from kukkiri.errors import ConfigError, ImageError, KukkiriError
from kukkiri.web.jobs.options import JobOptions

JOB: dict[str, Any] = {
    **{"id": "AAAAAAAAAAAAAAAAAAAAAA", "state": "queued", "position": 1, "progress": {"done": 0, "total": 0}},
    **{"error": None, "result": None, "input_name": "a.png"},
}
RESULT = {"file_name": "a-x2.png", "media_type": "image/png", "notes": ["one note"]}
DONE = {**JOB, "state": "done", "position": None, "progress": {"done": 2, "total": 2}, "result": RESULT}
ERROR = {"what": "the queue is full.", "got": "8 jobs", "expected": "fewer", "remedy": "Try again."}


class ScriptedServer:
    """Answers by method and path, each used once and the last one again; and the requests that came."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.address = ""

    def answer(self, request: str, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(request, []).append((status, headers, data))


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    state = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.requests.append((self.command, self.path, dict(self.headers), body))
            known = state.answers[f"{self.command} {self.path.partition('?')[0]}"]
            status, headers, data = known.pop(0) if len(known) > 1 else known[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


def events(*jobs: dict[str, Any]) -> bytes:
    return b"retry: 1000\n\n" + b"".join(b"event: job\ndata: %s\n\n" % json.dumps(job).encode() for job in jobs)


def test_an_image_goes_there_and_its_result_comes_back(scripted, tmp_path):
    running = {**JOB, "state": "running", "position": None, "progress": {"done": 1, "total": 2}}
    scripted.answer("POST /v1/upscale", 202, JOB)
    scripted.answer(f"GET /v1/jobs/{JOB['id']}/events", 200, events(JOB, running, DONE))
    scripted.answer(f"GET /v1/jobs/{JOB['id']}/result", 200, b"the image")
    (tmp_path / "a b.png").write_bytes(b"png")
    seen: list[tuple[int, int]] = []
    client = Client(scripted.address + "/", api_key="secret")
    result = client.upscale(
        tmp_path / "a b.png", scale=2, wrap=True, quality=None, progress=lambda done, total: seen.append((done, total))
    )
    assert result == RemoteResult(data=b"the image", file_name="a-x2.png", media_type="image/png", notes=("one note",))
    assert seen == [(1, 2), (2, 2)]
    method, path, headers, body = scripted.requests[0]
    assert (method, path) == ("POST", "/v1/upscale?mode=job&filename=a+b.png&scale=2&wrap=true")
    assert (body, headers["Authorization"]) == (b"png", "Bearer secret")


def test_a_stream_that_breaks_is_followed_by_asking(scripted):
    scripted.answer("POST /v1/upscale", 202, JOB)
    scripted.answer(f"GET /v1/jobs/{JOB['id']}/events", 200, events(JOB))
    scripted.answer(f"GET /v1/jobs/{JOB['id']}", 200, DONE)
    states = [job.state for job in Client(scripted.address).submit(b"png").follow()]
    assert states == ["queued", "done"]


def test_errors_are_in_the_servers_words(scripted):
    scripted.answer("POST /v1/upscale", 422, {"error": ERROR})
    with pytest.raises(RemoteError) as raised:
        Client(scripted.address).submit(b"png")
    assert str(raised.value) == "the queue is full. Got 8 jobs. Expected fewer. Try again."
    assert (raised.value.status, raised.value.what) == (422, "the queue is full.")
    assert isinstance(raised.value, KukkiriError)
    failed = {**JOB, "state": "failed", "error": {**ERROR, "status": 422}}
    scripted.answer("GET /v1/jobs/x", 200, failed)
    with pytest.raises(RemoteError, match="the queue is full"):
        Client(scripted.address).job("x").wait()


def test_a_busy_server_is_asked_again_with_the_whole_file(scripted, tmp_path):
    scripted.answer("POST /v1/upscale", 503, {"error": ERROR}, Retry_After="0")
    scripted.answer("POST /v1/upscale", 202, DONE)
    (tmp_path / "a.png").write_bytes(b"png")
    with (tmp_path / "a.png").open("rb") as file:
        assert Client(scripted.address).submit(file).state == "done"
    assert [body for *_, body in scripted.requests] == [b"png", b"png"]
    scripted.answers["POST /v1/upscale"] = [(503, {"Retry_After": "30"}, json.dumps({"error": ERROR}).encode())]
    with pytest.raises(RemoteError, match="the queue is full"):
        Client(scripted.address, patience=1).submit(b"png")


def test_a_batch_has_jobs_and_errors(scripted, tmp_path):
    scripted.answer(
        "POST /v1/batch", 202, {"jobs": [JOB], "errors": [{"input_name": "b.txt", "error": {**ERROR, "status": 415}}]}
    )
    (tmp_path / 'a".png').write_bytes(b"png")
    jobs, errors = Client(scripted.address).submit_batch([tmp_path / 'a".png', b"text"], preset="fast")
    assert ([job.id for job in jobs], errors[0][0], errors[0][1].status) == ([JOB["id"]], "b.txt", 415)
    assert b'filename="a%22.png"\r\n\r\npng\r\n' in scripted.requests[0][3]


def test_who_answers_must_be_kukkiri(scripted):
    scripted.answer("GET /v1/jobs/x", 200, b"<html>")
    scripted.answer("GET /v1/models", 502, b"<html>bad gateway")
    with pytest.raises(RemoteError, match="what answers at this address is no kukkiri server"):
        Client(scripted.address).job("x")
    with pytest.raises(RemoteError, match="the server answered 502"):
        Client(scripted.address).models()
    with pytest.raises(RemoteError, match=r"http://127.0.0.1:1: no answer \(.*\). Start it with kukkiri serve"):
        Client("http://127.0.0.1:1").jobs()


@pytest.mark.parametrize("address", ["", "127.0.0.1:8080", "ftp://x", "http://", "http://x:99999", "http://x/?a=1"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ConfigError, match="is no address of a server"):
        Client(address)


def test_a_result_is_saved_whole_and_only_as_what_it_is(tmp_path):
    result = RemoteResult(data=b"png", file_name="../a-x2.png", media_type="image/png")
    assert result.save(tmp_path) == tmp_path / "a-x2.png"
    assert (tmp_path / "a-x2.png").read_bytes() == b"png"
    with pytest.raises(ImageError, match=r"exists. Give overwrite=True"):
        result.save(tmp_path)
    result.save(tmp_path / "A.PNG", overwrite=True)
    with pytest.raises(ImageError, match=r"the result is image/png. Name it b.png, or ask the server for format='jpg'"):
        result.save(tmp_path / "b.jpg")
    with pytest.raises(ImageError, match="cannot be written"):
        result.save(tmp_path / "none" / "a.png")


def test_mistakes_are_found_before_anything_is_sent(tmp_path):
    client = Client("http://127.0.0.1:1")
    with pytest.raises(ImageError, match="no such file"):
        client.submit(tmp_path / "none.png")
    with pytest.raises(TypeError, match="int is no image file"):
        client.submit(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="is no id of a job"):
        client.job("../models")


def test_the_client_knows_every_option_of_the_server():
    assert set(UpscaleOptions.__annotations__) == set(JobOptions.__dataclass_fields__)
    assert repr(RemoteJob(None, DONE)).endswith("done, 2/2 tiles)")  # type: ignore[arg-type]

"""Against a server of our own, on this machine."""

import hashlib
import io
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from kukkiri.errors import BackendError, ConfigError
from kukkiri.evaluation import BENCHMARKS, download, download_benchmark
from kukkiri.evaluation import benchmarks as module
from kukkiri.evaluation.benchmarks import Archive, Benchmark
from kukkiri.images import Image, read_image

CONTENT = bytes(range(256)) * 40_000  # 10 MB: several reads
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges = True  # whether it can go on where one stopped
        self.stop_after = None  # bytes, then the connection breaks
        self.asked = []  # the Range header of each request

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/set.zip"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        if self.path != "/set.zip":
            self.send_error(404)
            return
        start = 0
        if self.headers.get("Range") and server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])
            if start >= len(server.content):
                self.send_error(416)
                return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.stop_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_file_is_complete_and_its_progress_is_reported(server, tmp_path):
    reported = []
    download(server.url, tmp_path / "a.zip", sha256=SHA256.upper(), report=lambda *step: reported.append(step))
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    assert reported[-1] == (len(CONTENT), len(CONTENT))
    assert reported == sorted(reported)
    assert len(reported) > 3


def test_a_complete_file_is_not_fetched_again(server, tmp_path):
    (tmp_path / "a.zip").write_bytes(CONTENT)
    download(server.url, tmp_path / "a.zip", sha256=SHA256)
    assert server.asked == []


def test_an_interrupted_file_is_continued_and_has_its_name_only_when_complete(server, tmp_path):
    server.stop_after = 3_000_000
    with pytest.raises(BackendError, match=r"3000000 of 10240000 bytes|kept"):
        download(server.url, tmp_path / "a.zip", sha256=SHA256)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip.part"]
    assert (tmp_path / "a.zip.part").stat().st_size == 3_000_000
    server.stop_after = None
    reported = []
    download(server.url, tmp_path / "a.zip", sha256=SHA256, report=lambda *step: reported.append(step))
    assert server.asked == [None, "bytes=3000000-"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert reported[0][0] > 3_000_000
    assert reported[-1] == (len(CONTENT), len(CONTENT))


def test_a_server_that_cannot_resume_starts_from_the_beginning(server, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(CONTENT[:1000])
    server.ranges = False
    download(server.url, tmp_path / "a.zip", sha256=SHA256)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("rest", [CONTENT, CONTENT + b"more"])
def test_a_part_that_is_complete_or_too_long_ends_well(server, tmp_path, rest):
    (tmp_path / "a.zip.part").write_bytes(rest)
    download(server.url, tmp_path / "a.zip", sha256=SHA256)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert server.asked == ([] if rest == CONTENT else [f"bytes={len(rest)}-", None])


def test_a_wrong_file_is_deleted(server, tmp_path):
    server.content = b"<html>moved</html>"
    with pytest.raises(BackendError, match=f"expected {SHA256}"):
        download(server.url, tmp_path / "a.zip", sha256=SHA256)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_a_missing_server_are_one_line(server, tmp_path):
    with pytest.raises(BackendError, match="Not Found"):
        download(server.url.replace("set", "none"), tmp_path / "a.zip", sha256=SHA256)
    closed = Server()
    closed.server_close()
    with pytest.raises(BackendError, match=r"refused.*kept"):
        download(closed.url, tmp_path / "a.zip", sha256=SHA256)
    assert list(tmp_path.iterdir()) == []


def test_other_schemes_are_not_opened(tmp_path):
    with pytest.raises(ValueError, match="http or https"):
        download("file:///etc/hostname", tmp_path / "a", sha256=SHA256)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "made").mkdir()
    found = {}
    for number, name in enumerate("ab"):
        Image.from_array(np.full((20, 30, 3), 80 * number, np.uint8)).save(tmp_path / "made" / f"{name}.png")
        found[f"Tiny/images/test/{name}.png"] = (tmp_path / "made" / f"{name}.png").read_bytes()
    return {
        **found,
        "Tiny/images/train/c.png": b"not this one",
        "Tiny/images/test/readme.txt": b"nor this",
        "../../escaped.png": b"nor this",
    }


def packed(files, kind):
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as tape:
            for name, content in files.items():
                entry = tarfile.TarInfo(f"./{name}")
                entry.size = len(content)
                tape.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def tiny(server, monkeypatch):
    def define(content, **changes):
        server.content = content
        archive = Archive(server.url, None, hashlib.sha256(content).hexdigest(), "Tiny/images/test")
        tiny = Benchmark(**{"name": "Tiny", "count": 2, "any_of": ((20, 30),), "archive": archive, **changes})
        monkeypatch.setitem(module.BENCHMARKS, "tiny", tiny)

    return define


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_benchmark_is_fetched_unpacked_checked_and_its_archive_deleted(tiny, files, tmp_path, kind):
    tiny(packed(files, kind))
    folder = tmp_path / "sets"
    found = download_benchmark("tiny", folder)
    assert [path.relative_to(folder).as_posix() for path in found.paths] == ["Tiny/a.png", "Tiny/b.png"]
    assert [path.name for path in folder.iterdir()] == ["Tiny"]
    assert read_image(found.paths[1]).to_array()[0, 0].tolist() == [80, 80, 80]
    assert not list(tmp_path.rglob("escaped.png"))
    with pytest.raises(ConfigError, match=r"exists\. Move it away"):
        download_benchmark("tiny", folder)


def test_an_archive_with_other_images_leaves_no_set(tiny, files, tmp_path):
    tiny(packed(files, "zip"), count=3)
    with pytest.raises(ConfigError, match="2 images, expected 3"):
        download_benchmark("tiny", tmp_path / "sets")
    assert not (tmp_path / "sets" / "Tiny").exists()


def test_a_file_that_is_no_archive_is_an_error(tiny, tmp_path):
    tiny(b"no archive")
    with pytest.raises(BackendError, match="not a readable archive"):
        download_benchmark("tiny", tmp_path)


def test_a_set_without_a_public_address_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no public address"):
        download_benchmark("set5", tmp_path)
    with pytest.raises(ConfigError, match="unknown benchmark"):
        download_benchmark("set6", tmp_path)


def test_public_addresses_are_encrypted_and_have_checksums():
    archives = [benchmark.archive for benchmark in BENCHMARKS.values() if benchmark.archive]
    assert len(archives) == 2
    for archive in archives:
        assert archive.url.startswith("https://")
        assert re.fullmatch("[0-9a-f]{64}", archive.sha256)

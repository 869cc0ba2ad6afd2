"""``kukkiri serve``: one line for each mistake, a graceful end, and work that goes on after a restart."""

import re
import signal
import socket
import sys
import time
import urllib.error
import urllib.request

import pytest

from kukkiri.cli import run
from kukkiri.client import Client, RemoteError
from kukkiri.web.authentication import read_keys
from tests.web.api.conftest import serve


def mistake(capsys, *arguments: str) -> str:
    assert run(["serve", *arguments]) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    return line


def test_a_port_in_use_is_told(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = mistake(capsys, "--port", port, "--folder", str(tmp_path / "a"))
    assert line == f"kukkiri: port {port} of 127.0.0.1 is in use. Choose another with --port, or 0 for a free one."


def test_other_mistakes_are_told_in_one_line(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "short").write_text("# mine\nabc\n")
    cases = {
        ("--folder", str(tmp_path / "file" / "x")): "cannot be made (Not a directory). Choose another with --folder.",
        ("--host", "no.such.host.invalid"): "Give an address of this machine with --host.",
        ("--api-key", str(tmp_path / "short")): "Make one with: openssl rand -hex 24.",
        ("--api-key", str(tmp_path / "none")): "Give a text file, one key a line.",
        ("--allow-origin", "example.org"): "Write scheme and host: https://example.org.",
        ("--workers", "0"): "--workers and --threads must be at least 1, got 0, None.",
        ("--stop-seconds", "nan"): "--stop-seconds must be 0 or more seconds, got nan.",
        ("--proxy", "nginx"): "Give the number of the proxy's, such as 127.0.0.1 or 10.0.0.0/8.",
        ("--max-body-mb", "-1"): "--max-body-mb is -1. Give 0 (off) or a positive number.",
    }
    for arguments, words in cases.items():
        folder = () if "--folder" in arguments else ("--folder", str(tmp_path / "b"))
        assert words in mistake(capsys, "--port", "0", *folder, *arguments)


def test_a_port_beyond_the_last_is_told(capsys, tmp_path):
    line = mistake(capsys, "--port", "99999", "--folder", str(tmp_path / "a"))
    assert line == "kukkiri: there is no port 99999. Give 1 to 65535 with --port, or 0 for a free one."


def test_a_number_that_makes_no_sense_is_a_usage_error(capsys, tmp_path):
    assert run(["serve", "--max-queue", "-2", "--folder", str(tmp_path / "a")]) == 2
    assert capsys.readouterr().err == (
        "kukkiri: --max-queue is -2. Give 0 (off) or a positive number. See kukkiri serve --help.\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_missing_extra_is_told(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert mistake(capsys).endswith("Install kukkiri[web].")


def test_keys_come_from_the_environment(tmp_path):
    keys = read_keys(None, {"KUKKIRI_API_KEY": "0123456789abcdef, fedcba9876543210"})
    assert keys.find_client("0123456789abcdef") != keys.find_client("fedcba9876543210")
    assert keys.find_client("0123456789abcdeg") is None
    assert not read_keys(None, {})


def test_a_server_for_others_asks_for_its_key_and_ends_gracefully(tmp_path, photo):
    keys = {"KUKKIRI_API_KEY": "0123456789abcdef0123"}
    with serve(tmp_path, "--metrics-port", "0", "--host", "0.0.0.0", "--log-requests", environment=keys) as served:
        with pytest.raises(RemoteError, match="this server needs an API key") as raised:
            Client(served.address, patience=0).models()
        assert raised.value.status == 401
        mine = Client(served.address, api_key="0123456789abcdef0123")
        job = mine.submit(photo, scale=2)
        mine.submit(photo, model="bicubic")
        (metrics,) = re.findall(r"metrics at (\S+)", served.log.read_text())
        with urllib.request.urlopen(metrics) as answer:
            assert b"kukkiri_jobs" in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{served.address}/metrics")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(60) == 128 + signal.SIGTERM
        log = served.log.read_text()
    assert "0123456789abcdef" not in log
    assert "Traceback" not in log
    assert "anyone" not in log
    with serve(tmp_path, environment=keys) as served:
        again = Client(served.address, api_key="0123456789abcdef0123")
        assert again.job(job.id).wait().file_name == "photo-x2.png"
        assert [job.details["input_name"] for job in again.jobs()] == ["photo.png", "photo.png"]


@pytest.mark.nightly
def test_a_stream_ends_when_the_server_stops(tmp_path, photo):
    began = time.monotonic()
    with serve(tmp_path, "--max-memory-mb", "0", "--stop-seconds", "20") as served:
        client = Client(served.address, patience=0, timeout=20)
        states = client.submit(photo, preset="best", scale=4).follow()
        next(states)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == 128 + signal.SIGTERM
    assert time.monotonic() - began < 40

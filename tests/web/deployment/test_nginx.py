"""The nginx sites of deploy/nginx, in a real nginx before a real server and over an exported site."""

import http.client
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from kukkiri.web.export import export_site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
]
SITES = Path(__file__).parents[3] / "deploy/nginx"
WRAPPER = """daemon off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    include /etc/nginx/mime.types; default_type application/octet-stream; access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/sites/*.conf;
}}
"""


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Ports of nginx before the server, and of nginx over the exported site."""
    pytest.importorskip("fastapi", reason="the web extra is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    export_site(folder / "exported", presets=["fast"])
    before, over = find_port(), find_port()
    serve = [sys.executable, "-m", "kukkiri", "serve", "--port", "0", "--proxy", "127.0.0.1", "--threads", "1"]
    with running([*serve, "--folder", folder / "state"], stdout=subprocess.PIPE, text=True) as server:
        server_port = server.stdout.readline().strip().rsplit(":", 1)[1]
        (folder / "sites").mkdir()
        site = (SITES / "kukkiri.conf").read_text(encoding="utf-8")
        site = site.replace("127.0.0.1:8080", f"127.0.0.1:{server_port}").replace("listen 80;", f"listen {before};")
        (folder / "sites/kukkiri.conf").write_text(site, encoding="utf-8")
        static = (SITES / "site.conf").read_text(encoding="utf-8").replace("listen 80;", f"listen {over};")
        (folder / "sites/site.conf").write_text(
            static.replace("/srv/kukkiri-site", str(folder / "exported")), encoding="utf-8"
        )
        user = "user root;\n" if os.geteuid() == 0 else ""  # else its worker cannot read the test's folder
        (folder / "nginx.conf").write_text(user + WRAPPER.format(folder=folder), encoding="utf-8")
        command = ["nginx", "-c", folder / "nginx.conf"]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert "[warn]" not in checked.stderr
        with running(command):
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", before)) == 0:
                        break
                time.sleep(0.05)
            yield before, over


def request(port, method, path, body=None, headers=None):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer, answer.read()


def make_png() -> bytes:
    buffer = io.BytesIO()
    PillowImage.fromarray(np.arange(1200, dtype=np.uint8).reshape(20, 20, 3)).save(buffer, "PNG")
    return buffer.getvalue()


def test_page_and_upscaling_pass_through(ports):
    answer, page = request(ports[0], "GET", "/")
    assert (answer.status, b"kukkiri-engines" in page) == (200, True)
    assert "default-src" in answer.getheader("Content-Security-Policy")
    answer, data = request(
        ports[0], "POST", "/v1/upscale?scale=2&preset=fast&mode=wait", make_png(), {"Content-Type": "image/png"}
    )
    assert answer.status == 200, data
    assert PillowImage.open(io.BytesIO(data)).size == (40, 40)


def test_a_job_its_events_and_its_result_pass_through(ports):
    headers = {"Content-Type": "image/png"}
    answer, data = request(ports[0], "POST", "/v1/upscale?scale=3&preset=fast&mode=job", make_png(), headers)
    job = json.loads(data)
    assert answer.status == 202
    answer, events = request(ports[0], "GET", f"/v1/jobs/{job['id']}/events")
    assert answer.getheader("Content-Type").startswith("text/event-stream")
    last = json.loads(re.findall(rb"^data: (.+)$", events, re.MULTILINE)[-1])
    assert last["state"] == "done"
    answer, data = request(ports[0], "GET", f"/v1/jobs/{job['id']}/result")
    assert PillowImage.open(io.BytesIO(data)).size == (60, 60)


def test_a_body_above_the_limit_is_refused_before_it_is_sent(ports):
    with closing(http.client.HTTPConnection("127.0.0.1", ports[0], timeout=10)) as connection:
        connection.putrequest("POST", "/v1/upscale")
        connection.putheader("Content-Length", str(200 * 2**20))
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, answer.read() != b"") == (413, True)


def test_the_exported_site_is_served_with_its_types_and_headers(ports):
    answer, page = request(ports[1], "GET", "/")
    assert (answer.status, b'content="browser"' in page) == (200, True)
    assert answer.getheader("Cross-Origin-Embedder-Policy") == "require-corp"
    answer, _ = request(ports[1], "GET", "/static/browser/vendor/ort.wasm.bundle.min.js")
    assert answer.getheader("Content-Type") == "application/javascript"
    answer, data = request(ports[1], "GET", "/static/browser/vendor/ort-wasm-simd-threaded.wasm.gz")
    assert (answer.status, answer.getheader("Content-Encoding"), data[:2]) == (200, None, b"\x1f\x8b")
    assert request(ports[1], "GET", "/nothing")[0].status == 404

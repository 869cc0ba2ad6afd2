"""Runs over an S3-compatible server that fails now and then, in shards whose processes are killed: nothing is lost.

    python benchmarks/scale_storage.py [--images 2000] [--shards 4] [--kills 4] [--faults 0.05] [--seed 0] [--json]

A server of moto (``pip install moto flask flask-cors "kukkiri[cloud]"``) answers on the loopback, behind a proxy that
injects faults into a share of the requests: status 500 and 503, answers that never come, connections that end when the
server has done the work but not said so, and bodies of which half is missing. ``kukkiri upscale`` reads and writes
objects, and keeps its manifests there. Some of its processes get SIGKILL and are started again. At the end each result
is compared with that of an undisturbed run over files.
"""

import argparse
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from scale_kills import MODEL, Tally, count, make_images

BUCKET = "bucket"
TIMEOUT = 5.0  # seconds that a process of this benchmark waits for an answer
FAULTS = ("500", "503", "stalled", "lost", "cut")
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
CODES = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}
ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>injected</Message></Error>"


@dataclass(frozen=True, kw_only=True)
class Outcome(Tally):
    """The end of the run."""

    shards: int
    kills: int
    requests: int
    faults: dict[str, int]
    exit_codes: list[int]
    """Of the processes that were not killed."""
    parts: int
    """Objects of the manifests."""
    requests_an_image: float
    seconds: float

    @property
    def good(self) -> bool:
        """True when every result is there once, and no process failed."""
        return super().good and not any(self.exit_codes)


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        return run_command(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("--images", 2000), ("--shards", 4), ("--kills", 4), ("--seed", 0)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--faults", type=float, default=0.05)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        server, port = start_server(Path(folder))
        try:
            with FlakyProxy(port, share=options.faults, chance=chance) as proxy:
                outcome = run(
                    Path(folder),
                    proxy,
                    images=options.images,
                    shards=options.shards,
                    kills=options.kills,
                    chance=chance,
                )
        finally:
            server.terminate()
            server.wait()
    if options.json:
        print(json.dumps(asdict(outcome)))
    else:
        for name, value in asdict(outcome).items():
            print(f"{name:20} {value}")
    return 0 if outcome.good else 1


def run(root: Path, proxy: "FlakyProxy", *, images: int, shards: int, kills: int, chance: random.Random) -> Outcome:
    """Make objects, do them in shards with kills, and look at what is there."""
    environment = {**os.environ, **KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}", "TMPDIR": str(root)}
    make_images(root / "in", images)
    subprocess.run(child(["upscale", str(root / "in"), "-r", "-o", str(root / "whole"), *MODEL, "--quiet"]), check=True)
    client = open_client(proxy.upstream)
    client.create_bucket(Bucket=BUCKET)
    for path in sorted((root / "in").rglob("*.png")):
        key = f"photos/{path.relative_to(root / 'in').as_posix()}"
        client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    begun, killed, codes = time.monotonic(), 0, []
    waiting = list(range(1, shards + 1))
    while waiting:
        index = waiting.pop(0)
        process = subprocess.Popen(child(upscale(f"{index}/{shards}")), env=environment)
        if killed < kills and killed < len(codes) + index:
            wait_for_results(client, chance.randrange(1, max(2, images // shards // 3)), process)
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += process.returncode == -signal.SIGKILL
            waiting.insert(0, index)
            continue
        codes.append(process.wait())
    seconds = time.monotonic() - begun
    requests, faults = sum(proxy.requests.values()), dict(proxy.faults)
    summarized = subprocess.run(
        child(["jobs", "summarize", f"s3://{BUCKET}/manifests", "--sources", f"s3://{BUCKET}/photos", "-r"]),
        env=environment,
        check=False,
        stdout=subprocess.DEVNULL,
    )
    whole = {path.relative_to(root / "whole").as_posix(): path.read_bytes() for path in (root / "whole").rglob("*.png")}
    found = {key.removeprefix("large/"): body for key, body in read_objects(client, "large/")}
    parts = dict(read_objects(client, "manifests/shard-"))
    rows = Counter(
        (row["state"], row["source"])
        for body in parts.values()
        for row in map(json.loads, body.splitlines())
        if "state" in row
    )
    return Outcome(
        **count(images, rows, whole=whole, found=found),
        shards=shards,
        kills=killed,
        requests=requests,
        faults=faults,
        exit_codes=codes,
        parts=len(parts),
        summarize=summarized.returncode,
        requests_an_image=round(requests / images, 2),
        seconds=round(seconds, 1),
    )


def upscale(shard: str) -> list[str]:
    """The command of one process."""
    return [
        *("upscale", f"s3://{BUCKET}/photos", "-r", "-o", f"s3://{BUCKET}/large", *MODEL, "--quiet"),
        *("--shard", shard, "--manifest", f"s3://{BUCKET}/manifests", "--resume"),
    ]


def child(arguments: list[str]) -> list[str]:
    return [sys.executable, __file__, "--child", *arguments]


def run_command(arguments: list[str]) -> int:
    """Run kukkiri with little patience for answers that never come."""
    from kukkiri import cli
    from kukkiri.storage import stores

    stores._OPTIONS["s3"]["config_kwargs"] |= {"read_timeout": TIMEOUT, "connect_timeout": TIMEOUT}
    return cli.run(arguments)


class FlakyProxy:
    """A proxy on the loopback that injects faults into a share of the requests."""

    def __init__(self, upstream: int, *, share: float, chance: random.Random, timeout: float = TIMEOUT) -> None:
        self.upstream, self._share, self._chance, self._timeout = upstream, share, chance, timeout
        self.requests: Counter[str] = Counter()
        """By method."""
        self.faults: Counter[str] = Counter()
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                with suppress(ConnectionError):
                    super().handle_one_request()

            def pass_on(self) -> None:
                proxy.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.pass_on)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> "FlakyProxy":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def choose_fault(self, method: str) -> str:
        with self._lock:
            self.requests[method] += 1
            if self._chance.random() >= self._share:
                return ""
            fault = self._chance.choice(FAULTS)
            fault = "500" if fault == "cut" and method != "GET" else fault
            self.faults[fault] += 1
            return fault

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        fault = self.choose_fault(handler.command)
        if fault == "stalled":
            time.sleep(1.5 * self._timeout)
            handler.close_connection = True
            return
        if fault in CODES:
            data = b"" if handler.command == "HEAD" else ERROR.format(code=CODES[fault]).encode()
            send(handler, int(fault), [("Content-Type", "application/xml")], data, length=len(data))
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        headers = {name: value for name, value in handler.headers.items() if name.lower() != "expect"}
        connection.request(handler.command, handler.path, body=body, headers=headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        if fault == "lost":
            handler.close_connection = True
            return
        length = int(response.headers.get("Content-Length") or len(data))
        if fault == "cut":
            data, handler.close_connection = data[: len(data) // 2], True
        send(handler, response.status, response.getheaders(), data, length=length)


def send(
    handler: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], data: bytes, *, length: int
) -> None:
    handler.send_response_only(status)
    for name, value in headers:
        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(data)


def start_server(folder: Path) -> tuple["subprocess.Popen[bytes]", int]:
    """Start moto in a process of its own, and wait until it answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
        )
    for _ in range(600):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return process, port
        time.sleep(0.1)
    raise RuntimeError((folder / "moto.log").read_text())


def open_client(port: int):
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
    )


def read_objects(client, prefix: str):
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
        for item in page.get("Contents", ()):
            yield item["Key"], client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()


def wait_for_results(client, more: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a process has written some results."""
    before = count_results(client)
    while process.poll() is None and count_results(client) < before + more:
        time.sleep(0.2)


def count_results(client) -> int:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="large/")
    return sum(page["KeyCount"] for page in pages)


if __name__ == "__main__":
    sys.exit(main())

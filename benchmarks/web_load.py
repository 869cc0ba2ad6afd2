"""Load and attacks on ``kukkiri serve``: every request answered, none mixed up, memory bounded, still serving.

1. Parallel clients on a short queue, each with images of its own whose results are checked; 200 or 503, nothing else.
2. Slow heads and stalled bodies: each is given up within the limits, while others are served.
3. Bombs: images that claim huge sides, archives, bodies without an end: refused, without the memory.
4. Malformed requests from a fuzzer, byte by byte over sockets.

In the end: no traceback in the log, no files or connections left, and an ordinary image is upscaled.
"""

import argparse
import http.client
import io
import json
import os
import random
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from kukkiri.images import open_image

BLOCK, BLOCKS = 8, 6  # an image is 6x6 flat blocks of 8x8 pixels, in colours that no other image has
PATIENCE = 0.5  # seconds for the answer to a malformed request
LEVELS = 8  # by which the middle of a block may differ; blocks differ by up to 255
LIMITS = {"header-seconds": 3, "body-stall-seconds": 3, "body-seconds": 15, "send-stall-seconds": 5, "max-body-mb": 8}
"""Of the server in this script: short, so that attacks end soon."""


class Server:
    """A server of its own, in a folder of its own."""

    def __init__(self, folder: Path, *, queue: int, workers: int) -> None:
        self.folder, self.log = folder, folder / "log"
        limits = [f"--{name}={value}" for name, value in LIMITS.items()]
        command = [sys.executable, "-m", "kukkiri", "serve", "--port", "0", "--folder", str(folder / "state")]
        command += ["--workers", str(workers), "--threads", "1", "--max-queue", str(queue)]
        command += ["--max-client-jobs", "0", "--max-client-requests", "0", "--keep-results", "200", *limits]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline().strip() if self.process.stdout else ""
        if not line.startswith("http://"):
            raise SystemExit(f"the server did not start: {self.log.read_text()}")
        host, _, port = line.removeprefix("http://").partition(":")
        self.address = host, int(port)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        end = time.monotonic() + 60
        while self.ask("GET", "/ready")[0] != 200:
            if time.monotonic() > end:
                raise SystemExit("the server did not become ready")
            time.sleep(0.1)

    def ask(self, method: str, path: str, body: bytes | None = None, *, timeout: float = 120) -> tuple[int, bytes, str]:
        """Status, body, Retry-After."""
        connection = http.client.HTTPConnection(*self.address, timeout=timeout)
        try:
            connection.request(method, path, body=body)
            response = connection.getresponse()
            return response.status, response.read(), response.getheader("Retry-After", "")
        finally:
            connection.close()

    def processes(self) -> list[int]:
        """The server and its workers."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [self.process.pid, *(int(pid) for file in children for pid in file.read_text().split())]

    def memory(self) -> float:
        """Resident MB of server and workers."""
        return sum(_read_memory(pid) for pid in self.processes())

    def open_files(self) -> int:
        """Open files and connections of the server process."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def arriving(self) -> int:
        """Files of bodies that are arriving."""
        return sum(path.is_file() for path in (self.folder / "state" / "tmp").rglob("*"))

    def tracebacks(self) -> int:
        return self.log.read_text(errors="replace").count("Traceback")

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


def _read_memory(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    match = re.search(r"VmRSS:\s+(\d+)", text)
    return int(match[1]) / 1000 if match else 0.0


@contextmanager
def watched_memory(server: Server) -> Iterator[list[float]]:
    """Samples of the memory, twice a second."""
    samples, over = [server.memory()], threading.Event()

    def sample() -> None:
        while not over.wait(0.5):
            samples.append(server.memory())

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def make_image(seed: int) -> tuple[bytes, np.ndarray]:
    """A PNG file, and the colours of its blocks."""
    colours = np.random.default_rng(seed).integers(0, 256, (BLOCKS, BLOCKS, 3), dtype=np.uint8)
    levels = colours.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
    rows = b"".join(b"\0" + row.tobytes() for row in levels)
    return write_png(BLOCK * BLOCKS, BLOCK * BLOCKS, _chunk(b"IDAT", zlib.compress(rows))), colours


def write_png(width: int, height: int, chunks: bytes) -> bytes:
    """A PNG file of 8-bit RGB with the chunks given, whatever they hold."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + chunks + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def belongs(result: bytes, colours: np.ndarray, *, scale: int) -> bool:
    """True when a result is that of the image with these blocks."""
    levels = open_image(result).to_array().astype(int)
    middles = slice(BLOCK * scale // 2, None, BLOCK * scale)
    return levels.shape == (BLOCKS * BLOCK * scale,) * 2 + (3,) and bool(
        np.abs(levels[middles, middles] - colours).max() <= LEVELS
    )


def run_clients(server: Server, *, clients: int, seconds: float) -> dict[str, object]:
    """Part 1."""
    counts: Counter[str] = Counter()
    times: list[float] = []
    end, lock = time.monotonic() + seconds, threading.Lock()

    def run(client: int) -> None:
        number = 0
        while time.monotonic() < end:
            number += 1
            image, colours = make_image(client * 1_000_000 + number)
            began, pause = time.monotonic(), 0.0
            try:
                status, body, retry = server.ask("POST", "/v1/upscale?mode=wait&preset=fast&scale=2", image)
                outcome = str(status)
                if status == 200 and not belongs(body, colours, scale=2):
                    outcome = "mixed up"
                pause = min(1.0, float(retry or 0)) * random.random()
            except (OSError, http.client.HTTPException) as error:
                outcome = f"lost: {error!r}"
            with lock:
                counts[outcome] += 1
                if outcome == "200":
                    times.append(time.monotonic() - began)
            time.sleep(pause)

    with watched_memory(server) as memory:
        threads = [threading.Thread(target=run, args=(client,)) for client in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
    return {
        "outcomes": dict(counts),
        "answers with an image a second": round(len(times) / seconds, 2),
        "p50 s": round(cuts[49], 3),
        "p99 s": round(cuts[98], 3),
        "memory MB, first and highest": [round(memory[0]), round(max(memory))],
    }


def attack_slowly(server: Server, *, connections: int) -> dict[str, object]:
    """Part 2: every connection of an attacker is given up, and others are served meanwhile."""
    head = b"POST /v1/upscale HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
    kinds: dict[str, Callable[[socket.socket], None]] = {
        "half a head": lambda sock: sock.sendall(head),
        "nothing at all": lambda sock: None,
        "a body that stalls": lambda sock: sock.sendall(head + b"\r\n\x89PNG"),
        "a body byte by byte": lambda sock: _drip(sock, head),
    }
    sockets = []
    for number in range(connections):
        name = list(kinds)[number % len(kinds)]
        sock = socket.create_connection(server.address, timeout=60)
        threading.Thread(target=_ignore_ends, args=(kinds[name], sock), daemon=True).start()
        sockets.append((name, sock))
    began = time.monotonic()
    image, colours = make_image(7)
    status, body, _ = server.ask("POST", "/v1/upscale?mode=wait&preset=fast&scale=2", image)
    served = status == 200 and belongs(body, colours, scale=2)
    given_up: dict[str, float] = {}
    lock = threading.Lock()

    def wait(name: str, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            while sock.recv(65536):
                pass
        with lock:
            given_up[name] = round(max(given_up.get(name, 0), time.monotonic() - began), 1)

    waiting = [threading.Thread(target=wait, args=pair) for pair in sockets]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    return {"connections": connections, "served meanwhile": served, "given up after s": given_up}


def _drip(sock: socket.socket, head: bytes) -> None:
    sock.sendall(head + b"\r\n")
    while True:
        sock.sendall(b"x")
        time.sleep(1)


def _ignore_ends(act: Callable[[socket.socket], None], sock: socket.socket) -> None:
    with suppress(OSError):
        act(sock)


def list_bombs(*, megabytes: int = 100) -> dict[str, bytes]:
    """Small files that claim or hold a lot; ``megabytes``: what those that are packed hold."""

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for page in range(8):
            file.writestr(f"{page}.png", bytes(megabytes * 1_000_000))
    bitmap = struct.pack("<IiiHHIIiiII", 40, 45000, 45000, 1, 24, *[0] * 6)
    zeros = zlib.compress(bytes(megabytes * 1_000_000), 9)
    return {
        "PNG of 30000x30000, 65 bytes": write_png(30000, 30000, _chunk(b"IDAT", b"x"))[:65],
        "PNG of 30000x30000 with zeros": write_png(30000, 30000, _chunk(b"IDAT", zeros)),
        "PNG with a packed profile": write_png(
            8, 8, _chunk(b"iCCP", b"x\0\0" + zeros) + _chunk(b"IDAT", zlib.compress(bytes(8 * 25)))
        ),
        "GIF of 65535x65535": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0;",
        "BMP of 2e9 pixels": b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + bitmap,
        "TIFF of 2^60 pixels": b"II*\0\x08\0\0\0\2\0"
        + struct.pack("<HHIIHHII", 256, 4, 1, 2**30, 257, 4, 1, 2**30)
        + bytes(4),
        "PGM of 1e9 pixels": b"P5 31622 31622 255\n",
        "ZIP of 8 packed files": archive.getvalue(),
    }


def throw_bombs(server: Server) -> dict[str, object]:
    """Part 3."""
    outcomes: dict[str, object] = {}
    with watched_memory(server) as memory:
        for name, bomb in list_bombs().items():
            status, body, _ = server.ask("POST", "/v1/upscale?mode=wait", bomb)
            outcomes[name] = f"{status} {json.loads(body)['error']['what'][:90]}" if status >= 400 else status
        outcomes["16 MB declared"] = _send_raw(server, b"Content-Length: 16000000\r\n\r\n", b"")
        outcomes["chunks without an end"] = _send_raw(
            server, b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(65536) + b"\r\n", times=1000
        )
    outcomes["memory MB, first and highest"] = [round(memory[0]), round(max(memory))]
    return outcomes


def _send_raw(server: Server, headers: bytes, part: bytes, *, times: int = 0) -> str:
    """The status line that a body gets, and the MB that were sent until then."""
    with socket.create_connection(server.address, timeout=20) as sock:
        sent = 0
        with suppress(OSError):
            sock.sendall(b"POST /v1/upscale HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers)
            for _ in range(times):
                sock.sendall(part)
                sent += len(part)
        with suppress(OSError):
            line = sock.recv(4096).splitlines()[0].decode(errors="replace")
            return f"{line} after {sent / 1e6:.1f} MB"
    return f"closed after {sent / 1e6:.1f} MB"


def list_seeds() -> list[bytes]:
    """Well-formed requests, from which malformed ones are made."""
    image, _ = make_image(0)
    form = (
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        + image
        + b'\r\n--b\r\nContent-Disposition: form-data; name="scale"\r\n\r\n2\r\n--b--\r\n'
    )
    sized = b"Content-Length: %d\r\n\r\n%s"
    upscale, batch = b"POST /v1/upscale?mode=job", b"POST /v1/batch?preset=fast"
    forms = b"Content-Type: multipart/form-data; boundary=b\r\n"
    several = form.replace(b'"image"', b'"images"')
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    host = b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    return [
        upscale + b"&scale=2&preset=fast" + host + sized % (len(image), image),
        upscale + b"&model=bicubic&fit=64x64&format=webp" + host + sized % (len(image), image),
        upscale + host + forms + sized % (len(form), form),
        batch + host + forms + sized % (len(several), several),
        upscale + host + chunked % (len(image), image),
        b"GET /v1/jobs/AAAAAAAAAAAAAAAAAAAAAA/events" + host + b"\r\n",
        b"GET /v1/jobs/AAAAAAAAAAAAAAAAAAAAAA/result" + host + b'Range: bytes=0-10\r\nIf-None-Match: "x"\r\n\r\n',
        b"GET /v1/results.zip?id=AAAAAAAAAAAAAAAAAAAAAA&id=B" + host + b"\r\n",
        b"DELETE /v1/jobs/AAAAAAAAAAAAAAAAAAAAAA" + host + b"\r\n",
        b"GET /v1/jobs?limit=5" + host + b"Cookie: kukkiri_session=x\r\nAuthorization: Bearer x\r\n\r\n",
        b"GET /static/../../../etc/passwd" + host + b"\r\n",
        b"OPTIONS /v1/upscale" + host + b"Origin: http://example.org\r\n\r\n",
    ]


NASTY = [
    *(b"\0", b"\r\n", b"\r\n\r\n", b"%00", b"%ff", b"%", b"../", b"\xff\xfe", b"--b", b"\r\n--b--\r\n", b"nan", b"inf"),
    *(b"1e309", b"-1", b"9" * 400, b"&scale=2", b"&width=99999999999", b"Content-Length: -5\r\n", b"a" * 5000, b";"),
    *(
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 10\r\n",
        b"Expect: 100-continue\r\n",
        "é漢🎴".encode(),
        b'"',
    ),
]


def mutate(seed: bytes, rng: random.Random) -> bytes:
    """A request with one to four faults."""
    data = bytearray(seed)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(data) + 1) if rng.random() < 0.4 else rng.randrange(min(len(data), 250) + 1)
        kind = rng.choice((0, 0, 1, 1, 1, 2, 2, 3, 3, 4))
        if kind == 0 and data:
            data[min(place, len(data) - 1)] = rng.randrange(256)
        elif kind == 1:
            data[place:place] = rng.choice(NASTY)
        elif kind == 2:
            del data[place : place + rng.randint(1, 40)]
        elif kind == 3:
            data[place : place + rng.randint(0, 20)] = rng.randbytes(rng.randint(0, 20))
        else:
            del data[place:]
    return bytes(data)


def fuzz(server: Server, *, requests: int, threads: int = 8) -> dict[str, object]:
    """Part 4."""
    counts: Counter[str] = Counter()
    seeds, lock, left = list_seeds(), threading.Lock(), iter(range(requests))

    def run() -> None:
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            outcome = _answer(server, mutate(seeds[number % len(seeds)], random.Random(number)))
            with lock:
                counts[outcome] += 1

    workers = [threading.Thread(target=run) for _ in range(threads)]
    with watched_memory(server) as memory:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return {
        "outcomes": dict(counts.most_common()),
        "memory MB, first and highest": [round(memory[0]), round(max(memory))],
    }


def _answer(server: Server, request: bytes) -> str:
    """Status of the answer, or how the connection ended."""
    try:
        with socket.create_connection(server.address, timeout=PATIENCE) as sock:
            with suppress(OSError):
                sock.sendall(request)
            try:
                start = sock.recv(4096)
            except TimeoutError:  # the server waits for the rest, which will not come
                sock.settimeout(60)
                sock.shutdown(socket.SHUT_WR)
                return "waits for the rest" if not sock.recv(4096) else "answers what ends early"
    except OSError as error:
        return type(error).__name__
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", start)
    return match[1].decode() if match else "closed" if not start else "no HTTP"


def check_end(server: Server, before: dict[str, float]) -> dict[str, object]:
    """Check tracebacks, files and memory at the end: a leak would show."""
    end = time.monotonic() + 30
    while time.monotonic() < end and (server.open_files() > before["files"] + 5 or server.arriving()):
        time.sleep(0.5)
    image, colours = make_image(99)
    status, body, _ = server.ask("POST", "/v1/upscale?mode=wait&preset=fast&scale=2", image)
    return {
        "tracebacks": server.tracebacks(),
        "open files before and after": [int(before["files"]), server.open_files()],
        "files of arriving bodies": server.arriving(),
        "memory MB before and after": [round(before["memory"]), round(server.memory())],
        "still serves": status == 200 and belongs(body, colours, scale=2),
    }


def run(
    *,
    clients: int,
    seconds: float,
    queue: int,
    workers: int,
    requests: int,
    connections: int,
    show: Callable[..., None] = print,
) -> dict[str, dict[str, object]]:
    """All four parts on one server."""
    with tempfile.TemporaryDirectory(prefix="kukkiri-load-") as name:
        server = Server(Path(name), queue=queue, workers=workers)
        try:
            image, _ = make_image(1)
            for _ in range(2):
                server.ask("POST", "/v1/upscale?mode=wait&preset=fast&scale=2", image)
            run_clients(server, clients=16, seconds=3)  # threads, connections of SQLite and networks are there then
            before = {"files": float(server.open_files()), "memory": server.memory()}
            report: dict[str, dict[str, object]] = {}
            parts: dict[str, Callable[[], dict[str, object]]] = {
                f"{clients} clients, queue of {queue}, {workers} workers, {seconds:g} s": lambda: run_clients(
                    server, clients=clients, seconds=seconds
                ),
                "slow clients": lambda: attack_slowly(server, connections=connections),
                "bombs": lambda: throw_bombs(server),
                f"{requests} malformed requests": lambda: fuzz(server, requests=requests),
                "in the end": lambda: check_end(server, before),
            }
            for part, act in parts.items():
                report[part] = act()
                show(f"{part}\n{json.dumps(report[part], indent=1, ensure_ascii=False)}", flush=True)
        finally:
            code = server.stop()
        show(f"exit code after SIGTERM: {code}", flush=True)
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--queue", type=int, default=8)
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=60)
    run(**vars(parser.parse_args()))

"""Ten million objects listed and sharded in constant memory.

    python benchmarks/scale_listing.py [--keys 10000000] [--wire 100000] [--shards 1000] [--json]

Keys are listed as ``kukkiri upscale s3://... --shard 3/1000`` does: page by page, 1,000 keys each, into a file of keys,
and from there through the shard. First a server of its own process answers (ListObjectsV2, XML over HTTP), which shows
what a page costs; then the same pages are made in the process, as botocore gives them, for the ten million.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from kukkiri.cluster import Shard
from kukkiri.cluster.stored_sources import StoredSources
from kukkiri.storage import StoreURL, open_store

PAGE = 1000
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
ITEM = (
    "<Contents><Key>photos/{folder:04}/{number:08}.jpg</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    "<ETag>&quot;{number:032x}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
ANSWER = (
    "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
    "<Name>bucket</Name><Prefix>photos/</Prefix><KeyCount>{count}</KeyCount><MaxKeys>1000</MaxKeys>"
    "<IsTruncated>{more}</IsTruncated>{token}{items}</ListBucketResult>"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=10_000_000)
    parser.add_argument("--wire", type=int, default=100_000)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(options.wire, theirs), daemon=True)
    server.start()
    os.environ.update(KEYS, AWS_ENDPOINT_URL=f"http://127.0.0.1:{ours.recv()}")
    try:
        wire = measure(options.wire, options.shards)
    finally:
        server.terminate()
    open_store("s3")._files = Pages(options.keys)
    found = {"over HTTP": wire, "in the process": measure(options.keys, options.shards)}
    if options.json:
        print(json.dumps(found))
    else:
        for way, values in found.items():
            for name, value in values.items():
                print(f"{way:15} {name:24} {value}")
    return 0 if found["in the process"]["listed"] == options.keys else 1


class Pages:
    """The two requests that a listing sends, answered without a server."""

    def __init__(self, keys: int) -> None:
        self._keys = keys

    def call_s3(self, request: str, **asked: str) -> dict[str, object]:
        if request == "head_object":
            raise FileNotFoundError(asked["Key"])
        first = int(asked.get("ContinuationToken", "0"))
        last = min(first + PAGE, self._keys)
        items = [
            {"Key": f"photos/{number // 10_000:04}/{number:08}.jpg", "ETag": f'"{number:032x}"', "Size": 1000}
            for number in range(first, last)
        ]
        return {"Contents": items, "IsTruncated": last < self._keys, "NextContinuationToken": str(last)}


def measure(keys: int, shards: int) -> dict[str, float]:
    """List and shard the keys, and look at the memory on the way."""
    url = StoreURL("s3", "bucket", "photos")
    mine = listed = 0
    begun, cpu = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        early = itertools.islice(open_store("s3").list(url), keys // 100)
        first = sum(1 for _ in early)  # the listing alone, for the memory at its beginning
        before = peak()
        sources = StoredSources(
            url, stand_in=lambda each: Path(folder, each.key), listing=Path(folder, "keys"), recursive=True
        )
        shard = Shard(3, shards)
        for path, below in sources:
            listed += 1
            mine += shard.holds((below or path).as_posix())
        size = Path(folder, "keys").stat().st_size
    return {
        "listed": listed,
        "in_shard_3": mine,
        f"peak_mb_after_{first}": before,
        "peak_mb_at_the_end": peak(),
        "file_of_keys_mb": round(size / 1e6, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "seconds": round(time.monotonic() - begun, 1),
    }


def peak() -> float:
    """Largest resident memory so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def serve(keys: int, pipe: Connection) -> None:
    """Answer listings until the process is ended."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:  # there is no object of the name of the folder
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            first = int(query.get("continuation-token", ["0"])[0])
            last = min(first + PAGE, keys)
            items = "".join(
                ITEM.format(folder=number // 10_000, number=number, size=1000 + number % 1000)
                for number in range(first, last)
            )
            more = last < keys
            token = f"<NextContinuationToken>{last}</NextContinuationToken>" if more else ""
            text = ANSWER.format(count=last - first, more=str(more).lower(), token=token, items=items)
            data = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_address[1])
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())

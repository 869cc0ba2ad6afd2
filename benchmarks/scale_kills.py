"""A run in shards whose processes are killed at random moments: every result once, and the manifests say so.

    python benchmarks/scale_kills.py [--images 10000] [--shards 8] [--kills 20] [--at-once 2] [--seed 0] [--json]

Tiny images in folders are upscaled by ``kukkiri upscale --shard I/N --manifest ... --resume`` in processes of their
own, some at one time. A process gets SIGKILL when its manifest has grown by a random number of bytes and a random time
of up to 20 ms has passed, and its shard waits in line again. At the end each result is compared with that of an
undisturbed run without shards, the rows of all manifests are counted, and ``kukkiri jobs summarize`` looks at them.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from kukkiri import cli
from kukkiri.cluster import Shard, find_manifests, read_manifest

FORK = multiprocessing.get_context("fork")  # kukkiri is imported once, so that kills hit the work
ROW = 330  # bytes of the two rows about an image, about
MODEL = ("--model", "nearest")


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The rows of the manifests of a run, and its results beside those of an undisturbed one."""

    images: int
    done_rows: int
    begun_rows: int
    twice: int
    """Sources with two done rows."""
    equal: int
    """Results with the bytes of the undisturbed run."""
    strays: int
    """Files or objects beside the results."""
    summarize: int
    """Exit code of ``kukkiri jobs summarize``."""

    @property
    def good(self) -> bool:
        """True when every result is there once."""
        return self.equal == self.images and not self.twice and not self.strays and self.summarize == 0


@dataclass(frozen=True, kw_only=True)
class Outcome(Tally):
    """The end of the run."""

    shards: int
    kills: int
    torn: int
    """Kills after which the last line of the manifest was not whole."""
    interrupted: int
    """Images that a kill hit between their first and their last row."""
    there_all_the_same: int
    """Interrupted images whose result was there, so that existence alone would not have told."""
    seconds: float

    @property
    def good(self) -> bool:
        """True when every result is there once, and every source has one done row."""
        return super().good and self.done_rows == self.images


def main() -> int:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(
            Path(folder),
            images=options.images,
            shards=options.shards,
            kills=options.kills,
            at_once=options.at_once,
            chance=random.Random(options.seed),
        )
    if options.json:
        print(json.dumps(asdict(outcome)))
    else:
        for name, value in asdict(outcome).items():
            print(f"{name:20} {value}")
    return 0 if outcome.good else 1


def run(root: Path, *, images: int, shards: int, kills: int, at_once: int, chance: random.Random) -> Outcome:
    """Make images, do them in shards with kills, and look at what is there."""
    make_images(root / "in", images)
    work(["upscale", "in", "-r", "-o", "whole", *MODEL, "--quiet"], root).join()
    begun = time.monotonic()
    waiting = deque(Shard(index, shards) for index in range(1, shards + 1))
    running: dict[Shard, Run] = {}
    counts: Counter[str] = Counter()
    while waiting or running:
        while waiting and len(running) < at_once:
            shard = waiting.popleft()
            limit = (
                chance.randrange(1, 2 + ROW * images // shards // 4)
                if counts["kills"] + sum(one.limit is not None for one in running.values()) < kills
                else None
            )
            running[shard] = Run(shard, root, limit=limit, patience=chance.uniform(0, 0.02))
        for shard, one in list(running.items()):
            if one.poll():
                del running[shard]
                if one.killed:
                    counts["kills"] += 1
                    look_at(one.manifest, root, counts)
                    waiting.append(shard)
                elif one.process.exitcode:
                    raise RuntimeError(f"shard {shard} ended with {one.process.exitcode}")
        time.sleep(0.002)
    seconds = time.monotonic() - begun
    summarize = work(["jobs", "summarize", "manifests", "--sources", "in", "-r"], root)
    summarize.join()
    rows = Counter(
        (row.state, row.source)
        for path in find_manifests(root / "manifests").values()
        for row in read_manifest(path)[1]
    )
    return Outcome(
        **count(images, rows, whole=hash_files(root / "whole"), found=hash_files(root / "out")),
        shards=shards,
        kills=counts["kills"],
        torn=counts["torn"],
        interrupted=counts["interrupted"],
        there_all_the_same=counts["there"],
        summarize=summarize.exitcode or 0,
        seconds=round(seconds, 1),
    )


def count(
    images: int, rows: "Counter[tuple[str, str]]", *, whole: Mapping[str, object], found: Mapping[str, object]
) -> dict[str, int]:
    """Count for a :class:`Tally`.

    Args:
        images: of the run.
        rows: number of each (state, source) in the manifests.
        whole: content, or its hash, of the results of the undisturbed run, by name.
        found: the same of this run.
    """
    return {
        "images": images,
        "done_rows": sum(number for (state, _), number in rows.items() if state == "done"),
        "begun_rows": sum(number for (state, _), number in rows.items() if state == "begun"),
        "twice": sum(number > 1 for (state, _), number in rows.items() if state == "done"),
        "equal": sum(found.get(name) == content for name, content in whole.items()),
        "strays": len(found.keys() - whole.keys()),
    }


class Run:
    """A process on one shard, which is killed when its manifest has grown."""

    def __init__(self, shard: Shard, root: Path, *, limit: int | None, patience: float) -> None:
        self.manifest = root / "manifests" / f"shard-{shard.index:04}-of-{shard.count:04}.jsonl"
        self.limit, self._patience, self.killed = limit, patience, False
        self._before = self._size()
        self.process = work(
            [
                *("upscale", "in", "-r", "-o", "out", *MODEL, "--quiet"),
                *("--shard", str(shard), "--manifest", "manifests", "--resume"),
            ],
            root,
        )

    def poll(self) -> bool:
        """Kill it when its time has come; true when it has ended."""
        if self.limit is not None and self._size() - self._before >= self.limit:
            time.sleep(self._patience)
            if self.process.exitcode is None:
                self.process.kill()
                self.process.join()
                self.killed = self.process.exitcode != 0
        return self.process.exitcode is not None

    def _size(self) -> int:
        return self.manifest.stat().st_size if self.manifest.exists() else 0


def look_at(manifest: Path, root: Path, counts: Counter[str]) -> None:
    """Count what a kill left."""
    content = manifest.read_bytes() if manifest.exists() else b""
    counts["torn"] += not content.endswith(b"\n")
    last = {}
    for row in read_manifest(manifest)[1] if content else ():
        last[row.source] = row
    begun = [row for row in last.values() if row.state == "begun"]
    counts["interrupted"] += len(begun)
    counts["there"] += sum((root / "out" / row.target).exists() for row in begun)


def work(arguments: list[str], folder: Path) -> "multiprocessing.process.BaseProcess":
    """Run a command of kukkiri in a process of its own."""
    process = FORK.Process(target=_work, args=(arguments, folder))
    process.start()
    return process


def _work(arguments: list[str], folder: Path) -> None:
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(cli.run(arguments))


def make_images(folder: Path, count: int) -> None:
    """Write PNG of 8x8 pixels, all different, a thousand a folder."""
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = hashlib.blake2b(str(number).encode(), digest_size=64).digest()
        rows = b"".join(b"\0" + pixels[start : start + 8] for start in range(0, 64, 8))
        chunks = (
            (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
        body = b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def hash_files(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

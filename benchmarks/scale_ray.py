"""A run on Ray with two workers, one of which is killed: every result once, and the manifest says so.

    python benchmarks/scale_ray.py [--images 10000] [--workers 2] [--kill-after 1000] [--on ray] [--json]

Tiny images in folders are upscaled on a Ray that is started for it, or on a cluster (``--on ray:auto``) whose machine
this is. Each worker notes its process and its images in a file of its own; when enough images are done, one of the
processes gets SIGKILL. At the end each result is compared with that of a local run, the rows of the manifest are
counted, and ``kukkiri jobs summarize`` looks at them.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from scale_kills import MODEL, Tally, count, hash_files, make_images, work

from kukkiri.cluster import Making, Recorder, Shard, read_manifest
from kukkiri.cluster.manifest import name_manifest
from kukkiri.cluster.on_ray import RayExecutor
from kukkiri.inference import FileResult, FolderRun, Upscaler


@dataclass(frozen=True, kw_only=True)
class Outcome(Tally):
    """The end of the run."""

    workers: int
    killed: int
    processes: int
    """That have upscaled an image."""
    made_again: int
    """Images that were done by more than one process, or twice by one."""
    local_seconds: float
    start_seconds: float
    """Until Ray was ready."""
    seconds: float
    """Of the work on Ray."""

    @property
    def good(self) -> bool:
        """True when every result is there once, every source has one done row, and a process was killed."""
        return super().good and self.done_rows == self.images and self.killed == 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill-after", type=int, default=1000)
    parser.add_argument("--on", default="ray")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        outcome = run(options.on, images=options.images, workers=options.workers, kill_after=options.kill_after)
        os.chdir("/")
    if options.json:
        print(json.dumps(asdict(outcome)))
    else:
        for name, value in asdict(outcome).items():
            print(f"{name:15} {value}")
    return 0 if outcome.good else 1


def run(address: str, *, images: int, workers: int, kill_after: int) -> Outcome:
    """Make images, do them here and on Ray, and look at what is there; in the working directory."""
    make_images(Path("in"), images)
    begun = time.monotonic()
    work(["upscale", "in", "-r", "-o", "whole", *MODEL, "--quiet"], Path.cwd()).join()
    local_seconds = time.monotonic() - begun
    notes = Path("notes").absolute()
    notes.mkdir()
    executor = TimedRay(address, cpus=workers)
    killed = done = 0
    with Recorder(Path("manifests"), Making.of(MODEL[1], {}), output=Path("out")) as recorder:
        results = FolderRun(
            partial(Upscaler, MODEL[1], scale=2),
            ["in"],
            output=Path("out"),
            recursive=True,
            recorder=recorder,
            executor=executor,
            after=partial(note, notes),
        )
        for result in results:
            if result.error:
                print(result.error, file=sys.stderr)
            done += 1
            if done >= kill_after and not killed:
                os.kill(int(min(notes.iterdir()).name), signal.SIGKILL)
                killed = 1
    ended = time.monotonic()
    summarize = work(["jobs", "summarize", "manifests", "--sources", "in", "-r"], Path.cwd())
    summarize.join()
    manifest = name_manifest(Path("manifests"), Shard(1, 1))
    rows = Counter((row.state, row.source) for row in read_manifest(manifest)[1])
    made = Counter(line for path in notes.iterdir() for line in path.read_text().splitlines())
    return Outcome(
        **count(images, rows, whole=hash_files(Path("whole")), found=hash_files(Path("out"))),
        workers=workers,
        killed=killed,
        processes=len(list(notes.iterdir())),
        made_again=sum(times > 1 for times in made.values()),
        summarize=summarize.exitcode or 0,
        local_seconds=round(local_seconds, 1),
        start_seconds=round(executor.ready - executor.asked, 1),
        seconds=round(ended - executor.ready, 1),
    )


class TimedRay(RayExecutor):
    """Notes when Ray was asked for and when it was ready."""

    asked = ready = 0.0

    def __enter__(self) -> "TimedRay":
        self.asked = time.monotonic()
        super().__enter__()
        self.ready = time.monotonic()
        return self


def note(folder: Path, result: FileResult) -> None:
    """Note in a worker that it has done an image."""
    with (folder / str(os.getpid())).open("a") as file:
        file.write(f"{result.job.target}\n")


if __name__ == "__main__":
    sys.exit(main())

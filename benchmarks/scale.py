"""Images a second of one and of two workers, by a pool in one process, shards and Ray; the cost of a million images.

    python benchmarks/scale.py [--images 192] [--side 160] [--model fast] [--workers 1 2] [--rounds 5]
        [--ways bare pool shards ray] [--price 0.04] [--json]

Every round does the same JPEG files once in each way and with each number of workers, in random order, so that a ratio
is one of runs beside one another; medians over the rounds are printed. A run may use as many CPUs as it has workers;
shards are pinned to one each. The time of Ray counts from when it is ready, and its start is told apart. CPU seconds
are those of the manifests: of all processes that upscale, and of the one that plans, but not of Ray's own.

``bare`` is what the machine allows: processes that share nothing run the network on an array of the same size, one
thread each, and neither read nor write; the time counts from when their models are loaded.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
from scale_ray import TimedRay

from kukkiri import cli
from kukkiri.cluster import Making, Recorder, summarize
from kukkiri.images import Image, read_header
from kukkiri.inference import FolderRun, Upscaler

FORK = multiprocessing.get_context("fork")  # kukkiri is imported once, by this process
Queue = "multiprocessing.SimpleQueue[tuple[float, float]]"
FOLDERS = ("out", "manifests")
WAYS = ("bare", "pool", "shards", "ray")


@dataclass(frozen=True)
class Trial:
    """One run over all images."""

    way: str
    workers: int
    seconds: float
    cpu_seconds: float
    start_seconds: float = 0.0
    """Of Ray, before ``seconds``."""


@dataclass(frozen=True)
class Line:
    """Medians over the rounds."""

    way: str
    workers: int
    images_per_second: float
    against_one: float | None
    """Ratio to one worker of the same way and round."""
    against_pool: float | None
    """Ratio to the pool with the same workers in the same round."""
    cpu_seconds_per_image: float
    per_million: float | None
    """Cost of a million images by CPU seconds."""
    start_seconds: float


def main() -> int:
    options = parse()
    cpus = sorted(os.sched_getaffinity(0))
    if max(options.workers) > len(cpus):
        print(f"{max(options.workers)} workers need as many CPUs; this process may use {len(cpus)}.", file=sys.stderr)
        return 2
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        maker = FORK.Process(target=make_photos, args=(Path("in"), options.images), kwargs={"side": options.side})
        maker.start()  # a process that has used libvips cannot be forked
        maker.join()
        chance = random.Random(0)
        for number in range(options.rounds):
            runs = [(way, workers) for way in options.ways for workers in options.workers]
            chance.shuffle(runs)
            rounds.append([try_once(way, cpus[:workers], model=options.model) for way, workers in runs])
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        os.chdir("/")
    lines = summarize_rounds(rounds, images=options.images, price=options.price)
    if options.json:
        print(json.dumps([vars(line) for line in lines]))
        return 0
    names = (
        "way",
        "workers",
        "images/s",
        "against 1 worker",
        "against the pool",
        "CPU s/image",
        "a million",
        "start (s)",
    )
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for line in lines:
        shown = ["-" if value is None else f"{value:g}" for value in list(vars(line).values())[1:]]
        print(f"| {' | '.join([line.way, *shown])} |")
    return 0


def try_once(way: str, cpus: list[int], *, model: str) -> Trial:
    """Do all images once in the working directory, with a worker for each CPU."""
    for name in FOLDERS:
        shutil.rmtree(name, ignore_errors=True)
    queue = FORK.SimpleQueue()
    begun = time.monotonic()
    if way == "bare":
        return try_bare(cpus, images=len(list(Path("in").iterdir())), model=model)
    if way == "shards":
        parts = [([cpu], ("--shard", f"{index}/{len(cpus)}")) for index, cpu in enumerate(cpus, start=1)]
    else:
        parts = [(cpus, ())]
    processes = [
        FORK.Process(target=work_on_ray if way == "ray" else work_here, args=(queue, where, model, more))
        for where, more in parts
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{way} with {len(cpus)} workers ended with {process.exitcode}")
    start, seconds = queue.get() if way == "ray" else (0.0, time.monotonic() - begun)
    return Trial(way, len(cpus), seconds, summarize(Path("manifests")).cpu_seconds, start)


def try_bare(cpus: list[int], *, images: int, model: str) -> Trial:
    """Run the network alone, in a process for each CPU, as often as there are images."""
    queue, ready = FORK.SimpleQueue(), FORK.Barrier(len(cpus) + 1)
    processes = [
        FORK.Process(target=compute, args=(queue, ready, cpu, model, len(range(index, images, len(cpus)))))
        for index, cpu in enumerate(cpus)
    ]
    for process in processes:
        process.start()
    ready.wait()
    begun = time.monotonic()
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"bare with {len(cpus)} workers ended with {process.exitcode}")
    seconds = time.monotonic() - begun
    return Trial("bare", len(cpus), seconds, sum(queue.get() for _ in processes))


def compute(queue: "multiprocessing.SimpleQueue[float]", ready: Barrier, cpu: int, model: str, runs: int) -> None:
    os.sched_setaffinity(0, [cpu])
    lr = np.random.default_rng(0).integers(0, 256, (*read_header(Path("in/00000.jpg")).size, 3), dtype=np.uint8)
    upscaler = Upscaler(model, threads=1)
    upscaler(lr)
    ready.wait()
    begun = time.process_time()
    for _ in range(runs):
        upscaler(lr)
    queue.put(time.process_time() - begun)


def work_here(_queue: Queue, cpus: list[int], model: str, more: tuple[str, ...]) -> None:
    os.sched_setaffinity(0, cpus)
    command = ["upscale", "in", "-o", "out", "--preset", model, "--manifest", "manifests", "--quiet", *more]
    sys.exit(cli.run(command))


def work_on_ray(queue: Queue, cpus: list[int], model: str, _more: tuple[str, ...]) -> None:
    """The same by Python, which tells when Ray is ready."""
    os.sched_setaffinity(0, cpus)
    executor = TimedRay("ray", cpus=len(cpus))
    with Recorder(Path("manifests"), Making.of(model, {}), output=Path("out")) as recorder:
        run = FolderRun(partial(Upscaler, model), ["in"], output=Path("out"), recorder=recorder, executor=executor)
        failed = [result.error for result in run if result.error]
    queue.put((executor.ready - executor.asked, time.monotonic() - executor.ready))
    sys.exit(bool(failed))


def summarize_rounds(rounds: list[list[Trial]], *, images: int, price: float | None) -> list[Line]:
    """Medians of the trials, and of their ratios within a round."""
    found = defaultdict(list)
    ratios: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for trials in rounds:
        seconds = {(trial.way, trial.workers): trial.seconds for trial in trials}
        for trial in trials:
            key = (trial.way, trial.workers)
            found[key].append(trial)
            for name, other in (("one", (trial.way, 1)), ("pool", ("pool", trial.workers))):
                if other in seconds and other != key:
                    ratios[*key, name].append(seconds[other] / trial.seconds)

    def median(values: list[float], digits: int = 3) -> float | None:
        return round(statistics.median(values), digits) if values else None

    lines = []
    for (way, workers), trials in sorted(found.items()):
        cpu = statistics.median(trial.cpu_seconds for trial in trials) / images
        lines.append(
            Line(
                way,
                workers,
                round(images / statistics.median(trial.seconds for trial in trials), 2),
                median(ratios[way, workers, "one"], 2),
                median(ratios[way, workers, "pool"], 2),
                round(cpu, 4),
                None if price is None else round(cpu * 1e6 / 3600 * price, 2),
                round(statistics.median(trial.start_seconds for trial in trials), 1),
            )
        )
    return lines


def make_photos(folder: Path, count: int, *, side: int) -> None:
    """Write JPEG files of smooth shapes with a little noise, all different."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side] / side
    for number in range(count):
        waves = rng.uniform(1, 9, (3, 2)), rng.uniform(0, 6, 3)
        levels = [np.sin(6 * (y * rows + x * columns) + phase) for (y, x), phase in zip(*waves, strict=True)]
        noisy = 128 + 90 * np.stack(levels, axis=-1) + rng.normal(0, 4, (side, side, 3))
        Image.from_array(np.clip(noisy, 0, 255).astype(np.uint8)).save(folder / f"{number:05}.jpg", quality=90)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--model", choices=("fast", "balanced", "best"), default="fast")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--price", type=float, help="of a CPU hour, in any currency")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

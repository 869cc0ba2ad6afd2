"""A run of 1,000 shards with failures in virtual time, and ten million keys listed and sharded in constant memory.

    python benchmarks/scale_simulation.py [--shards 1000] [--images 200000] [--machines 100] [--keys 10000000] [--json]

The simulation uses the real :class:`kukkiri.cluster.Shard`, manifests and summary; time is virtual. An image takes a
log-normal time. Machines die after exponential times, half of them in the middle of a row, and their shard goes back
into the queue, where it goes on with what its manifest does not call done: the image in work is made again. A share of
the images fails for good, a share fails once; at the end what failed by the last row of its manifest is repeated, as
``--only-failed`` does. Some machines are four times slower than the rest. The manifests are summarized when half of the
shards are done, at the end of the run, and after the repetition.
"""

import argparse
import heapq
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kukkiri.cluster import Header, Making, Manifest, Row, Shard, SourceList, Summary, read_manifest, summarize
from kukkiri.cluster.manifest import name_manifest

MAKING = Making({"--scale": 2}, "simulated", "0" * 64, "0")


@dataclass(frozen=True)
class Settings:
    """Of the simulation; times in virtual seconds."""

    shards: int
    images: int
    machines: int
    mean: float = 1.0
    """Of an image."""
    spread: float = 0.6
    """Standard deviation of the logarithm of its time."""
    life: float = 1800.0
    """Mean time until a machine dies."""
    start: float = 30.0
    """Until a shard works: a node, an environment, a model."""
    slow: float = 0.02
    """Share of machines that are four times slower."""
    bad: float = 0.0005
    """Share of images that fail for good."""
    flaky: float = 0.002
    """Share of images that fail once."""
    torn: float = 0.5
    """Share of deaths that leave a torn row."""


@dataclass
class State:
    """One shard in virtual time."""

    shard: Shard
    sources: list[str]
    todo: list[str]
    """Sources that are not done by the manifest; the next one first."""
    deaths: int = 0
    ended: float = 0.0


@dataclass(frozen=True)
class Report:
    """Of the simulation."""

    shards: int
    images: int
    machines: int
    largest_shard: int
    smallest_shard: int
    deaths: int
    torn: int
    """Rows that deaths have cut."""
    restarted_shards: int
    made_again: int
    """Images that were in work when their machine died."""
    ideal_hours: float
    """All work by all machines, without deaths, starts or slow machines."""
    shards_done_half_hours: float
    shards_done_99_hours: float
    shards_done_hours: float
    longest_shard_to_median: float
    half_way: dict[str, int]
    """Summary when half of the shards are done."""
    failed_first: int
    failed_after_retry: int
    summary: dict[str, object]
    seconds: float


def simulate(settings: Settings, *, seed: int) -> Report:
    """Run all shards, then ``--only-failed``, and summarize the manifests."""
    began = time.monotonic()
    chance = random.Random(seed)
    sources: list[list[str]] = [[] for _ in range(settings.shards)]
    for number in range(settings.images):
        name = name_key(number)
        sources[Shard.of(name, count=settings.shards).index - 1].append(name)
    states = [State(Shard(index + 1, settings.shards), names, list(names)) for index, names in enumerate(sources)]
    bad = {name for names in sources for name in names if chance.random() < settings.bad}
    flaky = {name for names in sources for name in names if chance.random() < settings.flaky} - bad
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run = work(settings, states, folder, bad, set(flaky), chance)
        first = summarize(folder, sources=listed(sources))
        retry(folder, states, bad)
        last = summarize(folder, sources=listed(sources))
    ends = sorted(state.ended for state in states)
    sizes = [len(names) for names in sources]
    return Report(
        shards=settings.shards,
        images=settings.images,
        machines=settings.machines,
        largest_shard=max(sizes),
        smallest_shard=min(sizes),
        deaths=run.deaths,
        torn=run.torn,
        restarted_shards=sum(state.deaths > 0 for state in states),
        made_again=run.made_again,
        ideal_hours=round(settings.images * settings.mean / settings.machines / 3600, 3),
        shards_done_half_hours=round(ends[len(ends) // 2] / 3600, 3),
        shards_done_99_hours=round(ends[int(len(ends) * 0.99)] / 3600, 3),
        shards_done_hours=round(ends[-1] / 3600, 3),
        longest_shard_to_median=round(max(sizes) / statistics.median(sizes), 3),
        half_way={name: getattr(run.half_way, name) for name in ("done", "failed", "interrupted", "missing")}
        | {"not_begun": len(run.half_way.without_manifest)},
        failed_first=first.failed,
        failed_after_retry=last.failed,
        summary={
            name: getattr(last, name) for name in ("done", "failed", "interrupted", "missing", "doubled", "clean")
        },
        seconds=round(time.monotonic() - began, 1),
    )


@dataclass
class Run:
    """The first run over all shards."""

    half_way: Summary | None = None
    """The numbers at the time when half of the shards were done."""
    deaths: int = 0
    torn: int = 0
    made_again: int = 0


def work(
    settings: Settings, states: list[State], folder: Path, bad: set[str], flaky: set[str], chance: random.Random
) -> Run:
    """Let machines take shards from a queue until none is left; an image of ``flaky`` leaves it when it has failed."""
    queue = list(reversed(states))
    machines = [(0.0, number, 4.0 if chance.random() < settings.slow else 1.0) for number in range(settings.machines)]
    heapq.heapify(machines)
    run, ended = Run(), 0
    mu = -(settings.spread**2) / 2  # so that the mean is 1
    while queue:
        now, number, slowness = heapq.heappop(machines)
        state = queue.pop()
        dies = now + chance.expovariate(1 / settings.life)
        now += settings.start
        rows: list[Row] = []
        while state.todo and now < dies:
            name = state.todo[0]
            rows.append(Row(state="begun", source=name, target=name, at=now))
            now += settings.mean * slowness * chance.lognormvariate(mu, settings.spread)
            if now >= dies:
                run.made_again += 1
                break
            rows.append(end(name, fails=name in bad or name in flaky, at=now))
            flaky.discard(name)
            del state.todo[0]
        write(folder, state.shard, rows)
        if state.todo:
            state.deaths += 1
            run.deaths += 1
            if rows and chance.random() < settings.torn:
                tear(name_manifest(folder, state.shard))
                run.torn += 1
            state.todo = find_undone(folder, state)
            queue.insert(0, state)  # behind those that wait
            now = dies
        else:
            ended += 1
        state.ended = now
        heapq.heappush(machines, (now, number, slowness))
        if run.half_way is None and 2 * ended >= len(states):
            run.half_way = summarize(folder, sources=listed([state.sources for state in states]))
    return run


def end(name: str, *, fails: bool, at: float) -> Row:
    """The last row about an image."""
    error = "cannot be read" if fails else None
    return Row(state="failed" if fails else "done", source=name, target=name, at=at, error=error)


def tear(manifest: Path) -> None:
    """Cut the last row in two."""
    content = manifest.read_bytes()
    last = len(content) - content.rstrip(b"\n").rfind(b"\n") - 1
    manifest.write_bytes(content[: -(last // 2)])


def find_undone(folder: Path, state: State) -> list[str]:
    """The sources that the manifest of a shard does not call done, as ``--resume`` does."""
    known = read_states(folder, state)
    return [name for name in state.sources if known.get(name) != "done"]


def read_states(folder: Path, state: State) -> dict[str, str]:
    """The last word about each source."""
    return {row.source: row.state for row in read_manifest(name_manifest(folder, state.shard))[1]}


def retry(folder: Path, states: list[State], bad: set[str]) -> None:
    """Repeat what failed by the manifests, as ``--only-failed`` does."""
    for state in states:
        failed = [name for name, last in read_states(folder, state).items() if last != "done"]
        if failed:
            write(folder, state.shard, [end(name, fails=name in bad, at=state.ended) for name in failed])


def write(folder: Path, shard: Shard, rows: list[Row]) -> None:
    """Add rows to the real manifest."""
    manifest = Manifest(name_manifest(folder, shard), Header(shard=shard, making=MAKING, began=1.0), anew=False)
    for row in rows:
        manifest.append(row)
    manifest.close()


def listed(sources: list[list[str]]) -> Iterator[tuple[Path, Path]]:
    return ((Path(name), Path(name)) for names in sources for name in names)


@dataclass(frozen=True)
class Growth:
    """Of memory with the keys of a list, all of which are read by one shard."""

    keys: int
    taken: int
    """By this shard of 1,000."""
    list_megabytes: float
    more_memory_megabytes: float
    """Highest memory while the list is read, less that before."""
    keys_per_cpu_second: float


def measure_keys(count: int) -> Growth:
    """Write a list of keys, and stream it through a shard."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "keys")
        with path.open("w") as file:
            file.writelines(f"{name_key(number)}\n" for number in range(count))
        size = path.stat().st_size
        shard = Shard(1, 1000)
        before, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        with SourceList(str(path)) as keys:
            taken = sum(shard.holds(below) for _, below in keys)
        used = time.process_time() - cpu
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Growth(count, taken, round(size / 1e6, 1), round((after - before) * 1024 / 1e6, 1), round(count / used))


def name_key(number: int) -> str:
    return f"bucket/{number % 997:03}/{number:09}.jpg"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--machines", type=int, default=100)
    parser.add_argument("--keys", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    growth = [measure_keys(options.keys // part) for part in (100, 10, 1)]  # first: memory is counted by its peak
    report = simulate(
        Settings(shards=options.shards, images=options.images, machines=options.machines), seed=options.seed
    )
    if options.json:
        print(json.dumps({"keys": [asdict(one) for one in growth], "simulation": asdict(report)}))
    else:
        print("| keys | of this shard | list (MB) | memory (MB) | keys/CPU second |\n|---|---|---|---|---|")
        for one in growth:
            print("| " + " | ".join(f"{value:,}" for value in asdict(one).values()) + " |")
        print("\n| | |\n|---|---|")
        for name, value in asdict(report).items():
            print(f"| {name} | {value} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())

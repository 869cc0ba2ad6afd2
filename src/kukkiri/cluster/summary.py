"""The manifests of all shards together: what is done, failed, interrupted, missing or doubled.

Rows are merged in a temporary SQLite file, so that memory does not grow with their number.
"""

import sqlite3
import statistics
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kukkiri.cluster.manifest import Header, Row, find_manifests, read_manifest
from kukkiri.cluster.recording import name_source
from kukkiri.cluster.shards import Shard
from kukkiri.errors import ConfigError, make_printable

__all__ = ["FailureGroup", "Summary", "read_headers", "summarize"]

_EXAMPLES = 10
_GROUPS = 20
_BATCH = 5000

_TABLES = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -16000;
CREATE TABLE last (source TEXT, shard INTEGER, state TEXT, reason TEXT, seconds REAL, bytes INTEGER,
    PRIMARY KEY (source, shard)) WITHOUT ROWID;
CREATE TABLE made (target TEXT, source TEXT, PRIMARY KEY (target, source)) WITHOUT ROWID;
CREATE TABLE expected (source TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_ONE_STATE = """
CREATE TABLE states AS SELECT source,
    CASE WHEN sum(state = 'done') THEN 'done' WHEN sum(state = 'failed') THEN 'failed' ELSE 'begun' END AS state,
    sum(state = 'done') AS times FROM last GROUP BY source;
"""
_DOUBLED = """
SELECT source FROM states WHERE times > 1
UNION SELECT source FROM made GROUP BY source HAVING count(*) > 1
UNION SELECT source FROM made WHERE target IN (SELECT target FROM made GROUP BY target HAVING count(*) > 1)
"""


@dataclass(frozen=True)
class FailureGroup:
    """Sources that failed for one reason."""

    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The state of a run of many processes."""

    shards: int
    """That the run has."""
    without_manifest: tuple[int, ...]
    """Shards that have not begun."""
    done: int
    failed: int
    interrupted: int
    """Sources that were begun, and neither done nor failed."""
    missing: int | None
    """Sources that no manifest names; ``None`` when the sources were not given."""
    gone: int | None
    """Sources of the manifests that are not among those given."""
    doubled: int
    """Sources done by two shards or with two results, and sources with one and the same result."""
    fingerprints: tuple[str, ...]
    """Of options and model; more than one: results of different kinds are mixed."""
    differences: tuple[str, ...]
    """Between the makings of the shards."""
    failures: tuple[FailureGroup, ...]
    """The most frequent reasons first."""
    examples: dict[str, tuple[str, ...]]
    """Up to ten sources that are interrupted, missing, gone and doubled."""
    bytes: int
    """Of all results."""
    seconds: float
    """Sum over all images."""
    cpu_seconds: float
    """Of all processes; what a killed one did since its last row is not counted."""
    elapsed: float
    """From the beginning of the first shard to the last row, in seconds."""
    shard_elapsed: tuple[float, float] | None
    """The same of a single shard: median and longest."""

    @property
    def images_per_second(self) -> float:
        """Done images by the elapsed time."""
        return self.done / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def clean(self) -> bool:
        """True when every source is done once, in one and the same way."""
        wrong = self.failed + self.interrupted + (self.missing or 0) + self.doubled + len(self.without_manifest)
        return wrong == 0 and len(self.fingerprints) == 1

    def to_json(self) -> dict[str, Any]:
        """All numbers by name."""
        return {
            "clean": self.clean,
            **asdict(self),
            "images_per_second": round(self.images_per_second, 3),
        }


def read_headers(folder: Path) -> list[Header]:
    """Read the headers of all manifests of a folder.

    Raises:
        ConfigError: no such folder, no manifest in it, or manifests of several numbers of shards.
    """
    found = find_manifests(folder)
    if not found:
        raise ConfigError(f"{make_printable(folder)}: no manifests here (shard-0001-of-0016.jsonl). Check the folder.")
    counts = sorted({shard.count for shard in found})
    if len(counts) > 1:
        raise ConfigError(
            f"{make_printable(folder)}: manifests of {' and '.join(map(str, counts))} shards, which are several runs. "
            "Move those of one run into a folder of their own."
        )
    headers = []
    for shard, path in found.items():
        header, _ = read_manifest(path)
        if header is not None and header.shard != shard:
            raise ConfigError(f"{make_printable(path)}: is the manifest of shard {header.shard}. Give it its own name.")
        headers += [header] if header is not None else []
    return headers


def summarize(folder: Path, *, sources: Iterable[tuple[Path, Path | None]] | None = None) -> Summary:
    """Merge all manifests of a folder; they may be in work.

    Args:
        folder: of the manifests.
        sources: that the run is about, each with its place below the folder that was given; read once.

    Raises:
        ConfigError: no manifests, several runs, or a damaged one.
    """
    headers = read_headers(folder)
    found = find_manifests(folder)
    with (
        tempfile.TemporaryDirectory(prefix="kukkiri-") as place,
        closing(sqlite3.connect(Path(place, "rows"))) as database,
    ):
        database.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        database.executescript(_TABLES)
        times = [_merge(database, shard, path) for shard, path in found.items()]
        if sources is not None:
            places = not headers or headers[0].places
            names = ((_encode(name_source(path, below, places=places)),) for path, below in sources)
            database.executemany("INSERT OR IGNORE INTO expected VALUES (CAST(? AS TEXT))", names)
        database.executescript(_ONE_STATE)
        return _read_summary(database, headers, found, times, compares=sources is not None)


@dataclass
class _Times:
    first: float
    last: float
    cpu_seconds: float = 0.0


def _merge(database: sqlite3.Connection, shard: Shard, path: Path) -> _Times:
    """Take the last word of one manifest about each source."""
    header, rows = read_manifest(path)
    times = _Times(header.began, header.began) if header is not None else _Times(0.0, 0.0)
    for batch in _take(rows, _BATCH):
        database.executemany(
            "INSERT OR REPLACE INTO last VALUES (CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), ?, ?)",
            [
                (_encode(row.source), shard.index, row.state, _encode(_find_reason(row)), row.seconds, row.result_bytes)
                for row in batch
            ],
        )
        database.executemany(
            "INSERT OR IGNORE INTO made VALUES (CAST(? AS TEXT), CAST(? AS TEXT))",
            [(_encode(row.target), _encode(row.source)) for row in batch if row.state == "done"],
        )
        times.last = max(times.last, batch[-1].at)
        times.cpu_seconds += sum(row.cpu_seconds or 0.0 for row in batch)
    return times


def _read_summary(
    database: sqlite3.Connection,
    headers: list[Header],
    found: dict[Shard, Path],
    times: list[_Times],
    *,
    compares: bool,
) -> Summary:
    count = next(iter(found)).count
    states = dict(database.execute("SELECT state, count(*) FROM states GROUP BY state"))
    bytes_, seconds = database.execute("SELECT sum(bytes), sum(seconds) FROM last WHERE state = 'done'").fetchone()
    missing = "SELECT source FROM expected EXCEPT SELECT source FROM states"
    gone = "SELECT source FROM states EXCEPT SELECT source FROM expected"
    begun = "SELECT source FROM states WHERE state = 'begun'"
    queries = {"interrupted": begun, "doubled": _DOUBLED, **({"missing": missing, "gone": gone} if compares else {})}
    counts = {
        name: database.execute(f"SELECT count(*) FROM ({query})").fetchone()[0] for name, query in queries.items()
    }
    ran = [time for time in times if time.first]
    spans = [time.last - time.first for time in ran]
    fingerprints = {header.fingerprint: header for header in headers}
    first = headers[0].making if headers else None
    differences = [header.making.differences(first) for header in fingerprints.values()] if first is not None else []
    return Summary(
        shards=count,
        without_manifest=tuple(index for index in range(1, count + 1) if Shard(index, count) not in found),
        done=states.get("done", 0),
        failed=states.get("failed", 0),
        interrupted=counts["interrupted"],
        missing=counts.get("missing"),
        gone=counts.get("gone"),
        doubled=counts["doubled"],
        fingerprints=tuple(fingerprints),
        differences=tuple(text for texts in differences for text in texts),
        failures=_group_failures(database),
        examples={
            name: tuple(
                row[0] for row in database.execute(f"SELECT source FROM ({query}) ORDER BY 1 LIMIT {_EXAMPLES}")
            )
            for name, query in queries.items()
        },
        bytes=bytes_ or 0,
        seconds=round(seconds or 0.0, 3),
        cpu_seconds=round(sum(time.cpu_seconds for time in times), 3),
        elapsed=round(max(time.last for time in ran) - min(time.first for time in ran), 3) if ran else 0.0,
        shard_elapsed=(round(statistics.median(spans), 3), round(max(spans), 3)) if spans else None,
    )


def _group_failures(database: sqlite3.Connection) -> tuple[FailureGroup, ...]:
    """Group the sources that failed and were never done by reason, the most frequent ones first."""
    failed = "FROM last JOIN states USING (source) WHERE last.state = 'failed' AND states.state = 'failed'"
    groups = database.execute(
        f"SELECT reason, count(*) {failed} GROUP BY reason ORDER BY count(*) DESC, reason LIMIT {_GROUPS}"
    ).fetchall()
    examples = f"SELECT source {failed} AND reason = CAST(? AS TEXT) ORDER BY source LIMIT 3"
    return tuple(
        FailureGroup(reason, count, tuple(row[0] for row in database.execute(examples, (_encode(reason),))))
        for reason, count in groups
    )


def _find_reason(row: Row) -> str:
    """The error without the name of the file that it begins with."""
    error = row.error or ""
    name, colon, reason = error.partition(": ")
    return reason if colon and name.endswith(row.source.rpartition("/")[2]) else error


def _encode(text: str) -> bytes:
    """SQLite takes no lone surrogates, which stand for bytes of a name that are no text."""
    return text.encode("utf-8", "surrogateescape")


def _take(rows: Iterator[Row], count: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == count:
            yield batch
            batch = []
    if batch:
        yield batch

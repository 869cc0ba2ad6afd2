"""A run over files on Spark: a function for ``DataFrame.mapInPandas``, paths in and outcomes out.

::

    run = FolderRun(partial(Upscaler, "fast", scale=2), ["/disk/photos"], output=Path("/disk/large"), recursive=True)
    jobs = spark.createDataFrame(describe_jobs(run.jobs), JOB_SCHEMA).repartition(256)
    done = jobs.mapInPandas(partial(upscale_partition, settings=RemoteSettings.here(run.settings)), OUTCOME_SCHEMA)
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kukkiri.cluster.remote_worker import RemoteSettings, RemoteWorker
from kukkiri.inference import FileJob, FileResult

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["JOB_SCHEMA", "OUTCOME_SCHEMA", "describe_jobs", "upscale_partition"]

JOB_SCHEMA = "source string, target string"
OUTCOME_SCHEMA = (
    "source string, target string, error string, notes array<string>, width int, height int, bytes long, "
    "sha256 string, seconds double, cpu_seconds double"
)


def describe_jobs(jobs: Iterable[FileJob]) -> list[tuple[str, str]]:
    """Write jobs as rows of :data:`JOB_SCHEMA`; those whose result is there are left out.

    Args:
        jobs: that :class:`kukkiri.inference.FolderRun` has planned.

    Raises:
        KukkiriError: a job cannot be done, such as one of two whose results would have one name.
    """
    rows = []
    for job in jobs:
        if job.problem is not None:
            raise job.problem
        if not job.target.exists():
            rows.append((os.fspath(job.source), os.fspath(job.target)))
    return rows


def upscale_partition(frames: Iterable["DataFrame"], *, settings: RemoteSettings) -> Iterator["DataFrame"]:
    """Upscale the files of a partition, one after the other.

    A task that Spark repeats makes its results again, so that one that lies under the name of a target is replaced.
    Nothing is raised for a file: its row says what was wrong.

    Args:
        frames: with the columns of :data:`JOB_SCHEMA`, any others are left out; paths, or URLs of objects of a store.
        settings: of the run; paths are the same on all machines.

    Yields:
        A frame for each, with the columns of :data:`OUTCOME_SCHEMA`; ``error`` is empty when the result is there.
    """
    worker = RemoteWorker(settings)
    for frame in frames:
        jobs = zip(frame["source"], frame["target"], strict=True)
        outcomes = [
            {
                "source": source,
                "target": target,
                **_describe(worker.do(FileJob(Path(source), Path(target), replaces=True))),
            }
            for source, target in jobs
        ]
        columns = [column.split()[0] for column in OUTCOME_SCHEMA.split(", ")]
        yield type(frame)(outcomes, columns=columns, dtype=object)  # so that a number that is missing makes no floats


def _describe(result: FileResult) -> dict[str, Any]:
    height, width = result.output_size or (None, None)
    remote = result.remote
    return {
        "error": result.error,
        "notes": list(result.notes),
        "width": width,
        "height": height,
        "bytes": None if remote is None else remote.size,
        "sha256": None if remote is None else remote.sha256,
        "seconds": result.seconds,
        "cpu_seconds": None if remote is None else remote.cpu_seconds,
    }

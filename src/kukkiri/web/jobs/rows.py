"""Jobs out of the rows of the database."""

import json
import sqlite3
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath

from kukkiri.errors import make_printable
from kukkiri.inference.earlier_results import BESIDE, BESIDE_SIZED
from kukkiri.web.jobs.job import FINAL, ErrorInfo, Job, JobOptions, ResultInfo, State

__all__ = ["INPUT", "JOB_COLUMNS", "WAITING", "clean_name", "read_job", "read_options"]

INPUT = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for the input in stored notes and errors; jobs of several names share them."""
_LONGEST = 200
JOB_COLUMNS = """
    jobs.id AS job, jobs.client, jobs.name, jobs.created AS asked, jobs.cached, jobs.cancelled,
    works.id AS work, works.sha256, works.suffix, works.bytes, works.width, works.height, works.options, works.state,
    works.attempts, works.done, works.total, works.started, works.finished, works.revision, works.result,
    works.result_file, works.error
"""
WAITING = """
    SELECT jobs.work, jobs.client, jobs.created,
        ROW_NUMBER() OVER (PARTITION BY jobs.client ORDER BY jobs.created, jobs.rowid) AS turn,
        COALESCE(clients.served, 0) AS served
    FROM works JOIN jobs ON jobs.work = works.id LEFT JOIN clients ON clients.client = jobs.client
    WHERE works.state = 'queued' AND jobs.cancelled IS NULL
    ORDER BY turn, served, jobs.created, jobs.rowid
"""
"""The work that waits in a fair order: one of each client in turn, the client first that was served longest ago."""


def read_job(row: sqlite3.Row, places: Mapping[int, int]) -> Job:
    """Make a job of a row with :data:`JOB_COLUMNS`.

    Args:
        row: of the database.
        places: in the queue by the number of the work, counted from 1.
    """
    state: State = row["state"] if row["cancelled"] is None else "cancelled"
    options = read_options(row["options"])
    result = error = None
    if state == "done":
        result = _read_result(row, options)
    elif state == "failed":
        error = ErrorInfo.from_json(json.loads(row["error"])).rename(INPUT, row["name"])
    asked, started, finished = row["asked"], row["started"], row["finished"]
    if state == "cancelled":
        finished = row["cancelled"] or finished
    return Job(
        id=row["job"],
        state=state,
        client=row["client"],
        input_name=row["name"],
        input_bytes=row["bytes"],
        input_sha256=row["sha256"],
        width=row["width"],
        height=row["height"],
        options=options,
        position=places.get(row["work"]) if state == "queued" else None,
        done=row["done"],
        total=row["total"],
        created=asked,
        started=None if started is None else max(asked, started),
        finished=None if state not in FINAL or finished is None else max(asked, finished),
        attempts=row["attempts"],
        revision=row["revision"],
        cached=bool(row["cached"]),
        result=result,
        error=error,
    )


@lru_cache(maxsize=1024)
def read_options(text: str) -> JobOptions:
    """Read the options of a row."""
    return JobOptions.restore(json.loads(text))


def _read_result(row: sqlite3.Row, options: JobOptions) -> ResultInfo:
    values = json.loads(row["result"])
    suffix = PurePosixPath(row["result_file"]).suffix
    height, width = values["height"], values["width"]
    sized = any(value is not None and value is not False for value in options.size_keywords().values())
    template = BESIDE_SIZED if sized else BESIDE
    values["file_name"] = template.fill(
        stem=PurePosixPath(row["name"]).stem.replace("\\", "_") or "image",
        scale=options.scale or round(max(width / row["width"], height / row["height"]), 2),
        model="",
        size=(height, width),
        suffix=suffix,
    )
    values["notes"] = [note.replace(INPUT, row["name"]) for note in values["notes"]]
    return ResultInfo.from_json(values)


def clean_name(name: str) -> str:
    """Return a file name that a client gave without folders and control characters, at most 200 characters."""
    last = make_printable(name.replace("\\", "/").rstrip("/").rpartition("/")[2]).replace("\\", "_")
    stem, dot, suffix = last.rpartition(".")
    if len(last) > _LONGEST and dot and len(suffix) <= 10:
        return f"{stem[: _LONGEST - len(suffix) - 1]}.{suffix}"
    return last[:_LONGEST] or "image"

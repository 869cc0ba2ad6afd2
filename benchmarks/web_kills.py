"""Kill -9 of ``kukkiri serve``, again and again, with jobs in every state: the table of docs/results/web.md.

    python benchmarks/web_kills.py FOLDER --kills 50

Jobs are submitted and deleted over HTTP, and cancelled from another process. At random times the worker, the server
without its worker, or both are killed, and the server is started again in the same folder. At the end every job that
was answered must be there, in the state that was asked for; every result must be the image that the library makes; a
result that was reported before a kill must still be that very result, made once. (A work whose worker alone dies three
times is given up on purpose; the third death is dealt to the server as well.)
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kukkiri.images import Image, read_image
from kukkiri.inference import Upscaler
from kukkiri.web.jobs.store import JobStore
from kukkiri.web.jobs.work_queue import MOST_DEATHS
from kukkiri.web.settings import ServerSettings

SIZES = ((40, 60), (300, 400), (700, 1000))  # the last are three tiles
MODELS = ("bicubic", "espcn", "plain-xs")
FINAL = ("done", "failed", "cancelled")
KINDS = ("worker", "server", "server and worker")


@dataclass
class Asked:
    """A job that the server has answered for."""

    seed: int
    model: str
    reported: dict[str, Any] | None = None
    """The job when it was first seen done."""
    cancelled: bool = False
    deleted: bool = False


@dataclass
class Run:
    """A server in a folder, and all that was asked of it."""

    folder: Path
    port: int
    store: JobStore
    asked: dict[str, Asked] = field(default_factory=dict)
    seeds: int = 0
    server: subprocess.Popen[bytes] | None = None
    refused: int = 0
    problems: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        command = [sys.executable, "-m", "kukkiri", "serve", "--port", str(self.port), "--folder", str(self.folder)]
        limits = ["--max-queue", "24", "--max-client-jobs", "0", "--keep-results", "0", "--threads", "1"]
        with (self.folder.parent / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                [*command, *limits], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        end = time.monotonic() + 120
        while self.call("GET", "/health")[0] != 200:
            if time.monotonic() > end:
                raise SystemExit("the server does not answer; see server.log")
            time.sleep(0.1)

    def call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of a request; status 0 without an answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, method=method)
        if body is not None:
            request.add_header("Content-Type", "image/png")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            error.close()
            return error.code, None
        except (OSError, ValueError):
            return 0, None

    def submit(self, chance: random.Random) -> None:
        """Submit a new image; remember it when the server has answered."""
        seed, model = self.seeds, chance.choice(MODELS)
        self.seeds += 1
        path = self.folder.parent / "sent.png"
        make_image(seed).save(path, overwrite=True)
        status, job = self.call("POST", f"/v1/upscale?mode=job&scale=2&model={model}", path.read_bytes())
        if status == 202:
            self.asked[job["id"]] = Asked(seed, model)
        elif status == 503:
            self.refused += 1

    def look(self) -> Counter[str]:
        """Count the states, and compare what was reported before with what is reported now."""
        states: Counter[str] = Counter()
        for job_id, asked in self.asked.items():
            if asked.deleted:
                continue
            status, job = self.call("GET", f"/v1/jobs/{job_id}")
            if status == 404:
                self.problems.append(f"job {job_id} is lost")
            if status != 200:
                continue
            states[job["state"]] += 1
            if asked.cancelled and job["state"] != "cancelled":
                self.problems.append(f"job {job_id} was cancelled and is {job['state']}")
            if asked.reported is None and job["state"] == "done":
                asked.reported = job
            elif asked.reported is not None and job != asked.reported:
                self.problems.append(f"job {job_id} changed after it was done: {asked.reported} {job}")
        return states

    def cancel(self, chance: random.Random) -> None:
        """Cancel a job that was not seen done, as another process that shares the folder does."""
        waiting = [
            job_id
            for job_id, asked in self.asked.items()
            if not (asked.cancelled or asked.deleted or asked.reported is not None)
        ]
        if waiting:
            job_id = chance.choice(waiting)
            job = self.store.cancel(job_id)
            self.asked[job_id].cancelled = job is not None and job.state == "cancelled"

    def delete(self, chance: random.Random) -> None:
        """Delete any job, over HTTP."""
        there = [job_id for job_id, asked in self.asked.items() if not asked.deleted]
        if there:
            job_id = chance.choice(there)
            self.asked[job_id].deleted = self.call("DELETE", f"/v1/jobs/{job_id}")[0] == 204

    def kill(self, kind: str) -> None:
        """Kill the worker, the server, or both; start the server again unless it lives."""
        if self.server is None:
            raise RuntimeError("nothing to kill")
        workers = find_children(self.server.pid)
        victims = {"worker": workers, "server": [self.server.pid], "server and worker": [self.server.pid, *workers]}
        for process in victims[kind]:
            os.kill(process, signal.SIGKILL)
        if kind != "worker":
            self.server.wait()
            self.start()


def find_children(parent: int) -> list[int]:
    """Process numbers of the children of a process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = int(status.parent.name), status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(rest[1]) == parent and rest[0] != "Z":
            found.append(number)
    return found


def make_image(seed: int) -> Image:
    """Noise that no other seed gives."""
    height, width = SIZES[seed % len(SIZES)]
    return Image.from_array(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def run_kills(run: Run, *, kills: int, chance: random.Random) -> None:
    """Submit, cancel, delete and kill."""
    before: Counter[str] = Counter()
    for number in range(1, kills + 1):
        for _ in range(chance.randint(1, 3)):
            run.submit(chance)
        if chance.random() < 0.3:
            run.cancel(chance)
        if chance.random() < 0.15:
            run.delete(chance)
        if number % 3:  # two of three times while a job runs
            wait_for_running(run)
        time.sleep(chance.uniform(0, 1))
        states = run.look()
        before.update(dict.fromkeys(states, 1))
        kind = chance.choice(KINDS)
        if kind == "worker" and is_suspect(run):
            kind = "server and worker"
        run.kill(kind)
        print(f"{number:3}  {kind:18} {dict(sorted(states.items()))}", flush=True)
    print(f"kills with jobs in a state: {dict(sorted(before.items()))}")


def wait_for_running(run: Run) -> None:
    """Wait until a job runs; a few seconds at most."""
    end = time.monotonic() + 8
    while not run.store.count()["running"] and time.monotonic() < end:
        time.sleep(0.02)


def is_suspect(run: Run) -> bool:
    """True when one more death of its worker alone would make the running work fail, as it should."""
    rows = run.store.folder.read("SELECT deaths FROM works WHERE state = 'running'")
    return any(row["deaths"] >= MOST_DEATHS - 1 for row in rows)


def finish(run: Run) -> Counter[str]:
    """Wait until nothing waits or runs."""
    end = time.monotonic() + 1800
    while True:
        states = run.look()
        if not set(states) - set(FINAL) or time.monotonic() > end:
            return states
        time.sleep(1)


def check_results(run: Run) -> int:
    """Compare every result with the library's, and the number of times that each was finished."""
    upscalers = {model: Upscaler(model, scale=2, threads=1) for model in MODELS}
    database = sqlite3.connect(run.folder / "jobs.sqlite")
    checked = 0
    for job_id, asked in run.asked.items():
        if asked.reported is None or asked.deleted:
            continue
        (name,) = database.execute(
            "SELECT result_file FROM works JOIN jobs ON jobs.work = works.id WHERE jobs.id = ?", (job_id,)
        ).fetchone()
        found = read_image(run.folder / "results" / name).to_array().astype(int)
        expected = upscalers[asked.model](make_image(asked.seed)).to_array()
        if found.shape != expected.shape or np.abs(found - expected).max() > 1:
            run.problems.append(f"job {job_id}: its result is that of another image")
        checked += 1
    database.close()
    return checked


def list_strays(folder: Path) -> list[str]:
    """Files that no job refers to, after a graceful stop."""
    database = sqlite3.connect(folder / "jobs.sqlite")
    known = {name for row in database.execute("SELECT sha256 || suffix, result_file FROM works") for name in row}
    database.close()
    places = ("uploads", "results", "tmp", "locks")
    return [path.name for place in places for path in (folder / place).iterdir() if path.name not in known]


def main() -> None:
    """Run the benchmark and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = options.folder / "server"
    run = Run(folder, port, JobStore(ServerSettings(folder=folder)))
    begun = time.monotonic()
    run.start()
    try:
        run_kills(run, kills=options.kills, chance=random.Random(options.seed))
        states = finish(run)
    finally:
        if run.server is not None:
            run.server.terminate()
            run.server.wait()
        run.store.close()
    checked = check_results(run)
    strays = list_strays(run.folder)
    again = sum(asked.reported["attempts"] > 1 for asked in run.asked.values() if asked.reported is not None)
    deleted = sum(asked.deleted for asked in run.asked.values())
    print(
        f"{options.kills} kills in {time.monotonic() - begun:.0f} s: {len(run.asked)} jobs taken in, {run.refused} 503"
    )
    print(f"at the end: {dict(sorted(states.items()))}, {deleted} deleted; {again} needed more than one attempt")
    print(f"results equal to the library's: {checked}; stray files: {len(strays)} {strays[:5]}")
    print(f"problems: {len(run.problems)}")
    for problem in run.problems[:20]:
        print(f"  {problem}")
    raise SystemExit(bool(run.problems or strays or states["failed"]))


if __name__ == "__main__":
    main()

"""Processes killed at every step of a job: nothing is lost, and nothing that is done is done again."""

import os
import subprocess
import sys
import textwrap

import pytest

from kukkiri.web.jobs.keeping import sweep
from kukkiri.web.jobs.presence import Presence, is_alive
from kukkiri.web.jobs.work_queue import MOST_DEATHS, MOST_FALLS

KILLED = -9
CHILD = """
import os, signal, sys, threading
from pathlib import Path
from kukkiri.web.jobs import runner, work_queue, worker
from kukkiri.web.settings import ServerSettings

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def after(owner, name):
    whole = getattr(owner, name)
    def call(*values, **keywords):
        whole(*values, **keywords)
        die()
    setattr(owner, name, call)

{sabotage}
worker.serve_jobs(ServerSettings(folder=Path(sys.argv[1]), threads=1), stopping=threading.Event())
"""
STEPS = {
    "claimed": "worker.do_work = die",
    "at the first tile": "runner.Watch.tell = die",
    "result written, not yet taken in": "work_queue.WorkQueue.finish = die",
    "result in its place, transaction open": "after(work_queue, 'sync_folder')",
}
GATE = ("claimed", "result in its place, transaction open")
"""The others run at night."""
AFTER = {"done": "after(work_queue.WorkQueue, 'finish')"}


def run_worker(room, sabotage):
    """Let a worker process do what waits until it kills itself."""
    code = textwrap.dedent(CHILD).format(sabotage=sabotage)
    done = subprocess.run(
        [sys.executable, "-c", code, str(room.settings.folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == KILLED, done.stderr


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=() if step in GATE else pytest.mark.nightly) for step in STEPS]
)
def test_work_of_a_killed_worker_is_done_again(room, step):
    job = room.submit()
    run_worker(room, STEPS[step])
    assert room.state(job) == "running"
    assert room.queue.requeue_dead() == 1
    again = room.store.get(job.id)
    assert (again.state, again.position, again.attempts) == ("queued", 1, 1)
    sweep(room.store.folder, room.settings.limits)
    assert room.files()["results"] == []
    assert len(room.files()["uploads"]) == 1
    assert room.do_all() == [1]
    done = room.store.get(job.id)
    assert (done.state, done.attempts, room.files()["results"]) == ("done", 2, ["1-2.png"])
    sweep(room.store.folder, room.settings.limits)  # temporary files and the lock of the dead process go
    folder = room.settings.folder
    alive = {room.worker.name, *(path.name for path in (folder / "tmp").iterdir())}
    assert {path.stem for path in (folder / "locks").iterdir()} == alive


def test_a_result_that_was_told_is_not_made_again(room):
    job = room.submit()
    run_worker(room, AFTER["done"])
    before = room.store.get(job.id)
    assert (before.state, room.queue.requeue_dead(), room.do_all()) == ("done", 0, [])
    sweep(room.store.folder, room.settings.limits)
    assert room.store.get(job.id) == before
    assert room.store.result_path(job.id).stat().st_size == before.result.bytes


def test_an_upload_without_a_job_is_swept_and_one_with_a_job_is_not(room):
    job = room.submit()
    stray = room.settings.folder / "uploads" / ("0" * 64)
    stray.write_bytes(b"moved here by a process that died before its job was stored")
    sweep(room.store.folder, room.settings.limits)
    assert not stray.exists()
    assert room.store.input_path(job.id).exists()


def test_a_worker_that_was_taken_for_dead_cannot_report(room):
    job = room.submit()
    late = room.claim()
    room.queue.give_back(late)
    work = room.claim()
    assert not room.queue.is_wanted(late) or work.attempt == late.attempt
    other = Presence(room.store.folder.locks, kind="worker")
    room.queue.give_back(work)
    stolen = room.queue.claim(other.name)
    assert not room.queue.is_wanted(work)
    assert not room.queue.report(work, done=1, total=2)
    room.do(work)  # comes too late: nothing happens
    assert (room.state(job), room.files()["results"]) == ("running", [])
    room.do(stolen)
    assert room.state(job) == "done"
    other.end()


@pytest.mark.parametrize(("alone", "most"), [(True, MOST_DEATHS), (False, MOST_FALLS)])
def test_work_that_kills_its_workers_is_given_up(room, alone, most):
    job = room.submit()
    pool = room.worker.name if alone else "pool-that-died-too"
    for death in range(most):
        assert room.state(job) == "queued", death
        room.queue.claim("worker-that-died", pool=pool)
        assert room.queue.requeue_dead() == 1
    failed = room.store.get(job.id)
    assert (failed.state, failed.attempts, failed.error.status) == ("failed", most, 500)
    assert failed.error.what == "the process that worked on this image ended unexpectedly, several times."
    assert room.claim() is None
    fresh = room.submit()  # a failure is no answer to the next request
    assert (fresh.state, fresh.cached) == ("queued", False)


def test_cancelled_work_of_a_dead_worker_is_not_done_again(room):
    job = room.submit()
    room.queue.claim("worker-that-died")
    room.store.cancel(job.id)
    room.queue.requeue_dead()
    assert (room.claim(), room.state(job)) == (None, "cancelled")
    rows = room.store.folder.read("SELECT state FROM works")
    assert [row["state"] for row in rows] == ["cancelled"]


def test_a_lock_lives_as_long_as_its_process(tmp_path):
    code = (
        "import sys; from pathlib import Path; from kukkiri.web.jobs.presence import Presence\n"
        "held = Presence(Path(sys.argv[1]), kind='worker'); print(held.name, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        name = child.stdout.readline().strip()
        assert name.startswith(f"worker-{child.pid}-")
        assert is_alive(tmp_path, name)
        os.kill(child.pid, 9)
        child.wait()
    assert not is_alive(tmp_path, name)
    assert (tmp_path / f"{name}.lock").exists()
    own = Presence(tmp_path, kind="server")
    assert is_alive(tmp_path, own.name)
    own.end()
    assert not is_alive(tmp_path, own.name)

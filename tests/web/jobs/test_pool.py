"""Worker processes: they share the queue, are replaced when they are killed, and stop when the work is done."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kukkiri.images import read_image
from kukkiri.inference import Upscaler
from kukkiri.web.jobs.pool import WorkerPool
from tests.web.jobs.conftest import make_image


def wait_until(true, *, seconds=120.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "that took too long"
        time.sleep(0.05)


def is_running(process):
    """False for a process that has ended, also when nobody has asked for its exit code."""
    status = Path(f"/proc/{process}/status")
    try:
        os.kill(process, 0)
        return not (status.exists() and "State:\tZ" in status.read_text())
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.slow
@pytest.mark.nightly
def test_two_workers_share_the_queue_and_one_that_is_killed_is_replaced(open_room):
    room = open_room(workers=2)
    pool = WorkerPool(room.settings)
    pool.start()
    try:
        wait_until(lambda: pool.alive() == 2)
        assert room.store.count_workers() == 3  # and the one in this process
        jobs = [room.submit_image(make_image(seed, size=(500, 700)), model="espcn") for seed in range(2)]
        wait_until(lambda: {room.state(job) for job in jobs} == {"running"})
        first = pool.list_processes()
        os.kill(first[0], signal.SIGKILL)
        wait_until(lambda: {room.state(job) for job in jobs} == {"done"})
        assert sorted(room.store.get(job.id).attempts for job in jobs) == [1, 2]
        assert len(set(first) & set(pool.list_processes())) == 1
        last = room.submit_image(make_image(7, size=(500, 700)), model="espcn")
        wait_until(lambda: room.state(last) == "running")
    finally:
        pool.stop()
    assert room.state(last) == "done"  # a graceful stop finishes what runs
    assert pool.list_processes() == []
    expected = Upscaler("espcn", scale=2)(make_image(7, size=(500, 700))).to_array()
    found = read_image(room.store.result_path(last.id)).to_array()
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.slow
@pytest.mark.nightly
def test_what_does_not_finish_in_time_goes_back_into_the_queue(room):
    pool = WorkerPool(room.settings)
    pool.start()
    job = room.submit_image(make_image(0, size=(2000, 3000)), model="plain-m-x2")
    try:
        wait_until(lambda: room.state(job) == "running")
    finally:
        pool.stop(seconds=0.1)
    waiting = room.store.get(job.id)
    assert (waiting.state, waiting.attempts, pool.list_processes()) == ("queued", 0, [])
    assert list(room.store.folder.results.iterdir()) == []


@pytest.mark.slow
def test_a_killed_server_leaves_no_worker_behind_and_the_next_one_goes_on(room):
    code = (
        "import sys, time; from pathlib import Path; from kukkiri.web.jobs.pool import WorkerPool\n"
        "from kukkiri.web.settings import ServerSettings\n"
        "pool = WorkerPool(ServerSettings(folder=Path(sys.argv[1]), threads=1)); pool.start()\n"
        "print(*pool.list_processes(), flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(room.settings.folder)], stdout=subprocess.PIPE, text=True
    ) as server:
        worker = int(server.stdout.readline())
        wait_until(lambda: room.store.count_workers() == 2)
        server.kill()
        server.wait()
    wait_until(lambda: room.store.count_workers() == 1)
    wait_until(lambda: not is_running(worker))
    job = room.submit()
    assert (room.state(job), room.do_all(), room.state(job)) == ("queued", [1], "done")

"""Jobs submitted, shared, cancelled, forgotten; the limits of the queue and of each client; the fair order."""

import os
import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from kukkiri.errors import ConfigError
from kukkiri.images import read_image
from kukkiri.inference import Upscaler
from kukkiri.web.jobs.database import StoreError
from kukkiri.web.jobs.store import JobStore, QueueFullError, TooManyOfClientError
from tests.web.jobs.conftest import make_image


def test_a_job_passes_its_states_and_its_result_is_that_of_the_library(room):
    job = room.submit(name="folder\\holiday.png")
    assert (job.state, job.position, job.input_name, job.width, job.height) == ("queued", 1, "holiday.png", 8, 6)
    assert len(job.id) == 22
    work = room.claim()
    running = room.store.get(job.id)
    assert (running.state, running.position, running.attempts) == ("running", None, 1)
    assert running.revision > job.revision
    room.do(work)
    done = room.store.get(job.id)
    assert (done.state, done.result.width, done.result.height) == ("done", 16, 12)
    assert (done.result.media_type, done.result.file_name) == ("image/png", "holiday-x2.png")
    assert done.created <= done.started <= done.finished
    path = room.store.result_path(job.id)
    assert path.stat().st_size == done.result.bytes
    expected = Upscaler("bicubic", scale=2)(make_image(0)).to_array()
    assert np.array_equal(read_image(path).to_array(), expected)
    assert room.store.input_path(job.id).read_bytes()[:4] == b"\x89PNG"
    assert room.store.count() == {"queued": 0, "running": 0, "done": 1, "failed": 0, "cancelled": 0}


def test_an_equal_request_is_answered_from_what_is_there(room):
    first, second = room.submit(client="ann"), room.submit(client="bob", name="other.png")
    assert (second.id != first.id, second.cached, first.cached) == (True, True, False)
    assert room.do_all() == [1]
    third = room.submit(client="cy", name="third.png")
    assert (third.state, third.cached, third.result.file_name) == ("done", True, "third-x2.png")
    assert third.result.sha256 == room.store.get(first.id).result.sha256
    assert third.finished >= third.created
    other = room.submit(client="cy", scale=3)
    assert (other.state, other.cached) == ("queued", False)
    assert len(room.files()["uploads"]) == 1


def test_cancelling_one_of_two_equal_jobs_leaves_the_work_to_the_other(room):
    first, second = room.submit(client="ann"), room.submit(client="bob")
    assert room.store.cancel(first.id).state == "cancelled"
    work = room.claim()
    assert room.queue.is_wanted(work)
    room.do(work)
    assert (room.state(first), room.state(second)) == ("cancelled", "done")
    assert room.store.result_path(first.id) is None


def test_cancelled_while_it_waits_or_runs_and_not_when_it_is_done(room):
    waiting = room.submit(1)
    assert room.store.cancel(waiting.id).state == "cancelled"
    assert room.claim() is None
    running = room.submit(2)
    work = room.claim()
    assert room.store.cancel(running.id).state == "cancelled"
    assert not room.queue.is_wanted(work)
    assert not room.queue.report(work, done=1, total=2)
    fresh = room.submit(2)  # not attached to the work that is about to end
    assert (fresh.cached, fresh.state) == (False, "queued")
    room.do(work)
    assert room.files()["results"] == []
    room.do_all()
    assert (room.state(fresh), room.state(running)) == ("done", "cancelled")
    assert room.store.cancel(fresh.id).state == "done"
    assert room.store.cancel("unknown") is None


def test_a_deleted_job_is_forgotten(room):
    first, second = room.submit(client="ann"), room.submit(client="bob")
    room.do_all()
    assert room.store.delete(first.id)
    assert not room.store.delete(first.id)
    assert room.store.get(first.id) is None
    assert room.state(second) == "done"
    assert [job.id for job in room.store.list_jobs()] == [second.id]


def test_clients_are_served_in_turn(room):
    ann = [room.submit(seed, client="ann") for seed in range(3)]
    bob = room.submit(10, client="bob")
    assert [room.store.get(job.id).position for job in (*ann, bob)] == [1, 3, 4, 2]
    order = []
    while work := room.claim():
        order.append(next(job for job in room.store.list_jobs() if job.state == "running").client)
        room.do(work)
    assert order == ["ann", "bob", "ann", "ann"]
    room.submit(20, client="ann")
    cy = room.submit(21, client="cy")  # was never served, ann was
    assert room.store.get(cy.id).position == 1


def test_a_full_queue_says_when_to_come_again(open_room):
    room = open_room(max_queue=2)
    room.submit(1)
    room.submit(2)
    with pytest.raises(QueueFullError, match=r"2 jobs wait already, and the limit is 2 \(--max-queue\)") as caught:
        room.submit(3)
    assert caught.value.retry_after == 5  # five seconds a job before anything was measured
    assert room.submit(2).cached  # shares what waits
    assert list(room.store.incoming_path().parent.iterdir()) == []  # nothing stays of what was refused
    room.do_all()
    room.submit(3)
    room.submit(4)
    with pytest.raises(QueueFullError) as caught:
        room.submit(5)
    assert caught.value.retry_after == 1


def test_one_client_has_no_more_jobs_than_its_limit(open_room):
    room = open_room(max_client_jobs=1)
    job = room.submit(1, client="ann")
    with pytest.raises(TooManyOfClientError, match=r"1 jobs that wait or run, and the limit is 1.*--max-client-jobs"):
        room.submit(2, client="ann")
    room.submit(2, client="bob")
    room.store.cancel(job.id)
    room.submit(3, client="ann")


def test_running_work_together_stays_within_the_memory(open_room):
    room = open_room(max_memory_mb=0.9)
    first = room.submit_image(make_image(1, size=(60, 80)), client="ann")
    second = room.submit_image(make_image(2, size=(60, 80)), client="bob")
    work = room.claim()
    taken = room.store.running_memory()
    assert 450_000 < taken < 900_000  # one fits, two do not
    assert room.claim() is None
    room.do(work)
    assert room.state(first) == "done"
    assert room.claim() is not None
    assert room.state(second) == "running"


def test_waiting_for_a_job_ends_with_its_change_or_the_time(room):
    job = room.submit()
    assert room.store.wait(job.id, since=job.revision, timeout=0.05).state == "queued"
    room.claim()
    assert room.store.wait(job.id, since=job.revision, timeout=5).state == "running"
    assert room.store.wait("unknown", timeout=5) is None


def test_long_and_wicked_names_become_file_names(room):
    names = ["../../etc/passwd", "x" * 400 + ".jpeg", "a\nb.png", "", "\\", "日本語.png"]
    cleaned = [room.submit(name=name).input_name for name in names]
    assert cleaned[0] == "passwd"
    assert cleaned[1].endswith("x.jpeg")
    assert len(cleaned[1]) == 200
    assert cleaned[2:] == ["a_nb.png", "image", "image", "日本語.png"]


def test_folders_of_other_versions_are_refused(room):
    connection = sqlite3.connect(room.settings.folder / "jobs.sqlite")
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(ConfigError, match=r"another version of kukkiri \(tables of version 7, expected 1\)"):
        JobStore(room.settings)


def test_a_damaged_database_is_said_in_words(tmp_path, room):
    (tmp_path / "jobs.sqlite").write_bytes(b"no database at all, " * 100)
    with pytest.raises(StoreError, match=r"jobs\.sqlite: the jobs cannot be read or written \(file is not a database"):
        JobStore(replace(room.settings, folder=tmp_path))


@pytest.mark.skipif(os.name != "posix", reason="needs file modes")
def test_a_folder_that_others_may_read_shows_them_nothing(open_room, tmp_path):
    (tmp_path / "server").mkdir(mode=0o755)
    room = open_room()
    room.submit()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "server").iterdir())

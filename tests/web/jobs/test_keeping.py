"""Finished jobs are kept by number, age and bytes; what waits or runs always is."""

import time

from kukkiri.web.jobs.keeping import sweep
from kukkiri.web.limits import Limits

NONE = {"keep_results": 0, "keep_hours": 0, "keep_mb": 0}


def test_the_latest_jobs_are_kept_and_the_others_go_with_their_files(room):
    jobs = [room.submit(seed) for seed in range(4)]
    room.do_all()
    waiting = room.submit(9)
    assert sweep(room.store.folder, Limits(**NONE)) == 0
    assert sweep(room.store.folder, Limits(**{**NONE, "keep_results": 2})) == 2
    assert [room.state(job) for job in (*jobs, waiting)] == ["unknown", "unknown", "done", "done", "queued"]
    assert room.files()["results"] == ["3-1.png", "4-1.png"]
    assert len(room.files()["uploads"]) == 3
    assert all(room.store.input_path(job.id).exists() for job in (*jobs[2:], waiting))


def test_old_jobs_go(room):
    old, waiting, fresh = room.submit(1), room.submit(2), room.submit(3)
    with room.store.folder.change() as connection:
        connection.execute("UPDATE works SET state = 'done', result = '{}', result_file = 'x', finished = created")
        connection.execute("UPDATE works SET state = 'queued', finished = NULL WHERE id = 2")
        connection.execute("UPDATE jobs SET created = ? WHERE work < 3", (time.time() - 7200,))
        connection.execute("UPDATE works SET finished = ? WHERE id = 1", (time.time() - 7100,))
        connection.execute("UPDATE works SET result = NULL, state = 'failed', error = '{\"what\": \"x\"}' WHERE id = 3")
    assert sweep(room.store.folder, Limits(**{**NONE, "keep_hours": 1})) == 1
    assert [room.state(job) for job in (old, waiting, fresh)] == ["unknown", "queued", "failed"]


def test_a_job_that_was_answered_again_is_as_young_as_its_last_answer(room):
    first = room.submit(1, client="ann")
    room.do_all()
    with room.store.folder.change() as connection:
        connection.execute("UPDATE jobs SET created = created - 7200")
        connection.execute("UPDATE works SET finished = finished - 7200")
    second = room.submit(1, client="bob")
    assert sweep(room.store.folder, Limits(**{**NONE, "keep_hours": 1})) == 1
    assert (room.state(first), room.state(second)) == ("unknown", "done")
    assert room.store.result_path(second.id).exists()


def test_the_oldest_files_go_when_they_are_too_many_bytes(room):
    jobs = [room.submit(seed) for seed in range(3)]
    room.do_all()
    sizes = [room.store.get(job.id).result.bytes + job.input_bytes for job in jobs]
    limit = (sizes[1] + sizes[2] + 1) / 1e6
    assert sweep(room.store.folder, Limits(**{**NONE, "keep_mb": limit})) == 1
    assert [room.state(job) for job in jobs] == ["unknown", "done", "done"]


def test_files_of_living_processes_stay(room):
    arriving = room.store.incoming_path()
    arriving.write_bytes(b"half of a body")
    dead = room.settings.folder / "tmp" / "server-1-0123456789ab"
    dead.mkdir()
    (dead / "body").write_bytes(b"of a process that died")
    sweep(room.store.folder, Limits())
    assert arriving.exists()
    assert not dead.exists()

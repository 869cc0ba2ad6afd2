"""Several images at one time: one thread for each, one share of the memory, one session for all."""

import threading
import time
from functools import partial

import numpy as np
import pytest

from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Image, read_image
from kukkiri.inference import FolderRun, Upscaler, engine, upscaler


@pytest.fixture
def machine(monkeypatch):
    """Sets the cores and the free bytes that the upscaler finds; gives the plans that it makes."""
    plans = []
    original = Upscaler.plan

    def recorded(self, *args, **kwargs):
        plan = original(self, *args, **kwargs)
        plans.append(plan)
        return plan

    def configure(*, cores, free):
        monkeypatch.setattr("kukkiri.inference.folders.count_usable_threads", lambda: cores)
        monkeypatch.setattr(upscaler, "find_free_memory", lambda: free)
        monkeypatch.setattr(Upscaler, "plan", recorded)
        return plans

    return configure


@pytest.fixture
def folder(tmp_path, rng):
    """Makes a folder of noise."""
    path = tmp_path / "photos"
    path.mkdir()

    def make(*sizes):
        for number, size in enumerate(sizes):
            Image.from_array(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path / f"{number}.png")
        return path

    return make


def test_what_the_workers_plan_for_fits_together(machine, folder, tmp_path):
    plans = machine(cores=2, free=60_000_000)
    source = folder((200, 300), (200, 300))
    results = list(FolderRun(partial(Upscaler, "fast"), [str(source)], output=tmp_path / "out"))
    assert not any(result.error for result in results)
    shared = list(plans)
    assert len(shared) == 4  # an image is planned before it is begun, and once more for its run
    # half of 48 MB; the arrays take 4 * (3 * 3 + 2) * 240,000 of it, which leaves 34,285 pixels of 392 bytes: 114 rows
    assert {plan.passes for plan in shared} == {(("sesr-s-x2", (200, 300), (114, 300)),)}
    assert {plan.memory for plan in shared} == {10_560_000 + 114 * 300 * 392}
    assert Upscaler("fast").plan((200, 300)).passes[0][2] is None  # alone it fits


def test_an_image_that_fits_no_share_is_done_alone_at_the_end(machine, folder, tmp_path):
    plans = machine(cores=2, free=15_000_000)
    source, out = folder((200, 250), (300, 400), (20, 30), (30, 20)), tmp_path / "out"
    results = list(FolderRun(partial(Upscaler, "bicubic", scale=2), [str(source)], output=out))
    # of 12 MB, 6 MB for each worker, the first image takes 8.4 and the second 20.2
    done = [result.job.target for result in results if not result.error]
    assert sorted(done[:2]) == [out / "2.png", out / "3.png"]
    assert done[2:] == [out / "0.png"]
    assert plans[-2].memory == plans[-1].memory == 4 * (3 * 3 * 200_000 + 6 * 50_000)
    (failed,) = [result for result in results if result.error]
    assert failed.job.source == source / "1.png"
    assert failed.out_of_memory
    assert "a result of 600x800 pixels needs" in failed.error
    assert len(results) == 4


def test_one_session_with_one_thread_serves_all_workers(machine, folder, tmp_path, monkeypatch):
    made = []
    original = engine.OnnxEngine.__init__

    def counted(self, path, *, threads=None, **keywords):
        made.append(threads)
        original(self, path, threads=threads, **keywords)

    monkeypatch.setattr(engine.OnnxEngine, "__init__", counted)
    machine(cores=3, free=10**9)
    source, out = folder(*[(20, 30)] * 5), tmp_path / "out"
    assert not any(result.error for result in FolderRun(partial(Upscaler, "fast"), [str(source)], output=out))
    assert made == [1]
    sizes = [read_image(path).size for path in sorted(out.iterdir())]
    assert sizes == [(40, 60)] * 5


@pytest.mark.parametrize(
    ("options", "settings", "workers"),
    [({"threads": 2}, {}, 1), ({"one_at_a_time": True}, {"tile": 28}, 1), ({}, {}, 2)],
)
def test_all_workers_compute_while_further_images_are_written(
    machine, folder, tmp_path, monkeypatch, options, settings, workers
):
    machine(cores=2, free=10**9)
    source, out = folder(*[(20, 30)] * 5), tmp_path / "out"
    computing, most = [], []
    further = threading.Event()
    upscale, save = Upscaler.__call__, Image.save

    def counted(self, *args, **kwargs):
        if len(most) >= workers:
            further.set()
        computing.append(self)
        most.append(len(computing))
        try:
            time.sleep(0.02)  # in which another could begin
            return upscale(self, *args, **kwargs)
        finally:
            computing.pop()

    def waiting(self, *args, **kwargs):
        assert further.wait(30)  # no file is written before the network has gone on with one more
        return save(self, *args, **kwargs)

    monkeypatch.setattr(Upscaler, "__call__", counted)
    monkeypatch.setattr(Image, "save", waiting)
    run = FolderRun(partial(Upscaler, "fast", **settings), [str(source)], output=out, **options)
    assert not any(result.error for result in run)
    assert max(most) <= workers
    assert len(most) == 5
    assert len(list(out.iterdir())) == 5


def test_what_is_called_after_a_file_may_fail_it(folder, tmp_path):
    source, seen = folder((20, 30), (30, 20)), []

    def after(result):
        assert result.job.target.exists()
        seen.append(result.output_size)
        if result.job.source.name == "1.png":
            raise ImageError("no page for this one")

    results = list(FolderRun(partial(Upscaler, "bicubic"), [str(source)], output=tmp_path / "out", after=after))
    assert sorted(seen) == [(40, 60), (60, 40)]
    assert {result.job.source.name: result.error for result in results} == {
        "0.png": "",
        "1.png": "no page for this one",
    }


def test_to_overwrite_and_to_resume_exclude_one_another(folder):
    with pytest.raises(ConfigError, match="Use one of them"):
        FolderRun(partial(Upscaler, "bicubic"), [str(folder((20, 30)))], overwrite=True, resume=True)

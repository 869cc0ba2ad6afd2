"""Several images at one time: one thread for each, one share of the memory, one session for all."""

import json
import threading
import time

import numpy as np
import pytest

from kukkiri.cli import run
from kukkiri.images import Image, read_image
from kukkiri.inference import Upscaler, engine, upscaler


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
        monkeypatch.setattr("kukkiri.cli.upscale.usable_threads", lambda: cores)
        monkeypatch.setattr(upscaler, "available_memory", lambda: free)
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
    assert run(["upscale", str(source), "-o", str(tmp_path / "out"), "--preset", "fast"]) == 0
    shared = list(plans)
    assert len(shared) == 4  # an image is planned before it is begun, and once more for its run
    # half of 48 MB; the arrays take 4 * (3 * 3 + 2) * 240,000 of it, which leaves 25,846 pixels of 520 bytes: 86 rows
    assert {plan.passes for plan in shared} == {(("plain-s-x2", (200, 300), (86, 300)),)}
    assert {plan.memory for plan in shared} == {10_560_000 + 86 * 300 * 520}
    assert Upscaler("fast").plan((200, 300)).passes[0][2] is None  # alone it fits


def test_a_image_that_fits_no_share_is_done_alone_at_the_end(machine, folder, tmp_path, capsys):
    plans = machine(cores=2, free=15_000_000)
    source, out = folder((200, 250), (300, 400), (20, 30), (30, 20)), tmp_path / "out"
    arguments = ["upscale", str(source), "-o", str(out), "--model", "bicubic", "--scale", "2", "--json"]
    assert run(arguments) == 1
    printed = capsys.readouterr()
    value = json.loads(printed.out)
    # of 12 MB, 6 MB for each worker, the first image takes 8.4 and the second 20.2
    done = [one["output"] for one in value["files"]]
    assert sorted(done[:2]) == [str(out / "2.png"), str(out / "3.png")]
    assert done[2:] == [str(out / "0.png")]
    assert plans[-2].memory == plans[-1].memory == 4 * (3 * 3 * 200_000 + 6 * 50_000)
    (failed,) = value["failed"]
    assert failed["input"] == str(source / "1.png")
    assert "a result of 600x800 pixels needs" in failed["error"]
    assert sum(line.startswith("[") for line in printed.err.splitlines()) == 3


def test_one_session_with_one_thread_serves_all_workers(machine, folder, tmp_path, monkeypatch):
    made = []
    original = engine.OnnxEngine.__init__

    def counted(self, path, *, threads=None):
        made.append(threads)
        original(self, path, threads=threads)

    monkeypatch.setattr(engine.OnnxEngine, "__init__", counted)
    machine(cores=3, free=10**9)
    source, out = folder(*[(20, 30)] * 5), tmp_path / "out"
    assert run(["upscale", str(source), "-o", str(out), "--preset", "fast"]) == 0
    assert made == [1]
    sizes = [read_image(path).size for path in sorted(out.iterdir())]
    assert sizes == [(40, 60)] * 5


@pytest.mark.parametrize("arguments", [["--threads", "2"], ["--tile", "20"]])
def test_one_worker_computes_while_another_image_is_written(machine, folder, tmp_path, monkeypatch, arguments):
    machine(cores=2, free=10**9)
    source, out = folder(*[(20, 30)] * 5), tmp_path / "out"
    computing, most = [], []
    second = threading.Event()
    upscale, save = Upscaler.image, Image.save

    def counted(self, *args, **kwargs):
        if most:
            second.set()
        computing.append(self)
        most.append(len(computing))
        try:
            time.sleep(0.02)  # in which another could begin
            return upscale(self, *args, **kwargs)
        finally:
            computing.pop()

    def waiting(self, *args, **kwargs):
        assert second.wait(30)  # the first file is not written before the network has gone on
        return save(self, *args, **kwargs)

    monkeypatch.setattr(Upscaler, "image", counted)
    monkeypatch.setattr(Image, "save", waiting)
    assert run(["upscale", str(source), "-o", str(out), "--preset", "fast", *arguments]) == 0
    assert most == [1] * 5  # one at a time
    assert len(list(out.iterdir())) == 5

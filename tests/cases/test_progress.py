"""Progress that people see: bars, lines, events; and runs that end when they are asked to."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import PIL.Image
import pytest

import kukkiri
from kukkiri.cli import run
from kukkiri.inference import FolderRun, Upscaler
from kukkiri.inference.side_by_side import WORKER
from kukkiri.inference.tile_progress import count_tiles
from tests.cases.made_files import scene

COMMAND = [sys.executable, "-m", "kukkiri", "upscale"]


@pytest.fixture
def large(tmp_path):
    """An image of 1.4 megapixels, which takes several strips."""
    path = tmp_path / "large.png"
    PIL.Image.fromarray(np.tile(scene(100, 120), (10, 12, 1))).save(path)
    return path


def on_a_terminal(arguments, *, columns=80):
    """Run a command on a pseudo-terminal: (exit code, times and texts of what it wrote)."""
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    process = subprocess.Popen([*COMMAND, *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    written = []
    while True:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            written.append((time.monotonic(), data.decode(errors="replace")))
        elif process.poll() is not None:
            break
    os.close(master)
    return process.wait(), written


def test_a_terminal_shows_tiles_percent_speed_and_time_of_one_image_at_least_once_a_second(large):
    code, written = on_a_terminal([str(large), "-o", str(large.with_name("r.png"))])
    assert code == 0
    shown = "".join(text for _, text in written)
    assert re.search(r"tile [1-9]/[2-9] +\d+ % +\d+\.\d\d MP/s +\d+:\d\d left", shown)
    assert "large.png" in shown
    assert "1440x1000 -> 2880x2000" in shown
    assert len(written) > written[-1][0] - written[0][0]  # eight updates a second are asked for


def test_a_terminal_shows_a_folder_and_its_images(large, tmp_path):
    for number in range(3):
        PIL.Image.fromarray(scene(300, 400, number)).save(tmp_path / f"image {number}.png")
    code, written = on_a_terminal([str(tmp_path), "-o", str(tmp_path / "out"), "--preset", "fast"], columns=120)
    assert code == 0
    shown = "".join(text for _, text in written)
    assert re.search(r"images +.*[1-3]/4 +\d+:\d\d left", shown)
    assert re.search(r"large\.png +.*tile [1-9]/[2-9]", shown)
    for number in range(3):
        assert f"image {number}.png" in shown


def test_a_name_cannot_command_the_terminal(tmp_path):
    path = tmp_path / "esc\033[31m.png"
    PIL.Image.fromarray(scene(30, 40)).save(path)
    code, written = on_a_terminal([str(path), "--model", "bicubic"])
    assert code == 0
    assert "\033[31m.png" not in "".join(text for _, text in written)


def test_elsewhere_there_are_plain_lines_and_quiet_prints_errors_only(tmp_path, capsys):
    PIL.Image.fromarray(scene(30, 40)).save(tmp_path / "a.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    arguments = ["upscale", str(tmp_path), "--model", "bicubic", "-o", str(tmp_path / "out")]
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path / 'out' / 'a.png'}\n"
    assert "\033" not in printed.err
    assert re.search(r"\[[12]/2\] .*a\.png -> .*a\.png  40x30 -> 80x60  \d+\.\d\d s\n", printed.err)
    assert run([*arguments, "--overwrite", "--quiet"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith(f"kukkiri: {tmp_path / 'bad.png'}: is not an image")


def test_events_come_one_a_line(large, capsys):
    (large.parent / "bad.png").write_bytes(b"no image")
    (large.parent / "readme.txt").write_bytes(b"")
    out = large.parent / "out"
    assert run(["upscale", str(large.parent), "-o", str(out), "--preset", "fast", "--json-lines"]) == 1
    printed = capsys.readouterr()
    events = [json.loads(line) for line in printed.out.splitlines()]
    assert events[0] == {"event": "start", "images": 2, "model": "fast", "scale": 2.0}
    assert events[1] == {"event": "note", "text": "left out 1 file of another kind: 1 .txt"}
    assert events[-1] == {"event": "end", "done": 1, "failed": 1}
    steps = [event for event in events if event["event"] == "progress" and event["input"] == str(large)]
    assert list(dict.fromkeys(step["step"] for step in steps))[:2] == ["reading", "upscaling"]
    tiles = [step["tiles"] for step in steps if step["step"] == "upscaling"]
    assert tiles == sorted(tiles)
    last = next(step for step in steps if step["tiles"] == tiles[-1])
    assert tiles[-1] == last["tiles_total"] > 1
    assert last["percent"] == 100
    assert last["megapixels_per_second"] > 0
    (done,) = [event for event in events if event["event"] == "done"]
    assert (done["input"], done["output"], done["size"]) == (str(large), str(out / "large.png"), [2880, 2000])
    (failed,) = [event for event in events if event["event"] == "failed"]
    assert failed["input"] == str(large.parent / "bad.png")
    assert "is not an image" in failed["error"]


@pytest.mark.parametrize("options", [{}, {"ensemble": True}, {"scale": 5}, {"tile": 100}, {"wrap": True}], ids=str)
def test_python_counts_the_tiles_of_all_runs(options):
    image = scene(300, 1300)
    calls = []
    upscaler = Upscaler("fast", **options)
    upscaler(image, progress=lambda done, total: calls.append((done, total)))
    totals = {total for _, total in calls}
    assert len(totals) == 1
    done = [done for done, _ in calls]
    assert done == sorted(set(done))
    assert done[-1] == totals.pop()
    if not options:
        assert calls == [(1, 2), (2, 2)]


def test_strips_are_counted_with_their_margins():
    (engine,) = Upscaler("fast").engines
    assert count_tiles(engine, (100, 100), None) == (1, 10_000)
    tiles, read = count_tiles(engine, (1000, 1300), None)
    assert tiles == 6
    assert read == 1300 * (1000 + 2 * 5 * 12)  # five seams, twelve rows of margin on both sides of each


def test_what_progress_raises_ends_the_work():
    class Enough(Exception):
        pass

    def stop(done, total):
        raise Enough

    with pytest.raises(Enough):
        kukkiri.Upscaler("fast")(scene(300, 1300), progress=stop)


def test_a_run_that_is_closed_stops_its_threads_at_their_next_tile(tmp_path):
    for number in range(6):
        PIL.Image.fromarray(scene(600, 800, number)).save(tmp_path / f"{number}.png")
    out = tmp_path / "out"
    folder_run = FolderRun(partial(Upscaler, "fast"), [str(tmp_path)], output=out)
    results = iter(folder_run)
    first = next(results)
    assert first.output_size == (1200, 1600)
    results.close()
    deadline = time.monotonic() + 60
    while any(thread.name.startswith(WORKER) for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert 1 <= len(list(out.iterdir())) < 6
    assert not list(out.glob(".kukkiri*"))


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda value: str(value),
)
def test_a_signal_ends_one_image_within_two_seconds_and_leaves_nothing(large, number, code):
    out = large.parent / "out"
    arguments = [str(large), "-o", f"{out}/", "--preset", "best", "--json-lines"]
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if json.loads(line).get("step") == "upscaling":
            break
    time.sleep(0.3)  # in the middle of a network run
    begun = time.monotonic()
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert time.monotonic() - begun < 2
    assert process.returncode == code
    assert error == "kukkiri: interrupted; nothing is left half-written.\n"
    assert not list(out.iterdir())

from pathlib import Path

import pytest

from kukkiri.cli import pace as module
from kukkiri.cli.pace import Pace
from kukkiri.inference import FileJob, FileProgress

JOB = FileJob(Path("a.mkv"), Path("b.mkv"))


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def tell(pace, done, total=100, reused=0.5):
    pace.take(FileProgress(JOB, "upscaling", done, total, (100, 200), "frame", reused))


def test_a_clip_tells_frames_a_second_and_the_time_left(clock):
    pace = Pace()
    tell(pace, 0)
    clock[0] += 10
    tell(pace, 20)
    assert pace.frames_per_second == 2
    assert pace.seconds_left == 40
    assert pace.megapixels_per_second == pytest.approx(2 * 100 * 200 / 1e6)
    assert pace.describe() == "frame 20/100   20 %  2.0 fps  reused 50 %  0:40 left"


def test_frames_of_an_earlier_run_do_not_make_it_look_quick(clock):
    pace = Pace()
    tell(pace, 60)
    assert pace.seconds_left is None
    clock[0] += 10
    tell(pace, 70)
    assert pace.frames_per_second == 1
    assert pace.seconds_left == pytest.approx(30)


def test_a_clip_of_unknown_length_tells_frames_only(clock):
    pace = Pace()
    tell(pace, 1, total=0, reused=0.0)
    clock[0] += 1
    tell(pace, 4, total=0, reused=0.0)
    assert pace.describe() == "frame 4  3.0 fps"
    tell(pace, 105)  # the total was a guess
    assert pace.share == 1

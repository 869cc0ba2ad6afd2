"""Clocks that begin anew, contradict each other or are missing: times as players see them."""

import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from kukkiri.inference import Upscaler
from kukkiri.video import upscale_video
from kukkiri.video.source import VideoSource
from tests.video.clips import needs_ffmpeg, run_ffmpeg

pytest.importorskip("av", reason="needs the extra video")

pytestmark = needs_ffmpeg

_FILM = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=12:d=1.5")
_SOUND = ("-f", "lavfi", "-i", "sine=f=440:d=1.5")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")


def _times(path: Path, *, stream: str = "v") -> list[float]:
    command = ["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time"]
    read = subprocess.run([*command, "-of", "csv=p=0", str(path)], capture_output=True, text=True, check=True)
    return sorted(float(line.strip(",")) for line in read.stdout.split())


def _seconds(path: Path) -> tuple[list[float], VideoSource]:
    with VideoSource(path) as source:
        times = [float((frame.pts or 0) * (frame.time_base or 0)) for frame in source.frames() if frame.pts is not None]
    return times, source


def test_recordings_one_behind_another_play_one_behind_another(tmp_path: Path) -> None:
    run_ffmpeg(*_FILM, *_SOUND, "-c:v", "mpeg2video", "-c:a", "mp2", tmp_path / "one.ts")
    both = tmp_path / "both.ts"
    both.write_bytes((tmp_path / "one.ts").read_bytes() * 2)
    upscaler = Upscaler("nearest", scale=2, threads=1, workers=1)
    for suffix in ("mkv", "mp4"):  # mp4 refuses sound whose times go back
        output = tmp_path / f"larger.{suffix}"
        result = upscale_video(both, output, model=upscaler, workers=1)
        assert result.notes[0] == "the clock of the file jumps once: what follows was put behind what was before."
        film, sound = _times(output), _times(output, stream="a")
        assert (len(film), len(sound)) == (36, 116)
        for times in (film, sound):
            steps = [later - earlier for earlier, later in pairwise(times)]
            usual = sorted(steps)[len(steps) // 2]
            assert max(steps) < usual + 0.02
            assert min(steps) > 0
        # the second recording's sound is where its film is, as in the first
        assert film[18] - sound[58] == pytest.approx(film[0] - sound[0], abs=0.0015)


def test_an_avi_has_the_times_of_decoding_alone(tmp_path: Path) -> None:
    run_ffmpeg(*_FILM, *_X264, tmp_path / "film.avi")
    times, _ = _seconds(tmp_path / "film.avi")
    assert times == sorted(times)
    steps = {round(later - earlier, 6) for earlier, later in pairwise(times)}
    assert steps == {round(1 / 12, 6)}


def test_a_bare_stream_has_the_rate_that_it_states(tmp_path: Path) -> None:
    run_ffmpeg(*_FILM, *_X264, tmp_path / "film.h264")
    with VideoSource(tmp_path / "film.h264") as source:
        assert source.info.rate == Fraction(12)
    upscale_video(
        tmp_path / "film.h264", tmp_path / "larger.mp4", model=Upscaler("nearest", scale=2, threads=1), workers=1
    )
    assert _times(tmp_path / "larger.mp4") == pytest.approx([number / 12 for number in range(18)], abs=1e-4)


@pytest.mark.parametrize("name", ["film.flv", "film.mkv"])
def test_a_complete_file_that_begins_late_is_not_called_truncated(name: str, tmp_path: Path) -> None:
    run_ffmpeg(*_FILM, *_X264, "-output_ts_offset", "3", tmp_path / name)
    times, source = _seconds(tmp_path / name)
    assert len(times) == 18
    assert not source.damage

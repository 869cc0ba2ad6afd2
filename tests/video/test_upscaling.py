"""The front door of video: interrupted, resumed, refused, damaged and full."""

import signal
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import kukkiri
from kukkiri.errors import ConfigError, VideoError
from kukkiri.video import EncoderOptions, is_partial
from kukkiri.video.sink import PartialFiles
from tests.video.clips import needs_ffmpeg, run_ffmpeg

pytestmark = needs_ffmpeg
pytest.importorskip("av")

SHORT = EncoderOptions(keyframe_seconds=0.25)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Four seconds with B-frames, sound, and a variable frame rate."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    source = "testsrc2=size=32x24:rate=24:duration=4,select='not(eq(mod(n\\,7)\\,3))',settb=1/1000"
    run_ffmpeg(
        *("-f", "lavfi", "-i", source, "-f", "lavfi", "-i", "sine=d=4", "-fps_mode", "vfr"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-c:a", "aac", path),
    )
    return path


def upscale(source, target, **options):
    options.setdefault("encoder", SHORT)
    return kukkiri.upscale_video(source, target, model="bicubic", scale=2, workers=1, **options)


def stop_after(frames):
    def stop(state):
        if state.frames >= frames:
            raise KeyboardInterrupt

    return stop


def look(path):
    """Checksum, time and stream of every frame and packet, by the ffmpeg program."""
    command = ["ffmpeg", "-v", "error", "-copyts", "-i", str(path), "-map", "0:v", "-map", "0:a", "-c:a", "copy"]
    done = subprocess.run(
        [*command, "-fps_mode", "passthrough", "-f", "framemd5", "-"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return sorted(line for line in done.stdout.splitlines() if not line.startswith("#"))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_interrupted_twice_and_resumed_equals_the_undisturbed_run(film, tmp_path, suffix):
    whole, target = tmp_path / f"whole{suffix}", tmp_path / f"large{suffix}"
    upscale(film, whole)
    partial = PartialFiles.of(target)
    with pytest.raises(KeyboardInterrupt) as caught:
        upscale(film, target, progress=stop_after(30))
    assert caught.value.__notes__ == [f"30 frames are in {partial.clip}, which plays; resuming goes on from there."]
    assert sum(line.startswith("0,") for line in look(partial.clip)) == 30
    assert not target.exists()
    with pytest.raises(KeyboardInterrupt):
        upscale(film, target, progress=stop_after(50), resume=True)
    assert sum(line.startswith("0,") for line in look(partial.clip)) == 50
    done = upscale(film, target, resume=True)
    assert 30 < done.resumed < 50 < done.frames == 82
    assert look(target) == look(whole)
    assert target.stat().st_size == whole.stat().st_size
    assert {path.name for path in tmp_path.iterdir()} == {whole.name, target.name}


def test_an_interrupted_run_is_neither_lost_nor_mixed(film, tmp_path):
    target = tmp_path / "large.mkv"
    with pytest.raises(KeyboardInterrupt):
        upscale(film, target, progress=stop_after(30))
    partial = PartialFiles.of(target).clip
    before = partial.read_bytes()
    with pytest.raises(ConfigError, match="holds 21 frames of an interrupted run"):
        upscale(film, target)
    with pytest.raises(ConfigError, match="was made with another encoder"):
        upscale(film, target, resume=True, encoder=EncoderOptions(keyframe_seconds=0.25, crf=30))
    assert partial.read_bytes() == before
    assert upscale(film, target, overwrite=True).resumed == 0


@pytest.mark.parametrize(("suffix", "frame", "playing"), [(".mkv", 30, 10), (".mkv", 45, 21), (".mp4", 60, 30)])
def test_a_killed_process_leaves_what_plays_and_is_resumed(film, tmp_path, suffix, frame, playing):
    whole, target = tmp_path / f"whole{suffix}", tmp_path / f"large{suffix}"
    upscale(film, whole)
    code = (
        "import os, sys, kukkiri\nfrom kukkiri.video import EncoderOptions\n"
        "stop = lambda state: state.frames == int(sys.argv[3]) and os.kill(os.getpid(), 9)\n"
        "kukkiri.upscale_video(sys.argv[1], sys.argv[2], model='bicubic', scale=2, workers=1, progress=stop,"
        " encoder=EncoderOptions(keyframe_seconds=0.25))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(film), str(target), str(frame)], check=False)
    assert done.returncode == -signal.SIGKILL
    files = PartialFiles.of(target)
    seen = [line for line in look(files.clip) if line.startswith("0,")]
    assert len(seen) >= playing
    assert set(seen) <= set(look(whole))
    files.journal.write_bytes(files.journal.read_bytes()[:-5])  # as a power cut may leave it
    assert upscale(film, target, resume=True).resumed > 0
    assert look(target) == look(whole)


def test_a_full_disk_is_one_line_and_can_be_resumed(film, tmp_path):
    whole, target = tmp_path / "whole.mkv", tmp_path / "large.mkv"
    upscale(film, whole)
    resource = pytest.importorskip("resource")
    limits, before = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole.stat().st_size // 2, limits[1]))
    try:
        with pytest.raises(
            VideoError, match=r"large.mkv: cannot be written \(the disk is full\)\. \d+ frames are kept"
        ):
            upscale(film, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not target.exists()
    assert upscale(film, target, resume=True).resumed > 0
    assert look(target) == look(whole)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("film.mkv", "is the input, too"),
        ("there.mkv", "exists. Choose another output"),
        ("folder.mkv", "is a folder"),
        ("missing/large.mkv", "no such folder"),
        ("large.wmv", "cannot be written as .wmv"),
    ],
)
def test_impossible_outputs_are_refused_before_work(film, tmp_path, target, message):
    source = tmp_path / "film.mkv"
    source.write_bytes(film.read_bytes())
    (tmp_path / "there.mkv").write_bytes(b"mine")
    (tmp_path / "folder.mkv").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match=message):
        upscale(source, tmp_path / target)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "there.mkv").read_bytes() == b"mine"


def test_damage_in_the_middle_is_counted_and_the_rest_goes_on(clip, tmp_path):
    done = upscale(clip("damaged.ts"), tmp_path / "large.mkv")
    assert done.damage
    assert any(note.startswith("the source is damaged: ") for note in done.notes)
    assert done.frames >= 6


def test_pyav_logs_nothing_to_python_while_a_clip_is_upscaled(film, tmp_path):
    import av  # a decoder's thread that logs while the decoder is closed would wait for ever

    levels = []
    upscale(film, tmp_path / "large.mkv", progress=lambda state: levels.append(av.logging.get_level()))
    assert levels
    assert set(levels) == {None}


def test_progress_counts_frames_up_to_the_total(film, tmp_path):
    states = []
    done = upscale(film, tmp_path / "large.mkv", progress=states.append)
    assert [state.frames for state in states] == list(range(1, 83))
    assert states[-1].fps > 0
    assert (done.input_size, done.output_size, done.frames) == ((24, 32), (48, 64), 82)
    assert done.bytes == (tmp_path / "large.mkv").stat().st_size
    assert done.encoder == "libx264 yuv420p, preset veryfast, crf 18"


def test_partial_files_are_known_by_their_names(tmp_path):
    files = PartialFiles.of(tmp_path / "a.b.mkv")
    assert files.clip.name == "a.b.part.mkv"
    assert all(map(is_partial, (files.clip, files.second, files.journal)))
    assert not is_partial(tmp_path / "part.mkv")
    assert not is_partial(tmp_path / "apart.mkv")


def test_grey_gets_neutral_chroma_and_keeps_its_range(tmp_path):
    import av

    from kukkiri.video.planes import view_planes
    from kukkiri.video.sample_formats import convert

    frame = av.VideoFrame(16, 8, "gray")
    frame.pts, frame.time_base = 3, Fraction(1, 24)
    view_planes(frame)[0][:] = np.arange(128, dtype=np.uint8).reshape(8, 16) + 64
    converted = convert(frame, "yuv420p", matrix=None)
    assert (converted.pts, converted.time_base) == (3, Fraction(1, 24))
    luma, *chroma = view_planes(converted)
    assert np.array_equal(luma, view_planes(frame)[0])
    assert all((plane == 128).all() for plane in chroma)


@pytest.mark.parametrize(
    ("codec", "weights", "domain"),
    [("libx264", "auto", "photo"), ("libx264", "clean", "clean"), ("ffv1", "auto", "clean")],
)
def test_lossy_clips_take_the_weights_for_photographs(tmp_path, codec, weights, domain):
    source = tmp_path / "film.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc2=size=32x24:rate=24:duration=0.1", "-c:v", codec, source)
    model = kukkiri.Upscaler("fast", scale=2, threads=1, weights=weights)
    done = kukkiri.upscale_video(source, tmp_path / "large.mkv", model=model, workers=1, encoder=SHORT)
    assert done.upscaler.domain == domain
    assert done.upscaler.engines[0].info.name == f"sesr-s{'-photo' if domain == 'photo' else ''}-x2"

"""Clips through ``kukkiri upscale``, ``evaluate`` and ``compare``, as a user meets them."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("av")

import av

from kukkiri.cli import run
from kukkiri.images import Image
from kukkiri.video.sink import VideoSink


def make_clip(path, *, frames=6, size=(64, 48), moving=True):
    """Write noise-free frames of a ramp with a square that moves by 2 pixels a frame, H.264, 12 frames a second."""
    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12, options={"crf": "8", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            levels = np.full((height * 3 // 2, width), 128, np.uint8)
            levels[:height] = np.linspace(30, 200, width).astype(np.uint8)
            left = 5 + 2 * number * moving
            levels[11:20, left : left + 9] = 235
            container.mux(stream.encode(av.VideoFrame.from_ndarray(levels, "yuv420p")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "clip.mkv")


@pytest.fixture
def photo(tmp_path, rng):
    path = tmp_path / "photo.png"
    Image.from_array(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(path)
    return path


def count_frames(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return len(frames), (frames[0].width, frames[0].height)


BICUBIC = ["--model", "bicubic", "--scale", "2"]


def test_a_clip_becomes_a_larger_clip_beside_it_or_where_asked(clip, capsys):
    assert run(["upscale", str(clip), *BICUBIC]) == 0
    beside = clip.with_name("clip-x2.mkv")
    printed = capsys.readouterr()
    assert printed.out.strip() == str(beside)
    assert re.search(r"64x48 -> 128x96  6 frames, [\d.]+ fps", printed.err)
    assert count_frames(beside) == (6, (128, 96))
    assert run(["upscale", str(clip), "-o", str(clip.with_name("large.mp4")), *BICUBIC]) == 0
    assert count_frames(clip.with_name("large.mp4")) == (6, (128, 96))


def test_clips_and_images_of_a_folder_go_into_one_folder(clip, photo, tmp_path, capsys):
    make_clip(tmp_path / "old.avi", frames=2)
    (tmp_path / "code.ts").write_text("export const answer = 42;\n")
    out = tmp_path / "out"
    assert run(["upscale", str(tmp_path), "-o", str(out), *BICUBIC, "--json"]) == 0
    printed = capsys.readouterr()
    value = json.loads(printed.out)
    assert sorted(path.name for path in out.iterdir()) == ["clip.mkv", "old.mkv", "photo.png"]
    by_name = {file["output"].rpartition("/")[2]: file for file in value["files"]}
    assert by_name["clip.mkv"]["frames"] == 6
    assert by_name["clip.mkv"]["size"] == [128, 96]
    assert by_name["clip.mkv"]["bytes"] == (out / "clip.mkv").stat().st_size
    assert "frames" not in by_name["photo.png"]
    assert "left out 1 file of another kind: 1 .ts" in printed.err


def test_results_of_earlier_runs_are_no_sources(clip, capsys):
    assert run(["upscale", str(clip), *BICUBIC]) == 0
    capsys.readouterr()
    assert run(["upscale", str(clip.parent), *BICUBIC, "--resume"]) == 0
    printed = capsys.readouterr()
    assert "left out 1 result of an earlier run (clip-x2.mkv)" in printed.err
    assert not clip.with_name("clip-x2-x2.mkv").exists()


def test_nothing_is_overwritten_unless_asked_and_resume_skips(clip, capsys):
    target = clip.with_name("large.mkv")
    arguments = ["upscale", str(clip), "-o", str(target), *BICUBIC]
    assert run(arguments) == 0
    before = target.stat().st_mtime_ns
    assert run(arguments) == 1
    assert "exists" in capsys.readouterr().err
    assert run([*arguments, "--resume"]) == 0
    assert target.stat().st_mtime_ns == before
    assert run([*arguments, "--overwrite"]) == 0
    assert target.stat().st_mtime_ns != before


def test_without_the_extra_a_clip_is_one_line_and_images_go_on(clip, photo, tmp_path, capsys, monkeypatch):
    def missing(module, *, for_what):
        from kukkiri.errors import BackendError

        raise BackendError(f"{for_what} needs {module}. Install kukkiri[video].")

    monkeypatch.setattr("kukkiri.cli.clips.require", missing)
    out = tmp_path / "out"
    assert run(["upscale", str(clip), str(photo), "-o", str(out), *BICUBIC]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kukkiri:")]
    assert errors == [f"kukkiri: {clip}: a clip, which needs av. Install kukkiri[video]."]
    assert [path.name for path in out.iterdir()] == ["photo.png"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--quality", "80", "--wrap"], "--wrap and --quality are for images, and the inputs are clips. Drop them."),
        (["--format", "png"], "--format .png is for images, and the inputs are clips. Drop it."),
    ],
)
def test_options_of_images_are_refused_for_clips(clip, capsys, options, said):
    assert run(["upscale", str(clip), *BICUBIC, *options]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mkv"]


def test_options_of_clips_are_refused_for_images_and_noted_for_both(clip, photo, tmp_path, capsys):
    assert run(["upscale", str(photo), *BICUBIC, "--crf", "20"]) == 2
    assert "--crf is for clips, and the inputs are images. Drop it." in capsys.readouterr().err
    assert run(["upscale", str(photo), str(clip), "-o", str(tmp_path / "out"), *BICUBIC, "--crf", "20"]) == 0
    assert "kukkiri: --crf is for the clips of this run; the images go without" in capsys.readouterr().err


def test_a_dry_run_lists_clips_with_frames(clip, tmp_path, capsys):
    arguments = ["upscale", str(clip), "-o", str(tmp_path / "out"), *BICUBIC, "--dry-run", "--json"]
    assert run(arguments) == 0
    (row,) = json.loads(capsys.readouterr().out)["files"]
    assert (row["size"], row["frames"], row["error"]) == ([128, 96], 6, None)
    assert not (tmp_path / "out").exists()


def test_events_tell_frames(clip, tmp_path, capsys):
    assert run(["upscale", str(clip), "-o", str(tmp_path / "out.mkv"), *BICUBIC, "--json-lines"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    steps = [event for event in events if event["event"] == "progress" and event["step"] == "upscaling"]
    assert steps
    assert steps[-1]["frames"] == steps[-1]["frames_total"] == 6
    assert events[-2]["frames"] == 6


def test_a_clip_never_goes_through_standard_streams_or_into_an_image(clip, capsys):
    assert run(["upscale", str(clip), "-o", "-", *BICUBIC]) == 2
    assert "a clip is not written to standard output" in capsys.readouterr().err
    assert run(["upscale", str(clip), "-o", str(clip.with_name("a.png")), *BICUBIC]) == 1
    assert "a clip cannot be written as .png" in capsys.readouterr().err
    assert run(["upscale", str(clip), "-o", str(clip.with_name("a.wmv")), *BICUBIC]) == 1
    assert "clips are not written as .wmv" in capsys.readouterr().err


def test_a_gif_becomes_a_clip_that_players_show(tmp_path, rng):
    frames = np.stack([np.full((20, 24, 3), level, np.uint8) for level in (40, 90, 200)])
    source = tmp_path / "a.gif"
    import pyvips

    stack = pyvips.Image.new_from_array(frames.reshape(60, 24, 3)).copy()
    stack.set_type(pyvips.GValue.gint_type, "page-height", 20)
    stack.gifsave(str(source))
    target = tmp_path / "a.mp4"
    assert run(["upscale", str(source), "-o", str(target), *BICUBIC]) == 0
    assert count_frames(target) == (3, (48, 40))
    with av.open(str(target)) as container:
        assert container.streams.video[0].format.name == "yuv420p"


def test_ctrl_c_tells_where_the_playable_part_is_and_resume_goes_on(tmp_path, capsys, monkeypatch):
    clip = make_clip(tmp_path / "long.mkv", frames=30)
    target = tmp_path / "large.mkv"
    arguments = ["upscale", str(clip), "-o", str(target), *BICUBIC, "--keyframe-seconds", "0.5"]
    with monkeypatch.context() as patch:
        write, written = VideoSink.write, []

        def interrupted(sink, frame):
            if len(written) == 20:
                raise KeyboardInterrupt
            written.append(frame.pts)
            write(sink, frame)

        patch.setattr(VideoSink, "write", interrupted)
        assert run(arguments) == 130
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("kukkiri: interrupted; ")
    assert f"{tmp_path / 'large.part.mkv'}, which plays" in line
    assert count_frames(tmp_path / "large.part.mkv")[0] >= 12
    assert run(arguments) == 1
    assert "12 frames of an interrupted run. Resume it" in capsys.readouterr().err
    assert run([*arguments, "--resume"]) == 0
    assert "of an earlier run" in capsys.readouterr().err
    assert count_frames(target) == (30, (128, 96))


def test_the_part_of_an_interrupted_run_is_no_source(clip, tmp_path, capsys):
    for name in ("larger.part.mkv", "larger.part-2.mkv"):
        (tmp_path / name).write_bytes(clip.read_bytes())
    assert run(["upscale", str(tmp_path), "-o", str(tmp_path / "out"), *BICUBIC, "--dry-run"]) == 0
    assert "larger.part" not in capsys.readouterr().out


def test_evaluate_scores_every_frame(tmp_path, capsys):
    clip = make_clip(tmp_path / "still.mkv", moving=False, frames=4)
    arguments = ["evaluate", "--model", "bicubic", "nearest", "--data", str(clip), "--scale", "2"]
    assert run([*arguments, "--json"]) == 0
    bicubic, nearest = json.loads(capsys.readouterr().out)["evaluations"]
    assert (bicubic["protocol"], bicubic["clip"], len(bicubic["frames"])) == ("y-video", "still.mkv", 4)
    assert bicubic["psnr"] > nearest["psnr"] + 1
    assert bicubic["psnr"] == pytest.approx(np.mean([frame["psnr"] for frame in bicubic["frames"]]), abs=1e-9)
    assert bicubic["psnr_min"] == min(frame["psnr"] for frame in bicubic["frames"])
    assert bicubic["frames"][0]["flicker"] is None
    assert bicubic["flicker"] < 1  # nothing moves
    assert bicubic["frames"][2]["seconds"] == pytest.approx(2 / 12, abs=1e-3)
    assert run([*arguments, "--frames", "1", "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert run([*arguments, "--cost"]) == 2
    assert "--cost is for images, and --data names clips. Drop it." in capsys.readouterr().err


def test_evaluate_takes_an_lr_clip_and_refuses_another_size(clip, tmp_path, capsys):
    small = make_clip(tmp_path / "small.mkv", size=(32, 24))
    arguments = ["evaluate", "--model", "nearest", "--data", str(clip), "--scale", "2", "--lr"]
    assert run([*arguments, str(small), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["degradation"] == "given: small.mkv"
    assert run([*arguments, str(clip)]) == 1
    assert f"{clip}: 64x48 is not {clip} (64x48) downscaled by 2." in capsys.readouterr().err


def test_compare_writes_a_page_with_a_film(clip, tmp_path, capsys):
    page = tmp_path / "report" / "index.html"
    arguments = ["compare", "nearest", "bicubic", "--data", str(clip), "--scale", "2", "-o", str(page)]
    assert run(arguments) == 0
    html = page.read_text(encoding="utf-8")
    assert html.count("<video ") == 1
    assert "media-src blob:" in html
    assert capsys.readouterr().out.strip() == str(page)
    assert run(arguments) == 1


def test_a_report_of_a_clip_plays_before_and_after(clip):
    target = clip.with_name("large.mkv")
    assert run(["upscale", str(clip), "-o", str(target), "--model", "nearest", "--scale", "2", "--report"]) == 0
    page = clip.with_name("large-report.html").read_text(encoding="utf-8")
    assert "64×48 to <b>128×96</b>" in page
    assert 'data-label="bicubic"' in page
    assert 'data-label="nearest"' in page


def test_a_second_interrupt_does_not_hide_what_the_first_one_said(clip, tmp_path, capsys, monkeypatch):
    write, end = VideoSink.write, VideoSink.__exit__

    def write_and_interrupt(self, frame):
        if self.frames == 3:
            raise KeyboardInterrupt
        write(self, frame)

    def end_and_interrupt(self, *error):
        end(self, *error)
        raise KeyboardInterrupt

    monkeypatch.setattr(VideoSink, "write", write_and_interrupt)
    monkeypatch.setattr(VideoSink, "__exit__", end_and_interrupt)
    assert run(["upscale", str(clip), "-o", str(tmp_path / "large.mkv"), *BICUBIC]) == 130
    assert "interrupted; 3 frames are in" in capsys.readouterr().err

"""The command line as a user meets it: exit codes, streams, and nothing lost."""

import json
import subprocess
import sys

import numpy as np
import pytest

from kukkiri import __version__
from kukkiri.cli import run
from kukkiri.images import Image, read_image


@pytest.fixture
def photo(tmp_path, rng):
    small = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8).astype(np.float32) / 255
    smooth = np.kron(small, np.ones((4, 4, 1), np.float32))
    path = tmp_path / "photo.png"
    Image.from_array((smooth * 255).astype(np.uint8)).save(path)
    return path


def test_the_version_is_the_packages(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_wrong_usage_exits_2_and_a_users_mistake_1_with_one_line(capsys, tmp_path):
    assert run(["upscale", "--sclae", "2"]) == 2
    assert run(["evaluate", "--model", "bicubic", "--data", str(tmp_path / "none"), "--scale", "2"]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1] == f"kukkiri: {tmp_path / 'none'}: no such folder of images."


def test_wrong_usage_is_one_line_that_names_the_help(capsys):
    for arguments, said in (
        (["upscale"], 'Command "upscale" parameter INPUT requires an argument. See kukkiri upscale --help.'),
        (["upscale", "a.png", "--sclae", "2"], "Unknown option: --sclae. Did you mean --scale? See kukkiri upscale"),
        (["upscal"], 'Unknown command "upscal". Did you mean "upscale"?'),
    ):
        assert run(arguments) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        assert printed.err.startswith(f"kukkiri: {said}")


@pytest.mark.parametrize("module", ["kukkiri", "kukkiri.cli"])
def test_it_runs_as_a_module(module):
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == __version__


def test_the_help_of_a_command_begins_with_its_docstring(capsys):
    assert run(["adapt", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Ctrl-C ends learning; the best so far is used. Needs the torch extra." in shown


def test_one_image_is_written_beside_itself_or_where_asked(photo, capsys):
    assert run(["upscale", str(photo), "--model", "bicubic", "--scale", "2"]) == 0
    beside = photo.with_name("photo-x2.png")
    assert capsys.readouterr().out.strip() == str(beside)
    assert read_image(beside).size == (56, 72)
    assert run(["upscale", str(photo), "-o", str(photo.with_name("large.jpg")), "--model", "nearest", "-s", "1.5"]) == 0
    assert read_image(photo.with_name("large.jpg")).size == (42, 54)


def test_one_bad_file_does_not_stop_the_rest(photo, capsys):
    (photo.parent / "bad.png").write_bytes(b"not an image")
    out = photo.parent / "out"
    arguments = ["upscale", str(photo.parent), "-o", str(out), "--model", "bicubic", "--scale", "2", "--json"]
    assert run(arguments) == 1
    printed = capsys.readouterr()
    value = json.loads(printed.out)
    assert [file["output"] for file in value["files"]] == [str(out / "photo.png")]
    assert [file["input"] for file in value["failed"]] == [str(photo.parent / "bad.png")]
    assert sum(line.startswith("kukkiri: ") for line in printed.err.splitlines()) == 1
    assert sorted(path.name for path in out.iterdir()) == ["photo.png"]


def test_nothing_is_overwritten_unless_asked_and_resume_skips(photo, capsys):
    target = photo.with_name("large.png")
    arguments = ["upscale", str(photo), "-o", str(target), "--model", "bicubic", "--scale", "2"]
    assert run(arguments) == 0
    before = target.stat().st_mtime_ns
    assert run(arguments) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert run([*arguments, "--resume"]) == 0
    assert target.stat().st_mtime_ns == before
    assert run([*arguments, "--overwrite"]) == 0
    assert target.stat().st_mtime_ns != before
    assert run([*arguments, "--overwrite", "--resume"]) == 1


def test_the_input_itself_is_never_a_target(photo, capsys):
    before = photo.read_bytes()
    assert run(["upscale", str(photo), "-o", str(photo), "--overwrite", "--model", "bicubic"]) == 1
    assert photo.read_bytes() == before
    assert "is the input itself" in capsys.readouterr().err


def test_folders_keep_their_tree_and_globs_are_expanded(photo, capsys):
    below = photo.parent / "below"
    below.mkdir()
    (below / "second.png").write_bytes(photo.read_bytes())
    out = photo.parent / "out"
    common = ["--model", "bicubic", "--scale", "2", "-o", str(out)]
    assert run(["upscale", str(photo.parent), "--recursive", *common]) == 0
    assert (out / "photo.png").exists()
    assert (out / "below" / "second.png").exists()
    assert run(["upscale", str(photo.parent / "*.png"), *common, "--resume"]) == 0
    assert run(["upscale", str(photo.parent / "none*.png"), *common]) == 1
    assert "nothing matches" in capsys.readouterr().err


def test_two_inputs_with_one_output_are_refused_before_any_work(photo, capsys):
    other = photo.with_suffix(".jpg")
    read_image(photo).save(other)
    out = photo.parent / "out"
    assert run(["upscale", str(photo), str(other), "-o", str(out), "--model", "bicubic"]) == 1
    assert "would both be written" in capsys.readouterr().err
    assert not out.exists()


def test_evaluate_prints_one_json_object(photo, capsys):
    arguments = ["evaluate", "--model", "bicubic", "--data", str(photo.parent), "--scale", "2", "--json"]
    assert run(arguments) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["protocol"] == "y-matlab"
    assert list(value["sets"][photo.parent.name]["images"]) == ["photo"]


def test_ctrl_c_leaves_no_partial_file(photo, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("kukkiri.files.os.fsync", interrupted)
    before = sorted(photo.parent.iterdir())
    assert run(["upscale", str(photo), "--model", "bicubic", "--scale", "2"]) == 130
    assert sorted(photo.parent.iterdir()) == before


def test_a_report_lies_beside_the_result(photo):
    target = photo.with_name("large.png")
    arguments = ["upscale", str(photo), "-o", str(target), "--model", "bicubic", "--scale", "2", "--report"]
    assert run(arguments) == 0
    page = photo.with_name("large-report.html").read_text(encoding="utf-8")
    assert "photo.png" in page
    assert "bicubic" in page


def test_a_truncated_file_is_one_line_and_libvips_says_nothing(photo):
    broken = photo.with_name("broken.png")
    broken.write_bytes(photo.read_bytes()[:300])
    done = subprocess.run(
        [sys.executable, "-m", "kukkiri.cli", "upscale", str(broken), "--model", "bicubic"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(f"kukkiri: {broken}: ")

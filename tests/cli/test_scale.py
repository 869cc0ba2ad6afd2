"""``kukkiri upscale`` in shards, ``kukkiri jobs summarize``, and runs that are killed, as a user meets them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kukkiri.cli import run
from kukkiri.images import Image

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scale_kills.py"
UPSCALE = ["upscale", "in", "-r", "-o", "out", "--model", "nearest"]
SYSTEMS = ("SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX", "JOB_COMPLETION_INDEX", "PARALLEL_SEQ")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in SYSTEMS:
        monkeypatch.delenv(name, raising=False)
    for number in range(6):
        path = Path("in", "sub" if number % 2 else "", f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.from_array(np.full((4, 4, 3), 40 * number, np.uint8)).save(path)
    return tmp_path


def summary(capsys, *more):
    capsys.readouterr()
    code = run(["jobs", "summarize", "manifests", "--json", *more])
    return code, json.loads(capsys.readouterr().out)


def test_an_array_of_jobs_does_everything_once_and_the_summary_says_so(place, capsys, monkeypatch):
    Path("in/bad.png").write_bytes(b"no image")
    codes = []
    for index in range(3):
        monkeypatch.setenv("JOB_COMPLETION_INDEX", str(index))
        codes.append(run([*UPSCALE, "--shard", "auto/3", "--manifest", "manifests", "--resume"]))
    assert sorted(codes) == [0, 0, 1]
    monkeypatch.delenv("JOB_COMPLETION_INDEX")
    code, found = summary(capsys, "--sources", "in", "-r")
    assert (code, found["clean"], found["done"], found["failed"], found["missing"]) == (1, False, 6, 1, 0)
    assert found["failures"][0]["examples"] == ["bad.png"]
    assert run(["jobs", "summarize", "manifests"]) == 1
    printed = capsys.readouterr().out
    assert "1 failed: is not an image by its content" in printed
    assert "missing      not known without --sources" in printed
    assert printed.endswith("not complete: run again with --only-failed\n")
    Image.from_array(np.zeros((4, 4), np.uint8)).save("in/bad.png", overwrite=True)
    assert run([*UPSCALE, "--manifest", "manifests", "--only-failed"]) == 0
    assert capsys.readouterr().out == "out/bad.png\n"
    code, found = summary(capsys, "--sources", "in", "-r")
    assert (code, found["clean"], found["done"], found["doubled"], found["shards"]) == (0, True, 7, 0, 3)


def test_a_shard_that_never_began_is_missed(place, capsys):
    assert run([*UPSCALE, "--shard", "1/2", "--manifest", "manifests"]) == 0
    code, found = summary(capsys, "--sources", "in", "-r")
    assert (code, found["without_manifest"]) == (1, [2])
    assert found["done"] + found["missing"] == 6


def test_every_option_that_changes_results_is_told_when_it_differs(place, capsys):
    arguments = [*UPSCALE, "--manifest", "manifests", "--resume"]
    assert run(arguments) == 0
    for more, said in (
        (["--scale", "3"], "--scale (none there, 3.0 here)"),
        (["--model", "lanczos"], "the model (nearest there, lanczos here)"),
        (["--format", "webp"], "--format (none there, .webp here)"),
        (["--metadata", "strip"], "--metadata (keep there, strip here)"),
        (["-o", "other"], "--output (out there, other here)"),
        (["--crf", "20"], "--crf (none there, 20.0 here)"),
    ):
        line = [*arguments, *more]
        if more[0] in ("--model", "-o"):
            line.remove("nearest" if more[0] == "--model" else "out")
            line.remove(more[0])
        capsys.readouterr()
        assert run(line) == 1
        assert f"different: {said}. Use the same" in capsys.readouterr().err
    assert not Path("other").exists()
    assert run([*arguments, "--threads", "1", "--quiet"]) == 0  # which changes none


def test_a_list_from_a_file_keeps_the_tree(place, capsys):
    Path("list.csv").write_text("path,id\nin/0.png,1\nin/sub/1.png,2\n")
    assert run(["upscale", "--files-from", "list.csv:path", "-o", "out", "--model", "nearest"]) == 0
    assert sorted(map(str, Path("out").rglob("*.png"))) == ["out/in/0.png", "out/in/sub/1.png"]
    Path("list").write_text("in/2.png\nin/gone.png\n")
    assert run(["upscale", "--files-from", "list", "-o", "out", "--model", "nearest", "--manifest", "manifests"]) == 1
    assert "in/gone.png" in capsys.readouterr().err
    code, found = summary(capsys, "--sources", "list")
    assert (code, found["done"], found["failed"], found["missing"]) == (1, 1, 1, 0)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--shard", "auto"], "none of SLURM_ARRAY_TASK_ID"),
        (["--shard", "/3"], "Is a variable in it not set?"),
        (["--only-failed"], "--only-failed reads manifests. Name their folder with --manifest."),
        (["--manifest", "m", "--only-failed", "--overwrite"], "Use one of them"),
        (["--manifest", "m", "--resume", "--overwrite"], "Use one of them"),
        (["--manifest", "m", "--dry-run"], "Drop --manifest"),
    ],
)
def test_wrong_usage_does_nothing(place, capsys, more, said):
    assert run([*UPSCALE, *more]) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in place.iterdir()) == ["in"]


def test_a_shard_has_a_folder_for_output_and_no_standard_streams(place, capsys):
    for line in (
        ["upscale", "in/0.png", "-o", "one.png", "--shard", "1/2"],
        ["upscale", "-", "-o", "out", "--shard", "1/2"],
        ["upscale", "in/0.png", "-o", "-", "--manifest", "m"],
        ["upscale", "--shard", "1/2", "-o", "out"],
    ):
        assert run(line) == 2, line
    said = capsys.readouterr().err
    assert "with a shard or a list the output is a folder" in said
    assert "which has no shard, manifest or list" in said
    assert "parameter INPUT requires an argument" in said


def test_a_dry_run_lists_the_files_of_the_shard(place, capsys):
    listed = []
    for shard in ("1/2", "2/2"):
        capsys.readouterr()
        assert run([*UPSCALE, "--shard", shard, "--dry-run", "--json"]) == 0
        listed += [file["input"] for file in json.loads(capsys.readouterr().out)["files"]]
    assert sorted(listed) == sorted(map(str, Path("in").rglob("*.png")))


def test_clips_are_sources_as_images_are(place, capsys):
    pytest.importorskip("av")
    from tests.cli.test_clips import count_frames, make_clip

    make_clip(Path("in/clip.mkv"), frames=3)
    arguments = [*UPSCALE, "--manifest", "manifests", "--resume", "--quiet"]
    assert run(arguments) == 0
    manifest = Path("manifests/shard-0001-of-0001.jsonl")
    lines = manifest.read_bytes().splitlines(keepends=True)
    assert json.loads(lines[-1])["source"] == "clip.mkv"  # after the images
    manifest.write_bytes(b"".join(lines[:-1]))
    Path("out/clip.mkv").write_bytes(b"as if killed")
    assert run(arguments) == 0
    assert count_frames("out/clip.mkv") == (3, (128, 96))
    assert summary(capsys, "--sources", "in", "-r")[1]["done"] == 7


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked and killed")
def test_killed_shards_give_every_result_once(tmp_path):
    command = [sys.executable, str(SCRIPT), "--images", "40", "--shards", "2", "--kills", "3", "--seed", "1", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    outcome = json.loads(ran.stdout)
    assert ran.returncode == 0, outcome
    assert (outcome["done_rows"], outcome["equal"], outcome["twice"], outcome["strays"]) == (40, 40, 0, 0)
    assert outcome["kills"] >= 1


def test_another_place_for_the_work_is_refused_with_what_makes_no_sense_there(place, capsys):
    def refuse(*more):
        capsys.readouterr()
        assert run([*UPSCALE, "--on", "ray", *more]) == 2
        return capsys.readouterr().err

    assert "--on for a cluster. Use one" in refuse("--shard", "1/2")
    assert "--dry-run starts nothing" in refuse("--dry-run")
    assert "memory://bucket/m is in the memory of this process alone" in refuse("--manifest", "memory://bucket/m")
    assert run(["upscale", "-", "-o", "-", "--on", "ray"]) == 2
    assert "which is done here. Drop --on" in capsys.readouterr().err
    assert run([*UPSCALE, "--on", "spark"]) == 2
    assert "expected ray (on this machine), ray:auto" in capsys.readouterr().err
    assert not Path("out").exists()


def test_ray_without_its_extra_is_one_line_with_the_remedy(place, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run([*UPSCALE, "--on", "ray"]) == 1
    assert "--on ray needs ray" in (said := capsys.readouterr().err)
    assert said.endswith("Install kukkiri[ray].\n")


def test_objects_of_a_list_are_refused_by_name_on_a_cluster(place, capsys, monkeypatch):
    monkeypatch.setattr("kukkiri.cluster.on_ray.require", lambda *_, **__: None)
    Path("list").write_text("in/0.png\nmemory://bucket/x.png\n")
    assert run(["upscale", "--files-from", "list", "-o", "out", "--model", "nearest", "--on", "ray"]) == 2
    assert "memory://bucket/x.png is in the memory of this process alone" in capsys.readouterr().err

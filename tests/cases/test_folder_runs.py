"""Folders of real life: results of earlier runs, names that clash, files of other kinds, types, streams, dead runs."""

import io
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import PIL.Image
import pytest

from kukkiri.cli import run
from kukkiri.images import read_image, read_jpeg_quality
from tests.cases.made_files import scene

FAST = ["--model", "nearest"]


@pytest.fixture
def folder(tmp_path):
    """Three images of one shape, of which each name begins with another's."""
    path = tmp_path / "again"
    path.mkdir()
    for number, name in enumerate(("f1.png", "f10.png", "f2.jpg")):
        PIL.Image.fromarray(scene(16, 20, number)).save(path / name)
    return path


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-s", "3"],
        ["-s", "1.5"],
        ["-s", "1"],
        ["--suffix", ".webp"],
        ["--format", "same"],
        ["--name", "{stem}@{scale}x"],
        ["--name", "{scale}-{stem}"],
        ["--name", "big {stem}{suffix}"],
        ["--name", "{stem}_{width}x{height}"],
        ["--width", "30"],
        ["--width", "10"],
        ["-r", "-o", "OUT"],
        ["-r", "-o", "OUT", "-s", "3", "--name", "{stem} large"],
    ],
    ids=" ".join,
)
def test_a_second_run_finds_the_same_sources(folder, options, capsys):
    asked = [str(folder / "out") if option == "OUT" else option for option in options]
    arguments = ["upscale", str(folder), *FAST, *asked]
    assert run(arguments) == 0
    after = names(folder)
    assert len(after) == 6
    assert run(arguments) == 1  # they exist already
    assert names(folder) == after
    assert run([*arguments, "--resume"]) == 0
    assert names(folder) == after
    capsys.readouterr()
    assert run([*arguments, "--overwrite", "--json"]) == 0
    assert names(folder) == after
    value = json.loads(capsys.readouterr().out)
    assert {file["input"] for file in value["files"]} == {
        str(folder / name) for name in ("f1.png", "f10.png", "f2.jpg")
    }


def test_results_of_any_earlier_run_are_left_out_of_the_next(folder, capsys):
    runs = [
        [],
        ["-s", "3"],
        ["--name", "{stem}@{scale}x"],
        ["--height", "40"],
        ["-o", str(folder / "large")],
        ["-r", "-o", str(folder / "deep" / "larger"), "-s", "4"],
        ["-r", "--preset", "fast", "--name", "{stem}_{model}_x{scale}"],
    ]
    for number, options in enumerate(runs, 1):
        model = FAST if "--preset" not in options else []
        assert run(["upscale", str(folder), *model, *options]) == 0
        assert len(names(folder)) == 3 + 3 * number
    capsys.readouterr()
    assert run(["upscale", str(folder), *FAST, "-r", "--resume"]) == 0
    some = "deep/larger/f1.png, deep/larger/f10.png, deep/larger/f2.png, ..."
    note = f"left out 21 results of earlier runs ({some}); name one alone to upscale it"
    assert capsys.readouterr().err.splitlines()[0] == f"kukkiri: {note}"
    assert len(names(folder)) == 24


@pytest.mark.parametrize(
    "first", [["-s", "1"], ["--width", "10"], ["--width", "24", "--height", "24", "--stretch"], ["--format", "jpg"]]
)
@pytest.mark.parametrize("placed", [[], ["-o", "OUT"]], ids=["beside", "nested"])
def test_results_of_one_template_are_left_out_whatever_their_size(folder, first, placed):
    (folder / "deep").mkdir()
    PIL.Image.fromarray(scene(18, 14, 4)).save(folder / "deep" / "f3.png")
    before = names(folder)
    template = [*FAST, "-r", "--name", "big-{stem}"]
    there = [str(folder / "out") if option == "OUT" else option for option in placed]
    assert run(["upscale", str(folder), *template, *first, *there]) == 0
    after = names(folder)
    assert len(after) == 8
    run(["upscale", str(folder), *template, "-s", "3", "--resume"])
    made = {f"big-{name}".replace(".jpg", ".png") for name in before if "/" not in name}
    assert set(names(folder)) == {*after, *made, "deep/big-f3.png"}  # and nothing of a result


def test_another_image_that_has_a_name_by_the_template_is_a_source(folder):
    PIL.Image.fromarray(255 - scene(10, 12, 0)).save(folder / "big-f1.png")
    PIL.Image.fromarray(scene(10, 12, 0)[::-1]).save(folder / "big-f10.png")
    before = (folder / "big-f1.png").read_bytes()
    out = folder.parent / "out"
    assert run(["upscale", str(folder), *FAST, "-o", str(out), "--name", "big-{stem}"]) == 0
    assert {"big-big-f1.png", "big-big-f10.png"} < set(names(out))
    assert run(["upscale", str(folder), *FAST, "--name", "big-{stem}", "--overwrite"]) == 1
    assert (folder / "big-f1.png").read_bytes() == before


def test_a_result_by_its_own_name_is_a_source_like_any_other(folder):
    assert run(["upscale", str(folder / "f1.png"), *FAST]) == 0
    assert run(["upscale", str(folder / "f1-x2.png"), *FAST]) == 0
    assert read_image(folder / "f1-x2-x2.png").size == (64, 80)


def test_a_list_that_the_shell_made_leaves_results_out_too(folder):
    assert run(["upscale", *map(str, sorted(folder.iterdir())), *FAST]) == 0
    assert run(["upscale", *map(str, sorted(folder.iterdir())), *FAST, "--resume"]) == 0
    assert len(names(folder)) == 6
    assert run(["upscale", str(folder / "*.png"), *FAST, "--resume"]) == 0
    assert len(names(folder)) == 6


def test_an_image_that_only_has_such_a_name_is_a_source(folder):
    PIL.Image.fromarray(scene(31, 40, 9)).save(folder / "f1-x2.png")  # twice 16 x 20 would be 32 x 40
    PIL.Image.fromarray(scene(48, 60, 9)).save(folder / "f10-x2.png")
    PIL.Image.fromarray(scene(32, 40, 9)).save(folder / "other-x2.png")
    out = folder.parent / "out"
    assert run(["upscale", str(folder), *FAST, "-o", str(out)]) == 0
    assert "f1-x2.png" not in names(out)  # within a pixel of twice the size
    assert {"f10-x2.png", "other-x2.png"} < set(names(out))


def test_results_among_their_sources_are_told_from_sources_by_their_size(folder):
    arguments = ["upscale", str(folder), *FAST, "-o", str(folder)]
    assert run(arguments) == 1  # f1.png and f10.png are their own targets, and f2.jpg is done
    assert names(folder) == ["f1.png", "f10.png", "f2.jpg", "f2.png"]
    assert run([*arguments, "--resume"]) == 1  # f1.png is not its own result
    assert run(["upscale", str(folder / "f2.jpg"), str(folder / "f2.png"), *FAST, "-o", str(folder), "--resume"]) == 0
    assert names(folder) == ["f1.png", "f10.png", "f2.jpg", "f2.png"]


def test_a_source_is_never_a_target_even_to_overwrite(folder, capsys):
    PIL.Image.fromarray(scene(20, 16, 5)).save(folder / "f2.png")
    before = (folder / "f2.png").read_bytes()
    assert (
        run(["upscale", str(folder / "f2.jpg"), str(folder / "f2.png"), *FAST, "-o", str(folder), "--overwrite"]) == 1
    )
    assert (folder / "f2.png").read_bytes() == before
    lines = ["upscale", str(folder / "f2.jpg"), str(folder / "f2.png"), *FAST, "--name", "{stem}", "--overwrite"]
    assert run(lines) == 1
    assert (folder / "f2.png").read_bytes() == before
    assert "would both be written to" in capsys.readouterr().err


def test_a_clash_of_names_fails_those_two_and_the_rest_is_done(folder, capsys):
    PIL.Image.fromarray(scene(16, 20, 7)).save(folder / "f2.png")
    out = folder.parent / "out"
    assert run(["upscale", str(folder), *FAST, "-o", str(out)]) == 1
    assert names(out) == ["f1.png", "f10.png"]
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kukkiri: ")]
    assert len(errors) == 2
    assert all(
        f"{folder / 'f2.jpg'} and {folder / 'f2.png'} would both be written to {out / 'f2.png'}." in e for e in errors
    )
    assert run(["upscale", str(folder), *FAST, "-o", str(out), "--format", "same", "--resume"]) == 0
    assert names(out) == ["f1.png", "f10.png", "f2.jpg", "f2.png"]


def test_files_of_other_kinds_are_counted_in_one_line_and_dot_files_ignored(folder, capsys):
    for name in ("a.txt", "b.txt", "c.psd", "noend", "._f1.png", ".hidden.txt"):
        (folder / name).write_bytes(b"not an image")
    (folder / ".thumbnails").mkdir()
    shutil.copy(folder / "f1.png", folder / ".thumbnails" / "f3.png")
    out = folder.parent / "out"
    assert run(["upscale", str(folder), *FAST, "-r", "-o", str(out)]) == 0
    assert names(out) == ["f1.png", "f10.png", "f2.png"]
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kukkiri: ")]
    assert line == "kukkiri: left out 4 files of other kinds: 1 .psd, 2 .txt, 1 without a suffix"


def test_the_format_is_that_of_each_source_with_a_jpegs_own_quality(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    image = PIL.Image.fromarray(scene(24, 30))
    image.save(source / "a.jpg", quality=71, subsampling=2)
    image.save(source / "b.JPEG", quality=93, subsampling=2)
    image.save(source / "c.jpg", quality=80, subsampling=0)
    image.save(source / "d.webp")
    image.save(source / "e.gif")
    image.save(source / "f.tiff")
    image.save(source / "really-a-jpeg.png", format="JPEG", quality=60)
    assert run(["upscale", str(source), *FAST, "-o", str(out), "--format", "same"]) == 0
    assert names(out) == ["a.jpg", "b.jpeg", "c.jpg", "d.webp", "e.gif", "f.tiff", "really-a-jpeg.jpg"]
    qualities = {path.name: read_jpeg_quality(path) for path in out.iterdir()}
    found = {name: (int(quality), quality.full_chroma) for name, quality in qualities.items() if quality is not None}
    assert found == {
        "a.jpg": (71, False),
        "b.jpeg": (93, False),
        "c.jpg": (80, True),
        "really-a-jpeg.jpg": (60, False),
    }
    assert run(["upscale", str(source / "a.jpg"), *FAST, "-o", str(out), "--format", "same", "--quality", "40"]) == 1
    assert run(["upscale", str(source / "a.jpg"), *FAST, "--format", "same", "--quality", "40"]) == 0
    assert read_jpeg_quality(source / "a-x2.jpg") == 40


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format", "tid"], "cannot write 'tid'; did you mean 'tif'? Known: same, "),
        (["--format", "png", "--suffix", ".png"], "--format and --suffix both say the type"),
        (["--format", "png", "-o", "r.jpg"], "--output ends in .jpg, but --format png was asked."),
        (["--name", "{stm}"], "unknown field 'stm'; did you mean 'stem'? Known: stem, scale, model, width"),
        (["--name", "../{stem}"], "is a file name without folders, got '../{stem}'."),
        (["--name", "{stem.__class__}"], "unknown field 'stem.__class__'"),
        (["--name", "{stem!r}"], "stem cannot be formatted so."),
        (["--name", "{stem:{width}}"], "stem cannot be formatted so."),
        (["--name", "{"], "Write {{ for a brace."),
        (["--name", ""], "is a file name without folders, got ''."),
        (["--name", "{stem}", "-o", "r.png"], "--output r.png and --name both name the result."),
        (["--json", "--json-lines"], "Use one of them."),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(folder, options, said, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    before = names(folder)
    assert run(["upscale", "f1.png", *FAST, *options]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.endswith(" See kukkiri upscale --help.\n")
    assert printed.err.count("\n") == 1
    assert names(folder) == before


def test_a_template_takes_every_field(folder, tmp_path):
    template = "{model}-{stem}-{scale:.1f}-{width:05d}x{height}{suffix}{{}}"
    assert run(["upscale", str(folder / "f1.png"), "--preset", "fast", "--name", template, "--format", "webp"]) == 1
    template = template.replace("{{}}", "")
    assert run(["upscale", str(folder / "f1.png"), "--preset", "fast", "--name", template, "--format", "webp"]) == 0
    assert read_image(folder / "fast-f1-2.0-00040x32.webp").size == (32, 40)
    assert run(["upscale", str(folder / "f1.png"), *FAST, "--width", "30", "--name", "{stem}_{scale}_{height}"]) == 0
    assert read_image(folder / "f1_1.5_24.png").size == (24, 30)


def test_standard_input_and_output(folder):
    data = (folder / "f2.jpg").read_bytes()
    command = [sys.executable, "-m", "kukkiri", "upscale"]

    def piped(*arguments):
        return subprocess.run([*command, *arguments, *FAST], input=data, capture_output=True, check=False, cwd=folder)

    done = piped("-", "-s", "3")
    assert done.returncode == 0, done.stderr
    with PIL.Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.format, image.size) == ("PNG", (60, 48))
    assert b"standard input -> standard output  20x16 -> 60x48" in done.stderr
    with PIL.Image.open(io.BytesIO(piped("-", "-o", "-", "--format", "same").stdout)) as image:
        assert (image.format, image.size) == ("JPEG", (40, 32))
    with PIL.Image.open(io.BytesIO(piped("f1.png", "-o", "-").stdout)) as image:
        truth = np.asarray(PIL.Image.open(folder / "f1.png")).repeat(2, 0).repeat(2, 1)
        assert np.array_equal(np.asarray(image), truth)
    assert piped("-", "-o", "r.webp").stdout == b"r.webp\n"
    assert read_image(folder / "r.webp").size == (32, 40)
    for refused in (["-", "f1.png"], ["-", "--json"], ["."], ["-", "-"]):
        done = piped(*refused, "-o", "-")
        assert (done.returncode, done.stdout) == (2, b"")
    done = subprocess.run([*command, "-", *FAST], input=b"no image", capture_output=True, check=False, cwd=folder)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"kukkiri: standard input: is not an image by its content")


def test_a_dry_run_lists_everything_and_writes_nothing(folder, capsys):
    out = folder.parent / "out"
    PIL.Image.fromarray(scene(30, 20)).save(folder / "g.jpg", exif=orientation(6))  # stored 30 x 20, shown 20 x 30
    (folder / "bad.png").write_bytes(b"no image")
    assert (
        run(["upscale", str(folder), "-o", str(out), "--height", "64", "--preset", "fast", "--dry-run", "--json"]) == 1
    )
    value = json.loads(capsys.readouterr().out)
    assert not out.exists()
    rows = {file["output"]: file for file in value["files"]}
    assert rows[str(out / "g.png")]["input_size"] == [30, 20]
    assert rows[str(out / "g.png")]["size"] == [96, 64]
    assert rows[str(out / "f1.png")]["size"] == [80, 64]
    assert rows[str(out / "f1.png")]["memory"] > 80 * 64 * 4
    assert 0 < rows[str(out / "f1.png")]["seconds"] < 60
    assert "is not an image" in rows[str(out / "bad.png")]["error"]
    assert run(["upscale", str(folder / "f1.png"), *FAST, "--dry-run"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{folder / 'f1.png'} -> {folder / 'f1-x2.png'}  20x16 -> 40x32  0:00")
    assert "dry run, nothing is written: 1 of 1 to do" in printed.err
    assert not (folder / "f1-x2.png").exists()


def orientation(value):
    exif = PIL.Image.Exif()
    exif[0x0112] = value
    return exif


def test_what_a_killed_run_left_is_swept_by_the_next(folder):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom kukkiri.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as temporary:\n    temporary.write_bytes(b'half')\n    os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder / "f1-x2.png")], check=False)
    (left,) = folder.glob(".kukkiri-*.tmp")
    foreign = folder / ".kukkiri-00000000-99999999-0123456789abcdef.tmp"  # of another machine, on a shared disk
    foreign.touch()
    assert run(["upscale", str(folder / "f2.jpg"), *FAST]) == 0
    assert not left.exists()
    assert foreign.exists()
    hour_ago = time.time() - 3700
    os.utime(foreign, (hour_ago, hour_ago))
    assert run(["upscale", str(folder / "f1.png"), *FAST]) == 0
    assert not foreign.exists()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_name_that_is_no_text_is_a_name(tmp_path, suffix, capfdbinary):
    name = tmp_path / os.fsdecode(b"old \xff")
    try:
        PIL.Image.fromarray(scene(16, 20, 1)).save(tmp_path / f"good{suffix}")
        (tmp_path / f"good{suffix}").rename(f"{name}{suffix}")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes names of text only")
    for form in (".png", ".tif", ".jpg", ".webp"):
        assert run(["upscale", f"{name}{suffix}", "-o", f"{name}-{form[1:]}{form}", *FAST]) == 0
        assert read_image(f"{name}-{form[1:]}{form}").size == (32, 40)
    assert b"Traceback" not in capfdbinary.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(["upscale", str(folder / "f1.png"), "-o", str(tmp_path / "file" / "x.png"), *FAST]) == 1
    assert "this folder cannot be made (" in capsys.readouterr().err

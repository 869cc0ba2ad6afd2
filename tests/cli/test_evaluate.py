"""``kukkiri evaluate`` as a user meets it."""

import csv
import io
import json
import sys

import numpy as np
import pytest

from kukkiri.cli import run, scoring
from kukkiri.evaluation import ImageScored, TestSet
from kukkiri.images import Image, read_image
from kukkiri.metrics import PROTOCOLS, Score
from kukkiri.resampling import resize


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KUKKIRI_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KUKKIRI_DATA", raising=False)
    return tmp_path / "cache" / "scores"


@pytest.fixture
def data(tmp_path, rng):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "ab":
        small = rng.uniform(0, 1, (6, 7, 3))
        Image.from_array((resize(small, scale=8).clip(0, 1) * 255).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def test_one_model_at_one_scale_keeps_the_documented_shape(data, capsys):
    assert run(["evaluate", "--model", "bicubic", "--data", str(data), "--scale", "2", "--json"]) == 0
    printed = capsys.readouterr()
    value = json.loads(printed.out)
    assert list(value) == ["model", "scale", "protocol", "degradation", "sets"]
    assert list(value["sets"]["photos"]["images"]) == ["a", "b"]
    assert printed.err.splitlines()[0].startswith("[1/2] bicubic x2 photos/a: ")


def test_several_models_and_scales_print_evaluations_and_differences(data, capsys):
    arguments = ["--model", "bicubic", "nearest", "--scale", "2", "3", "--json"]
    assert run(["evaluate", "--data", str(data), *arguments]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [(scored["model"], scored["scale"]) for scored in value["evaluations"]] == [
        ("bicubic", 2),
        ("nearest", 2),
        ("bicubic", 3),
        ("nearest", 3),
    ]
    assert [(change["model"], change["baseline"], change["scale"]) for change in value["differences"]] == [
        ("nearest", "bicubic", 2),
        ("nearest", "bicubic", 3),
    ]
    assert all(change["psnr"]["high"] < 0 for change in value["differences"])


def test_a_second_run_is_remembered_unless_no_cache_is_asked_for(data, capsys, cache):
    arguments = ["evaluate", "--model", "bicubic", "--data", str(data), "--scale", "2"]
    run(arguments)
    first = capsys.readouterr()
    run(arguments)
    second = capsys.readouterr()
    run([*arguments, "--no-cache"])
    third = capsys.readouterr()
    assert first.out == second.out == third.out
    assert [text.count("from the cache") for text in (first.err, second.err, third.err)] == [0, 2, 0]
    assert len(list(cache.iterdir())) == 1
    run([*arguments, "--cache", str(data.parent / "elsewhere")])
    assert len(list((data.parent / "elsewhere").iterdir())) == 1


def test_every_format_can_be_had_and_written_to_a_file(data, capsys):
    arguments = ["evaluate", "--model", "bicubic", "--data", str(data), "--scale", "2", "--metrics", "niqe,lr-psnr"]
    assert run([*arguments, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["image"] for row in rows] == ["a", "b"]
    assert rows[0]["niqe"] == ""  # too small for it
    assert float(rows[0]["lr-psnr"]) > 30
    target = data.parent / "new" / "table.md"
    assert run([*arguments, "--format", "markdown", "-o", str(target)]) == 0
    assert capsys.readouterr().out == ""
    assert "| bicubic | x2 |" in target.read_text(encoding="utf-8")
    assert run([*arguments, "--format", "markdown", "-o", str(target)]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert run([*arguments, "-o", str(target), "--overwrite"]) == 0
    assert target.read_text(encoding="utf-8").startswith("bicubic x2, y-matlab, bicubic\nphotos ")


def test_the_cost_is_printed_when_asked_for(data, capsys):
    assert run(["evaluate", "--model", "nearest", "--data", str(data), "--scale", "4", "--cost", "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)["cost"]
    assert cost["parameters"] == 0
    assert cost["seconds"] > 0


def test_benchmarks_are_found_by_name_in_the_environment(shared, capsys, monkeypatch):
    monkeypatch.setenv("KUKKIRI_DATA", str(shared / "data"))
    arguments = ["evaluate", "--model", "bicubic", "--benchmark", "set5", "--scale", "3", "--protocol", "y-legacy"]
    assert run(arguments) == 0
    assert "Set5         30.3922 dB  0.868206" in capsys.readouterr().out


def test_given_lr_images_are_used(data, capsys):
    for name in "ab":
        Image.from_array(np.full((24, 28, 3), 128, np.uint8)).save(data.parent / f"{name}x2.png")
    arguments = ["evaluate", "--model", "bicubic", "--data", str(data), "--lr", str(data.parent), "--scale", "2"]
    assert run([*arguments, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["degradation"] == f"given: {data.parent.name}"
    hr = read_image(data / "a.png").to_array()
    assert value["sets"]["photos"]["images"]["a"] == vars(
        PROTOCOLS["y-matlab"].score(hr, np.full_like(hr, 128), scale=2)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "none"], "no such folder of images"),
        ([], "Give --data DIR, or --benchmark NAME"),
        (["--benchmark", "set5"], "KUKKIRI_DATA"),
        (["--data", ".", "--download"], "Add --benchmark NAME"),
        (["--benchmark", "set5", "--data", ".", "--download"], "no public address"),
        (["--data", ".", "--json", "--format", "csv"], "contradict"),
        (["--data", ".", "--cache", "x", "--no-cache"], "contradict"),
        (["--data", ".", "--metrics", "psnr,vmaf"], "unknown metric 'vmaf'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_1(data, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(data)
    assert run(["evaluate", "--model", "bicubic", "--scale", "2", *arguments]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]


def test_a_missing_benchmark_is_fetched_only_when_asked(data, capsys, monkeypatch):
    fetched = []

    def fake(name, folder, *, report):
        report(20_000_000, 40_000_000)
        fetched.append((name, folder))
        return TestSet("B100", tuple(sorted(data.iterdir())))

    monkeypatch.setattr(scoring, "download_benchmark", fake)
    arguments = ["evaluate", "--model", "bicubic", "--scale", "2", "--benchmark", "b100", "--data", str(data.parent)]
    assert run(arguments) == 1
    assert "Add --download" in capsys.readouterr().err
    assert fetched == []
    assert run([*arguments, "--download"]) == 0
    assert fetched == [("b100", data.parent)]
    assert "b100: 20 MB of 40" in capsys.readouterr().err


def test_a_terminal_gets_a_bar_and_stdout_stays_clean(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with scoring.ScoreDisplay() as display:
        display(ImageScored(1, 2, "bicubic", 2, "Set5", "baby", Score(30.0, 0.9), False))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "[1/2]" not in printed.err


def test_metrics_may_be_separated_by_commas_or_blanks(data, capsys):
    tables = []
    for metrics in (["niqe,lr-psnr"], ["niqe", "lr-psnr"], ["niqe", "--metrics", "lr-psnr"]):
        arguments = ["--model", "bicubic", "--data", str(data), "--scale", "2", "--format", "csv"]
        assert run(["evaluate", *arguments, "--metrics", *metrics]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1] == tables[2]
    assert "lr-psnr" in tables[0]


def test_without_a_model_the_usage_is_wrong(data, capsys):
    assert run(["evaluate", "--scale", "2", "--data", str(data)]) == 2
    assert "--model" in capsys.readouterr().err

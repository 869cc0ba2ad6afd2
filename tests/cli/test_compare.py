"""``kukkiri compare`` from the command line."""

import json

import numpy as np
import pytest
from cyclopts import App

from kukkiri.cli.compare import compare
from kukkiri.cli.parameters import EVERY_PARAMETER
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.profiling import Cost


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("KUKKIRI_CACHE", str(tmp_path / "cache"))
    app = App(result_action="return_value", default_parameter=EVERY_PARAMETER)
    app.default(compare)
    return lambda *arguments: app([str(argument) for argument in arguments], exit_on_error=False)


@pytest.fixture
def data(tmp_path, rng):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("one", "two"):
        coarse = rng.integers(0, 256, (12, 10, 3)).astype(np.uint8)
        Image.from_array(np.kron(coarse, np.ones((6, 6, 1), np.uint8))).save(folder / f"{name}.png")
    return folder


def test_a_folder_gets_an_index_and_the_scores_go_to_stdout_as_json(run, data, tmp_path, capsys):
    out = tmp_path / "report"
    run("bicubic", "nearest", "--data", data, "--scale", 2, "-o", out, "--no-cost", "--json", "--threads", 1)
    value = json.loads(capsys.readouterr().out)
    assert value["page"] == str(out / "index.html")
    assert [model["model"] for model in value["models"]] == ["bicubic", "nearest"]
    assert set(value["models"][0]["sets"]["data"]["images"]) == {"one", "two"}
    assert "niqe" in value["models"][0]["sets"]["data"]
    assert (out / "index.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_without_json_only_the_page_is_printed_and_the_title_is_the_users(run, data, tmp_path, capsys):
    page = tmp_path / "mine.html"
    run("bicubic", "--data", data, "-s", 2, "-o", page, "--no-cost", "--no-perception", "--title", "A & B")
    printed = capsys.readouterr()
    assert printed.out.strip() == str(page)
    assert "data/one" in printed.err
    assert "<h1>A &amp; B</h1>" in page.read_text(encoding="utf-8")


def test_cost_is_in_the_page(run, data, tmp_path, monkeypatch):
    monkeypatch.setattr("kukkiri.evaluation.evaluating.measure_cost", lambda *_, **__: Cost(0, 24_000_000, 0.5, 10**8))
    run("bicubic", "lanczos", "--data", data, "-s", 2, "-o", tmp_path / "a.html", "--no-perception", "--threads", 1)
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "PSNR against time" in html
    assert "PSNR against parameters" in html
    assert "PSNR against work" in html


def test_given_lr_images_are_used_and_shown(run, data, tmp_path, capsys):
    lr = tmp_path / "lr"
    lr.mkdir()
    for path in data.iterdir():
        Image.from_array(np.full((36, 30, 3), 77, np.uint8)).save(lr / path.name)
    run("bicubic", "--data", data, "--lr", lr, "-s", 2, "-o", tmp_path / "a.html", "--no-cost", "--json")
    value = json.loads(capsys.readouterr().out)
    assert value["models"][0]["degradation"] == "given: lr"
    assert "given: lr" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_an_existing_page_is_refused_before_any_work(run, data, tmp_path, capsys):
    page = tmp_path / "a.html"
    page.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"exists already.*--overwrite"):
        run("bicubic", "--data", data, "-s", 2, "-o", page)
    assert page.read_text(encoding="utf-8") == "mine"
    assert capsys.readouterr().err == ""
    run("bicubic", "--data", data, "-s", 2, "-o", page, "--overwrite", "--no-cost", "--no-perception")
    assert page.read_text(encoding="utf-8") != "mine"


def test_several_folders_are_several_sets(run, data, tmp_path, capsys):
    other = data.rename(tmp_path / "other")
    third = tmp_path / "third"
    third.mkdir()
    (third / "one.png").write_bytes((other / "one.png").read_bytes())
    page = tmp_path / "a.html"
    run("bicubic", "nearest", "--data", other, "--data", third, "-s", 2, "-o", page, "--no-cost", "--no-perception")
    html = page.read_text(encoding="utf-8")
    assert "Results on other" in html
    assert "Results on third" in html
    assert 'data-name="third/one"' in html


def test_no_images_no_comparison(run, tmp_path):
    with pytest.raises(ConfigError, match="Give --data DIR, or --benchmark NAME"):
        run("bicubic", "-s", 2, "-o", tmp_path / "a.html")


def test_a_page_without_images_is_refused(run, data, tmp_path):
    with pytest.raises(ConfigError, match="--images must be at least 1, got 0"):
        run("bicubic", "--data", data, "-s", 2, "-o", tmp_path / "a.html", "--images", 0)


@pytest.mark.parametrize("models", [["bicubic"], ["bicubic", "lanczos", "nearest", "bilinear", "espcn-x3"]])
def test_another_number_of_models_for_a_blind_page_is_said_before_they_are_scored(run, data, tmp_path, capsys, models):
    with pytest.raises(ConfigError, match=rf"^--blind takes 2 to 4 models, got {len(models)}\."):
        run(*models, "--data", data, "--scale", 3, "--blind", "-o", tmp_path / "page")
    assert "dB" not in capsys.readouterr().err

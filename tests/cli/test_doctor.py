import json
import tomllib
from pathlib import Path

import numpy as np

from kukkiri.cli import run

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def report(capsys):
    run(["doctor", "--json"])
    return json.loads(capsys.readouterr().out)


def test_doctor_reports_what_runs(capsys):
    found = report(capsys)
    assert found["providers"]["CPUExecutionProvider"] is True
    assert found["base"]["numpy"] == np.__version__
    assert ".png" in found["writes"]


def test_doctor_offers_every_extra_that_can_be_installed_and_no_other(capsys):
    assert set(report(capsys)["extras"]) == set(PROJECT["optional-dependencies"]) - {"dev", "docs", "test"}


def test_a_missing_extra_is_named_with_its_remedy(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "spandrel" else object())
    run(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert "  community: not installed; pip install kukkiri[community]" in lines
    assert "  report: installed" in lines

import json
import tomllib
from pathlib import Path

import numpy as np

from kukkiri.cli import run
from kukkiri.inference import Provider

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


def test_each_device_is_told_with_what_it_took_and_how_it_agrees(capsys, monkeypatch):
    tried = [
        Provider("CUDAExecutionProvider", True, "", "cuda", 1.5, 0.002, 3e-6, (5, 5)),
        Provider("OpenVINOExecutionProvider", False, "no driver", "openvino:GPU"),
        Provider("OpenVINOExecutionProvider", True, "", "openvino:CPU", 0.5, 0.01, 1e-7, None),
        Provider("CPUExecutionProvider", True, "", "cpu", 0.05, 0.02),
    ]
    monkeypatch.setattr("kukkiri.cli.doctor.try_providers", lambda: tried)
    monkeypatch.setattr("kukkiri.cli.doctor.list_runtimes", lambda: ["onnxruntime", "onnxruntime-gpu"])
    run(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert (
        "  CUDAExecutionProvider (--device cuda): runs, session 1.50 s, 128x128 pixels in 2.0 ms, 5 of 5 convolutions "
        "there, differs from the CPU by 3e-06" in lines
    )
    assert "  OpenVINOExecutionProvider (--device openvino:GPU): no driver" in lines
    assert any(
        line.startswith("  onnxruntime and onnxruntime-gpu are installed, of which one overwrites") for line in lines
    )
    found = report(capsys)
    assert found["providers"]["OpenVINOExecutionProvider"] is True
    assert found["problems"] == {}

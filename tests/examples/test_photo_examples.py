"""The scripts behind the photographs of the README and the docs run."""

import runpy
import sys
from pathlib import Path

import pytest

from kukkiri.images import read_image

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    return run


def test_before_and_after_are_drawn(script, tmp_path):
    script("before_after.py", tmp_path / "sheet.webp")
    assert read_image(tmp_path / "sheet.webp").size == (600, 1080)


@pytest.mark.slow
def test_degradation_domains_are_drawn(script, tmp_path, capsys):
    script("degradation_domains.py", tmp_path / "sheet.webp")
    assert read_image(tmp_path / "sheet.webp").size == (2 * 208 + 4, 4 * 208 + 12)
    bicubic, clean, photo = map(float, capsys.readouterr().out.splitlines()[0].split()[-4:-1])
    assert photo > bicubic > clean  # on JPEG files


@pytest.mark.slow
def test_adaptation_is_drawn(script, tmp_path, capsys):
    pytest.importorskip("torch")
    script("adaptation.py", tmp_path)
    assert capsys.readouterr().out.count(" 10 steps, ") == 2
    assert {path.name for path in tmp_path.iterdir()} == {"adaptation-petals.webp", "adaptation-city.webp"}

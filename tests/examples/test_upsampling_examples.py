"""The scripts behind the pages about upsampling, checkerboards and upsampling heads run."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from kukkiri.images import Image, read_image
from kukkiri.metrics.checkerboard import smooth_probe

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def script(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(str(EXAMPLES))

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    return run


def test_interpolation_is_drawn(script, tmp_path):
    Image.from_array((255 * smooth_probe(80, channels=3)).astype(np.uint8)).save(tmp_path / "photo.png")
    script("upsampling_interpolation.py", "--image", tmp_path / "photo.png", "--corner", 0, 0, "--side", 20,
           "--out", tmp_path)  # fmt: skip
    for name in ("lines", "images", "matrix"):
        assert np.ptp(read_image(tmp_path / f"upsampling_{name}.png").colour) > 0.5


def test_heads_are_trained_measured_and_drawn(script, tmp_path, capsys):
    for index in range(11):
        image = (255 * smooth_probe(192, channels=3, seed=index)).astype(np.uint8)
        Image.from_array(image).save(tmp_path / f"{index:02}.png")
    runs = tmp_path / "runs"
    heads = ("transposed", "sub-pixel", "transposed-even")
    script("heads.py", "--data", tmp_path, "--steps", 2, "--every", 1, "--out", runs, "--heads", *heads)
    results = json.loads((runs / "curves.json").read_text())
    assert set(results) == {"bicubic", *heads}
    assert [point["step"] for point in results["transposed"]["curve"]] == [0, 1, 2]
    assert results["transposed"]["curve"][0]["score"] > results["transposed-even"]["curve"][0]["score"] + 5
    script("upsampling_heads.py", "--runs", runs, "--image", tmp_path / "00.png", "--corner", 0, 0, "--out", tmp_path)
    assert "transposed head as PhaseConv: largest difference" in capsys.readouterr().out
    assert (tmp_path / "heads_curves.png").exists()


@pytest.mark.slow
def test_checkerboards_are_drawn(script, tmp_path, capsys):
    script("upsampling_checkerboard.py", "--out", tmp_path)
    assert "resize-nearest" in capsys.readouterr().out
    assert len(list(tmp_path.glob("checkerboard_*.png"))) == 5

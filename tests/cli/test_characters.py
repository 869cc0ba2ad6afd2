import json
import shutil

import numpy as np
import pytest

from kukkiri import Upscaler, weights
from kukkiri.cli import run
from kukkiri.images import Picture, read_picture

SHIPPED = weights._folder()


@pytest.fixture
def pictures(tmp_path, rng):
    picture = Picture.from_array(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8))
    (tmp_path / "in").mkdir()
    picture.save(tmp_path / "in" / "lossless.png")
    picture.save(tmp_path / "in" / "lossy.jpg", quality=70)
    picture.save(tmp_path / "in" / "small.webp", quality=70)
    return tmp_path / "in"


def with_photo(tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    for name, origin in {"plain-m-x2": "fsrcnn-x2", "plain-m-photo-x2": "espcn-x2"}.items():
        for suffix in (".onnx", ".json"):
            shutil.copy(SHIPPED / f"{origin}{suffix}", tmp_path / "weights" / f"{name}{suffix}")
    monkeypatch.setattr(weights, "_folder", lambda: tmp_path / "weights")


def report(arguments, capsys):
    assert run([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    return {file["input"].rpartition("/")[2]: file for file in json.loads(printed.out)["files"]}, printed.err


def test_the_file_decides_and_its_line_says_so(pictures, tmp_path, monkeypatch, capsys):
    with_photo(tmp_path, monkeypatch)
    suffixes = ["lossless.png", "lossy.jpg", "small.webp"]
    arguments = ["upscale", *(str(pictures / name) for name in suffixes), "-o", str(tmp_path / "out")]
    files, said = report(arguments, capsys)
    assert {name: file["character"] for name, file in files.items()} == {
        "lossless.png": "clean",
        "lossy.jpg": "photo",
        "small.webp": "photo",
    }
    for line in said.splitlines():
        assert line.endswith("character clean" if "lossless" in line else "character photo")
    lossy = read_picture(pictures / "lossy.jpg")
    expected = Upscaler("plain-m-photo-x2", threads=1).picture(lossy).to_array()
    assert np.abs(read_picture(tmp_path / "out" / "lossy.png").to_array().astype(int) - expected).max() <= 1


@pytest.mark.parametrize("character", ["clean", "photo"])
def test_it_can_be_told(pictures, tmp_path, monkeypatch, capsys, character):
    with_photo(tmp_path, monkeypatch)
    inputs = [str(pictures / "lossless.png"), str(pictures / "lossy.jpg")]
    files, said = report(["upscale", *inputs, "-o", str(tmp_path / "out"), "--character", character], capsys)
    assert {file["character"] for file in files.values()} == {character}
    assert "character" not in said


def test_without_photo_weights_nothing_is_said(pictures, tmp_path, monkeypatch, capsys):
    with_photo(tmp_path, monkeypatch)
    (tmp_path / "weights" / "plain-m-photo-x2.json").unlink()
    files, said = report(["upscale", str(pictures / "lossy.jpg"), "-o", str(tmp_path / "out.png")], capsys)
    assert files["lossy.jpg"]["character"] == "clean"
    assert "character" not in said
    assert run(["upscale", str(pictures / "lossy.jpg"), "--character", "photo"]) == 1
    assert "no weights of the character photo are shipped" in capsys.readouterr().err

import json
import shutil

import numpy as np
import pytest

from kukkiri import Upscaler, pretrained
from kukkiri.cli import run
from kukkiri.images import Image, read_image
from tests.tolerances import SAVED_PIXELS

SHIPPED = pretrained._folder()


@pytest.fixture
def images(tmp_path, rng):
    image = Image.from_array(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8))
    (tmp_path / "in").mkdir()
    image.save(tmp_path / "in" / "lossless.png")
    image.save(tmp_path / "in" / "lossy.jpg", quality=70)
    image.save(tmp_path / "in" / "small.webp", quality=70)
    return tmp_path / "in"


def with_photo(tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    for name, origin in {"plain-m-x2": "fsrcnn-x2", "plain-m-photo-x2": "espcn-x2"}.items():
        for suffix in (".onnx", ".json"):
            shutil.copy(SHIPPED / f"{origin}{suffix}", tmp_path / "weights" / f"{name}{suffix}")
    monkeypatch.setattr(pretrained, "_folder", lambda: tmp_path / "weights")


def report(arguments, capsys):
    assert run([*arguments, "--json"]) == 0
    printed = capsys.readouterr()
    return {file["input"].rpartition("/")[2]: file for file in json.loads(printed.out)["files"]}, printed.err


def test_the_file_decides_and_its_line_says_so(images, tmp_path, monkeypatch, capsys):
    with_photo(tmp_path, monkeypatch)
    suffixes = ["lossless.png", "lossy.jpg", "small.webp"]
    arguments = ["upscale", *(str(images / name) for name in suffixes), "-o", str(tmp_path / "out")]
    files, said = report(arguments, capsys)
    assert {name: file["weights"] for name, file in files.items()} == {
        "lossless.png": "clean",
        "lossy.jpg": "photo",
        "small.webp": "photo",
    }
    for line in said.splitlines():
        assert line.endswith("weights clean" if "lossless" in line else "weights photo")
    lossy = read_image(images / "lossy.jpg")
    expected = Upscaler("plain-m-photo-x2", threads=1)(lossy).to_array()
    assert np.abs(read_image(tmp_path / "out" / "lossy.png").to_array().astype(int) - expected).max() <= SAVED_PIXELS


@pytest.mark.parametrize("weights", ["clean", "photo"])
def test_it_can_be_chosen(images, tmp_path, monkeypatch, capsys, weights):
    with_photo(tmp_path, monkeypatch)
    inputs = [str(images / "lossless.png"), str(images / "lossy.jpg")]
    files, said = report(["upscale", *inputs, "-o", str(tmp_path / "out"), "--weights", weights], capsys)
    assert {file["weights"] for file in files.values()} == {weights}
    assert " weights " not in said


def test_without_photo_weights_nothing_is_said(images, tmp_path, monkeypatch, capsys):
    with_photo(tmp_path, monkeypatch)
    (tmp_path / "weights" / "plain-m-photo-x2.json").unlink()
    files, said = report(["upscale", str(images / "lossy.jpg"), "-o", str(tmp_path / "out.png")], capsys)
    assert files["lossy.jpg"]["weights"] == "clean"
    assert " weights " not in said
    assert run(["upscale", str(images / "lossy.jpg"), "--weights", "photo"]) == 1
    assert "no weights for the degradation domain photo are shipped" in capsys.readouterr().err

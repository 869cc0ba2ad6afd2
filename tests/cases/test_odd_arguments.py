"""Arguments that a new user gives by mistake: each is one line that says what to do, and nothing is left behind."""

import numpy as np
import pytest

from kukkiri.cli import run
from kukkiri.errors import ConfigError, ModelError
from kukkiri.images import Image
from kukkiri.inference import Upscaler

pytest.importorskip("pyvips")


@pytest.fixture
def work(tmp_path, rng, monkeypatch):
    """A working directory with a folder of images and a file that is no image."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hr").mkdir()
    Image.from_array(rng.integers(0, 256, (24, 30, 3), dtype=np.uint8)).save(tmp_path / "hr" / "a.png")
    (tmp_path / "taken.png").write_text("a file, not a folder")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("degrade hr --scale 2 -o taken.png", "taken.png: this folder cannot be made (a file is in its place)"),
        ("degrade hr/a.png --scale 2 -o taken.png/x.png", "taken.png: this folder cannot be made"),
        ("degrade hr --scale 2 -d gaussian:1+direct -o taken.png/x", "taken.png: this folder cannot be made"),
        ("compare bicubic lanczos --scale 2 --data hr -o taken.png", "(a file is in its place). Choose another."),
        ("compare bicubic lanczos --scale 2 --data hr -o taken.png/x/y", "(taken.png is a file). Choose another."),
        ("compare bicubic lanczos --scale 2 --data hr/a.png", "hr/a.png: is a file; expected a folder of images."),
        ("data prepare hr/a.png -o prepared", "hr/a.png: is a file; expected a folder of images."),
        ("evaluate --model bicubic --data hr --scale 2 -o taken.png/a.csv", "taken.png: this folder cannot be made"),
        (
            "evaluate --model bicubic --data hr --scale 10 --no-cache",
            "a.png: 30x24 is too small to be scored at scale 10; expected at least 40 pixels along each side.",
        ),
        ("adapt hr/a.png --scale 2 -o taken.png/x.png", "taken.png is a file, not a folder. Choose another."),
        ("export espcn-x2 -o a.txt", "--output a.txt: expected a name that ends in .onnx or .safetensors."),
        ("export espcn-x2 -o hr.onnx --scale 3", "espcn-x2: has one scale, which --scale 3 cannot change."),
        (
            "upscale hr/a.png --denoise 0.5 --model plain-m-x4 -o b.png",
            "Drop denoise, or choose another scale or",
        ),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(work, capsys, arguments, message):
    before = sorted(work.rglob("*"))
    assert run(arguments.split()) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "dB" not in error  # it is said before anything is scored
    assert sorted(work.rglob("*")) == before


@pytest.mark.parametrize("command", ["upscale", "degrade"])
def test_an_empty_variable_is_not_the_working_directory(work, capsys, command):
    assert run([command, "", "--scale", "2", "-o", "out"]) == 1
    assert "an input has an empty name." in capsys.readouterr().err
    assert not (work / "out").exists()


def test_a_folder_in_place_of_a_model_is_no_matter_of_overwriting(work, capsys):
    (work / "model.safetensors").mkdir()
    assert run(["export", "espcn-x2", "-o", "model.safetensors"]) == 1
    assert "model.safetensors: is a folder. Name a file in it." in capsys.readouterr().err


def test_weights_are_written_for_a_suffix_in_capitals(work):
    assert run(["export", "espcn-x2", "-o", "A.SAFETENSORS"]) == 0
    length = int.from_bytes((work / "A.SAFETENSORS").read_bytes()[:8], "little")
    assert (work / "A.SAFETENSORS").read_bytes()[8 : 8 + length].startswith(b"{")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"scale": "2"}, ModelError, "scale must be a number of at least 1, got '2'"),
        ({"tile": "big"}, ConfigError, "tile must be a whole number or 'auto', got 'big'"),
        ({"tile": 64.5}, ConfigError, "tile must be a whole number or 'auto', got 64.5"),
        ({"threads": 1.5}, ConfigError, "threads must be a whole number, got 1.5"),
        ({"threads": "2"}, ConfigError, "threads must be a whole number, got '2'"),
        ({"memory": "2GB"}, ConfigError, "memory must be a number, got '2GB'"),
        ({"width": "100"}, ConfigError, "width must be a whole number, got '100'"),
        ({"fit": 100}, ConfigError, r"fit must be \(width, height\), two numbers, got 100"),
        ({"vivid": "0.5"}, ConfigError, "vivid must be a number, got '0.5'"),
    ],
)
def test_options_of_another_type_are_named(options, error, message):
    with pytest.raises(error, match=message):
        Upscaler("bicubic", **options)


def test_options_may_be_numbers_of_numpy():
    upscaler = Upscaler("bicubic", scale=np.float32(2), threads=np.int64(1), tile=np.int32(64), memory=1e9)
    assert upscaler(np.zeros((4, 5), np.uint8)).shape == (8, 10)

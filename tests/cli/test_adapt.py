import json
import os

import numpy as np
import pytest
from cyclopts import App

from kukkiri.cli import adapt as command
from kukkiri.cli.parameters import EVERY_PARAMETER
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Image, read_image

pytest.importorskip("pyvips")
pytest.importorskip("torch", reason="needs torch")


def run(*arguments):
    """The command as the command line calls it."""
    app = App(name="kukkiri", result_action="return_value", default_parameter=EVERY_PARAMETER)
    app.default(command.adapt_command)
    return app([str(argument) for argument in arguments], exit_on_error=False)


@pytest.fixture
def source(rng, tmp_path):
    levels = np.kron(rng.integers(0, 256, size=(8, 9, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    Image.from_array(levels).save(tmp_path / "small.png")
    return tmp_path / "small.png"


def test_an_image_is_upscaled_and_the_steps_are_printed(source, tmp_path, capsys):
    target, saved = tmp_path / "large.png", tmp_path / "mine.safetensors"
    dead = tmp_path / ".kukkiri-99999999-0123456789abcdef.tmp"
    dead.touch()
    os.utime(dead, (0, 0))
    run(source, "-o", target, "--scale", 2, "--method", "zssr", "--steps", 3, "--save", saved)
    assert read_image(target).size == (64, 72)
    assert not dead.exists()
    captured = capsys.readouterr()
    assert captured.out == f"{target}\n"
    assert "3/3  loss 0." in captured.err
    assert "all steps done after 3 steps" in captured.err
    assert "the result downscaled again: bicubic" in captured.err
    with pytest.raises(ImageError, match="exists already"):
        run(source, "-o", target, "--scale", 2, "--steps", 3)
    with pytest.raises(ConfigError, match="exists already"):
        run(source, "-o", tmp_path / "other.png", "--save", saved, "--steps", 3)


def test_an_estimate_that_is_not_trusted_is_told_and_bicubic_is_assumed(rng, tmp_path, capsys):
    levels = (255 * rng.random((64, 64, 3))).astype(np.uint8)
    Image.from_array(levels).save(tmp_path / "noise.png")
    run(tmp_path / "noise.png", "-o", tmp_path / "out.png", "--steps", 1)  # estimate is what is not given
    assert "so bicubic downscaling is assumed" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="subsample"):
        run(tmp_path / "noise.png", "-o", tmp_path / "b.png", "--kernel", "estimate", "--subsample", "bicubic")


def test_ctrl_c_saves_the_best_so_far_and_says_so(source, tmp_path, capsys, monkeypatch):
    def interrupt(text):
        print(text)
        if "loss" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "print_progress", interrupt)
    run(source, "-o", tmp_path / "out.png", "--method", "zssr", "--steps", 51)
    assert read_image(tmp_path / "out.png").size == (64, 72)
    assert "interrupted; the best so far is used, after 50 steps" in capsys.readouterr().out


@pytest.fixture
def initialization(tmp_path):
    """Ours, with random weights: nothing that helps, but everything that runs."""
    import torch
    from safetensors.torch import save_file

    from kukkiri.networks import Plain

    torch.manual_seed(0)
    save_file(Plain(scale=2, colour="rgb", width=8, depth=2).state_dict(), tmp_path / "mine.safetensors")
    card = {"adaptation": {"scale": 2, "subsample": "direct", "loss": "l1", "rates": [0.01], "max_side": None}}
    (tmp_path / "mine.json").write_text(json.dumps(card), encoding="utf-8")
    return tmp_path / "mine.safetensors"


def test_an_initialization_is_named_and_ten_steps_are_taken(source, initialization, tmp_path, capsys):
    page = tmp_path / "page.html"
    arguments = ("--kernel", "gaussian:1.0,0.5,0.1", "--initialization", initialization, "--report", page)
    run(source, "-o", tmp_path / "out.png", *arguments)
    said = capsys.readouterr().err
    assert "from the initialization mine" in said
    assert "all steps done after 10 steps" in said
    html = page.read_text(encoding="utf-8")
    assert "Adapted by mine" in html
    assert "Its standard deviations are 1.00 and 0.71 HR pixels." in html
    assert html.count("data:image/webp;base64,") >= 3  # the kernel, bicubic, adapted
    with pytest.raises(ConfigError, match="exists already"):
        run(source, "-o", tmp_path / "other.png", *arguments)
    with pytest.raises(ConfigError, match="grid of bicubic"):
        run(source, "-o", tmp_path / "other.png", "--initialization", initialization)
    with pytest.raises(ConfigError, match="Drop one"):
        run(source, "-o", tmp_path / "other.png", "--initialization", initialization, "--method", "zssr")

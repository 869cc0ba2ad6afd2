import numpy as np
import pytest
from cyclopts import App

from kukkiri.cli import adapt as command
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Picture, read_picture

pytest.importorskip("pyvips")
pytest.importorskip("torch")


def run(*arguments):
    """The command as the command line calls it."""
    app = App(name="kukkiri", result_action="return_value")
    app.default(command.adapt_command)
    return app([str(one) for one in arguments], exit_on_error=False)


@pytest.fixture
def source(rng, tmp_path):
    levels = np.kron(rng.integers(0, 256, size=(8, 9, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    Picture.from_array(levels).save(tmp_path / "small.png")
    return tmp_path / "small.png"


def test_a_picture_becomes_larger_and_what_was_learnt_is_told(source, tmp_path, capsys):
    target, saved = tmp_path / "large.png", tmp_path / "mine.safetensors"
    run(source, "-o", target, "--scale", 2, "--kernel", "gaussian:1.0,0.5,0.1", "--steps", 3, "--save", saved)
    assert read_picture(target).size == (64, 72)
    captured = capsys.readouterr()
    assert captured.out == f"{target}\n"
    assert "3/3  loss 0." in captured.err
    assert "all steps done after 3 steps" in captured.err
    assert "the result shrunk again: bicubic" in captured.err
    with pytest.raises(ImageError, match="exists already"):
        run(source, "-o", target, "--scale", 2, "--steps", 3)
    with pytest.raises(ConfigError, match="exists already"):
        run(source, "-o", tmp_path / "other.png", "--save", saved, "--steps", 3)


def test_the_estimated_kernel_is_printed_and_used_aligned(rng, tmp_path, capsys):
    levels = (255 * rng.random((64, 64, 3))).astype(np.uint8)
    Picture.from_array(levels).save(tmp_path / "noise.png")
    run(tmp_path / "noise.png", "-o", tmp_path / "out.png", "--kernel", "estimate", "--steps", 1)
    assert "estimated kernel gaussian:" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="subsample"):
        run(tmp_path / "noise.png", "-o", tmp_path / "b.png", "--kernel", "estimate", "--subsample", "bicubic")


def test_ctrl_c_saves_the_best_so_far_and_says_so(source, tmp_path, capsys, monkeypatch):
    calls = []

    def interrupt(text):
        calls.append(text)
        print(text)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "print_progress", interrupt)
    run(source, "-o", tmp_path / "out.png", "--steps", 51)
    assert read_picture(tmp_path / "out.png").size == (64, 72)
    assert "interrupted; the best so far is used, after 50 steps" in capsys.readouterr().out

import numpy as np
import pytest

from kukkiri import Upscaler
from kukkiri.cli import run
from kukkiri.images import Image

pytestmark = pytest.mark.needs_torch


@pytest.fixture
def recipe(tmp_path, rng):
    images = tmp_path / "images"
    images.mkdir()
    for name in "ab":
        Image.from_array(rng.integers(0, 256, (50, 50, 3), dtype=np.uint8)).save(images / f"{name}.png")
    path = tmp_path / "tiny.toml"
    path.write_text(
        f'name = "tiny"\nnetwork = "espcn"\nscale = 2\ndata = "{images}"\nvalidation = "{images}"\n'
        f'output = "{tmp_path / "runs"}"\nsteps = 20\nbatch = 2\npatch = 8\nlog_every = 10\nthreads = 1\n'
        "[arguments]\nwidths = [4, 4]\n",
        encoding="utf-8",
    )
    return path


def test_a_recipe_becomes_weights_that_upscale(recipe, capsys):
    assert run(["train", str(recipe), "steps=10", "name=short"]) == 0
    printed = capsys.readouterr()
    weights = printed.out.strip()
    assert weights.endswith("weights.safetensors")
    assert "10/10" in printed.err
    assert "dB" in printed.err
    assert Upscaler(weights)(np.zeros((8, 9), np.uint8)).shape == (16, 18)


def test_a_finished_run_is_not_trained_over(recipe, capsys):
    assert run(["train", str(recipe), "steps=10"]) == 0
    assert run(["train", str(recipe), "steps=10"]) == 1
    assert "--resume" in capsys.readouterr().err
    assert run(["train", str(recipe), "steps=10", "--resume"]) == 0


def test_a_mistake_is_one_line(recipe, capsys):
    assert run(["train", str(recipe), "stepz=10"]) == 1
    assert "did you mean 'steps'?" in capsys.readouterr().err


def test_a_meta_recipe_prints_the_curve_of_adaptation(recipe, capsys):
    recipe.write_text(
        recipe.read_text(encoding="utf-8")
        .replace('"espcn"', '"contextplain"')
        .replace("widths = [4, 4]", "width = 4\ndepth = 1")
        .replace(
            'name = "tiny"', 'kind = "meta"\nname = "tiny"\nsupport = "downscaled"\ninner_steps = 2\nkernel_size = 5'
        ),
        encoding="utf-8",
    )
    assert run(["train", str(recipe), "steps=2", "tasks=1", "batch=1", "patch=4", "validate_every=2"]) == 0
    printed = capsys.readouterr()
    assert printed.err.strip().endswith("dB")
    assert printed.err.count(" > ") == 2  # before, after one step, after two
    assert Upscaler(printed.out.strip())(np.zeros((8, 9, 3), np.uint8)).shape == (16, 18, 3)

from pathlib import Path

import pytest

from kukkiri import pretrained
from kukkiri.errors import ConfigError
from kukkiri.training import Recipe, learning_rate_at, read_recipe
from tests.tolerances import FLOAT64_MATHS

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


BASE = 'name = "one"\nnetwork = "espcn"\nscale = 3\n'


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_the_repository_is_valid(path):
    assert read_recipe(path).name == path.stem


def test_overrides_are_laid_over_the_file_with_their_types(tmp_path):
    path = write(tmp_path, BASE + "steps = 10\nbetas = [0.9, 0.95]\n[arguments]\nicnr = true\n")
    recipe = read_recipe(path, ["steps=2_000", "learning_rate=1", "data=my images", "arguments.icnr=false"])
    assert (recipe.steps, recipe.learning_rate, recipe.data) == (2000, 1.0, "my images")
    assert recipe.betas == (0.9, 0.95)
    assert recipe.arguments == {"icnr": False}


def test_weights_are_a_file_or_those_of_a_shipped_model(tmp_path, monkeypatch):
    def find(weights: str) -> Path:
        return Recipe(name="a", network="plain", scale=4, initialization="transfer", weights=weights).weights_file

    monkeypatch.chdir(tmp_path)
    assert find("plain-m-x4") == pretrained.locate("plain-m-x4", ".safetensors")
    assert find("runs/a.pth") == Path("runs/a.pth")
    Path("plain-m-x4").touch()
    assert find("plain-m-x4") == Path("plain-m-x4")
    with pytest.raises(ConfigError, match="weights: no file and no shipped model 'plain-m-x5'; did you mean"):
        find("plain-m-x5")


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (BASE + "stepz = 3", [], "unknown key 'stepz'; did you mean 'steps'"),
        (BASE + 'steps = "many"', [], "steps must be int"),
        (BASE, ["steps"], "not an override"),
        ('name = "a"', [], "network, scale must be given"),
        (BASE + "steps = ", [], "not a TOML file"),
        (BASE, ["optimizer=sopa"], "did you mean 'soap'"),
        (BASE, ["initialization=transfer"], "belong together"),
        (BASE, ["ema=1.0"], "ema must be"),
        (BASE, ["batch=0"], "batch must be at least 1"),
        (BASE, ["learning_rate=0.0"], "must be positive"),
        (BASE, ["learning_rate=inf"], "must be positive, and 1e.38 at most; got inf"),
        (BASE, ["learning_rate=1e300"], "must be positive, and 1e.38 at most"),
        (BASE, ["clip=nan"], "clip must not be negative, got nan"),
        (BASE, ["centre=nan"], "centre must be a grey value"),
        (BASE, ["centre=115"], "centre must be a grey value"),
        (BASE, ["betas=[0.9, 1.0]"], "betas must be in"),
        (BASE, ["betas=[-1, 0.9]"], "betas must be in"),
        (BASE, ["seed=-1"], "seed must be 0 to"),
        (BASE, ["seed=18446744073709551616"], "seed must be 0 to"),
        (BASE, ["threads=100000"], "threads must be 0 to 1024"),
        (BASE, ["milestones=[3]"], "milestones belong to schedule = 'step', got 'cosine'"),
        (BASE, ["restarts=[3]", "schedule=step"], "restarts belong to schedule = 'cosine', got 'step'"),
        (BASE, ['validation_sets={a={folder="v",weight=nan}}'], "must be a number from 0, got nan"),
    ],
)
def test_a_mistake_is_named(tmp_path, text, overrides, message):
    with pytest.raises(ConfigError, match=message):
        read_recipe(write(tmp_path, text), overrides)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_the_folder_of_a_run_is_not_a_recipe(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read .* Name the TOML file of the recipe"):
        read_recipe(tmp_path)


def test_the_learning_rate_rises_then_follows_the_cosine_to_zero():
    recipe = Recipe(name="a", network="espcn", scale=2, learning_rate=2.0, warmup=10, steps=1000)
    assert learning_rate_at(recipe, 0) == pytest.approx(0.2)
    assert learning_rate_at(recipe, 500) == pytest.approx(1.0)
    assert learning_rate_at(recipe, 1000) == pytest.approx(0.0, abs=FLOAT64_MATHS)


def test_the_step_schedule_halves_at_its_milestones():
    recipe = Recipe(
        name="a", network="espcn", scale=2, learning_rate=1.0, warmup=0, schedule="step", milestones=(10, 20)
    )
    assert [learning_rate_at(recipe, step) for step in (9, 10, 19, 20)] == [1.0, 0.5, 0.5, 0.25]

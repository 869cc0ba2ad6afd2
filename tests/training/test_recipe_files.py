import dataclasses
from pathlib import Path

import pytest

from kukkiri.data import DataSource
from kukkiri.errors import ConfigError
from kukkiri.training import Recipe, Stage, ValidationSet, read_recipe

BASE = 'name = "one"\nnetwork = "espcn"\nscale = 3\n'


def read(folder: Path, text: str, *overrides: str) -> Recipe:
    path = folder / "recipe.toml"
    path.write_text(BASE + text, encoding="utf-8")
    return read_recipe(path, overrides)


def test_tables_become_dataclasses(tmp_path):
    recipe = read(
        tmp_path,
        "stages = [{ from = 0, patch = 16, batch = 32 }, { from = 0.5, patch = 48 }]\n"
        '[sources]\nphotos = { folder = "a", weight = 3 }\npairs = { lr = "b", hr = "c", weight = 1 }\n'
        '[validation_sets.jpeg]\nfolder = "v"\ndegradation = "bicubic+jpeg:60"\nweight = 0\n',
    )
    assert recipe.stages == (Stage(start=0.0, patch=16, batch=32), Stage(start=0.5, patch=48))
    assert recipe.training_sets == (DataSource(folder="a", weight=3.0), DataSource(lr="b", hr="c", weight=1.0))
    assert recipe.scored_sets == {"jpeg": ValidationSet(folder="v", degradation="bicubic+jpeg:60", weight=0.0)}


def test_a_folder_is_the_only_set():
    recipe = Recipe(name="a", network="espcn", scale=2, lr="small", hr="large", validation="some/Val")
    assert recipe.training_sets == (DataSource(lr="small", hr="large"),)
    assert recipe.scored_sets == {"Val": ValidationSet(folder="some/Val")}


@pytest.mark.parametrize(
    ("text", "ema", "emas"),
    [("", 0.999, (0.999,)), ("ema = 0", 0.0, (0.0,)), ("ema = [0.9, 0.99]", (0.9, 0.99), (0.9, 0.99))],
)
def test_one_average_or_several(tmp_path, text, ema, emas):
    recipe = read(tmp_path, text)
    assert (recipe.ema, recipe.emas) == (ema, emas)


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ('loss = "mse"', "mse"),
        ("loss = { l1 = 1, fft = 0.05 }", {"l1": 1.0, "fft": 0.05}),
        ("[loss]\nl1 = 1.0\nfft = { weight = 0.05, from = 0.5 }", {"l1": 1.0, "fft": {"weight": 0.05, "from": 0.5}}),
    ],
)
def test_a_loss_is_a_name_or_a_table(tmp_path, text, loss):
    assert read(tmp_path, text).loss == loss


def test_an_override_reaches_into_tables_and_leaves_the_rest(tmp_path):
    text = '[sources.photos]\nfolder = "a"\nweight = 3.0\n[loss]\nl1 = 1.0\n'
    recipe = read(tmp_path, text, "sources.photos.folder=b", "loss.fft=0.1", "arguments.widths=[8, 6]")
    assert recipe.sources == {"photos": DataSource(folder="b", weight=3.0)}
    assert recipe.loss == {"l1": 1.0, "fft": 0.1}
    assert recipe.arguments == {"widths": [8, 6]}


def test_a_key_in_its_former_spelling_is_read_and_told(tmp_path, caplog):
    assert read(tmp_path, 'optimiser = "soap"').optimizer == "soap"
    assert "the key optimiser is spelled optimizer now" in caplog.text
    with pytest.raises(ConfigError, match="unknown key 'optimiser'"):
        read(tmp_path, 'optimiser = "soap"\noptimizer = "adam"')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages = [{ patch = 3 }]", r"stages\.from must be given"),
        ("stages = [{ from = 0.2, path = 3 }]", r"unknown key 'stages\.path'; did you mean 'patch'"),
        ("stages = [{ from = 0.5 }, { from = 0.2 }]", "stages must be in the order"),
        ("stages = [{ from = 1.0 }]", r"fraction of the steps in \[0, 1\), got from = 1\.0"),
        ("stages = 3", "stages must be a list of a table, got 3"),
        ('sources = { a = "folder" }', r"sources\.a must be a table, got 'folder'"),
        ("sources = { a = { folder = 3 } }", r"sources\.a\.folder must be str, got 3"),
        ('ema = "much"', "ema must be float or a list of float, got 'much'"),
        ("ema = [0.9, 1.0]", r"ema must be in \[0, 1\)"),
        ("loss = 3", "loss must be str or a table, got 3"),
        ("betas = [0.9]", "betas must have 2 values"),
        ('lr = "a"', "lr and hr, .* got only one"),
        ('data = "a"\nlr = "b"\nhr = "c"', "got data and lr"),
        ('validation = "a"\nvalidation_sets = { b = { folder = "c" } }', "got both"),
        ("restarts = [20, 10]", "restarts must be steps in ascending order"),
        ('schedule = "linear"', "unknown schedule 'linear'"),
        ("decay_share = 1.5", r"decay_share must be in \[0, 1\]"),
        ("accumulate = 0", "accumulate must be at least 1"),
        ("clip = -1", "clip must not be negative"),
        ("learning_rate = nan", "learning_rate must be positive"),
        ("steps = true", "steps must be int"),
    ],
)
def test_a_mistake_names_its_place(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


def test_no_training_images_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no training images\. Set data = FOLDER"):
        _ = read(tmp_path, "").training_sets


def test_a_recipe_is_written_and_read_back(tmp_path):
    recipe = read(tmp_path, "stages = [{ from = 0.5, patch = 48 }]\nloss = { l1 = 1, fft = 0.05 }\nema = [0.9, 0.99]\n")
    values = dataclasses.asdict(recipe)
    assert values["stages"] == ({"start": 0.5, "patch": 48, "batch": 0},)

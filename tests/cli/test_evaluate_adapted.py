"""``kukkiri evaluate-adapted`` as a user meets it."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch")

from kukkiri.cli import run
from kukkiri.images import Image
from kukkiri.resampling import resize


@pytest.fixture
def data(tmp_path, rng):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in "ab":
        small = rng.uniform(0, 1, (6, 7, 3))
        Image.from_array((resize(small, scale=8).clip(0, 1) * 255).astype(np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def initialization(tmp_path):
    """Weights of ours with a head of zeros: before it adapts, the network upscales by nearest neighbours."""
    import torch
    from safetensors.torch import save_file

    from kukkiri.networks import Plain

    network = Plain(scale=2, colour="rgb", width=8, depth=1)
    for parameter in list(network.parameters())[-2:]:
        torch.nn.init.zeros_(parameter)
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    return str(tmp_path / "mine.safetensors")


def test_adaptation_is_scored_beside_models_that_do_not_learn(data, initialization, capsys):
    arguments = ["--data", str(data), "--scale", "2", "--protocol", "y-mzsr", "--degradation", "gaussian:1.0+direct"]
    adapting = ["--initialization", initialization, "--steps", "0", "2"]
    for remembered in (False, True):
        assert run(["evaluate-adapted", "--model", "nearest", *arguments, *adapting, "--json"]) == 0
        printed = capsys.readouterr()
        assert ("from the cache" in printed.err) == remembered
        found = {scored["model"]: scored["sets"]["photos"]["psnr"] for scored in json.loads(printed.out)["evaluations"]}
        assert list(found) == ["nearest", "mine(0)", "mine(2)"]
        assert found["mine(0)"] == found["nearest"]
        assert abs(found["mine(2)"] - found["mine(0)"]) > 1e-3


def test_without_a_method_the_choice_of_adapt_is_taken_and_named(data, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "kukkiri.cli.evaluate_adapted.evaluate_many", lambda models, **_: asked.append([m.name for m in models]) or []
    )
    monkeypatch.setattr("kukkiri.cli.scoring.FORMATS", {"text": lambda _: ""})
    arguments = ["evaluate-adapted", "--data", str(data), "--scale"]
    assert run([*arguments, "2", "-d", "gaussian:2.0+direct"]) == 0
    assert "kukkiri: context-x2-direct" in capsys.readouterr().err
    assert run([*arguments, "3", "--steps", "5"]) == 0
    assert "zssr: no initialization is shipped for this scale" in capsys.readouterr().err
    assert asked == [["context-x2-direct"], ["zssr(5)"]]


def test_a_protocol_on_luma_is_refused(data, initialization, capsys):
    base = ["evaluate-adapted", "--scale", "2", "--data", str(data), "--initialization", initialization]
    assert run([*base, "--protocol", "y-legacy"]) == 1
    assert "y-mzsr" in capsys.readouterr().err
    for option in ("--lr", "--cost", "--ensemble"):  # what it cannot take is no option of it
        assert run([*base, option]) == 2

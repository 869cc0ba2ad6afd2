import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from kukkiri import pretrained
from kukkiri.adaptation import AdaptedUpscaler, adapt, find_initialization, grid_of, load_initialization
from kukkiri.adaptation.meta_initialization import check_grid
from kukkiri.degradations import Degradation
from kukkiri.errors import ConfigError, ModelError
from kukkiri.networks import MZSR, Plain

CARD = {"network": "plain", "scale": 2, "sha256": "0"}
ADAPTATION = {"scale": 2, "subsample": "direct", "loss": "l1", "rates": [0.02, 0.01], "max_side": None}


def write(path, network, adaptation=None):
    """Weights as any trainer writes them, and a card beside them."""
    save_file(network.state_dict(), path)
    if adaptation is not None:
        path.with_suffix(".json").write_text(json.dumps({**CARD, "adaptation": adaptation}), encoding="utf-8")
    return path


@pytest.fixture
def plain():
    torch.manual_seed(0)
    return Plain(scale=2, colour="rgb", width=8, depth=2)


def test_the_learning_rates_are_those_of_the_card(tmp_path, plain):
    initialization = load_initialization(
        write(tmp_path / "a.safetensors", plain, ADAPTATION), scale=2, subsample="bicubic"
    )
    assert (initialization.name, initialization.subsample, initialization.max_side, initialization.network.scale) == (
        "a",
        "direct",
        None,
        2,
    )
    first = next(name for name, _ in plain.named_parameters())
    assert [initialization.rate(first, step) for step in (0, 1, 9)] == [0.02, 0.01, 0.01]
    rates = {name: [0.1 * (number + 1)] for number, (name, _) in enumerate(plain.named_parameters())}
    path = write(tmp_path / "b.safetensors", plain, {**ADAPTATION, "rates": rates, "max_side": 64})
    initialization = load_initialization(path, scale=2, subsample="direct")
    assert {name: initialization.rate(name, 3) for name in rates} == {name: rate for name, (rate,) in rates.items()}
    assert initialization.max_side == 64
    path = write(tmp_path / "c.safetensors", plain, {**ADAPTATION, "rates": {first: [0.5], "*": [0.1, 0.2]}})
    initialization = load_initialization(path, scale=2, subsample="direct")
    assert [
        initialization.rate(first, 1),
        initialization.rate("head.bias", 0),
        initialization.rate("head.bias", 1),
    ] == [0.5, 0.1, 0.2]


@pytest.mark.parametrize(
    ("subsample", "scale", "rates"),
    [
        ("direct", 2, [0.02, 0.01, 0.01, 0.01, 0.005, 0.005, 0.005, 0.005, 0.005, 0.005]),
        ("bicubic", 2, [0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001]),
        ("direct", 4, [0.01, 0.005, 0.005, 0.005, 0.005, 0.001, 0.001, 0.001, 0.001, 0.001]),
        ("direct", 3, [0.01, 0.01, 0.01, 0.005, 0.005, 0.005, 0.005, 0.005, 0.005, 0.005]),
    ],
)
def test_weights_without_a_card_take_the_rates_of_mzsrs_code(tmp_path, subsample, scale, rates):
    path = write(tmp_path / "theta.safetensors", MZSR(width=8, depth=3))
    initialization = load_initialization(path, scale=scale, subsample=subsample)
    assert [initialization.rate("conv1.bias", step) for step in range(10)] == rates
    assert initialization.network.scale == scale


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "l2"}, "unknown loss 'l2'"),
        ({"subsample": "lanczos"}, "direct or bicubic"),
        ({"rates": []}, "list of numbers"),
        ({"rates": [0.1, "fast"]}, "list of numbers"),
        ({"rates": {"elsewhere.weight": [0.1]}}, "parameters that the network lacks: elsewhere.weight"),
        ({"scale": 3}, "scale 3, but scale 2 was requested"),
        ({"kernel_conditioned": True}, "code of three numbers, got Plain"),
    ],
)
def test_an_invalid_card_is_refused(tmp_path, plain, change, message):
    path = write(tmp_path / "a.safetensors", plain, {**ADAPTATION, **change})
    with pytest.raises(ModelError, match=message):
        load_initialization(path, scale=2, subsample="direct")


def test_damaged_and_foreign_cards_and_luma_are_refused(tmp_path, plain):
    path = write(tmp_path / "a.safetensors", plain)
    path.with_suffix(".json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="not a card"):
        load_initialization(path, scale=2, subsample="direct")
    path.with_suffix(".json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="no object 'adaptation'"):
        load_initialization(path, scale=2, subsample="direct")
    with pytest.raises(ModelError, match="luma"):
        load_initialization(
            write(tmp_path / "y.safetensors", Plain(scale=2, width=8, depth=2)), scale=2, subsample="direct"
        )
    with pytest.raises(ModelError, match="no such file"):
        load_initialization(tmp_path / "nowhere.safetensors", scale=2, subsample="direct")


def test_the_grid_of_lr_follows_from_the_subsampling(tmp_path, plain):
    grids = {
        text: grid_of(Degradation.parse(text)) for text in ("bicubic", "gaussian:2.0+direct", "gaussian:1.3+bicubic")
    }
    assert grids == {"bicubic": "bicubic", "gaussian:2.0+direct": "direct", "gaussian:1.3+bicubic": "bicubic"}
    aligned = Degradation.parse("gaussian:2.0+direct:aligned")
    assert grid_of(aligned) == "bicubic"
    initialization = load_initialization(
        write(tmp_path / "a.safetensors", plain, ADAPTATION), scale=2, subsample="direct"
    )
    with pytest.raises(ConfigError, match="grid of bicubic"):
        check_grid(initialization, aligned)


@pytest.fixture
def shipped(tmp_path, plain, monkeypatch):
    """An installation with two initializations and no model."""
    write(tmp_path / "plain-x2-direct.safetensors", plain, ADAPTATION)
    mzsr = MZSR(width=8, depth=3)
    save_file(mzsr.state_dict(), tmp_path / "mzsr-x2-direct.safetensors")
    card = {"network": "mzsr", "scale": 2, "adaptation": ADAPTATION}
    (tmp_path / "mzsr-x2-direct.json").write_text(json.dumps(card), encoding="utf-8")
    monkeypatch.setattr(pretrained, "_folder", lambda: tmp_path)


@pytest.mark.usefixtures("shipped")
def test_shipped_initializations_are_found_by_scale_and_grid():
    direct, bicubic = Degradation.parse("gaussian:2.0+direct"), Degradation.parse("bicubic")
    assert (pretrained.list_initializations(), pretrained.list_models()) == (["mzsr-x2-direct", "plain-x2-direct"], [])
    assert find_initialization(direct, scale=2) == "plain-x2-direct"
    assert find_initialization(direct, scale=2, network="mzsr") == "mzsr-x2-direct"
    assert find_initialization(direct, scale=3) is find_initialization(bicubic, scale=2) is None
    with pytest.raises(ModelError, match="kukkiri adapt --initialization mzsr-x2-direct"):
        pretrained.locate("mzsr-x2-direct", ".onnx")


@pytest.mark.usefixtures("shipped")
def test_adapt_uses_the_shipped_initialization_for_the_scale_and_grid(self_similar, quick, tmp_path):
    lr = self_similar[:32, :36]
    default = adapt(lr, scale=2, kernel="gaussian:2.0")
    assert (default.fit.method, default.fit.steps, default.projections) == ("plain-x2-direct", 10, 0)
    assert adapt(lr, scale=2, kernel="gaussian:2.0", method="mzsr", steps=1).fit.method == "mzsr-x2-direct"
    assert (
        adapt(lr, scale=2, kernel="gaussian:2.0", initialization="mzsr-x2-direct", steps=1).fit.method
        == "mzsr-x2-direct"
    )
    assert adapt(lr, scale=2, kernel="gaussian:2.0", settings=quick, steps=1).fit.method == "zssr"
    assert adapt(lr, scale=2, kernel="bicubic", steps=1).fit.method == "zssr"
    with pytest.raises(ConfigError, match="no initialization of mzsr is shipped for x3 and direct"):
        adapt(lr, scale=3, kernel="gaussian:2.0", method="mzsr")
    with pytest.raises(ConfigError, match="takes no initialization"):
        adapt(lr, scale=2, method="zssr", initialization="mzsr-x2-direct")
    with pytest.raises(ConfigError, match="settings"):
        adapt(lr, scale=2, method="mzsr", settings=quick)


@pytest.mark.parametrize("name", ["plain-x2-direct", "mzsr-x2-direct"])
@pytest.mark.usefixtures("shipped")
def test_an_upscaler_from_an_initialization_is_saved_and_loaded(self_similar, tmp_path, name):
    lr = self_similar[:32, :36]
    adapted = adapt(lr, scale=2, kernel="gaussian:2.0", initialization=name, steps=2, guarded=False, projections=1)
    assert adapted.guard is None
    adapted.save(tmp_path / "mine.safetensors")
    loaded = AdaptedUpscaler.load(tmp_path / "mine.safetensors")
    np.testing.assert_array_equal(loaded(self_similar[20:50, 3:40]), adapted(self_similar[20:50, 3:40]))
    assert loaded.projections == 1


@pytest.mark.usefixtures("shipped")
def test_a_poor_initialization_falls_back_to_bicubic(self_similar):
    harmful = adapt(self_similar[:32, :36], scale=2, kernel="gaussian:2.0", steps=0)
    assert harmful.fell_back  # random weights, not adapted

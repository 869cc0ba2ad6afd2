"""The shipped initializations: cards fit weights, and adaptation with them is as good as the cards say."""

import pytest

from kukkiri import pretrained
from kukkiri.degradations import Degradation
from kukkiri.evaluation import evaluate_many

pytest.importorskip("torch", reason="needs torch")

from kukkiri import load
from kukkiri.adaptation import find_initialization, load_initialization
from kukkiri.adaptation.contenders import adapting_models

FLOORS = {  # Set5, y-mzsr, ten steps with the true kernel, dB; measured 36.16, 35.30, 36.56, 30.57
    ("gaussian:2.0+direct", 2): 36.1,
    ("gaussian:4.0,1.0,-0.5+direct", 2): 35.2,
    ("gaussian:1.3+bicubic", 2): 36.5,
    ("gaussian:2.0+direct", 4): 30.5,
}


def test_there_is_an_initialization_for_both_grids_at_two_and_for_direct_at_four():
    for degradation, scale in FLOORS:
        assert find_initialization(Degradation.parse(degradation), scale=scale) in pretrained.list_initializations()
    assert len(pretrained.list_initializations()) == 3


@pytest.mark.parametrize("name", pretrained.list_initializations())
def test_a_card_agrees_with_the_weights(name):
    card, info = pretrained.read_card(name), load(name).info
    for key in ("name", "network", "scale", "colour", "receptive_field", "training_data", "licence", "sha256"):
        assert card[key] == getattr(info, key), key
    about = card["adaptation"]
    initialization = load_initialization(name, scale=about["scale"], subsample=about["subsample"])
    assert card["parameters"] == sum(parameter.numel() for parameter in initialization.network.parameters())
    assert all(len(rates) == 10 for rates in about["rates"].values())
    assert initialization.rate("code", 0) > 0
    assert pretrained.locate(name, ".safetensors").stat().st_size < 600_000


@pytest.mark.slow
@pytest.mark.parametrize(("degradation", "scale"), FLOORS)
def test_ten_steps_on_set5_score_above_the_floor(shared, degradation, scale):
    name = find_initialization(Degradation.parse(degradation), scale=scale)
    models = adapting_models([], [name], steps=[10], threads=1)
    data = shared / "data" / "Set5"
    (found,) = evaluate_many(models, data=data, scales=[scale], protocol="y-mzsr", degradation=degradation)
    assert found.sets["Set5"].mean.psnr > FLOORS[degradation, scale]

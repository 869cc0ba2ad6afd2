"""The adversarial step against gradients by hand, and runs: exact resume, turns, collapse, colours."""

import dataclasses
import json
import logging
from math import exp, log

import numpy as np
import pytest
import torch
from torch import nn

from kukkiri.checkpoints import load
from kukkiri.errors import ConfigError, TrainingError
from kukkiri.images import Image
from kukkiri.losses import parse_loss
from kukkiri.networks import Network
from kukkiri.networks.discriminator import Discriminator
from kukkiri.training import AdversarialRecipe, Recipe, train
from kukkiri.training.adversarial.steps import CollapseCheck, adversarial_step, make_discriminator, rates_at
from kukkiri.training.setup import Part
from kukkiri.training.state import TrainingState

EXACT = 1e-5  # of float32, relative


class Gain(Network):
    """sr = gain * lr."""

    scale = 1

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, lr):
        return self.gain * lr


class Brightness(Discriminator):
    """The logit is slope * (mean of the image) + offset."""

    def __init__(self):
        super().__init__()
        self.slope, self.offset = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(-0.25))

    def forward(self, image):
        return self.slope * image.mean((1, 2, 3)) + self.offset


def sigmoid(x):
    return 1 / (1 + exp(-x))


def take_step(*, idle=frozenset(), **changes):
    """One step on an LR image of 0.8 and an HR image of 0.6, four pixels each: sr is 0.4."""
    recipe = AdversarialRecipe(name="a", network="gain", scale=1, final_share=0.0, **changes)
    network, discriminator = Gain(), Brightness()
    modules = {"network": network, "discriminator": discriminator}
    state = TrainingState(modules, {}, torch.amp.GradScaler("cpu", enabled=False), idle=idle)
    losses = (parse_loss("mse"), parse_loss("mse"))
    part = Part((torch.full((1, 1, 2, 2), 0.8), torch.full((1, 1, 2, 2), 0.6)), 0.5)
    values = adversarial_step(discriminator, recipe, network, network, losses, state, part)
    gradients = {name: p.grad and float(p.grad) for m in modules.values() for name, p in m.named_parameters()}
    return {name: float(value) for name, value in values.items()}, gradients


REAL, FAKE = 2 * 0.6 - 0.25, 2 * 0.4 - 0.25
MSE, MSE_SLOPE = 0.2**2, 2 * (0.4 - 0.6) * 0.8


def test_the_gradients_of_a_vanilla_step_are_those_by_hand():
    values, gradients = take_step(adversarial_loss="vanilla", adversarial_weight=0.1)
    fooling, loss = log(1 + exp(-FAKE)), log(1 + exp(-REAL)) + log(1 + exp(FAKE))
    assert values == {
        "loss": pytest.approx(0.5 * (MSE + 0.1 * fooling), rel=EXACT),  # 0.5 is the share of the part
        "mse": pytest.approx(0.5 * MSE, rel=EXACT),
        "adversarial": pytest.approx(0.5 * fooling, rel=EXACT),
        "discriminator": pytest.approx(0.5 * loss, rel=EXACT),
    }
    gain = MSE_SLOPE - 0.1 * sigmoid(-FAKE) * 2 * 0.8  # d fake / d gain = slope * lr
    assert gradients == {
        "gain": pytest.approx(0.5 * gain, rel=EXACT),
        "slope": pytest.approx(0.5 * (-sigmoid(-REAL) * 0.6 + sigmoid(FAKE) * 0.4), rel=EXACT),
        "offset": pytest.approx(0.5 * (-sigmoid(-REAL) + sigmoid(FAKE)), rel=EXACT),
    }


def test_the_gradients_of_a_relativistic_step_with_a_penalty_are_those_by_hand():
    """Of one image the mean is the logit itself. The gradient at each of the 4 pixels is slope / 4."""
    values, gradients = take_step(adversarial_weight=0.1, r1_weight=3.0)
    assert values["adversarial"] == pytest.approx(0.5 * log(1 + exp(REAL - FAKE)), rel=EXACT)
    assert values["discriminator"] == pytest.approx(0.5 * log(1 + exp(FAKE - REAL)), rel=EXACT)
    assert values["r1"] == pytest.approx(0.5 * (4 * (2 / 4) ** 2) / 2, rel=EXACT)
    gain = MSE_SLOPE - 0.1 * sigmoid(REAL - FAKE) * 2 * 0.8
    assert gradients["gain"] == pytest.approx(0.5 * gain, rel=EXACT)
    assert gradients["slope"] == pytest.approx(0.5 * (sigmoid(FAKE - REAL) * (0.4 - 0.6) + 3 * 2 / 4), rel=EXACT)
    assert gradients["offset"] == pytest.approx(0, abs=1e-7)


def test_a_wavelet_discriminator_sees_the_detail_bands_of_both_images():
    """Of constant images the bands are 0, so that real and fake look the same, and only the content has a gradient.

    The bands are in levels: 255 times the rounding of a sum of 14 products is up to 1e-5 in a logit.
    """
    values, gradients = take_step(adversarial_loss="vanilla", adversarial_weight=0.1, discriminator_input="wavelet")
    assert values["adversarial"] == pytest.approx(0.5 * log(1 + exp(0.25)), rel=1e-5)
    assert gradients["gain"] == pytest.approx(0.5 * MSE_SLOPE, rel=1e-5)
    assert gradients["slope"] == pytest.approx(0, abs=1e-4)
    assert gradients["offset"] == pytest.approx(0.5 * (sigmoid(-0.25) - sigmoid(0.25)), abs=1e-5)


def test_a_wavelet_discriminator_has_three_channels_and_trains(folder):
    wanted = recipe(folder, discriminator_input="wavelet")
    first = next(make_discriminator(wanted).parameters())
    assert first.shape[1] == 3
    train(wanted, stop_at=2)
    with pytest.raises(ConfigError, match="discriminator_input differs"):
        train(recipe(folder), resume=True)


def test_an_idle_network_gets_no_gradient():
    values, gradients = take_step(adversarial_loss="hinge", idle=frozenset({"network"}))
    assert values == {"discriminator": pytest.approx(0.5 * (1 - REAL + 1 + FAKE), rel=EXACT)}
    assert gradients == {"gain": None, "slope": pytest.approx(0.5 * (0.4 - 0.6), rel=EXACT), "offset": 0}


def test_the_network_is_updated_in_the_last_of_every_d_steps():
    recipe = AdversarialRecipe(
        name="a", network="espcn", scale=2, d_steps=3, discriminator_learning_rate=4e-4, learning_rate=1e-4, warmup=2,
        schedule="constant",
    )  # fmt: skip
    assert [sorted(rates_at(recipe, step)) for step in range(4)] == [
        ["discriminator"], ["discriminator"], ["discriminator", "network"], ["discriminator"],
    ]  # fmt: skip
    assert rates_at(recipe, 0)["discriminator"] == pytest.approx(2e-4)
    assert rates_at(recipe, 2) == {"network": pytest.approx(1e-4), "discriminator": pytest.approx(4e-4)}


@pytest.fixture
def folder(tmp_path, rng):
    images = tmp_path / "images"
    images.mkdir()
    for name in "ab":
        small = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8).astype(np.float32) / 255
        Image.from_array(np.kron(small, np.ones((5, 5, 1), np.float32))).save(images / f"{name}.tif")
    return images


def recipe(folder, **changes):
    values = {
        "name": "tiny", "network": "plain", "scale": 2, "arguments": {"width": 4, "depth": 1}, "data": str(folder),
        "validation": str(folder), "output": str(folder.parent / "runs"), "warmup": 2, "steps": 12, "batch": 2,
        "patch": 8, "log_every": 3, "validate_every": 6, "checkpoint_every": 4, "ema": 0.9, "threads": 1,
        "discriminator": "unet", "discriminator_arguments": {"width": 2}, "adversarial_weight": 0.1,
    }  # fmt: skip
    return AdversarialRecipe(**{**values, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"r1_weight": 0.5, "accumulate": 2},
        {
            "discriminator": "patch",
            "d_steps": 2,
            "optimizer": "soap",
            "discriminator_arguments": {"width": 2, "depth": 1},
        },
    ],
    ids=["unet", "patch"],
)
def test_a_killed_run_resumes_to_the_same_bits(folder, changes):
    train(recipe(folder, name="whole", **changes))
    settings = recipe(folder, name="killed", **changes)

    def die(line):
        if line.step == 9:
            raise RuntimeError("killed")  # after the checkpoint of step 8, without another

    with pytest.raises(RuntimeError, match="killed"):
        train(settings, report=die)
    assert torch.load(settings.folder / "checkpoint.pt", weights_only=True)["step"] == 8
    train(settings, resume=True)
    whole, resumed = (
        torch.load(folder.parent / "runs" / name / "checkpoint.pt", weights_only=True) for name in ("whole", "killed")
    )
    for part in ("modules", "averages", "optimizers"):
        left, right = (torch.utils._pytree.tree_leaves(saved[part]) for saved in (whole, resumed))
        assert len(left) == len(right) > 4
        for a, b in zip(left, right, strict=True):
            assert torch.equal(a, b) if torch.is_tensor(a) else a == b
    weights = [
        load(folder.parent / "runs" / name / "weights.safetensors").module.state_dict() for name in ("whole", "killed")
    ]
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())


def test_the_log_has_both_losses_and_the_last_weights_are_written(folder):
    settings = recipe(folder, loss={"l1": 0.5, "gradient": 0.1}, learning_rate=0.05, ema=0.0)
    path = train(settings)
    lines = [json.loads(line) for line in path.with_name("log.jsonl").read_text().splitlines()]
    for line in lines:
        terms = line["losses"]
        assert set(terms) == {"l1", "gradient", "adversarial", "discriminator"}
        total = 0.5 * terms["l1"] + 0.1 * terms["gradient"] + 0.1 * terms["adversarial"]
        assert line["loss"] == pytest.approx(total, rel=1e-4)
    last = torch.load(path.with_name("checkpoint.pt"), weights_only=True)
    saved = load(path).module.state_dict()
    assert all(torch.equal(value, last["modules"]["network"][key]) for key, value in saved.items())
    assert load(path).info.network == "plain"


def test_a_run_begins_at_the_weights_of_a_psnr_run(folder):
    shared = {field.name for field in dataclasses.fields(Recipe)}
    values = {k: v for k, v in vars(recipe(folder, name="psnr", steps=3)).items() if k in shared}
    pretrained = train(Recipe(**values))
    given = {"initialization": "transfer", "weights": str(pretrained), "learning_rate": 1e-9, "ema": 0.0, "steps": 1}
    found = load(train(recipe(folder, name="gan", **given))).module.state_dict()
    for key, value in load(pretrained).module.state_dict().items():
        torch.testing.assert_close(found[key], value, rtol=0, atol=1e-7)


def test_a_luma_network_has_a_luma_discriminator(folder):
    path = train(recipe(folder, network="espcn", arguments={"widths": [4, 4]}, steps=2, validation=""))
    checkpoint = torch.load(path.with_name("checkpoint.pt"), weights_only=True)
    assert checkpoint["modules"]["discriminator"]["conv0.weight"].shape[1] == 1


def test_a_discriminator_that_always_wins_ends_the_run_in_one_line(folder):
    settings = recipe(folder, collapse_steps=3, collapse_loss=10.0)
    with pytest.raises(TrainingError, match=r"the discriminator won at step 3: its loss has been below 10 for 3 steps"):
        train(settings)
    train(dataclasses.replace(settings, collapse_steps=0), resume=True)
    check = CollapseCheck(recipe(folder, collapse_steps=2))
    for loss in (1e-5, 1e-3, 1e-5):  # not in a row
        check(0, {"discriminator": loss})
    with pytest.raises(TrainingError):
        check(1, {"discriminator": 0.0})


def test_a_loss_that_is_not_finite_ends_the_run(folder):
    with pytest.raises(TrainingError, match=r"diverged at step \d+: the \w+ is (nan|inf)"):
        train(recipe(folder, learning_rate=1e30, warmup=0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"discriminator": "unt"}, "unknown discriminator 'unt'; did you mean 'unet'"),
        ({"discriminator": "esrgan", "discriminator_arguments": {}}, r"expected 128 x 128 pixels, got \(16, 16\)"),
        ({"discriminator_arguments": {"widht": 3}}, "unknown argument 'widht'; did you mean 'width'"),
        ({"patch": 9}, "multiples of 8.*9 x 2 = 18 HR pixels"),
        ({"discriminator_input": "wavelets"}, "unknown discriminator_input 'wavelets'; did you mean 'wavelet'"),
        ({"adversarial_loss": "wgan"}, "unknown adversarial_loss 'wgan'"),
        ({"adversarial_weight": -1.0}, "adversarial_weight must be a number from 0"),
        ({"d_steps": 0}, "d_steps must be at least 1"),
        ({"loss": {"perceptual": {"network": "vgg19"}}}, "need weights = FILE"),
    ],
)
def test_mistakes_are_said_before_training(folder, changes, message):
    with pytest.raises(ConfigError, match=message):
        train(recipe(folder, **changes))


def test_a_run_does_not_resume_with_another_discriminator(folder, caplog):
    train(recipe(folder), stop_at=2)
    with pytest.raises(ConfigError, match="discriminator_arguments differs"):
        train(recipe(folder, discriminator_arguments={"width": 4}), resume=True)
    with caplog.at_level(logging.WARNING):
        train(recipe(folder, adversarial_weight=0.2), resume=True, stop_at=3)
    assert "adversarial_weight 0.1 -> 0.2" in caplog.text

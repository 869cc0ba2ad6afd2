import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from kukkiri.checkpoints import load
from kukkiri.errors import ConfigError
from kukkiri.images import Image
from kukkiri.losses import LOSSES
from kukkiri.training import Recipe, train
from kukkiri.training.loop import Run
from kukkiri.training.validation import Validation
from tests.tolerances import FLOAT32_SAME_MATHS


@pytest.fixture
def folder(tmp_path, rng):
    images = tmp_path / "images"
    images.mkdir()
    for name in "abc":
        small = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8).astype(np.float32) / 255
        smooth = np.kron(small, np.ones((5, 5, 1), np.float32))
        Image.from_array(smooth).save(images / f"{name}.tif")
    return images


def recipe(folder, **changes):
    values = {
        "name": "tiny",
        "network": "espcn",
        "scale": 2,
        "arguments": {"widths": [8, 6]},
        "data": str(folder),
        "validation": str(folder),
        "output": str(folder.parent / "runs"),
        "centre": 0.45,
        "learning_rate": 3e-3,
        "warmup": 5,
        "steps": 40,
        "batch": 4,
        "patch": 12,
        "log_every": 10,
        "validate_every": 20,
        "checkpoint_every": 7,
        "ema": 0.9,
        "threads": 1,
    }
    return Recipe(**{**values, **changes})


def prepare(settings):
    """A run whose weights are initialized, but not yet trained."""
    run = Run(settings)
    run.recipe.folder.mkdir(parents=True)
    run.initialize()
    return run


def flatten(state):
    return torch.cat([value.detach().flatten() for value in state.values()])


def weights_of(path):
    return load(path).module.state_dict()


@pytest.mark.parametrize(
    "changes",
    [{"optimizer": "adam"}, {"optimizer": "soap"}, {"precision": "bfloat16", "channels_last": True}],
    ids=["adam", "soap", "bfloat16"],
)
def test_a_killed_run_resumes_to_the_same_bits(folder, changes):
    whole = train(recipe(folder, name="whole", **changes))
    train(recipe(folder, name="killed", **changes), stop_at=23)
    resumed = train(recipe(folder, name="killed", **changes), resume=True)
    expected, found = weights_of(whole), weights_of(resumed)
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def test_only_the_layers_compute_in_bfloat16_and_not_in_the_last_share(folder):
    run = prepare(recipe(folder, precision="bfloat16", final_share=0.25, optimizer="soap"))
    seen = []
    run.network.first_part[0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    run.train_until(40, report=None)
    assert seen == [torch.bfloat16] * 30 + [torch.float32] * 10  # the validation has a network of its own
    kept = [*run.network.parameters(), *run.average.values()]
    kept += [value for state in run.optimizer.state.values() for value in state.values() if torch.is_tensor(value)]
    assert {value.dtype for value in kept} == {torch.float32}


@pytest.mark.parametrize(("clip", "expected"), [(0.01, 0.01), (0.0, None), (1e6, None)])
def test_the_gradient_is_clipped_to_its_largest_norm(folder, clip, expected):
    """With plain gradient descent the norm of an update is the learning rate times that of the clipped gradient."""
    run = prepare(recipe(folder, clip=clip, ema=0.0, warmup=0, schedule="constant", learning_rate=0.5))
    run.optimizer = torch.optim.SGD(run.network.parameters(), lr=0.5)
    before = flatten(run.network.state_dict())
    lr, hr = run.sampler.at(0)
    (run.model(lr) - hr).abs().mean().backward()
    norm = float(torch.cat([parameter.grad.flatten() for parameter in run.network.parameters()]).norm())
    assert norm > 0.02
    run.train_until(1, report=None)
    update = float((flatten(run.network.state_dict()) - before).norm())
    assert update == pytest.approx(0.5 * (expected or norm), rel=1e-4)  # differences of float32 weights


def test_a_loss_that_a_program_enters_is_the_one_that_is_minimized(folder, monkeypatch):
    """With plain gradient descent twice the loss gives twice the update."""
    monkeypatch.setitem(LOSSES, "mine", lambda sr, hr: 2 * (sr - hr).abs().mean())
    updates = []
    for loss in ("l1", "mine"):
        run = prepare(recipe(folder, name=loss, loss=loss, ema=0.0, warmup=0, schedule="constant", learning_rate=0.5))
        run.optimizer = torch.optim.SGD(run.network.parameters(), lr=0.5)
        before = flatten(run.network.state_dict())
        run.train_until(1, report=None)
        updates.append(flatten(run.network.state_dict()) - before)
    torch.testing.assert_close(updates[1], 2 * updates[0], rtol=0, atol=FLOAT32_SAME_MATHS)


@pytest.mark.parametrize(("ema", "decays"), [(0.999, (1 / 10, 2 / 11, 3 / 12)), (0.15, (1 / 10, 0.15, 0.15))])
def test_the_average_of_the_weights_warms_up(folder, ema, decays):
    run = prepare(recipe(folder, ema=ema))
    average = flatten(run.network.state_dict())
    for step, decay in enumerate(decays, start=1):
        run.train_until(step, report=None)
        average = decay * average + (1 - decay) * flatten(run.network.state_dict())
    assert (flatten(run.average) - average).abs().max() < FLOAT32_SAME_MATHS
    assert (flatten(run.average) - flatten(run.network.state_dict())).abs().max() > 1e-4


def test_without_ema_the_average_is_the_weights(folder):
    run = prepare(recipe(folder, ema=0.0))
    run.train_until(3, report=None)
    assert torch.equal(flatten(run.average), flatten(run.network.state_dict()))


def test_channels_last_changes_nothing_but_rounding(folder):
    first, second = (weights_of(train(recipe(folder, name=str(last), channels_last=last))) for last in (False, True))
    for key, value in first.items():
        torch.testing.assert_close(second[key], value, rtol=0, atol=1e-4)  # forty updates of Adam
        assert second[key].is_contiguous()


def test_sampled_variants_are_reproduced_when_a_run_resumes(folder, tmp_path):
    sampled = {"degradation": "photo", "variants": 3}
    whole = train(recipe(folder, name="whole", **sampled))
    train(recipe(folder, name="killed", **sampled), stop_at=23)
    resumed = train(recipe(folder, name="killed", **sampled, cache=str(tmp_path / "cache")), resume=True)
    expected, found = weights_of(whole), weights_of(resumed)
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def test_a_checkpoint_from_before_a_field_was_added_resumes(folder):
    train(recipe(folder), stop_at=7)
    path = folder.parent / "runs" / "tiny" / "checkpoint.pt"
    kept = torch.load(path, weights_only=True)
    old = json.loads(kept["recipe"])
    del old["variants"]
    torch.save({**kept, "recipe": json.dumps(old)}, path)
    train(recipe(folder), resume=True, stop_at=8)
    with pytest.raises(ConfigError, match="degradation, variants differ"):
        train(recipe(folder, degradation="photo", variants=2), resume=True)


def test_a_run_that_the_system_kills_resumes_to_the_same_bits(folder):
    """SIGKILL between two checkpoints: nothing is saved, and steps and log lines are repeated."""
    whole = train(recipe(folder, name="whole", steps=150))
    settings = recipe(folder, name="killed", steps=150)
    code = (
        "import sys, time, json; from kukkiri.training import Recipe, train\n"
        "values = json.loads(sys.argv[1])\n"
        "def report(line):\n"
        "    print(line.step, flush=True)\n"
        "    time.sleep(60 if line.step >= 60 else 0)\n"
        "train(Recipe(**values), report=report)"
    )
    values = json.dumps(dataclasses.asdict(settings))
    running = subprocess.Popen([sys.executable, "-c", code, values], stdout=subprocess.PIPE, text=True)
    with running:
        for line in running.stdout:
            if int(line) >= 60:
                break
        running.kill()
    assert torch.load(settings.folder / "checkpoint.pt", weights_only=True)["step"] == 56  # the last multiple of 7
    resumed = train(settings, resume=True)
    expected, found = weights_of(whole), weights_of(resumed)
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    steps = [json.loads(line)["step"] for line in (settings.folder / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(10, 151, 10))


def test_an_interrupted_run_keeps_a_checkpoint(folder):
    def interrupt(line):
        if line.step == 30:
            raise KeyboardInterrupt

    settings = recipe(folder, checkpoint_every=1000)
    with pytest.raises(KeyboardInterrupt):
        train(settings, report=interrupt)
    assert torch.load(settings.folder / "checkpoint.pt", weights_only=True)["step"] == 30


def test_training_lowers_the_loss_and_logs_every_line(folder):
    lines = []
    settings = recipe(folder, steps=150, initialization="interpolator", optimizer="soap")
    path = train(settings, report=lines.append)
    logged = [json.loads(line) for line in (settings.folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged] == [line.step for line in lines]
    assert logged[-1]["loss"] < 0.8 * logged[0]["loss"]
    assert all(0 < line["data_share"] < 1 for line in logged)
    best = max(line["psnr"] for line in logged if line["psnr"] is not None)
    loaded = load(path)
    measured = Validation.from_folder(folder, scale=2).psnr(loaded.module, info=loaded.info)
    assert measured == pytest.approx(best, abs=1e-9)  # the very same weights, images and protocol


def test_whitened_initialization_and_transfer_to_another_scale(folder):
    first = train(recipe(folder, initialization="whitened", final_loss="mse", clip=1.0))
    second = train(
        recipe(folder, name="other", scale=3, initialization="transfer", weights=str(first), schedule="constant")
    )
    info = load(second).info
    assert (info.scale, info.network, dict(info.arguments)) == (3, "espcn", {"scale": 3, "widths": [8, 6]})


def test_another_recipe_does_not_resume_and_nothing_is_overwritten(folder):
    train(recipe(folder), stop_at=7)
    with pytest.raises(ConfigError, match="exists already"):
        train(recipe(folder))
    with pytest.raises(ConfigError, match="learning_rate differ"):
        train(recipe(folder, learning_rate=1e-3), resume=True)
    train(recipe(folder, log_every=3), resume=True)  # the interval of the log does not determine the weights


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "espnc"}, "unknown network"),
        ({"loss": "l3"}, "unknown loss 'l3'"),
        ({"data": "nowhere"}, "no such folder"),
        ({"network": "srcnn", "arguments": {}, "initialization": "whitened"}, "whitened"),
        ({"network": "srmd", "arguments": {}}, "srmd is conditioned on maps"),
        ({"network": "usrnet", "arguments": {}}, "usrnet is conditioned on kernel, noise_std"),
        ({"arguments": {"width": 3}}, "espcn does not take these arguments: .*width"),
        ({"network": "enhancenet", "arguments": {}, "scale": 3}, "enhancenet .* scale must be a power of two"),
        ({"network": "zssr", "arguments": {}}, "centre = 0.45 .* convolution with biases"),
    ],
)
def test_a_mistake_in_the_recipe_is_named(folder, changes, message):
    with pytest.raises(ConfigError, match=message):
        train(recipe(folder, **changes))

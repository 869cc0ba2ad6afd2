import dataclasses
import json

import numpy as np
import pytest
import torch

from kukkiri.checkpoints import load
from kukkiri.errors import ConfigError, ImageError, TrainingError
from kukkiri.images import Image
from kukkiri.training import MetaRecipe, read_recipe, train
from kukkiri.training.kinds import set_up
from kukkiri.training.meta import MetaValidation
from kukkiri.training.meta.steps import weights_at
from kukkiri.training.processes import World
from kukkiri.training.state import TrainingState
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_MATHS


@pytest.fixture
def folder(tmp_path, rng):
    images = tmp_path / "images"
    images.mkdir()
    for name in "ab":
        small = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8).astype(np.float32) / 255
        Image.from_array(np.kron(small, np.ones((8, 8, 1), np.float32))).save(images / f"{name}.tif")
    return images


def recipe(folder, **changes):
    values = {
        "name": "tiny",
        "network": "contextplain",
        "scale": 2,
        "arguments": {"width": 6, "depth": 2},
        "data": str(folder),
        "validation": str(folder),
        "validation_side": 48,
        "output": str(folder.parent / "runs"),
        "support": "downscaled",
        "inner_steps": 2,
        "inner_rate": 0.01,
        "learn_rates": True,
        "tasks": 2,
        "batch": 2,
        "patch": 8,
        "warmup": 2,
        "steps": 8,
        "log_every": 4,
        "validate_every": 4,
        "checkpoint_every": 3,
        "ema": 0.9,
        "threads": 1,
    }
    return MetaRecipe(**{**values, **changes})


def result(path):
    rates = path.with_name("rates.json").read_text(encoding="utf-8")
    return load(path).module.state_dict(), json.loads(rates)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "soap"},
        {"order": 1, "inner_rates": {"code": 1.0}},
        {"kernel_conditioned": True, "inner_steps": 0, "learn_rates": False},
        {"kernel_conditioned": True, "optimizer": "soap"},
        {"inner_steps": 0, "learn_rates": False, "precision": "bfloat16", "channels_last": True},
        {"network": "mzsr", "arguments": {"width": 4, "depth": 2}, "scales": (2, 3), "patch": 12, "support": "pairs"},
    ],
    ids=["soap", "code", "conditioned", "conditioned-steps", "bfloat16", "mzsr"],
)
def test_a_killed_run_resumes_to_the_same_bits(folder, changes):
    whole = train(recipe(folder, name="whole", **changes))
    train(recipe(folder, name="killed", **changes), stop_at=5)
    resumed = train(recipe(folder, name="killed", **changes), resume=True)
    (state, rates), (again, rates_again) = result(whole), result(resumed)
    assert all(torch.equal(state[key], again[key]) for key in state)
    assert rates == rates_again
    logs = [(path.parent / "log.jsonl").read_text(encoding="utf-8").splitlines() for path in (whole, resumed)]
    for line, again in zip(*(map(json.loads, log) for log in logs), strict=True):
        assert (line["step"], line["curve"]) == (again["step"], again["curve"])


def test_rates_are_learned_apart_but_those_of_zero_stay(folder):
    path = train(recipe(folder, inner_rates={"code": 0.0}, rates_learning_rate=0.1, validation=""))
    _, rates = result(path)
    assert rates["code"] == [0.0, 0.0]
    learned = np.array([values for name, values in rates.items() if name != "code"])
    assert (learned > 0).all()
    assert learned.std() > 0
    assert np.abs(np.log(learned / 0.01)).max() < 0.9  # eight updates of Adam with a rate of 0.1 at most


def test_a_run_may_be_initialized_with_the_rates_and_weights_of_another(folder):
    first = train(recipe(folder, name="first", inner_rates={"code": 2.0}))
    _, before = result(first)
    initialization = {"initialization": "transfer", "weights": str(first), "rates": str(first.with_name("rates.json"))}
    changes = {"learning_rate": 1e-12, "rates_learning_rate": 1e-12, "inner_steps": 3, "ema": 0.0, "validation": ""}
    second = train(recipe(folder, name="second", **initialization, **changes))
    state, after = result(second)
    for name, rates in before.items():
        assert after[name] == pytest.approx([*rates, rates[-1]], rel=1e-4)
    for key, value in load(first).module.state_dict().items():
        torch.testing.assert_close(state[key], value, rtol=0, atol=1e-9)


def test_the_curve_is_measured_after_each_step(folder):
    lines = []
    train(recipe(folder), report=lines.append)
    measured = [line for line in lines if line.psnr is not None]
    assert [line.step for line in measured] == [4, 8]
    assert all(len(line.curve) == 3 and line.curve[-1] == line.psnr for line in measured)
    assert measured[0].patches_per_second > 0


def test_adaptation_finds_the_kernel_that_a_conditioned_network_is_given(folder):
    """Gradient steps on the code adapt a network that was trained on given codes."""
    conditioned = recipe(
        folder, name="conditioned", kernel_conditioned=True, inner_steps=0, learn_rates=False, optimizer="soap",
        learning_rate=5e-3, steps=300, validate_every=300, log_every=300, tasks=8, batch=1, patch=16,
        smallest_variance=0.1, arguments={"width": 12, "depth": 3},
    )  # fmt: skip
    weights = load(train(conditioned)).module
    unconditioned = dataclasses.replace(
        conditioned, kernel_conditioned=False, inner_steps=6, validation_degradations=("gaussian:0.3+direct",)
    )
    zeros = (0.0,) * 6
    rates = {name: (5.0,) * 6 if name == "code" else zeros for name, _ in weights.named_parameters()}
    curve = MetaValidation.from_recipe(unconditioned).curve(weights, rates=rates)
    blind, found = curve[0], curve[-1]
    known = MetaValidation.from_recipe(
        dataclasses.replace(unconditioned, kernel_conditioned=True, inner_steps=0)
    ).curve(weights, rates={})
    assert float(weights.code.detach().abs().max()) == 0  # training leaves the code at 0
    both = MetaValidation.from_recipe(dataclasses.replace(unconditioned, kernel_conditioned=True)).curve(
        weights, rates=rates
    )
    assert both[0] == known[0]  # the steps start from the code of the kernel
    assert both[1] != known[0]
    assert known[0] > blind + 3  # dB that the known kernel gains: 6.8 to 7.6 with three seeds
    assert found > blind + 0.5 * (known[0] - blind)


def set_up_on_cpu(settings):
    torch.manual_seed(settings.seed)
    setup = set_up(settings, device=torch.device("cpu"), world=World())
    return setup, TrainingState(setup.modules, setup.optimizers, torch.amp.GradScaler("cpu", enabled=False))


@pytest.mark.parametrize("accumulate", [1, 2])
def test_without_adaptation_the_loss_is_the_mean_over_tasks_of_all_scales(folder, accumulate):
    setup, state = set_up_on_cpu(
        recipe(
            folder, network="mzsr", arguments={"width": 4, "depth": 2}, scales=(2, 3), tasks=5, hr_patch=24, batch=1,
            inner_steps=0, learn_rates=False, accumulate=accumulate,
        )
    )  # fmt: skip
    parts = setup.parts(0)
    assert len(parts) == accumulate
    tasks = [task for part in parts for task in part.data]
    assert {task.scale for task in tasks} == {2, 3}
    network = state.modules["network"]
    mean = torch.stack([task.query(network) for task in tasks]).mean()
    expected = torch.autograd.grad(mean, list(network.parameters()))
    found = sum(float(setup.step(state, part)["loss"]) for part in parts)
    assert found == pytest.approx(float(mean.detach()), rel=FLOAT32_SAME_MATHS)
    for parameter, target in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, target, rtol=1e-4, atol=1e-7)  # float32 sums in another order


def test_the_parts_of_an_update_give_the_meta_gradient_of_all_its_tasks(folder):
    gradients = []
    for accumulate in (1, 2):
        setup, state = set_up_on_cpu(recipe(folder, tasks=3, accumulate=accumulate))
        for part in setup.parts(0):
            setup.step(state, part)
        gradients.append([parameter.grad for parameter in state.parameters()])
    for whole, summed in zip(*gradients, strict=True):
        torch.testing.assert_close(summed, whole, rtol=1e-4, atol=1e-7)  # float32 sums in another order


def test_the_tasks_of_two_processes_are_those_of_one(folder):
    settings = recipe(folder, tasks=5)
    whole = set_up(settings, device=torch.device("cpu"), world=World()).parts(3)[0].data
    for rank in (0, 1):
        (part,) = set_up(settings, device=torch.device("cpu"), world=World(rank, 2, rank)).parts(3)
        assert part.share == len(part.data) / 5
        for task, expected in zip(part.data, whole[rank::2], strict=True):
            assert task.code == expected.code
            assert torch.equal(task.query_lr, expected.query_lr)
            assert torch.equal(task.support_hr, expected.support_hr)


def test_an_update_whose_inner_loop_diverges_is_left_out_and_counted(folder, monkeypatch):
    lines = []
    settings = recipe(folder, learn_rates=False, validation="", inner_rate=1e30, skip_non_finite=100)
    path = train(settings, report=lines.append)
    assert [line.skipped for line in lines] == [4, 4]
    initial = train(dataclasses.replace(settings, name="initial"), stop_at=0).with_name("checkpoint.pt")
    before = torch.load(initial, weights_only=True)["modules"]["network"]
    after = torch.load(path.with_name("checkpoint.pt"), weights_only=True)["modules"]["network"]
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_run_whose_updates_all_diverge_ends(folder):
    with pytest.raises(TrainingError, match=r"at step 3: the .* is nan, for the 3th step in a row"):
        train(recipe(folder, learn_rates=False, inner_rate=1e30, skip_non_finite=2))


@pytest.mark.parametrize(
    ("weighting", "step", "expected"),
    [
        ("constant", 0, (0.25, 0.25, 0.25, 0.25)),
        ("last", 0, (0, 0, 0, 1)),
        ("ends", 0, (0.25, 0, 0, 0.75)),
        ("annealed", 0, (0.25, 0.25, 0.25, 0.25)),
        ("annealed", 10**6, (0.0075, 0.0075, 0.0075, 0.9775)),
    ],
)
def test_the_weights_of_the_queries(weighting, step, expected):
    settings = MetaRecipe(name="", network="plain", scale=2, inner_steps=4, weighting=weighting)
    assert weights_at(settings, step) == pytest.approx(expected, abs=FLOAT64_MATHS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"kernel_conditioned": True, "inner_steps": 0, "network": "plain", "arguments": {"colour": "rgb"}},
            "got plain",
        ),
        ({"inner_rates": {"cod": 1.0}}, "has no parameter 'cod'"),
        ({"rates": "nowhere.json"}, "not the learning rates of contextplain"),
        ({"inner_loss": "l3"}, "unknown loss 'l3'"),
        ({"centre": 0.45}, "centre: not supported by meta-training"),
        ({"lr": "a", "hr": "b", "data": ""}, "lr, hr: not supported by meta-training"),
        ({"loss": {"l1": 1.0, "fft": 0.1}}, "takes the name of one loss"),
        ({"tasks": 2, "accumulate": 3}, "2 tasks cannot be divided among 1 processes and 3 parts"),
        ({"patch": 9}, "multiple of the scale"),
        ({"hr_patch": 18}, "multiple of the scale, .* got 9 at x2"),
        ({"hr_patch": -1}, "must be positive"),
        ({"precision": "bfloat16"}, "need float32"),
        ({"subsample": "lanczos"}, "unknown subsample"),
        ({"smallest_variance": 9.0}, "variances must be positive"),
        ({"tasks": 0}, "tasks must be at least 1"),
    ],
)
def test_invalid_recipes_are_refused(folder, changes, message):
    with pytest.raises(ConfigError, match=message):
        train(recipe(folder, **changes))


def test_a_checkpoint_of_another_recipe_is_refused(folder):
    train(recipe(folder), stop_at=2)
    with pytest.raises(ConfigError, match="inner_rate differ"):
        train(recipe(folder, inner_rate=0.5), resume=True)


def test_a_file_says_its_kind(tmp_path):
    file = tmp_path / "recipe.toml"
    file.write_text('kind = "meta"\nname = "a"\nnetwork = "plain"\nscale = 2\n[inner_rates]\ncode = 3.0\n')
    settings = read_recipe(file, ["tasks=7"])
    assert isinstance(settings, MetaRecipe)
    assert (settings.tasks, settings.inner_rates, settings.batch) == (7, {"code": 3.0}, 8)
    plain = tmp_path / "plain.toml"
    plain.write_text('name = "a"\nnetwork = "plain"\nscale = 2\n')
    assert not isinstance(read_recipe(plain), MetaRecipe)
    with pytest.raises(ConfigError, match="did you mean 'meta'"):
        read_recipe(file, ["kind=mata"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inner_rate": float("nan")}, "inner_rate must be a number from 0, got nan"),
        ({"inner_rate": -0.1}, "inner_rate must be a number from 0"),
        ({"inner_rates": {"code": float("inf")}}, r"inner_rates\.code must be a number from 0"),
        ({"rates_learning_rate": float("nan")}, "rates_learning_rate must be a number from 0"),
        ({"first_order_updates": -1}, "first_order_updates must not be negative"),
        ({"query_patch": -1}, "query_patch must not be negative"),
        ({"hr_patch": 1}, "hr_patch must be at least the scale"),
        ({"scales": (0, 2)}, "scales must be at least 1"),
        ({"scales": (2, 3), "patch": 12}, "contextplain upscales by 2 only"),
    ],
)
def test_values_that_would_end_a_run_later_are_refused(folder, changes, message):
    with pytest.raises(ConfigError, match=message):
        train(recipe(folder, **changes))


def test_a_validation_crop_that_cannot_be_scored_is_named(folder):
    with pytest.raises(ImageError, match=r"a\.tif: of 128x128, 4x4 are left at scale 2, validation_side = 7"):
        train(recipe(folder, validation_side=7))

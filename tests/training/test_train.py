import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from kukkiri.checkpoints import load
from kukkiri.data import PairSet
from kukkiri.errors import ConfigError, ImageError, TrainingError
from kukkiri.images import Image
from kukkiri.losses import LOSSES
from kukkiri.training import Recipe, Stage, ValidationSet, train
from kukkiri.training.centring import Centred
from kukkiri.training.kinds import set_up
from kukkiri.training.log import Meter
from kukkiri.training.processes import World
from kukkiri.training.run_folder import RunFolder
from kukkiri.training.state import TrainingState
from kukkiri.training.train import run
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


class Prepared:
    """A run whose weights are initialized, but not yet trained."""

    def __init__(self, settings):
        self.recipe, self.folder = settings, RunFolder(settings.folder)
        self.folder.path.mkdir(parents=True)
        torch.manual_seed(settings.seed)
        self.setup = set_up(settings, device=torch.device("cpu"), world=World())
        self.state = TrainingState(
            self.setup.modules, self.setup.optimizers, torch.amp.GradScaler("cpu", enabled=False)
        )
        self.setup.initialize()
        self.state.begin_averages(settings.emas)
        self.network = self.state.modules["network"]

    def train_until(self, last):
        run(self.recipe, self.setup, self.state, last=last, folder=self.folder)

    def replace_optimizer(self, optimizer):
        self.state.optimizers["network"] = optimizer

    def average(self, ema):
        return self.state.averages[ema]["network"]


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
    made = Prepared(recipe(folder, precision="bfloat16", final_share=0.25, optimizer="soap"))
    seen = []
    made.network.first_part[0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    made.train_until(40)
    assert seen == [torch.bfloat16] * 30 + [torch.float32] * 10  # the validation has a network of its own
    kept = [*made.network.parameters(), *made.average(0.9).values()]
    kept += [
        value
        for state in made.state.optimizers["network"].state.values()
        for value in state.values()
        if torch.is_tensor(value)
    ]
    assert {value.dtype for value in kept} == {torch.float32}


@pytest.mark.parametrize(("clip", "expected"), [(0.01, 0.01), (0.0, None), (1e6, None)])
def test_the_gradient_is_clipped_to_its_largest_norm(folder, clip, expected):
    """With plain gradient descent the norm of an update is the learning rate times that of the clipped gradient."""
    made = Prepared(recipe(folder, clip=clip, ema=0.0, warmup=0, schedule="constant", learning_rate=0.5))
    made.replace_optimizer(torch.optim.SGD(made.network.parameters(), lr=0.5))
    before = flatten(made.network.state_dict())
    ((part,)) = made.setup.parts(0)
    lr, hr = part.data
    (Centred(made.network, centre=0.45)(lr) - hr).abs().mean().backward()
    norm = float(torch.cat([parameter.grad.flatten() for parameter in made.network.parameters()]).norm())
    assert norm > 0.02
    made.train_until(1)
    update = float((flatten(made.network.state_dict()) - before).norm())
    assert update == pytest.approx(0.5 * (expected or norm), rel=1e-4)  # differences of float32 weights


def test_a_loss_that_a_program_enters_is_the_one_that_is_minimized(folder, monkeypatch):
    """With plain gradient descent twice the loss gives twice the update."""
    monkeypatch.setitem(LOSSES, "mine", lambda sr, hr: 2 * (sr - hr).abs().mean())
    updates = []
    for loss in ("l1", "mine"):
        made = Prepared(recipe(folder, name=loss, loss=loss, ema=0.0, warmup=0, schedule="constant", learning_rate=0.5))
        made.replace_optimizer(torch.optim.SGD(made.network.parameters(), lr=0.5))
        before = flatten(made.network.state_dict())
        made.train_until(1)
        updates.append(flatten(made.network.state_dict()) - before)
    torch.testing.assert_close(updates[1], 2 * updates[0], rtol=0, atol=FLOAT32_SAME_MATHS)


@pytest.mark.parametrize(("ema", "decays"), [(0.999, (1 / 10, 2 / 11, 3 / 12)), (0.15, (1 / 10, 0.15, 0.15))])
def test_the_average_of_the_weights_warms_up(folder, ema, decays):
    made = Prepared(recipe(folder, ema=ema))
    average = flatten(made.network.state_dict())
    for step, decay in enumerate(decays, start=1):
        made.train_until(step)
        average = decay * average + (1 - decay) * flatten(made.network.state_dict())
    assert (flatten(made.average(ema)) - average).abs().max() < FLOAT32_SAME_MATHS
    assert (flatten(made.average(ema)) - flatten(made.network.state_dict())).abs().max() > 1e-4


def test_without_ema_the_average_is_the_weights(folder):
    made = Prepared(recipe(folder, ema=0.0))
    made.train_until(3)
    assert torch.equal(flatten(made.average(0.0)), flatten(made.network.state_dict()))


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
    with pytest.raises(ConfigError, match="was trained on other images, or on LR images made in another way"):
        train(recipe(folder, degradation="photo", variants=2), resume=True)


def test_a_run_that_the_system_kills_resumes_to_the_same_bits(folder):
    """SIGKILL between two checkpoints: nothing is saved, and steps and log lines are repeated."""
    whole = train(recipe(folder, name="whole", steps=150))
    settings = recipe(folder, name="killed", steps=150)
    code = (
        "import sys, time, json; from kukkiri.training import Recipe, Stage, ValidationSet, train\n"
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


def test_a_validation_that_a_signal_ends_is_done_when_the_run_goes_on(folder, monkeypatch):
    """Also that of the last step, after which there is nothing left to train."""
    whole = []
    expected = weights_of(train(recipe(folder, name="whole"), report=whole.append))

    def interrupt(*arguments, **keywords):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["kukkiri.training.train"], "validate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(recipe(folder, name="ended", validate_every=40))
    lines = []
    found = weights_of(train(recipe(folder, name="ended", validate_every=40), resume=True, report=lines.append))
    assert [(line.step, line.psnr) for line in lines] == [(40, whole[-1].psnr)]
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    logged = (folder.parent / "runs" / "ended" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in logged] == [10, 20, 30, 40]
    assert json.loads(logged[-1])["loss"] is None  # what the steps since the last line cost is not known any more


def test_a_line_of_the_log_after_which_a_signal_came_is_not_doubled(folder):
    def interrupt(line):
        if line.step == 20:  # a validation: the line is on the disk
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe(folder), report=interrupt)
    path = train(recipe(folder), resume=True).with_name("log.jsonl")
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [10, 20, 30, 40]


def test_another_validation_chooses_the_best_weights_anew(folder, caplog):
    """A PSNR on other images, or after another degradation, is no measure for the next ones."""
    hard = {"validation_degradation": "bicubic+noise:0.2"}
    first = train(recipe(folder, learning_rate=3e-4))
    before = weights_of(first)
    lines = []
    second = train(recipe(folder, learning_rate=3e-4, steps=60, **hard), resume=True, report=lines.append)
    kept = torch.load(second.with_name("checkpoint.pt"), weights_only=True)
    assert kept["best"] == max(line.psnr for line in lines if line.psnr is not None)
    assert any(not torch.equal(before[key], value) for key, value in weights_of(second).items())
    assert "validation changed" in caplog.text
    caplog.clear()
    train(recipe(folder, learning_rate=3e-4, steps=61, **hard), resume=True)
    assert "validation changed" not in caplog.text


def test_weights_that_are_gone_are_written_at_the_next_validation(folder):
    path = train(recipe(folder), stop_at=21)
    path.unlink()
    torch_state = torch.load(path.with_name("checkpoint.pt"), weights_only=True)
    torch.save({**torch_state, "best": 200.0}, path.with_name("checkpoint.pt"))
    train(recipe(folder), resume=True)
    assert path.exists()


def test_a_term_that_is_active_in_a_part_of_the_steps_is_logged_and_averaged_over_them(folder):
    lines, both = [], {"l1": 1.0, "mse": {"weight": 2.0, "from": 0.5}}
    train(recipe(folder, loss=both, log_every=5), report=lines.append)
    assert [sorted(line.losses) for line in lines] == [["l1"]] * 4 + [["l1", "mse"]] * 4
    meter = Meter()
    meter.count({"loss": 1.0, "gradient_norm": 1.0, "l1": 2.0})
    meter.count({"loss": 3.0, "gradient_norm": 2.0, "l1": 4.0, "mse": 5.0})
    line = meter.line(recipe(folder), 2, rate=0.1)
    assert (line.loss, line.gradient_norm, line.losses) == (2.0, 1.5, {"l1": 3.0, "mse": 5.0})


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


def test_nothing_is_overwritten(folder):
    train(recipe(folder), stop_at=7)
    with pytest.raises(ConfigError, match="exists already"):
        train(recipe(folder))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arguments": {"widths": [8, 5]}}, "is of another recipe: arguments differs"),
        ({"network": "plain", "arguments": {}}, "network, arguments differ"),
        ({"optimizer": "soap"}, "optimizer differs"),
        ({"ema": (0.9, 0.99)}, "emas differs"),
        ({"centre": 0.0}, "centre differs"),
        ({"degradation": "bd"}, "was trained on other images"),
    ],
)
def test_another_network_or_data_set_does_not_resume(folder, change, message):
    train(recipe(folder), stop_at=7)
    with pytest.raises(ConfigError, match=message):
        train(recipe(folder, **change), resume=True)


def test_other_images_do_not_resume_but_the_same_in_another_place_do(folder):
    train(recipe(folder), stop_at=7)
    moved = folder.rename(folder.with_name("moved"))
    train(recipe(folder, data=str(moved), validation=str(moved)), resume=True, stop_at=8)
    (moved / "c.tif").unlink()
    with pytest.raises(ConfigError, match="was trained on other images"):
        train(recipe(folder, data=str(moved), validation=str(moved)), resume=True)


def test_more_steps_and_another_rate_go_on_and_are_told(folder, caplog):
    train(recipe(folder))
    path = train(recipe(folder, steps=60, learning_rate=1e-3, log_every=3), resume=True)
    messages = [record.message for record in caplog.records if "changed recipe" in record.message]
    assert messages == ["going on with a changed recipe: learning_rate 0.003 -> 0.001, steps 40 -> 60"]
    assert torch.load(path.with_name("checkpoint.pt"), weights_only=True)["step"] == 60
    assert json.loads(path.with_name("recipe.json").read_text())["steps"] == 60


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None])
def test_a_damaged_checkpoint_is_named(folder, damage):
    path = train(recipe(folder), stop_at=7).with_name("checkpoint.pt")
    path.write_bytes(path.read_bytes()[:1000] if damage is None else damage)
    with pytest.raises(ConfigError, match=r"checkpoint\.pt: is damaged, or no checkpoint"):
        train(recipe(folder), resume=True)


def test_a_checkpoint_of_an_older_version_is_named(folder):
    path = train(recipe(folder), stop_at=7).with_name("checkpoint.pt")
    torch.save({"network": {}}, path)
    with pytest.raises(ConfigError, match="was written by another version of kukkiri"):
        train(recipe(folder), resume=True)


def test_a_rate_that_diverges_ends_the_run_and_the_last_checkpoint_is_good(folder):
    plain = {"network": "plain", "arguments": {"width": 4, "depth": 3}}
    settings = recipe(folder, schedule="constant", warmup=0, checkpoint_every=5, **plain)
    train(settings, stop_at=20)
    good = (settings.folder / "checkpoint.pt").read_bytes()
    weights = (settings.folder / "weights.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=r"diverged at step 2\d: the loss is (nan|inf); the largest gradient is"):
        train(dataclasses.replace(settings, learning_rate=1e30), resume=True)
    assert (settings.folder / "checkpoint.pt").read_bytes() == good
    assert (settings.folder / "weights.safetensors").read_bytes() == weights


def test_data_that_are_not_finite_end_the_run_at_their_step(folder, monkeypatch):
    steps = []

    def loss(sr, hr):
        steps.append(len(steps) + 1)
        return (sr - hr).abs().mean() * (float("nan") if len(steps) == 13 else 1.0)

    monkeypatch.setitem(LOSSES, "broken", loss)
    settings = recipe(folder, loss="broken")
    with pytest.raises(TrainingError, match="diverged at step 13: the loss is nan"):
        train(settings)
    kept = torch.load(settings.folder / "checkpoint.pt", weights_only=True)
    assert kept["step"] == 7
    assert all(value.isfinite().all() for value in kept["modules"]["network"].values())


def test_updates_that_are_not_finite_may_be_left_out(folder, monkeypatch):
    calls = []

    def loss(sr, hr):
        calls.append(1)
        return (sr - hr).abs().mean() * (float("nan") if len(calls) % 10 == 3 else 1.0)

    monkeypatch.setitem(LOSSES, "broken", loss)
    lines = []
    path = train(recipe(folder, loss="broken", skip_non_finite=1), report=lines.append)
    assert [line.skipped for line in lines] == [1, 1, 1, 1]
    assert all(value.isfinite().all() for value in weights_of(path).values())


@pytest.mark.parametrize("changes", [{}, {"batch": 5}, {"optimizer": "soap"}])
def test_accumulated_gradients_are_those_of_the_whole_batch(folder, changes):
    gradients = []
    for accumulate in (1, 3):
        made = Prepared(recipe(folder, name=str(accumulate), accumulate=accumulate, **changes))
        parts = made.setup.parts(0)
        assert len(parts) == accumulate
        assert sum(part.share for part in parts) == pytest.approx(1.0)
        for part in parts:
            made.setup.step(made.state, part)
        gradients.append([parameter.grad for parameter in made.state.parameters()])
    for whole, summed in zip(*gradients, strict=True):
        torch.testing.assert_close(summed, whole, rtol=1e-4, atol=1e-7)  # float32 sums in another order


def test_stages_change_the_sizes_and_resume_exactly(folder):
    stages = (Stage(start=0.0, patch=8, batch=6), Stage(start=0.5, patch=14, batch=2))
    made = Prepared(recipe(folder, stages=stages))
    shapes = [tuple(made.setup.parts(step)[0].data[0].shape) for step in (0, 19, 20)]
    assert shapes == [(6, 1, 8, 8), (6, 1, 8, 8), (2, 1, 14, 14)]
    whole = train(recipe(folder, name="whole", stages=stages))
    train(recipe(folder, name="killed", stages=stages), stop_at=23)
    resumed = train(recipe(folder, name="killed", stages=stages), resume=True)
    expected, found = weights_of(whole), weights_of(resumed)
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def test_a_stage_that_no_image_fits_is_refused_at_the_start(folder):
    with pytest.raises(ConfigError, match="smaller than a patch of 99"):
        train(recipe(folder, stages=(Stage(start=0.9, patch=99),)))


def test_several_averages_are_scored_and_the_best_is_written(folder):
    lines = []
    path = train(recipe(folder, ema=(0.0, 0.5, 0.9)), report=lines.append)
    last = lines[-1]
    assert last.ema in (0.0, 0.5, 0.9)
    kept = torch.load(path.with_name("checkpoint.pt"), weights_only=True)
    assert set(kept["averages"]) == {0.0, 0.5, 0.9}
    assert kept["best"] == max(line.psnr for line in lines if line.psnr is not None)
    assert torch.equal(
        kept["averages"][0.0]["network"]["last_part.0.weight"], kept["modules"]["network"]["last_part.0.weight"]
    )


def test_several_validation_sets_are_logged_and_weighted(folder):
    sets = {
        "clean": ValidationSet(folder=str(folder), weight=3.0),
        "noisy": ValidationSet(folder=str(folder), degradation="bicubic+noise:0.1", weight=1.0),
        "watched": ValidationSet(folder=str(folder), degradation="bd", weight=0.0),
    }
    lines = []
    train(recipe(folder, validation="", validation_sets=sets), report=lines.append)
    scores = lines[-1].scores
    assert list(scores) == ["clean", "noisy", "watched"]
    assert lines[-1].psnr == pytest.approx((3 * scores["clean"] + scores["noisy"]) / 4)
    assert scores["clean"] > scores["noisy"] + 0.1


def test_a_loss_of_several_terms_logs_each(folder):
    lines = []
    train(recipe(folder, loss={"l1": 1.0, "fft": 0.05, "lr-consistency": 0.1}), report=lines.append)
    terms = lines[0].losses
    assert set(terms) == {"l1", "fft", "lr-consistency"}
    assert lines[0].loss == pytest.approx(terms["l1"] + 0.05 * terms["fft"] + 0.1 * terms["lr-consistency"], rel=1e-5)
    assert lines[0].gradient_norm > 0


def test_paired_folders_train_as_the_degraded_folder_does(folder, tmp_path):
    """LR images that bicubic downscaling made and a user saved give the same weights as those made on the fly."""
    whole = train(recipe(folder, name="made"))
    pairs = PairSet.from_folder(folder, scale=2, colour="y")
    for name in ("lr", "hr"):
        (tmp_path / name).mkdir()
        for pair in pairs:
            Image.from_array(getattr(pair, name)).save(tmp_path / name / f"{pair.name}.png")
    changes = {"data": "", "lr": str(tmp_path / "lr"), "hr": str(tmp_path / "hr")}
    paired = train(recipe(folder, name="paired", **changes))
    expected, found = weights_of(whole), weights_of(paired)
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def test_a_network_with_collapsible_blocks_is_saved_folded(folder):
    arguments = {"width": 4, "depth": 2, "expansion": 2, "kernel_size": 3}
    path = train(recipe(folder, network="sesr", arguments=arguments))
    loaded = load(path)
    assert loaded.info.arguments["deployed"] is True
    assert not any("expand" in key for key in loaded.module.state_dict())
    best = max(json.loads(line)["psnr"] or 0 for line in path.with_name("log.jsonl").read_text().splitlines())
    measured = Validation.from_folder(folder, scale=2).psnr(loaded.module, info=loaded.info)
    assert measured == pytest.approx(best, abs=1e-9)


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


def test_a_compiled_network_is_called_and_its_own_weights_are_saved(folder, monkeypatch):
    called = []

    def compile_module(module):
        return lambda lr: (called.append(1), module(lr))[1]

    monkeypatch.setattr(torch, "compile", compile_module)
    compiled = weights_of(train(recipe(folder, name="compiled", compile=True)))
    assert len(called) == 40
    plain = weights_of(train(recipe(folder, name="plain")))
    assert all(torch.equal(plain[key], compiled[key]) for key in plain)


def test_the_centre_is_in_the_units_of_images_also_for_a_network_on_0_to_255(folder):
    arguments = {"width": 4, "depth": 1}
    made = Prepared(recipe(folder, network="edsr", arguments=arguments, centre=0.45))
    assert made.network.value_range == 255.0
    path = folder / "centred.safetensors"
    made.setup.validate(made.state.averages[0.9]).write(path)
    lr, shift = torch.rand(1, 3, 9, 8) * 255, 0.45 * 255
    with torch.no_grad():  # both mean shifts are 1x1 convolutions, so that the borders are the same, too
        torch.testing.assert_close(
            load(path).module(lr), made.network(lr - shift) + shift, rtol=0, atol=255 * FLOAT32_SAME_MATHS
        )


@pytest.mark.parametrize("side", [1, 4])
def test_a_validation_image_that_cannot_be_scored_is_named_before_the_first_step(folder, tmp_path, side):
    small = tmp_path / "small"
    small.mkdir()
    Image.from_array(np.zeros((side, 40, 3), np.float32)).save(small / "line.png")
    with pytest.raises(ImageError, match=rf"line\.png: 40x{side // 2 * 2} at scale 2 is too small to be scored"):
        train(recipe(folder, validation=str(small)))
    assert not (folder.parent / "runs").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "nul\0"])
def test_a_name_that_leads_to_another_place_is_refused(folder, name):
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(ConfigError, match="name must be that of a folder"):
        train(recipe(folder, name=name))
    assert sorted(folder.parent.rglob("*")) == before


def test_a_checkpoint_that_the_disk_has_no_room_for_is_named_and_the_last_one_is_kept(folder):
    resource = pytest.importorskip("resource")  # POSIX
    settings = recipe(folder, validation="")
    kept = train(settings, stop_at=7).with_name("checkpoint.pt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(kept) // 2, limits[1]))
    try:
        with pytest.raises(TrainingError, match=r"checkpoint\.pt: could not be written at step 14"):
            train(settings, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (settings.folder / "checkpoint.pt").read_bytes() == kept
    assert not [path for path in settings.folder.iterdir() if "tmp" in path.name]


def test_an_empty_table_is_no_final_loss(folder):
    with pytest.raises(ConfigError, match="final_loss must be the name of a loss"):
        train(recipe(folder, final_loss={}))


def test_fewer_steps_than_are_done_do_not_resume(folder):
    path = train(recipe(folder, steps=10)).with_name("recipe.json")
    with pytest.raises(ConfigError, match=r"checkpoint\.pt: has done 10 steps, more than steps = 6"):
        train(recipe(folder, steps=6), resume=True)
    assert json.loads(path.read_text())["steps"] == 10


@pytest.mark.parametrize("line", ["garbage\n", "{}\n", "3\n"])
def test_a_damaged_log_is_named(folder, line):
    path = train(recipe(folder), stop_at=10).with_name("log.jsonl")
    path.write_text(line + path.read_text())
    with pytest.raises(ConfigError, match=r"log\.jsonl: is damaged"):
        train(recipe(folder), resume=True)

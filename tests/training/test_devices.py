"""Training makes every tensor on its device: on one that is pretended it ends in the same bits as on the CPU.

:mod:`tests.pretended_device` needs no hardware, and refuses every operation across two devices.
"""

import json
import pickle
from functools import partial

import numpy as np
import pytest
import torch

from kukkiri.adaptation import AdaptedUpscaler, Initialization, Settings, adapt
from kukkiri.checkpoints import load
from kukkiri.devices import resolve_device
from kukkiri.errors import ConfigError, KukkiriError, TrainingError
from kukkiri.evaluation import evaluate, evaluate_many
from kukkiri.explain import attribute, find_attention
from kukkiri.images import Image
from kukkiri.inference import Upscaler
from kukkiri.losses import LOSSES
from kukkiri.networks import NETWORKS
from kukkiri.training import MetaRecipe, Recipe, train
from kukkiri.training.kinds import set_up
from kukkiri.training.processes import World
from kukkiri.training.recipe import Stage
from kukkiri.training.soap import SOAP
from kukkiri.training.state import TrainingState
from kukkiri.training.updates import clip_gradients
from kukkiri.training.validation import Validation
from tests.pretended_device import DEVICE, TwoDevicesError, pretended_device
from tests.tolerances import FLOAT32_SAME_MATHS, PSNR_DB

ON_LUMA = {"network": "plain", "arguments": {"width": 6, "depth": 2}}


@pytest.fixture
def folder(tmp_path, rng):
    images = tmp_path / "images"
    images.mkdir()
    for name in "ab":
        small = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8).astype(np.float32) / 255
        Image.from_array(np.kron(small, np.ones((6, 6, 1), np.float32))).save(images / f"{name}.tif")
    return images


def recipe(folder, *, kind=Recipe, **changes):
    values = {
        "name": "tiny",
        "network": "espcn",
        "scale": 2,
        "arguments": {"widths": [8, 6]},
        "data": str(folder),
        "validation": str(folder),
        "output": str(folder.parent / "runs"),
        "device": "cpu",
        "learning_rate": 3e-3,
        "warmup": 2,
        "steps": 4,
        "batch": 4,
        "patch": 8,
        "log_every": 2,
        "validate_every": 2,
        "checkpoint_every": 3,
        "ema": 0.9,
        "threads": 1,
        "prefetch": 0,  # its thread would leave the pretended device
    }
    return kind(**{**values, **changes})


def meta(folder, **changes):
    values = {
        "kind": MetaRecipe,
        "network": "contextplain",
        "arguments": {"width": 6, "depth": 2},
        "validation_side": 48,
        "inner_steps": 2,
        "learn_rates": True,
        "tasks": 2,
        "batch": 2,
    }
    return recipe(folder, **{**values, **changes})


def weights_and_log(path):
    lines = [json.loads(line) for line in path.with_name("log.jsonl").read_text(encoding="utf-8").splitlines()]
    rates = path.with_name("rates.json")
    return (
        load(path).module.state_dict(),
        [(line["step"], line["psnr"]) for line in lines],
        rates.read_text(encoding="utf-8") if rates.exists() else "",
    )


def assert_device_makes_no_difference(make, folder, *, tolerance=0.0):
    """Train on the CPU; then on the pretended device, in two runs, of which the second resumes the first."""
    expected, log, rates = weights_and_log(train(make(folder, name="there")))
    with pretended_device() as device:
        train(make(folder, name="here", device=DEVICE.type), stop_at=3)
        path = train(make(folder, name="here", device=DEVICE.type), resume=True)
    found, log_found, rates_found = weights_and_log(path)
    assert device.operations > 100
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, atol=tolerance, rtol=0)
    assert rates_found == rates
    for line, line_found in zip(log, log_found, strict=True):
        assert line_found == pytest.approx(line, abs=100 * tolerance)  # decibels


SUPERVISED = {
    "adam": {},
    "soap": {"optimizer": "soap", "steps": 14, "validate_every": 14},  # beyond the first refresh of the eigenbasis
    "centred": {"centre": 0.45},
    "clipped": {"clip": 0.01, "accumulate": 3, "ema": 0.0},
    "averages": {"ema": (0.5, 0.9), "clip": 0.01},
    "stages": {"stages": (Stage(start=0.5, patch=12, batch=2),)},
    "device patches": {"data_on_device": "always"},
    "device patches in rgb": {"data_on_device": "always", **ON_LUMA, "arguments": {"colour": "rgb", "width": 6}},
    "channels last": {"channels_last": True, "final_share": 0.5, "final_loss": "mse"},
    "interpolator": {"initialization": "interpolator"},
    "whitened": {"initialization": "whitened", "centre": 0.45, "patch": 16},
    "white 255": {"network": "edsr", "arguments": {"width": 4, "depth": 1}},
    "pre-upsampled": {"network": "vdsr", "arguments": {"width": 3, "depth": 3}},
    "second order": {"network": "san", "arguments": {"width": 16, "groups": 1, "blocks": 1, "reduction": 4}},
    "all losses": {"loss": dict.fromkeys(sorted(LOSSES), 0.1)},
}


@pytest.mark.parametrize("name", SUPERVISED)
def test_supervised_training_is_the_same_on_another_device(folder, name):
    # covariances are differentiated in one piece on the CPU, and as products here
    tolerance = FLOAT32_SAME_MATHS if name == "second order" else 0.0
    assert_device_makes_no_difference(partial(recipe, **SUPERVISED[name]), folder, tolerance=tolerance)


@pytest.mark.parametrize(
    "network", [ON_LUMA, {"network": "fsrcnn", "arguments": {}}, {}], ids=["plain", "fsrcnn", "espcn"]
)
@pytest.mark.parametrize("scale", [2, 3])
def test_transferred_weights_and_solved_heads_are_the_same(folder, network, scale):
    weights = train(recipe(folder, name="first", validation="", **network))
    changes = {
        "initialization": "transfer",
        "weights": str(weights),
        "scale": scale,
        "centre": 0.45,
        "patch": 24,
    }
    assert_device_makes_no_difference(partial(recipe, **changes, **network), folder)


def test_widened_weights_are_the_same(folder):
    weights = train(recipe(folder, name="first", validation="", **ON_LUMA))
    wider = {"network": "plain", "arguments": {"width": 8, "depth": 3}}
    changes = {"initialization": "widened", "weights": str(weights), "centre": 0.45, **wider}
    assert_device_makes_no_difference(partial(recipe, **changes), folder)


META = {
    "second order": {},
    "first order": {"order": 1},
    "first order at first": {"first_order_updates": 2, "weighting": "annealed"},
    "fixed rates": {"learn_rates": False, "weighting": "last"},
    "conditioned": {"kernel_conditioned": True, "optimizer": "soap", "support": "downscaled"},
    "joint": {"inner_steps": 0, "learn_rates": False, "accumulate": 2},
    "joint, conditioned": {"inner_steps": 0, "learn_rates": False, "kernel_conditioned": True, "channels_last": True},
    "mzsr at several scales": {"network": "mzsr", "arguments": {"width": 4, "depth": 2}, "scales": (2, 3), "patch": 12},
}


@pytest.mark.parametrize("changes", META.values(), ids=META)
def test_meta_training_is_the_same_on_another_device(folder, changes):
    assert_device_makes_no_difference(partial(meta, **changes), folder)


def test_a_diverging_run_is_told_from_another_device(folder):
    with pretended_device(), pytest.raises(TrainingError, match=r"diverged at step \d+: .*largest gradient is"):
        train(recipe(folder, device=DEVICE.type, learning_rate=1e30, steps=30, warmup=0, **ON_LUMA))


def prepared(folder, **changes):
    """The setup and the state of a run on the pretended device."""
    setup = set_up(recipe(folder, **changes), device=DEVICE, world=World())
    state = TrainingState(setup.modules, setup.optimizers, torch.amp.GradScaler("cpu", enabled=False))
    setup.initialize()
    return setup, state


def test_a_number_on_the_cpu_is_refused_in_a_step(folder, monkeypatch):
    """The proof itself: what torch lets pass, a scalar of the CPU beside tensors of the device, is seen here."""
    real = torch.Tensor.float
    with pretended_device():
        setup, state = prepared(folder)
        (part,) = setup.parts(0)
        setup.step(state, part)
        monkeypatch.setattr(torch.Tensor, "float", lambda tensor: real(tensor) + torch.zeros(()))
        with pytest.raises(TwoDevicesError, match=r"aten.add.Tensor: .* on meta, \(\) on cpu"):
            setup.step(state, part)


def test_state_that_an_optimizer_makes_on_the_cpu_is_refused(folder, monkeypatch):
    with pretended_device():
        setup, state = prepared(folder, optimizer="soap")
        setup.step(state, setup.parts(0)[0])
        state.optimizers["network"].step()
        for values in state.optimizers["network"].state.values():
            assert {value.device for value in values.values() if isinstance(value, torch.Tensor)} == {DEVICE}
        monkeypatch.setattr("kukkiri.training.soap._eigenbasis", lambda covariance: torch.eye(len(covariance)))
        state.optimizers["network"].state.clear()
        state.optimizers["network"].step()
        with pytest.raises(TwoDevicesError):
            state.optimizers["network"].step()


def test_the_norm_of_the_gradient_stays_on_the_device(folder):
    with pretended_device():
        setup, state = prepared(folder)
        setup.step(state, setup.parts(0)[0])
        norms = [norm for largest in (0.0, 0.01) for norm in clip_gradients(state, largest).values()]
        assert norms
        assert {norm.device for norm in norms} == {DEVICE}


def test_decompositions_run_on_the_cpu_in_float64_where_the_device_has_none(monkeypatch):
    """Apple's GPUs have no float64, and their eigh and qr are not implemented."""
    real_eigh, real_qr, seen = torch.linalg.eigh, torch.linalg.qr, []

    def guarded(function, matrix):
        seen.append((matrix.device.type, matrix.dtype))
        return function(matrix)

    monkeypatch.setattr(torch.linalg, "eigh", lambda matrix: guarded(real_eigh, matrix))
    monkeypatch.setattr(torch.linalg, "qr", lambda matrix: guarded(real_qr, matrix))
    with pretended_device():
        weight = torch.nn.Parameter(torch.rand(4, 3).to(DEVICE))
        optimizer = SOAP([weight], lr=0.01, refresh=1)
        for _ in range(3):
            weight.grad = torch.rand(4, 3).to(DEVICE)
            optimizer.step()
        assert weight.device == DEVICE
    assert {device for device, _ in seen} == {"cpu"}
    assert (("cpu", torch.float64)) in seen


def test_float64_is_never_made_on_the_device(folder):
    """Apple's GPUs have none: not in a whole run with SOAP, a solved head, validation and adaptation."""
    with pretended_device(float64=False):
        train(recipe(folder, device=DEVICE.type, optimizer="soap", initialization="whitened", centre=0.45, patch=16))
        train(meta(folder, name="meta", device=DEVICE.type))


def photograph(folder):
    return sorted(folder.iterdir())[0]


torch.manual_seed(0)
MZSR_WEIGHTS = Initialization("mine", NETWORKS["mzsr"](scale=2, width=8, depth=3).eval(), "direct", (0.02, 0.01))


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("zssr", {"steps": 3, "settings": Settings(width=8, depth=3, crop=32)}),
        ("zssr", {"steps": 2, "settings": Settings(width=8, depth=3, crop=32, gradual=True), "noise_std": 0.02}),
        (None, {"kernel": "gaussian:2.0", "steps": 2, "noise_std": 0.02, "initialization": MZSR_WEIGHTS}),
        (None, {"kernel": "gaussian:2.0", "steps": 2, "projections": 2}),
    ],
    ids=["zssr", "gradual", "mzsr", "shipped"],
)
def test_adaptation_is_the_same_on_another_device(folder, method, options):
    image = photograph(folder)
    expected = adapt(image, scale=2, method=method, device="cpu", **options)
    with pretended_device() as device:
        found = adapt(image, scale=2, method=method, device=DEVICE.type, **options)
        results = expected(image).colour, found(image).colour
    assert device.operations > 100
    assert found.guard == expected.guard
    assert np.array_equal(*results)


def test_a_saved_adaptation_is_loaded_on_a_device(folder, tmp_path):
    adapted = adapt(photograph(folder), scale=2, kernel="gaussian:2.0", steps=1, guarded=False, device="cpu")
    adapted.save(tmp_path / "mine.safetensors")
    with pretended_device() as device:
        loaded = AdaptedUpscaler.load(tmp_path / "mine.safetensors", device=DEVICE.type)
        assert np.array_equal(loaded(photograph(folder)).colour, adapted(photograph(folder)).colour)
    assert device.operations > 10


def test_torch_weights_are_evaluated_and_run_on_a_device(folder):
    weights = str(train(recipe(folder, steps=2)))
    expected = evaluate(weights, data=folder, scale=2).sets["images"].images
    with pretended_device() as device:
        assert evaluate(weights, data=folder, scale=2, device=DEVICE.type).sets["images"].images == expected
        operations = device.operations
        assert operations > 10
        upscaler = pickle.loads(pickle.dumps(Upscaler(weights, device=DEVICE.type)))
        assert [str(engine.device) for engine in upscaler.engines] == [DEVICE.type]
        assert np.array_equal(upscaler(photograph(folder)).colour, Upscaler(weights)(photograph(folder)).colour)
        loaded = Upscaler(load(weights), device=DEVICE.type)
        assert [str(engine.device) for engine in loaded.engines] == [DEVICE.type]


def test_networks_are_explained_on_a_device():
    torch.manual_seed(0)
    network = NETWORKS["san"](**NETWORKS["san"].tiny[0]).eval()
    lr = np.random.default_rng(0).random((24, 24, 3), dtype=np.float32)

    def explain():
        maps = find_attention(network, lr, pixel=(12, 12))
        attribution = attribute(network, lr, box=(20, 20, 8, 8), steps=2)
        return [*(found.weights for found in (*maps.channels, *maps.positions)), attribution.map, attribution.change]

    expected = explain()
    with pretended_device(float64=False) as device:
        network.to(DEVICE)
        found = explain()
        assert device.operations > 100
    assert all(np.array_equal(*pair) for pair in zip(expected, found, strict=True))


@pytest.mark.parametrize("model", ["espcn-x2", "balanced", "bicubic"])
def test_models_that_are_not_of_torch_refuse_a_gpu(folder, model):
    with pytest.raises(KukkiriError, match=rf"{model}: does not run on cuda|no CUDAExecutionProvider here"):
        Upscaler(model, device="cuda")
    with pytest.raises(ConfigError, match=rf"no model here runs on cuda, .*got {model}\. Drop the device"):
        evaluate(model, data=folder, scale=2, device="cuda")
    assert Upscaler(model, device="auto").scale == Upscaler(model, device="cpu").scale == 2


def test_models_beside_torch_weights_are_named_in_a_warning(folder, caplog):
    weights = str(train(recipe(folder, steps=2)))
    with pretended_device():
        evaluate_many([weights, "bicubic"], data=folder, scales=[2], device=DEVICE.type)
    assert "bicubic runs on the CPU; the device meta is for torch weights" in caplog.text


def test_scores_of_a_device_are_remembered_apart(folder, tmp_path):
    weights = str(train(recipe(folder, steps=2)))
    seen = []
    for device in ("cpu", DEVICE.type, DEVICE.type, "cpu"):
        with pretended_device():
            evaluate_many(
                [weights], data=folder, scales=[2], device=device, cache=tmp_path / "known", report=seen.append
            )
    assert [scored.remembered for scored in seen] == [False] * 4 + [True] * 4


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="needs an accelerator (CUDA or MPS)")
class TestOnAnAccelerator:
    """The same on real hardware; rounding differs there, and training amplifies it."""

    def test_training_is_that_of_the_cpu_to_rounding_and_resumes(self, folder):
        make = partial(recipe, folder, steps=20, validate_every=10, prefetch=2, optimizer="soap", centre=0.45)
        paths = [train(make(name="there"))]
        train(make(name="here", device="auto"), stop_at=13)
        paths.append(train(make(name="here", device="auto"), resume=True))
        expected, found = (weights_and_log(path)[0] for path in paths)
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, atol=1e-3, rtol=0)  # of 20 steps of at most 3e-3 each
        scores = [
            Validation.from_folder(folder, scale=2).psnr(load(path).module, info=load(path).info, device=device)
            for path, device in zip(paths, ("cpu", resolve_device("auto")), strict=True)
        ]
        assert scores[0] == pytest.approx(scores[1], abs=0.05)

    def test_adaptation_and_evaluation_run_there(self, folder, tmp_path):
        weights = train(recipe(folder, steps=2))
        scores = [
            evaluate(str(weights), data=folder, scale=2, device=device).sets["images"].mean.psnr
            for device in ("cpu", "auto")
        ]
        assert scores[0] == pytest.approx(scores[1], abs=PSNR_DB)
        image = photograph(folder)
        options = {"scale": 2, "kernel": "gaussian:2.0", "method": "zssr", "steps": 20, "guarded": False}
        results = [adapt(image, **options, device=device)(image).colour for device in ("cpu", "auto")]
        assert np.abs(results[0] - results[1]).max() < 0.02

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from kukkiri.blind import load_estimator, solve_ikc
from kukkiri.checkpoints import describe, load, save_safetensors
from kukkiri.degradations import Degradation, DegradationRequest
from kukkiri.errors import ConfigError
from kukkiri.images import Image, quantize, read_image
from kukkiri.inference import Upscaler
from kukkiri.info import Condition
from kukkiri.metrics import PROTOCOLS
from kukkiri.networks import NETWORKS, ContextPlain, Network
from kukkiri.training import ConditionedRecipe, CorrectionRecipe, train
from kukkiri.training.kinds import set_up
from kukkiri.training.processes import World
from kukkiri.training.state import TrainingState


@pytest.fixture
def folder(tmp_path, rng):
    images = tmp_path / "images"
    images.mkdir()
    for name in "ab":
        small = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8).astype(np.float32) / 255
        Image.from_array(np.kron(small, np.ones((5, 5, 1), np.float32))).save(images / f"{name}.tif")
    return images


def values(folder, **changes):
    return {
        "name": "tiny",
        "network": "modulatedplain",
        "scale": 2,
        "arguments": {"width": 4, "depth": 1, "hidden": 3},
        "data": str(folder),
        "output": str(folder.parent / "runs"),
        "subsample": "direct",
        "noise_levels": (0.0, 20.0),
        "rounding": "after",
        "variances": (0.1, 5.0),
        "steps": 6,
        "batch": 3,
        "patch": 8,
        "warmup": 0,
        "log_every": 3,
        "validate_every": 6,
        "checkpoint_every": 3,
        "threads": 1,
        **changes,
    }


class Linear(Network):
    """a * (every pixel repeated) + b * noise."""

    conditions = ("noise_std",)

    def __init__(self, *, scale: int = 2) -> None:
        super().__init__()
        self.scale, self.receptive_field = scale, 0
        self.gain, self.noise_gain = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(0.25))

    def forward(self, lr, noise_std):
        repeated = lr.repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2)
        return self.gain * repeated + self.noise_gain * noise_std[:, None, None, None]


def test_the_gradients_of_a_step_are_those_of_the_drawn_noise(folder, monkeypatch):
    monkeypatch.setitem(NETWORKS, "linear", Linear)
    made = ConditionedRecipe(**values(folder, network="linear", arguments={}, loss="mse", accumulate=2))
    setup = set_up(made, device=torch.device("cpu"), world=World())
    network = setup.modules["network"]
    state = TrainingState(setup.modules, setup.optimizers, torch.amp.GradScaler("cpu", enabled=False))
    parts = setup.parts(0)
    assert [part.share for part in parts] == [pytest.approx(2 / 3), pytest.approx(1 / 3)]
    for part in parts:
        setup.step(state, part)
    by_gain, by_noise = [], []
    for part in parts:
        data = part.data
        up = data.lr.repeat_interleave(2, -1).repeat_interleave(2, -2)
        noise = data.conditions[0][:, None, None, None]
        residual = 0.5 * up + 0.25 * noise - data.hr
        by_gain += [2 * (residual * up).mean(dim=(1, 2, 3))]
        by_noise += [2 * (residual * noise).mean(dim=(1, 2, 3))]
    assert network.gain.grad.item() == pytest.approx(torch.cat(by_gain).mean().item(), rel=1e-5)
    assert network.noise_gain.grad.item() == pytest.approx(torch.cat(by_noise).mean().item(), rel=1e-5)


def test_a_run_that_goes_on_ends_in_the_same_bits(folder):
    whole = load(train(ConditionedRecipe(**values(folder, name="whole"))))
    parted = ConditionedRecipe(**values(folder, name="parted"))
    train(parted, stop_at=3)
    again = load(train(parted, resume=True))
    state = whole.module.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in again.module.state_dict().items())
    with pytest.raises(ConfigError, match="variances differs"):
        train(ConditionedRecipe(**values(folder, name="parted", variances=(0.1, 4.0))), resume=True)


def test_the_validation_scores_what_the_trained_file_makes_of_the_degradation(folder):
    lines = []
    text = "gaussian:1.5+direct"
    made = ConditionedRecipe(**values(folder, validation=str(folder), validation_degradations=(text,)))
    weights = train(made, report=lines.append)
    assert load(weights).info.condition.noise
    upscaler = Upscaler(weights, degradation=DegradationRequest("gaussian:1.5"), bounded=False)
    scores = []
    for path in sorted(folder.iterdir()):
        hr = quantize(read_image(path).colour, 8).astype(np.uint8)
        lr = Degradation.parse(text).apply(hr, scale=2)
        scores.append(PROTOCOLS["y-mzsr"].score(hr, upscaler(lr), scale=2).psnr)
    assert lines[-1].psnr == pytest.approx(np.mean(scores), abs=0.005)  # dB; a level rounded the other way


@pytest.fixture
def correction(folder):
    """SFTMD after a few steps, and the recipe of its estimators."""
    small = {
        "arguments": {"width": 4, "depth": 1, "code": 3},
        "network": "sftmd",
        "subsample": "bicubic",
        "kernels": {"isotropic": 1.0},
        "kernel_size": 9,
        "basis_kernels": 50,
        "noise_levels": (0.0, 0.0),
        "steps": 2,
    }
    weights = train(ConditionedRecipe(**values(folder, **small, name="sftmd")))
    more = {**small, "initialization": "transfer", "weights": str(weights), "estimator_width": 8}
    return CorrectionRecipe(**values(folder, **more, name="ikc", corrections=2))


def test_a_correction_learns_from_its_own_code_only(correction):
    """The last bias of the corrector is added to every code: its gradient is the mean of 2 (code - target) / 3."""
    setup = set_up(correction, device=torch.device("cpu"), world=World())
    state = TrainingState(setup.modules, setup.optimizers, torch.amp.GradScaler("cpu", enabled=False))
    estimators = setup.modules["network"]
    (part,) = setup.parts(0)
    setup.step(state, part)
    (target,) = part.data.conditions
    network = load(correction.weights).module
    with torch.no_grad():
        code = estimators.predictor(part.data.lr)
        expected = torch.zeros(3)
        for _ in range(2):
            code = estimators.corrector(network(part.data.lr, code).clamp(0, 1), code)
            expected += (code - target).mean(dim=0) * 2 / 3 / 2
    found = estimators.corrector.global_dense[4].bias.grad
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_ikc_is_trained_and_solves(correction):
    trained = train(correction)
    loaded = load(trained)
    assert loaded.info.condition == load(correction.weights).info.condition
    estimators = [load_estimator(trained.with_name(f"{name}.safetensors")) for name in ("predictor", "corrector")]
    lr = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    found = solve_ikc(lr, predictor=estimators[0], corrector=estimators[1], network=loaded.module, iterations=3)
    assert found.image.shape == (32, 32, 3)
    assert np.isfinite(found.codes).all()
    files = {name: str(trained.with_name(f"{name}.safetensors")) for name in ("predictor", "corrector")}
    sr = Upscaler(trained, model_args=files, bounded=False)(lr)  # seven iterations
    seven = solve_ikc(lr, predictor=estimators[0], corrector=estimators[1], network=loaded.module)
    assert np.abs(sr.astype(int) - seven.image).max() <= 1


def test_ikc_is_trained_for_a_network_of_covariances(folder, correction, tmp_path):
    """The network is a ContextPlain in another form: ModulatedPlain without noise."""
    context = ContextPlain(width=4, depth=2).eval()
    info = describe(context, name="context", arguments={"scale": 2, "width": 4, "depth": 2})
    save_safetensors(context, tmp_path / "context.safetensors", info=info)
    shape = {"width": 4, "depth": 2, "hidden": 1, "noise": False, "subsample": "bicubic"}
    covariance = dataclasses.replace(
        correction, network="modulatedplain", arguments=shape, weights=str(tmp_path / "context.safetensors")
    )
    trained = train(covariance)
    loaded = load(trained)
    assert loaded.info.condition == Condition(kind="covariance", length=3, subsample="bicubic")
    code, lr = torch.tensor([[0.1, -0.3, 0.2]]), torch.rand(1, 3, 9, 8)
    with torch.no_grad():
        torch.testing.assert_close(loaded.module(lr, code), context(lr, code), rtol=0, atol=1e-5)
    assert load_estimator(trained.with_name("predictor.safetensors")).ConvNet[-2].out_channels == 3
    for changes, message in (({"noise": True}, "is not estimated here"), ({"colour": "y"}, "looks at RGB")):
        wrong = dataclasses.replace(covariance, arguments=shape | changes, name="wrong")
        with pytest.raises(ConfigError, match=message):
            train(wrong)


def test_estimators_without_their_network_are_refused(folder):
    with pytest.raises(ConfigError, match="'sftmd' or 'modulatedplain' with initialization = 'transfer'"):
        CorrectionRecipe(**values(folder))
    with pytest.raises(ConfigError, match="has no condition besides the image"):
        train(ConditionedRecipe(**values(folder, network="plain", arguments={}, noise_levels=(0.0, 0.0))))


def test_only_some_networks_begin_as_an_interpolation(folder):
    shape = {"iterations": 1, "hidden": 4, "widths": [3, 3, 4, 5], "depth": 1}
    wrong = {"network": "usrnet", "subsample": "direct", "border": "wrap", "initialization": "interpolator"}
    with pytest.raises(ConfigError, match="needs three features"):
        train(ConditionedRecipe(**values(folder, **wrong, arguments=shape | {"widths": [2, 3, 4, 5]})))
    with pytest.raises(ConfigError, match="is defined for espcn, fsrcnn and usrnet, got ModulatedPlain"):
        train(ConditionedRecipe(**values(folder, initialization="interpolator")))
    with pytest.raises(ConfigError, match="initialization: not supported"):
        ConditionedRecipe(**values(folder, initialization="widened", weights="plain-m-x2"))
    settings = ConditionedRecipe(**values(folder, **wrong, arguments=shape, steps=1, learning_rate=1e-9))
    tail = load(train(settings)).module.p.m_tail.weight
    torch.testing.assert_close(tail[:, :3, 1, 1], torch.eye(3), rtol=0, atol=1e-6)

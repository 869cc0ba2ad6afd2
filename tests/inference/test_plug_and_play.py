"""A denoiser in an ONNX file as the prior of a solver, for any whole scale, by its file and by the name dpsr."""

import json

import numpy as np
import pytest

from kukkiri import Upscaler, pretrained
from kukkiri.degradations import DegradationRequest, gaussian_kernel
from kukkiri.errors import ConfigError, ModelError
from kukkiri.inference.half_quadratic import DataStep, iterate, make_schedule
from tests.tolerances import FLOAT32_NETWORK

pytest.importorskip("torch", reason="writes the graph")


@pytest.fixture(scope="module")
def denoiser(tmp_path_factory):
    """DPSR's network at scale 1 with random weights, and its graph."""
    import torch

    from kukkiri.checkpoints import describe, export_onnx
    from kukkiri.networks import DPSR

    torch.manual_seed(0)
    arguments = {"scale": 1, "width": 4, "depth": 1}
    module = DPSR(**arguments).eval()
    path = tmp_path_factory.mktemp("graphs") / "denoiser-t.onnx"
    export_onnx(module, path, info=describe(module, name="denoiser-t", arguments=arguments))
    return module, path


@pytest.fixture
def shipped(denoiser, tmp_path, monkeypatch):
    """The denoiser as the only shipped network."""
    (tmp_path / "denoiser-t.onnx").write_bytes(denoiser[1].read_bytes())
    card = {"name": "denoiser-t", "scale": 1, "conditioned": {"kind": "noise", "subsample": "direct", "noise": True}}
    (tmp_path / "denoiser-t.json").write_text(json.dumps(card))
    monkeypatch.setattr(pretrained, "_folder", lambda: tmp_path)


@pytest.mark.parametrize("scale", [1, 2])
def test_the_graph_solves_as_the_module_does(denoiser, scale, rng):
    import torch

    from kukkiri.blind import solve_plug_and_play

    module, path = denoiser
    lr = rng.random((24, 20, 3)).astype(np.float32)
    request = DegradationRequest("gaussian:1.5", noise_std=0.02)
    found = Upscaler(path, scale=scale, degradation=request, bounded=False)(lr)
    expected = solve_plug_and_play(
        lr,
        gaussian_kernel(1.5, size=25),
        denoiser=lambda image, noise_std: module(image, torch.tensor([noise_std])),
        scale=scale,
        noise_std=0.02,
    )
    assert np.abs(found - expected).max() < 100 * FLOAT32_NETWORK  # fifteen iterations; the kernel is float32


def test_a_name_stands_for_the_shipped_denoiser_and_a_preset_at_scale_one(shipped, rng):
    lr = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
    by_name = Upscaler("dpsr", scale=1, degradation="gaussian:1.5")
    assert (by_name.name, by_name.engines[0].info.network, by_name.scale) == ("denoiser-t", "plug-and-play", 1)
    assert np.array_equal(Upscaler(scale=1, degradation="gaussian:1.5")(lr), by_name(lr))
    assert Upscaler("dpsr", scale=3, degradation="disk:2.0")(lr).shape == (72, 60, 3)
    assert Upscaler("dpsr", degradation="gaussian:1.5").scale == 2
    with pytest.raises(ConfigError, match=r"solves for a whole scale, got 2\.5"):
        Upscaler("dpsr", scale=2.5, degradation="gaussian:1.5")
    with pytest.raises(ModelError, match="is conditioned on the blur"):
        Upscaler("denoiser-t", scale=1)


def test_a_prior_that_keeps_its_image_finds_the_sharp_one(rng):
    """With the sharp image as what the prior says, so does the result, whatever the weights."""
    sharp = rng.random((3, 18, 16)).astype(np.float32)
    kernel = gaussian_kernel(1.0, size=5)
    found = iterate(sharp, kernel, prior=lambda image, _: sharp, border="wrap")
    assert np.array_equal(found, sharp)
    step, weight = DataStep(sharp, np.ones((1, 1)), scale=1), make_schedule(0.02).weights[0]
    again = step.solve(np.zeros_like(sharp), weight)  # (y + weight 0) / (1 + weight)
    np.testing.assert_allclose(again, sharp / (1 + weight), atol=FLOAT32_NETWORK)
    with pytest.raises(ModelError, match="the prior made"):
        iterate(sharp, kernel, prior=lambda image, _: image * np.nan, border="wrap")

"""Solvers by their file: USRNet, DPSR, a denoiser as a prior, and IKC behind kukkiri.Upscaler."""

import dataclasses

import numpy as np
import pytest
import torch

import kukkiri
from kukkiri.blind import solve_ikc, solve_usrnet
from kukkiri.blind.engines import load_solver
from kukkiri.degradations import (
    DegradationRequest,
    align_kernel,
    estimate_degradation,
    gaussian_kernel,
    kernel_covariance,
)
from kukkiri.errors import ConfigError, ModelError
from kukkiri.images import Image
from kukkiri.inference.blind import answer_request
from kukkiri.networks import DPSR, SFTMD, IKCCorrector, IKCPredictor, ModulatedPlain, USRNet
from tests.tolerances import FLOAT32_NETWORK


@pytest.fixture
def lr(rng):
    return rng.random((24, 20, 3)).astype(np.float32)


def save(network, path):
    torch.save(network.state_dict(), path)
    return path


def test_usrnet_is_given_the_kernel_and_the_noise(lr, tmp_path):
    torch.manual_seed(0)
    network = USRNet(**USRNet.tiny[0]).eval()
    path = save(network, tmp_path / "usrnet.pth")
    request = DegradationRequest("gaussian:1.5", noise_std=0.02)
    upscaler = kukkiri.Upscaler(path, scale=3, degradation=request, bounded=False)
    expected = solve_usrnet(lr, gaussian_kernel(1.5, size=25), scale=3, network=network, noise_std=0.02)
    assert np.abs(upscaler(lr) - expected).max() < 10 * FLOAT32_NETWORK  # the kernel is float32 on the way
    with pytest.raises(ModelError, match="is conditioned on the blur"):
        kukkiri.Upscaler(path, scale=3)
    noisy = kukkiri.Upscaler(path, scale=2, degradation=DegradationRequest("gaussian:1.5", noise_std="estimate"))
    levels = np.random.default_rng(0).normal(128, 10, size=(80, 80, 3)).clip(0, 255).astype(np.uint8)
    suited = noisy.suited(Image.from_array(levels))
    assert 255 * suited.degradation.noise_std == pytest.approx(10, abs=1)
    assert "noise of" in " ".join(suited(Image.from_array(levels)).notes)


def test_denoisers_and_dpsr_are_plug_and_play_solvers(lr, tmp_path):
    torch.manual_seed(0)
    prior = save(DPSR(scale=1, width=3, depth=1), tmp_path / "denoiser.pth")
    assert kukkiri.Upscaler(prior, scale=2, degradation="gaussian:1.0")(lr).shape == (48, 40, 3)
    dpsr = save(DPSR(scale=2, width=3, depth=1), tmp_path / "dpsr.pth")
    upscaler = kukkiri.Upscaler(dpsr, scale=2, degradation=DegradationRequest("gaussian:4.0"))
    assert upscaler.degradation.subsample == "bicubic"
    assert upscaler(lr).shape == (48, 40, 3)
    dncnn = {"model.0.weight": torch.zeros(4, 1, 3, 3), "model.0.bias": torch.zeros(4)}
    dncnn |= {"model.2.weight": torch.zeros(1, 4, 3, 3), "model.2.bias": torch.zeros(1)}
    torch.save(dncnn, tmp_path / "dncnn.pth")
    with pytest.raises(ModelError, match="Say the noise that it was trained for"):
        load_solver(tmp_path / "dncnn.pth", scale=2, arguments={})
    with pytest.raises(ModelError, match="prior_noise must be a number"):
        load_solver(tmp_path / "dncnn.pth", scale=2, arguments={"prior_noise": "a"})
    with pytest.raises(ConfigError, match="solves for a whole scale"):
        load_solver(tmp_path / "dncnn.pth", scale=2.5, arguments={"prior_noise": 0.1})
    assert load_solver(tmp_path / "dncnn.pth", scale=3, arguments={"prior_noise": 0.1}).info.scale == 3


def test_ikc_is_one_model_of_three_files(lr, tmp_path):
    torch.manual_seed(0)
    parts = {"predictor": IKCPredictor(width=4).eval(), "corrector": IKCCorrector(width=4).eval()}
    network = SFTMD(scale=2, width=4, depth=1).eval()
    path = save(network, tmp_path / "sftmd.pth")
    files = {name: str(save(part, tmp_path / f"{name}.pth")) for name, part in parts.items()}
    found = kukkiri.Upscaler(path, scale=2, model_args=files, bounded=False)(lr)
    expected = solve_ikc(lr, **parts, network=network).image
    assert np.abs(found - expected).max() < FLOAT32_NETWORK
    with pytest.raises(ModelError, match="Give all three"):
        kukkiri.Upscaler(path, scale=2, model_args={"predictor": files["predictor"]})
    swapped = {"predictor": files["corrector"], "corrector": files["predictor"]}
    with pytest.raises(ModelError, match="is a IKCCorrector and corrector="):
        kukkiri.Upscaler(path, scale=2, model_args=swapped)
    with pytest.raises(ModelError, match="is not conditioned on a blur"):  # a code that cannot be turned into a kernel
        kukkiri.Upscaler(path, scale=2, model_args=files, degradation=DegradationRequest(estimator="ikc"))


@pytest.fixture
def ikc_of_a_covariance(tmp_path):
    """A network of covariances, a predictor that always says gaussian:2.0 and a corrector that always agrees."""
    torch.manual_seed(0)
    network = ModulatedPlain(width=4, depth=1, hidden=2, noise=False, subsample="bicubic").eval()
    torch.nn.init.normal_(network.linear.weight, std=0.05)
    predictor, corrector = IKCPredictor(code=3, width=4), IKCCorrector(code=3, width=4)
    with torch.no_grad():
        for layer, bias in ((predictor.ConvNet[-2], (-1.0, -1.0, 0.0)), (corrector.global_dense[-1], (0.0, 0.0, 0.0))):
            layer.weight.zero_()
            layer.bias.copy_(torch.tensor(bias))  # of the code 2.0 / 2.5 - 1, before LeakyReLU 0.2
    path = save(network, tmp_path / "network.pth")
    return path, {
        name: str(save(part.eval(), tmp_path / f"{name}.pth"))
        for name, part in (("predictor", predictor), ("corrector", corrector))
    }


def test_ikc_estimates_the_blur_of_a_network_that_takes_a_covariance(ikc_of_a_covariance, lr):
    path, files = ikc_of_a_covariance
    arguments = {"subsample": "bicubic"}
    given = kukkiri.Upscaler(path, model_args=arguments, degradation="gaussian:2.0", bounded=False)(lr)
    blind = kukkiri.Upscaler(path, model_args={**arguments, **files}, bounded=False)(lr)
    assert np.abs(blind - given).max() < 2e-3  # the kernel of 15 pixels is cut off
    request = DegradationRequest(estimator="ikc")
    upscaler = kukkiri.Upscaler(path, model_args={**arguments, **files}, degradation=request, bounded=False)
    (engine,) = upscaler.engines
    large = np.random.default_rng(0).random((300, 70, 3), dtype=np.float32)
    assert engine.find_covariance(large) == pytest.approx((2.0, 2.0, 0.0), abs=1e-5)
    found = estimate_degradation(
        large, scale=2, subsample="bicubic", estimator="ikc", find_covariance=engine.find_covariance
    )
    assert (found.found_by, found.subsample) == ("ikc", "bicubic")
    assert found.covariance == pytest.approx((2.0, 2.0, 0.0), abs=0.02)
    assert "found by IKC" in str(found)
    request = dataclasses.replace(request, subsample="bicubic")
    answer = answer_request(Image.from_array(large), engine, request)
    assert answer.estimate.covariance == pytest.approx((2.0, 2.0, 0.0), abs=0.02)
    assert "found by IKC: 1.41 x 1.41 pixels" in answer.notes[0]


def test_ikc_without_its_networks_is_refused(ikc_of_a_covariance, rng):
    path, _ = ikc_of_a_covariance
    with pytest.raises(ConfigError, match="has no predictor and corrector, which estimate the blur for a network"):
        kukkiri.Upscaler(path, model_args={"subsample": "bicubic"}, degradation=DegradationRequest(estimator="ikc"))
    with pytest.raises(ConfigError, match="the estimator ikc: has no predictor and corrector"):
        estimate_degradation(rng.random((96, 96, 3)), scale=2, estimator="ikc")


def test_kernel_gan_is_an_estimator_by_name(rng, monkeypatch):
    def found(image, scale, seed):
        assert (image.shape, scale, seed) == ((96, 96, 3), 2, 7)
        return align_kernel(gaussian_kernel(2.0, size=13), scale=2)

    monkeypatch.setattr("kukkiri.engine_loaders._ESTIMATORS", {"kernelgan": found})
    image = rng.random((96, 96, 3))
    estimate = estimate_degradation(image, scale=2, estimator="kernelgan", seed=7)
    assert (estimate.kind, estimate.found_by) == ("free", "kernelgan")
    assert kernel_covariance(estimate.kernel) == pytest.approx((2, 2, 0), abs=0.1)
    with pytest.raises(ConfigError, match="kernelgan is for direct subsampling"):
        estimate_degradation(image, scale=2, estimator="kernelgan", subsample="bicubic")


def test_names_without_shipped_weights_say_what_to_give():
    with pytest.raises(ModelError, match=r"usrnet: no weights of it are shipped.*usrnet_tiny\.pth"):
        kukkiri.Upscaler("usrnet", scale=2, degradation="estimate")
    assert kukkiri.Upscaler("dpsr", scale=2, degradation="gaussian:2.0").name == "denoiser-s"
    assert kukkiri.Upscaler("context", scale=2, degradation="gaussian:2.0").name == "context-x2-direct"
    with pytest.raises(ConfigError, match="so an estimate of the noise would change nothing"):
        kukkiri.Upscaler("context", scale=2, degradation=DegradationRequest(noise_std="estimate"))

"""Every vector of a conditioned network or of its estimators, from a file in the official layout."""

import numpy as np
import pytest
import torch

import kukkiri
from kukkiri.blind import load_denoiser, load_estimator
from kukkiri.checkpoints import export_onnx
from kukkiri.errors import ConfigError, ModelError
from tests.networks.parity import assert_parity

SAVED = {
    "dpsr_srresnet_x3_nc10nb2": ("dpsr", {}),
    "dpsr_srresnet_x4_nc8nb2": ("dpsr", {}),
    "ikc_sftmd_demo_x2_nf8nb2": ("sftmd", {}),
    "ikc_sftmd_x3_nf10nb1": ("sftmd", {}),
    "ikc_sftmd_x4_nf8nb2": ("sftmd", {"clamp": True}),
    "metardn_x1.7": ("metardn", {}),
    "metardn_x2.0": ("metardn", {}),
    "metardn_x3.3": ("metardn", {}),
    "srmd_x3_nc12nb5": ("srmd", {}),
    "srmdnf_x2_nc10nb12": ("srmd", {}),
    "usrnet_x2_it2": ("usrnet", {"scale": 2}),
    "usrnet_x3_it3_b2": ("usrnet", {"scale": 3}),
}
ESTIMATORS = {
    "ikc_corrector_nf8": ("input", "input.code"),
    "ikc_predictor_nf8": ("input",),
    "kernelgan_d_c8": ("input",),
    "kernelgan_g_c8": ("input",),
    "kernelgan_g_full": ("input",),
}


def save(state, folder, name):
    path = folder / f"{name}.pth"
    torch.save(state, path)
    return path


def conditions(name, case):
    if name.startswith("usrnet"):
        return (case["input"], case["input.k"], case["input.sigma"])
    if name.startswith("ikc"):
        return (case["input"], case["input.code"])
    if name.startswith(("srmd", "dpsr")):
        return (case["input"][:, :3], case["input"][:, 3:])
    return (case["input"],)


@pytest.mark.parametrize("name", sorted(SAVED))
def test_load_takes_the_official_layout(golden, tmp_path, name):
    network, arguments = SAVED[name]
    case = golden(name)
    loaded = kukkiri.load(save(case.state, tmp_path, name), **arguments)
    assert loaded.info.network == network
    scale = {"scale": float(name.split("_x")[1])} if network == "metardn" else {}
    with torch.no_grad():
        assert_parity(loaded.module(*conditions(name, case), **scale), case["output"])


def test_batch_normalizations_of_srmd_are_merged(golden, tmp_path):
    """KAIR's ``act_mode="BR"``: convolution, normalization, ReLU, whose numbers are spread over the plain vector."""
    case = golden("srmd_x3_nc12nb5")
    state, expected = {}, case["input"]
    convolutions = len(case.state) // 2
    for n in range(convolutions):
        weight, bias = case.state[f"model.{2 * n}.weight"], case.state[f"model.{2 * n}.bias"]
        place = 0 if n == 0 else 3 * n - 1
        state |= {f"model.{place}.weight": weight, f"model.{place}.bias": bias}
        expected = torch.nn.functional.conv2d(expected, weight, bias, padding=1)
        if 0 < n < convolutions - 1:
            norm = torch.nn.BatchNorm2d(len(weight), eps=1e-4).eval()
            for key, value in norm.state_dict().items():
                if value.ndim:
                    value.copy_(0.5 + torch.rand_like(value))
                state[f"model.{place + 1}.{key}"] = value
            expected = norm(expected)
        expected = torch.relu(expected) if n < convolutions - 1 else expected
    loaded = kukkiri.load(save(state, tmp_path, "srmd"))
    with torch.no_grad():
        sr = loaded.module(case["input"][:, :3], case["input"][:, 3:])
        assert_parity(sr, torch.nn.functional.pixel_shuffle(expected, 3).detach())


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_estimators_load_from_the_official_layout(golden, tmp_path, name):
    case = golden(name)
    path = save(case.state, tmp_path, name)
    loaded = kukkiri.load(path)
    network = load_estimator(path)
    assert type(loaded.module) is type(network)
    assert not loaded.upscales
    with torch.no_grad():
        assert_parity(loaded.module(*(case[key] for key in ESTIMATORS[name])), case["output"])
        assert_parity(network(*(case[key] for key in ESTIMATORS[name])), case["output"])
        if "output.kernel" in case.tensors:
            assert_parity(network.kernel(), case["output.kernel"])


@pytest.mark.parametrize("name", sorted({**SAVED, **ESTIMATORS}))
def test_the_tensor_that_differs_is_named(golden, tmp_path, name):
    case = golden(name)
    key = max((key for key in case.state if key.endswith(("weight", "weight_orig"))), key=lambda k: (k.count("."), k))
    value = case.state[key]
    state = {**case.state, key: torch.zeros(*value.shape, 2)}
    path = save(state, tmp_path, name)
    with pytest.raises(ModelError) as caught:
        kukkiri.load(path)
    assert key in str(caught.value), caught.value


def test_what_is_no_estimator_is_refused(golden, tmp_path):
    path = save(golden("srmd_x3_nc12nb5").state, tmp_path, "srmd")
    with pytest.raises(ModelError, match=r"not KernelGAN's .* keys begin with model\.0\.bias"):
        load_estimator(path)
    generator = save(golden("kernelgan_g_c8").state, tmp_path, "generator")
    with pytest.raises(ModelError, match="holds an estimator, KernelGANGenerator, which does not upscale images"):
        kukkiri.Upscaler(generator, scale=2)
    with pytest.raises(ModelError, match="tells all about itself"):
        kukkiri.load(generator, scale=2)
    loaded = kukkiri.load(generator)
    with pytest.raises(ModelError, match="an estimator, KernelGANGenerator"):
        export_onnx(loaded.module, tmp_path / "generator.onnx", info=loaded.info)
    assert not (tmp_path / "generator.onnx").exists()


def make_dncnn(channels):
    return {
        "model.0.weight": torch.randn(4, channels, 3, 3) / 9,
        "model.0.bias": torch.randn(4) / 9,
        "model.2.weight": torch.randn(channels, 4, 3, 3) / 9,
        "model.2.bias": torch.zeros(channels),
    }


@pytest.mark.parametrize("channels", [1, 3])
def test_a_denoiser_runs_at_its_own_level_and_scales_to_others(tmp_path, channels):
    state = make_dncnn(channels)
    denoise = load_denoiser(save(state, tmp_path, "dncnn"), noise_std=0.1)
    image = torch.rand(1, 3, 8, 9)
    planes = image.reshape(-1, channels, 8, 9)

    def by_hand(planes):
        hidden = torch.relu(
            torch.nn.functional.conv2d(planes, state["model.0.weight"], state["model.0.bias"], padding=1)
        )
        return planes - torch.nn.functional.conv2d(hidden, state["model.2.weight"], padding=1)

    with torch.no_grad():
        assert_parity(denoise(image, 0.1), by_hand(planes).reshape(image.shape))
        mean = planes.mean(dim=(1, 2, 3), keepdim=True)
        halved = 2 * (by_hand((planes - mean) / 2 + mean) - mean) + mean
        assert_parity(denoise(image, 0.2), halved.reshape(image.shape))
        quarter = 0.75 * image + 0.25 * by_hand(planes).reshape(image.shape)
        assert_parity(denoise(image, 0.025), quarter)


def test_other_files_and_levels_are_refused_as_denoisers(golden, tmp_path):
    path = save(golden("usrnet_x2_it2").state, tmp_path, "usrnet")
    with pytest.raises(ModelError, match="not a DnCNN of cszn/KAIR"):
        load_denoiser(path, noise_std=0.1)
    with pytest.raises(ConfigError, match="noise_std must be above 0 and at most 1"):
        load_denoiser(path, noise_std=25)
    state = make_dncnn(1)
    state["model.2.weight"] = torch.zeros(1, 5, 3, 3)
    with pytest.raises(ModelError, match=r"DnCNN, but model\.2\.weight is \(1, 5, 3, 3\), expected \(1, 4, 3, 3\)"):
        load_denoiser(save(state, tmp_path, "wrong"), noise_std=0.1)


def test_the_official_denoiser_removes_noise(shared, rng):
    from kukkiri.images import read_image

    clean = read_image(shared / "data" / "Set5" / "butterfly.png").colour[:96, :96].transpose(2, 0, 1)[None]
    denoise = load_denoiser(shared / "weights_elsewhere" / "denoiser" / "dncnn_25.pth", noise_std=25 / 255)
    for level, gain in ((25, 7), (5, 1)):
        noisy = clean + level / 255 * rng.standard_normal(clean.shape)
        with torch.no_grad():
            found = denoise(torch.from_numpy(noisy).float(), level / 255).numpy()
        errors = [np.mean((each - clean) ** 2) for each in (noisy, found)]
        assert 10 * np.log10(errors[0] / errors[1]) > gain

import numpy as np
import pytest
import torch

import kukkiri
from kukkiri.blind import (
    load_denoiser,
    make_schedule,
    solve_dpsr,
    solve_ikc,
    solve_plug_and_play,
    solve_usrnet,
)
from kukkiri.blind.image_tensors import make_kernel_tensor, to_rgb_tensor
from kukkiri.degradations import align_kernel, bicubic_kernel, blur, blur_downsample, gaussian_kernel, subsample
from kukkiri.errors import ConfigError, ImageError, ModelError
from kukkiri.inference.half_quadratic import DataStep
from kukkiri.inference.periodic_borders import extend_periodically
from kukkiri.networks import DPSR, SFTMD, IKCCorrector, IKCPredictor, USRNet
from kukkiri.networks.usrnet import solve_data_term
from kukkiri.resampling.tensors import resize_tensor
from tests.networks.parity import assert_parity
from tests.tolerances import FLOAT32_NETWORK, FLOAT32_SAME_MATHS


def psnr(one, other):
    return -10 * np.log10(np.mean((one.astype(np.float64) - other) ** 2))


@pytest.fixture
def usrnet():
    return USRNet(scale=2, iterations=2, hidden=4, widths=(2, 3, 4, 5), depth=1).eval()


@pytest.mark.parametrize(("name", "scale"), [("usrnet_x2_it2", 2), ("usrnet_x3_it3_b2", 3)])
def test_usrnet_as_a_solver_is_the_authors_network(golden, name, scale):
    case = golden(name)
    network = USRNet(**USRNet.arguments_from_state(case.state)).eval()
    network.load_state_dict(case.state)
    lr = case["input"][:1]
    convolution = case["input.k"][0, 0].double().numpy()
    sigma = case["input.sigma"].flatten()[0].item()
    with torch.no_grad():
        expected = network(lr, case["input.k"][:1], torch.tensor([sigma]), scale=scale).clamp(0, 1)
        assert_parity(expected, case["output"][:1].clamp(0, 1))
    sr = solve_usrnet(
        lr[0].permute(1, 2, 0).numpy(),
        convolution[::-1, ::-1],
        scale=scale,
        network=network,
        noise_std=sigma,
        border="wrap",
    )
    np.testing.assert_allclose(sr, expected[0].permute(1, 2, 0).numpy(), atol=FLOAT32_NETWORK)


@pytest.mark.parametrize("shape", [(5, 5), (4, 6)])
def test_kernels_are_correlations_whose_anchor_stays(rng, shape):
    """The data step with nothing but the data finds an image whose correlation is the LR image."""
    kernel = rng.random(shape)
    kernel /= kernel.sum()
    hr = rng.random((12, 18, 3))
    lr = blur(hr, kernel, border="wrap").transpose(2, 0, 1)
    found = DataStep(lr, kernel, scale=1).solve(np.zeros_like(lr), 1e-9)
    blurred = blur(found.transpose(1, 2, 0).astype(np.float64), kernel, border="wrap")
    np.testing.assert_allclose(blurred, lr.transpose(1, 2, 0), atol=1e-5)  # as near as the weight lets it


@pytest.mark.parametrize(("shape", "scale"), [((5, 5), 1), ((4, 6), 2), ((3, 5), 3)])
def test_the_data_step_is_that_of_usrnet(rng, shape, scale):
    lr, x, kernel = rng.random((3, 6, 8)), rng.random((3, 6 * scale, 8 * scale)), rng.random(shape)
    convolution = make_kernel_tensor(kernel, largest=(6 * scale, 8 * scale)).double()
    weight = torch.full((1, 1, 1, 1), 0.03, dtype=torch.float64)
    expected = solve_data_term(torch.from_numpy(x)[None], torch.from_numpy(lr)[None], convolution, weight, scale=scale)
    found = DataStep(lr, kernel, scale=scale).solve(x, 0.03)
    np.testing.assert_allclose(found, expected[0].numpy(), atol=FLOAT32_NETWORK)


def test_a_kernel_larger_than_the_image_and_a_matrix_of_nothing_are_refused(usrnet):
    image = np.zeros((6, 6), dtype=np.uint8)
    with pytest.raises(ConfigError, match="15x15 pixels, more than the image that it blurs, 12x12"):
        solve_usrnet(image, gaussian_kernel(2.0, size=15), scale=2, network=usrnet, border="wrap")
    with pytest.raises(ConfigError, match="sums to 0"):
        solve_usrnet(image, np.zeros((3, 3)), scale=2, network=usrnet)
    with pytest.raises(ConfigError, match="border must be one of extend, wrap, got 'mirror'"):
        solve_usrnet(image, np.ones((3, 3)), scale=2, network=usrnet, border="mirror")
    with pytest.raises(ConfigError, match=r"noise_std must be in \[0, 1\].*got 5"):
        solve_usrnet(image, np.ones((3, 3)), scale=2, network=usrnet, noise_std=5)
    with pytest.raises(ConfigError, match=r"scale must be a whole number from 1 to 16, got 2\.5"):
        solve_usrnet(image, np.ones((3, 3)), scale=2.5, network=usrnet)
    with pytest.raises(ModelError, match="needs a USRNet, got Linear"):
        solve_usrnet(image, np.ones((3, 3)), scale=2, network=torch.nn.Linear(1, 1))
    with pytest.raises(ImageError, match="not finite"):
        solve_usrnet(np.full((6, 6), np.nan), np.ones((3, 3)), scale=2, network=usrnet)


def test_sizes_channels_and_dtypes_come_back(usrnet):
    for shape, dtype in (((9, 7), np.uint8), ((9, 7, 1), np.float32), ((9, 7, 3), np.float64)):
        image = np.random.default_rng(0).random(shape)
        image = (255 * image).astype(np.uint8) if dtype == np.uint8 else image.astype(dtype)
        sr = solve_usrnet(image, np.ones((3, 3)), scale=3, network=usrnet)
        assert (sr.shape, sr.dtype) == ((27, 21, *shape[2:]), dtype)
    assert torch.equal(to_rgb_tensor(np.zeros((4, 5))), torch.zeros(1, 3, 4, 5))


def test_the_extension_leads_from_the_last_pixel_to_the_first():
    ramp = np.arange(8, dtype=np.float32).reshape(1, 8, 1)
    extended = extend_periodically(ramp, 3)[0, :, 0]
    fade = np.array([0.25, 0.5, 0.75])
    after, before = np.array([7.0, 6.0, 5.0]), np.array([2.0, 1.0, 0.0])
    assert np.array_equal(extended[:8], ramp.flatten())
    np.testing.assert_allclose(extended[8:], (1 - fade) * after + fade * before, rtol=1e-6)
    assert extend_periodically(np.zeros((3, 2, 2), dtype=np.float32), 16).shape == (3, 18, 18)


def test_the_schedule_is_the_papers():
    schedule = make_schedule(0.0)
    assert len(schedule.noise_stds) == len(schedule.weights) == 15
    assert schedule.noise_stds[0] * 255 == pytest.approx(49)
    assert schedule.noise_stds[-1] * 255 == pytest.approx(2.55)
    assert schedule.noise_stds[7] ** 2 == pytest.approx(schedule.noise_stds[6] * schedule.noise_stds[8])
    assert schedule.weights[-1] == pytest.approx(0.1**2 / 3)  # 0.255 of noise at least, against 2.55
    assert make_schedule(5.1 / 255).weights[-1] == pytest.approx(4 / 3)
    with pytest.raises(ConfigError, match="iterations must be a whole number"):
        make_schedule(0.0, iterations=0)


def test_dpsr_alternates_its_steps_as_the_authors_do():
    """Two iterations written out with NumPy's FFT and the network."""
    network = DPSR(scale=2, width=3, depth=1).eval()
    rng = np.random.default_rng(3)
    lr, convolution = rng.random((10, 12, 3)).astype(np.float32), rng.random((5, 5))
    convolution /= convolution.sum()
    spectrum = np.zeros((10, 12))
    spectrum[:5, :5] = convolution
    spectrum = np.fft.fft2(np.roll(spectrum, (-2, -2), (0, 1)))[..., None]
    z = lr
    schedule = make_schedule(0.02, iterations=2)
    for level, rho in zip(schedule.noise_stds, schedule.weights, strict=True):
        top = spectrum.conj() * np.fft.fft2(lr, axes=(0, 1)) + rho * np.fft.fft2(z, axes=(0, 1))
        z = np.fft.ifft2(top / (abs(spectrum) ** 2 + rho), axes=(0, 1)).real.astype(np.float32)
        with torch.no_grad():
            sr = network(torch.from_numpy(z.transpose(2, 0, 1).copy())[None], torch.tensor([level]))
            z = resize_tensor(sr, scale=0.5)[0].permute(1, 2, 0).numpy()
    expected = sr[0].permute(1, 2, 0).clamp(0, 1).numpy()
    ours = solve_dpsr(lr, convolution[::-1, ::-1], network=network, noise_std=0.02, iterations=2, border="wrap")
    np.testing.assert_allclose(ours, expected, atol=FLOAT32_NETWORK)


def smooth(image, noise_std):
    """A denoiser for the tests: a Gaussian that grows with the noise."""
    kernel = gaussian_kernel(0.02 + 1.5 * noise_std, size=5)
    array = blur(image[0].permute(1, 2, 0).double().numpy(), kernel)
    return torch.from_numpy(array.transpose(2, 0, 1)).float()[None]


def test_any_denoiser_deblurs_a_photograph(photographs):
    from kukkiri.images import read_image

    hr = read_image(photographs / "es_city11.webp").colour[60:156, 80:176].astype(np.float64)
    kernel = gaussian_kernel(3.0, size=15)
    circular, mirrored = blur(hr, kernel, border="wrap"), blur(hr, kernel)
    sharp = solve_plug_and_play(circular, kernel, denoiser=smooth, noise_std=1 / 255, border="wrap")
    assert psnr(sharp, hr) > psnr(circular, hr) + 5
    sharp = solve_plug_and_play(mirrored, kernel, denoiser=smooth)
    assert psnr(sharp, hr) > psnr(mirrored, hr) + 2
    aligned = align_kernel(gaussian_kernel(1.5, size=15), scale=2)
    lr = blur_downsample(hr, aligned, scale=2)
    sr = solve_plug_and_play(lr, aligned, scale=2, denoiser=smooth)
    bicubic = resize_tensor(to_rgb_tensor(lr), scale=2)[0].permute(1, 2, 0).numpy()
    assert psnr(sr, hr) > psnr(bicubic, hr) + 2


def test_a_denoiser_that_changes_the_shape_is_refused():
    with pytest.raises(ModelError, match=r"made \(3, 5, 5\) of \(3, 22, 22\)"):
        solve_plug_and_play(np.zeros((6, 6)), np.ones((3, 3)), denoiser=lambda image, _: image[..., :5, :5])


def test_ikc_corrects_its_code_six_times_for_seven_images(golden):
    networks = {
        "predictor": IKCPredictor(width=8),
        "corrector": IKCCorrector(width=8),
        "network": SFTMD(**SFTMD.arguments_from_state(golden("ikc_sftmd_x4_nf8nb2").state)),
    }
    for key, name in (("predictor", "ikc_predictor_nf8"), ("corrector", "ikc_corrector_nf8")):
        networks[key].load_state_dict(golden(name).state)
    networks["network"].load_state_dict(golden("ikc_sftmd_x4_nf8nb2").state)
    lr = golden("ikc_predictor_nf8")["input"][:1]
    found = solve_ikc(lr[0].permute(1, 2, 0).numpy(), **networks, keep_images=True)
    with torch.no_grad():
        assert_parity(torch.from_numpy(found.codes[0]).float(), golden("ikc_predictor_nf8")["output"][0])
        code = networks["predictor"](lr)
        for number in range(7):
            sr = networks["network"](lr, code).clamp(0, 1)
            np.testing.assert_allclose(found.codes[number], code[0], atol=FLOAT32_SAME_MATHS)
            code = networks["corrector"](sr, code)
    np.testing.assert_allclose(found.image, sr[0].permute(1, 2, 0), atol=FLOAT32_NETWORK)
    assert len(found.images) == 7
    assert np.array_equal(found.images[-1], found.image)
    with pytest.raises(ModelError, match="predictor's code has 10 numbers, the corrector's 10 and the network's 5"):
        solve_ikc(np.zeros((9, 9)), **{**networks, "network": SFTMD(width=3, depth=1, code=5)})
    with pytest.raises(ConfigError, match="iterations must be a whole number of at least 1"):
        solve_ikc(np.zeros((9, 9)), **networks, iterations=0)


@pytest.mark.nightly
def test_official_usrnet_tiny_and_dncnn_beat_bicubic_on_a_blurred_image(shared):
    from kukkiri.images import read_image

    hr = read_image(shared / "data" / "Set5" / "butterfly.png").colour[64:192, 64:192].astype(np.float64)
    weights = shared / "weights_elsewhere"
    kernel = align_kernel(gaussian_kernel(2.0, size=15), scale=2)
    lr = blur_downsample(hr, kernel, scale=2)
    bicubic = resize_tensor(to_rgb_tensor(lr), scale=2)[0].permute(1, 2, 0).numpy()
    network = kukkiri.load(weights / "usrnet" / "usrnet_tiny.pth").module
    assert psnr(solve_usrnet(lr, kernel, scale=2, network=network), hr) > psnr(bicubic, hr) + 3
    denoiser = load_denoiser(weights / "denoiser" / "dncnn_25.pth", noise_std=25 / 255)
    assert psnr(solve_plug_and_play(lr, kernel, scale=2, denoiser=denoiser), hr) > psnr(bicubic, hr) + 2
    clean = subsample(hr, scale=2)
    assert psnr(solve_usrnet(clean, bicubic_kernel(2), scale=2, network=network), hr) > 32

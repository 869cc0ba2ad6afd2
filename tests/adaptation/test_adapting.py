import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from kukkiri.adaptation import AdaptedUpscaler, adapt, degradation_of, guard
from kukkiri.degradations import Degradation, gaussian_kernel, save_kernel
from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Image
from kukkiri.inference import Upscaler
from kukkiri.metrics import PROTOCOLS
from kukkiri.networks import ZSSR
from tests.tolerances import FLOAT64_MATHS


def test_adaptation_beats_bicubic_on_a_self_similar_image(self_similar, quick):
    kernel = gaussian_kernel(2.0, size=13)
    lr = Degradation.from_kernel(kernel).apply(self_similar, scale=2)
    settings = replace(quick, steps=400, projections=2)
    adapted = adapt(lr, scale=2, kernel=kernel, settings=settings)
    protocol = PROTOCOLS["y-mzsr"]
    before, after = (
        protocol.score(self_similar, upscaler(lr), scale=2).psnr for upscaler in (Upscaler("bicubic", scale=2), adapted)
    )
    assert not adapted.fell_back
    assert adapted.guard.after > adapted.guard.before
    assert after > before + 1.0


def test_steps_seed_and_noise_override_the_settings(self_similar, quick):
    lines = []
    adapted = adapt(
        self_similar[:40, :40], scale=2, steps=20, seed=5, noise_std=0.01, settings=quick, progress=lines.append
    )
    assert adapted.fit.steps == 20
    assert [line.steps for line in lines] == [20]


def test_the_guard_does_not_pass_a_network_that_adds_a_constant(self_similar):
    network = ZSSR(scale=2, width=8, depth=3)
    torch.nn.init.constant_(network.get_parameter("conv3.weight"), 0.3)
    upscaler = AdaptedUpscaler(network, degradation=Degradation.parse("bicubic"))
    found = guard(upscaler, self_similar[:32, :32].astype(np.float32) / 255)
    assert found.after < found.before
    assert not found.passed


def test_a_kernel_is_bicubic_a_blur_a_matrix_or_a_file(tmp_path):
    kernel = gaussian_kernel(1.5, 0.5, 0.2, size=9)
    save_kernel(kernel, tmp_path / "kernel.npy")
    assert str(degradation_of("bicubic")) == "bicubic"
    assert str(degradation_of("gaussian:4.0,1.0,-0.5")) == str(Degradation.parse("gaussian:4.0,1.0,-0.5+direct"))
    assert str(degradation_of("gaussian:1.3", subsample="bicubic")) == str(Degradation.parse("gaussian:1.3+bicubic"))
    assert str(degradation_of("disk:2+direct:aligned")) == str(Degradation.parse("disk:2+direct:aligned"))
    for given in (kernel, tmp_path / "kernel.npy", str(tmp_path / "kernel.npy")):
        np.testing.assert_allclose(degradation_of(given).effective_kernel(scale=2), kernel, rtol=FLOAT64_MATHS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 1}, "integer scale"),
        ({"scale": 2.5}, "integer scale"),
        ({"scale": float("nan")}, "integer scale"),
        ({"scale": None}, "integer scale"),
        ({"method": "magic"}, "Known: zssr, mzsr"),
        ({"projections": -1}, "projections"),
        ({"method": "zssr", "precision": "half"}, "unknown precision 'half'"),
        ({"kernel": "gausian:2.0"}, "unknown kernel 'gausian:2.0'; did you mean 'gaussian'"),
        ({"kernel": "estmate"}, "unknown kernel 'estmate'; did you mean 'estimate'"),
        ({"kernel": "estimate", "subsample": "bicubic"}, "estimate contains the blur of downscaling"),
        ({"kernel": __file__}, r"test_adapting\.py: the name of a kernel file ends in \.npy"),
        ({"precision": "bfloat16"}, "precision belongs to the method zssr"),
        ({"steps": -1}, "steps"),
        ({"steps": 2.5}, "steps must be an integer, got 2.5"),
        ({"seed": 1.5}, "seed must be an integer, got 1.5"),
        ({"projections": 0.5}, "projections must be an integer, got 0.5"),
        ({"steps": 0, "method": "zssr"}, "steps"),
        ({"budget": 0}, "budget"),
        ({"seed": -1}, "seed"),
        ({"noise_std": 2}, "noise_std"),
        ({"kernel": "missing.npy"}, "no such kernel"),
        ({"kernel": "gaussian:2.0+direct+noise:0.1"}, "noise"),
        ({"kernel": "gaussean:2.0"}, "gaussian"),
        ({"subsample": "lanczos"}, "direct, bicubic"),
        ({"kernel": np.zeros((3, 3))}, "sums to 0"),
    ],
)
def test_invalid_arguments_are_refused_before_any_work(self_similar, arguments, message):
    with pytest.raises(ConfigError, match=message):
        adapt(self_similar, **{"scale": 2, **arguments})


def test_an_image_may_be_a_path_bytes_a_file_an_array_or_a_pillow_image(self_similar, quick, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    lr, path = self_similar[:32, :36], tmp_path / "lr.png"
    Image.from_array(lr).save(path)
    data = path.read_bytes()
    settings = replace(quick, steps=2)
    expected = adapt(lr, scale=2, settings=settings)(lr)
    for source in (path, str(path), data, io.BytesIO(data), Image.from_array(lr), pillow.fromarray(lr)):
        np.testing.assert_array_equal(adapt(source, scale=2, settings=settings)(lr), expected)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("missing.png", ImageError, "missing.png: no such file"),
        (b"no image", ImageError, "not an image"),
        (None, TypeError, "NoneType is no image; expected a path, bytes"),
        ({}, TypeError, "dict is no image"),
        (np.zeros((4, 4, 4, 4)), ImageError, "is no image; expected"),
    ],
)
def test_what_holds_no_image_is_refused(source, error, message):
    with pytest.raises(error, match=message):
        adapt(source, scale=2)


def test_gradual_factors_need_a_kernel(self_similar, quick):
    with pytest.raises(ConfigError, match="cannot be written as one kernel"):
        adapt(self_similar, scale=2, kernel="gaussian:2.0+lanczos", settings=replace(quick, gradual=True))


def test_an_image_of_a_few_pixels_is_refused():
    with pytest.raises(ImageError, match="too few to learn from"):
        adapt(np.zeros((15, 40, 3), dtype=np.uint8), scale=2)


def test_an_image_of_one_colour_stays_so(quick):
    flat = np.full((20, 20, 3), 77, dtype=np.uint8)
    np.testing.assert_array_equal(adapt(flat, scale=2, settings=replace(quick, steps=5))(flat), 77)


@pytest.mark.parametrize(
    ("size", "moved", "scale", "aligned"),
    [
        (15, 0.5, 2, True),
        (15, 0.0, 2, False),
        (16, 0.0, 2, True),
        (21, 1.0, 3, True),
        (25, 1.4, 4, True),
        (25, 0.2, 4, False),
    ],
)
def test_a_kernel_with_its_centre_on_the_bicubic_grid_is_aligned(tmp_path, size, moved, scale, aligned):
    """As KernelGAN and FKP write kernels; an even matrix is anchored half a pixel above and left of its middle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2 - moved
    kernel = np.exp(-(y**2 + x**2) / (2 * 1.3**2))
    path = tmp_path / "my kernel.npy"
    np.save(path, kernel)
    expected = "direct:aligned" if aligned else "direct"
    for given in (kernel, path, f"file:{tmp_path}/my%20kernel.npy"):
        assert str(degradation_of(given, scale=scale)).split("+")[-1] == expected
    assert not str(degradation_of(f"file:{path}+direct", scale=scale)).endswith("aligned")
    assert not str(degradation_of(kernel, scale=scale, subsample="bicubic")).endswith("aligned")

"""Blurred images in the half without torch: the degradation is estimated or given, told to a network, and checked."""

import dataclasses
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import kukkiri
from kukkiri.degradations import Degradation, DegradationRequest, estimate_degradation, gaussian_kernel
from kukkiri.errors import ConfigError, ModelError
from kukkiri.images import Image, read_image
from kukkiri.inference import Upscaler
from kukkiri.inference.solvers import list_solvers
from kukkiri.metrics import psnr
from tests.tolerances import FLOAT32_NETWORK


@pytest.fixture(scope="module")
def hr(photographs):
    """256x256 of a photograph that ships with the tests, RGB in [0, 1]."""
    path = sorted(photographs.glob("*.webp"))[0]
    return np.ascontiguousarray(read_image(path).colour[:256, :256])


@pytest.fixture(scope="module")
def whole(photographs):
    """320x512 of another photograph, enough for the zeros of a spectrum."""
    return np.ascontiguousarray(read_image(photographs / "es_station4.webp").colour[:320])


@pytest.fixture(scope="module")
def lr(hr):
    levels = np.rint(255 * hr).astype(np.uint8)
    return Degradation.parse("gaussian:2.0+direct").apply(levels, scale=2)


def score(hr, sr):
    return psnr(np.rint(255 * hr), sr.astype(np.float64), border=8)


def test_a_solver_is_shipped_for_each_scale_and_subsampling():
    assert list_solvers() == {
        (2, "bicubic"): "context-x2-bicubic",
        (2, "direct"): "context-x2-direct",
        (4, "direct"): "context-x4-direct",
    }
    assert list_solvers(noise=True) == {(scale, "direct"): f"srmd-s-x{scale}" for scale in (2, 3, 4)}
    assert Upscaler("srmd", degradation="gaussian:2.0").name == "srmd-s-x2"


def test_at_scale_three_the_network_that_takes_the_noise_serves_images_without(hr):
    levels = np.rint(255 * hr[:255, :255]).astype(np.uint8)
    lr = Degradation.parse("gaussian:3.0+direct").apply(levels, scale=3)
    estimating = Upscaler(scale=3, degradation="estimate")
    assert estimating.name == "srmd-s-x3"
    estimated, known, plain = (
        kukkiri.upscale(lr, scale=3, degradation=each) for each in ("estimate", "gaussian:3.0", None)
    )
    assert score(hr[:255, :255], known) > score(hr[:255, :255], plain) + 3
    assert score(hr[:255, :255], estimated) > score(hr[:255, :255], known) - 1
    noisy = Degradation.parse("gaussian:4.0+direct+noise:0.02").apply(levels, scale=3, seed=1)
    suited = estimating.suited(Image.from_array(noisy))
    assert 255 * suited.degradation.noise_std == pytest.approx(5.1, abs=0.9)


def test_the_estimated_kernel_is_almost_as_good_as_the_true_one(hr, lr):
    estimated = kukkiri.upscale(lr, scale=2, degradation="estimate")
    known = kukkiri.upscale(lr, scale=2, degradation="gaussian:2.0")
    interpolated = kukkiri.upscale(lr, scale=2, model="bicubic")
    assert score(hr, known) > score(hr, interpolated) + 3
    assert score(hr, estimated) > score(hr, known) - 1


def test_an_image_that_is_only_subsampled_gets_the_shift_of_direct_subsampling(hr):
    levels = np.rint(255 * hr).astype(np.uint8)
    lr = Degradation.parse("gaussian:0.2+direct").apply(levels, scale=2)
    estimated, plain = (kukkiri.upscale(lr, scale=2, degradation=each) for each in ("estimate", None))
    assert score(hr, estimated) > score(hr, plain) + 2
    known = kukkiri.upscale(lr, scale=2, degradation="gaussian:0.2")
    assert score(hr, estimated) > score(hr, known) - 1


def test_an_image_of_bicubic_downscaling_is_not_said_to_be_aliased(hr):
    levels = np.rint(255 * hr).astype(np.uint8)
    for text in ("bicubic", "bicubic+noise:0.02", "bicubic+noise:0.06"):
        lr = Image.from_array(Degradation.parse(text).apply(levels, scale=2, seed=1))
        assert Upscaler(scale=2, degradation="estimate").suited(lr).degradation is None


def test_what_was_found_is_told(lr):
    result = Upscaler(scale=2, degradation="estimate")(Image.from_array(lr))
    assert result.notes[0].startswith("blur found in the spectrum: 1.")
    assert "LR consistency" in result.notes[0]
    assert "0.5 pixels up and left" in result.notes[1]
    suited = Upscaler(scale=2, degradation="estimate").suited(Image.from_array(lr))
    about = suited.describe_degradation()
    assert about["subsample"] == "direct"
    assert about["widths"] == pytest.approx([2**0.5, 2**0.5], abs=0.2)
    assert about["confidence"] > 0.7
    assert suited.suited(Image.from_array(lr)) is suited


def test_each_image_of_a_run_has_its_own_estimate(hr):
    upscaler = Upscaler(scale=2, degradation="estimate")
    levels = np.rint(255 * hr).astype(np.uint8)
    found = [
        upscaler.suited(Image.from_array(Degradation.parse(f"{text}+direct").apply(levels, scale=2))).degradation
        for text in ("gaussian:1.5", "gaussian:4.0,1.0,-0.5")
    ]
    assert found[0].widths == pytest.approx((1.5**0.5, 1.5**0.5), abs=0.25)
    assert found[1].widths == pytest.approx((2, 1), abs=0.25)


def test_images_that_hide_their_blur_are_upscaled_without_and_say_so(lr, rng):
    upscaler = Upscaler(scale=2, degradation="estimate")
    plain = Upscaler(scale=2)
    cases = {
        "expected at least 64x64": Image.from_array(lr[:40, :40]),
        "of one colour": Image.from_array(np.full((80, 80, 3), 77, dtype=np.uint8)),
        "compressed with loss": dataclasses.replace(Image.from_array(lr), lossy=True),
        "no blur beyond": Image.from_array(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)),
    }
    for reason, image in cases.items():
        sr = upscaler(image)
        assert reason in sr.notes[0], sr.notes
        assert "upscaled as one that is not blurred" in sr.notes[0]
        assert np.array_equal(sr.colour, plain(image).colour)
        assert upscaler.suited(image).degradation is None


def test_an_uncertain_estimate_is_not_used(lr, monkeypatch):
    found = dataclasses.replace(estimate_degradation(lr, scale=2), confidence=0.2)
    monkeypatch.setattr("kukkiri.inference.blind.estimate_degradation", lambda *_, **__: found)
    assert "confidence 0.20: too uncertain" in Upscaler(scale=2, degradation="estimate")(Image.from_array(lr)).notes[0]


def test_an_uncertain_blur_of_an_aliased_image_is_a_slight_one(hr, monkeypatch):
    levels = np.rint(255 * hr).astype(np.uint8)
    lr = Degradation.parse("gaussian:0.3+direct").apply(levels, scale=2)
    found = dataclasses.replace(estimate_degradation(lr, scale=2), confidence=0.1)
    monkeypatch.setattr("kukkiri.inference.blind.estimate_degradation", lambda *_, **__: found)
    suited = Upscaler(scale=2, degradation="estimate").suited(Image.from_array(lr))
    assert suited.degradation.text == "gaussian:0.2"
    np.testing.assert_array_equal(suited.degradation.kernel, gaussian_kernel(0.2))
    sr = suited(Image.from_array(lr))
    assert "aliases of direct subsampling show, so a slight one is assumed" in " ".join(sr.notes)
    assert score(hr, 255 * sr.colour) > score(hr, 255 * Upscaler(scale=2)(Image.from_array(lr)).colour) + 2


def test_a_misread_spectrum_is_caught_by_the_lr_consistency(hr, monkeypatch):
    wide = estimate_degradation(hr, scale=2)
    wrong = type(wide)(gaussian_kernel(5.0, 0.3, 0.8, size=25), 2, "direct", 0.0, 0.9, "spectrum")
    monkeypatch.setattr("kukkiri.inference.blind.estimate_degradation", lambda *_, **__: wrong)
    image = Image.from_array(Degradation.parse("direct").apply(np.rint(255 * hr).astype(np.uint8), scale=2))
    suited = Upscaler(scale=2, degradation="estimate").suited(image)
    assert suited.degradation is None
    assert "differs from the image" in suited(image).notes[0]


def test_a_given_kernel_is_used_and_judged(lr):
    sharp = Upscaler(scale=2, degradation=DegradationRequest("bicubic"))
    assert sharp.name == "context-x2-bicubic"
    assert "bicubic downscaling explains the image as well" in " ".join(sharp(Image.from_array(lr)).notes)
    blurred = Upscaler(scale=2, degradation="gaussian:2.0")(Image.from_array(lr))
    assert "bicubic downscaling" not in " ".join(blurred.notes)
    assert "the spectrum of the image speaks" not in " ".join(blurred.notes)


def test_a_disk_given_as_a_gaussian_is_contradicted_by_the_spectrum(whole):
    lr = Image.from_array(Degradation.parse("disk:2.0+direct").apply(np.rint(255 * whole).astype(np.uint8), scale=2))
    wrong = Upscaler(scale=2, degradation="gaussian:1.85")(lr)
    (misfit,) = [note for note in wrong.notes if "the spectrum of the image speaks for disk:" in note]
    assert "misfit of the given kernel" in misfit
    found = Upscaler(scale=2, degradation="estimate").suited(lr)
    assert found.describe_degradation()["kind"] == "disk"
    assert [note for note in found(lr).notes if note.startswith("next best explanation: gaussian:")]
    true = Upscaler(scale=2, degradation="disk:2.0")(lr)
    estimated, known, mistaken = (score(whole, 255 * each.colour) for each in (found(lr), true, wrong))
    assert estimated > known - 0.5
    assert estimated > mistaken + 1


def test_an_image_that_is_not_blurred_is_upscaled_without(whole):
    lr = Image.from_array(Degradation.parse("bicubic").apply(np.rint(255 * whole).astype(np.uint8), scale=2))
    sr = Upscaler(scale=2, degradation="estimate")(lr)
    assert sr.notes[0].startswith("no blur beyond that of bicubic downscaling found in the spectrum")
    assert np.array_equal(sr.colour, Upscaler(scale=2)(lr).colour)


def test_a_noisy_image_goes_to_the_network_that_takes_the_noise(whole):
    levels = np.rint(255 * whole).astype(np.uint8)
    degradation = Degradation.parse("gaussian:2.0+direct:aligned+noise:0.02")
    lr = Image.from_array(degradation.apply(levels, scale=2, seed=1))
    estimated = Upscaler(scale=2, degradation="estimate").suited(lr)
    assert (estimated.name, estimated.degradation.subsample) == ("srmd-s-x2", "direct")
    assert 255 * estimated.degradation.noise_std == pytest.approx(5.1, abs=0.7)
    given = Upscaler(scale=2, degradation=DegradationRequest("gaussian:2.0", noise_std="estimate"))
    assert given.name == "srmd-s-x2"
    amplified = Upscaler(scale=2, degradation="gaussian:2.0")(lr)
    assert "would amplify: estimate the noise, too" in " ".join(amplified.notes)
    shifted = Image.from_array(Degradation.parse("gaussian:2.0+direct+noise:0.02").apply(levels, scale=2, seed=1))
    robust, sharp = (
        score(whole, 255 * each(shifted).colour) for each in (given, Upscaler(scale=2, degradation="gaussian:2.0"))
    )
    assert robust > sharp + 3
    assert robust > score(whole, 255 * Upscaler(scale=2)(lr).colour) + 1


def test_noise_is_told_where_no_network_takes_it(whole):
    levels = np.rint(255 * whole).astype(np.uint8)
    noisy = Degradation.parse("gaussian:2.0+bicubic+noise:0.02").apply(levels, scale=2, seed=1)
    request = DegradationRequest("estimate", subsample="bicubic")
    sr = Upscaler(scale=2, degradation=request)(Image.from_array(noisy))
    assert "which context-x2-bicubic would amplify, so the image is upscaled as one that is not blurred" in sr.notes[0]


def test_files_and_matrices_are_kernels_too(lr, tmp_path):
    kernel = gaussian_kernel(2.0)
    np.save(tmp_path / "k.npy", kernel)
    expected = kukkiri.upscale(lr, scale=2, degradation="gaussian:2.0")
    assert np.array_equal(kukkiri.upscale(lr, scale=2, degradation=tmp_path / "k.npy"), expected)
    assert np.array_equal(kukkiri.upscale(lr, scale=2, degradation=kernel), expected)


def test_tiles_strips_alpha_and_16_bit(lr, tmp_path):
    whole = Upscaler(scale=2, degradation="gaussian:2.0")
    deep = (lr.astype(np.uint16) * 257).clip(0, 65535)
    tiled = Upscaler(scale=2, degradation="gaussian:2.0", tile=40)
    assert np.abs(tiled(deep).astype(float) - whole(deep)).max() <= 65535 * FLOAT32_NETWORK + 1  # rounded
    alpha = np.full((*lr.shape[:2], 1), 255, dtype=np.uint8)
    assert np.array_equal(whole(np.concatenate([lr, alpha], axis=2))[..., :3], whole(lr))
    assert whole.may_stream
    assert not Upscaler(scale=2, degradation="estimate").may_stream


def test_the_scale_four_network_is_told_kernels_too(hr):
    lr = Degradation.parse("gaussian:4.0+direct").apply(np.rint(255 * hr).astype(np.uint8), scale=4)
    known = kukkiri.upscale(lr, scale=4, degradation="gaussian:4.0")
    assert score(hr, known) > score(hr, kukkiri.upscale(lr, scale=4, model="bicubic")) + 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": "espcn-x2"}, ModelError, "espcn-x2: is not conditioned on a blur"),
        ({"model": "bicubic", "scale": 2}, ModelError, "bicubic: is not conditioned on a blur"),
        ({"scale": 5}, ModelError, "shipped for x5 and direct subsampling, but: x2 bicubic, x2 direct, x3 direct, x4"),
        ({"model": "context-x2-direct", "scale": 4}, ConfigError, "inverts a blur at x2 only, but x4"),
        ({"ensemble": True}, ConfigError, "self-ensemble flips"),
        ({"width": 300}, ConfigError, "Give scale instead of a size"),
        ({"weights": "photo"}, ConfigError, "Drop weights or the kernel"),
        ({"degradation": DegradationRequest(noise_std=0.1), "model": "context"}, ConfigError, "on the kernel only"),
        (
            {"degradation": DegradationRequest(noise_std=0.1), "scale": 5},
            ModelError,
            "kernel and noise is shipped for x5",
        ),
        (
            {"model": "srmd", "scale": 5},
            ModelError,
            "x5 and direct subsampling, but: x2 direct, x3 direct, x4 direct. Leave the noise out",
        ),
        ({"degradation": "gausian:2"}, ConfigError, "did you mean 'gaussian'"),
        ({"degradation": "noise:0.1"}, ConfigError, "is not a blur"),
        ({"degradation": "estmate"}, ConfigError, "unknown kernel 'estmate'; did you mean 'estimate'"),
        ({"degradation": "gaussian:2.0+direct"}, ConfigError, "more than a blur.* the subsampling by itself"),
        ({"degradation": __file__}, ConfigError, r"test_blind\.py: the name of a kernel file ends in \.npy"),
        (
            {"model": "srmd", "degradation": None},
            ModelError,
            "srmd: is conditioned on the blur that made the image. Give it: --kernel",
        ),
        ({"degradation": "disk:101"}, ConfigError, "the kernel has 203x203 pixels, at most 201x201 can be used"),
        ({"model": "dpsr", "degradation": np.eye(99)}, ConfigError, "larger than the 25x25 pixels .*: 75 % of its"),
        ({"degradation": "missing.npy"}, ConfigError, "no such kernel file"),
        ({"model": "context-x2-direct", "degradation": "bicubic"}, ConfigError, "trained on direct subsampling"),
        ({"model": "context-x2-direct", "degradation": None}, ModelError, "is conditioned on the blur"),
    ],
)
def test_what_does_not_go_together_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        Upscaler(**{"degradation": "estimate", **options})


def test_planes_and_clips_need_a_given_kernel(lr):
    planes = lr.transpose(2, 0, 1).astype(np.float32) / 255
    with pytest.raises(ConfigError, match="estimated for each image"):
        Upscaler(scale=2, degradation="estimate").upscale_planes(planes)
    with pytest.raises(ConfigError, match="and the noise as a number"):
        Upscaler(scale=2, degradation=DegradationRequest("gaussian:2.0", noise_std="estimate")).upscale_planes(planes)
    assert Upscaler(scale=2, degradation="gaussian:2.0").upscale_planes(planes).shape == (3, 256, 256)


def test_an_upscaler_with_a_kernel_is_pickled(lr):
    upscaler = Upscaler(scale=2, degradation="gaussian:2.0")
    assert np.array_equal(pickle.loads(pickle.dumps(upscaler))(lr), upscaler(lr))
    assert upscaler.describe_options()["degradation"] == "gaussian:2.0"


def test_the_command_runs_without_torch_and_tells_the_kernel(lr, tmp_path):
    Image.from_array(lr).save(tmp_path / "soft.png")
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['scipy'] = None\n"
        "from kukkiri.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["upscale", "soft.png", "-o", "large.png", "--kernel", "estimate", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["files"]
    assert found["size"] == [256, 256]
    assert found["degradation"]["found_by"] == "spectrum"
    assert found["degradation"]["widths"] == pytest.approx([2**0.5, 2**0.5], abs=0.2)
    assert found["notes"][0].startswith("blur found in the spectrum")

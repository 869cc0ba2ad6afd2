from dataclasses import replace

import numpy as np
import pytest
import torch

import kukkiri
from kukkiri.adaptation import AdaptedUpscaler, Guard, adapt
from kukkiri.degradations import Degradation
from kukkiri.errors import ModelError
from kukkiri.images import Image
from kukkiri.inference import Upscaler
from kukkiri.networks import ZSSR
from kukkiri.resampling import resize
from tests.tolerances import FLOAT32_SAME_MATHS, SAVED_PIXELS


@pytest.fixture
def zero_residual():
    """A network whose residual is 0: its result is bicubic interpolation."""
    network = ZSSR(scale=2, width=8, depth=3)
    torch.nn.init.zeros_(network.get_parameter("conv3.weight"))
    return network.eval()


@pytest.fixture
def lr(rng):
    return np.round(255 * resize(rng.random((8, 6, 3)), output_size=(24, 18)).clip(0, 1)).astype(np.uint8)


def test_a_network_with_a_residual_of_zero_gives_bicubic_interpolation(zero_residual, lr):
    upscaler = AdaptedUpscaler(zero_residual, degradation=Degradation.parse("bicubic"))
    floats = lr.astype(np.float32) / 255
    np.testing.assert_allclose(
        upscaler(floats), resize(floats, output_size=(48, 36)).clip(0, 1), atol=FLOAT32_SAME_MATHS
    )
    expected = np.round(255 * resize(lr / 255, output_size=(48, 36)).clip(0, 1))
    assert np.abs(upscaler(lr) - expected).max() <= SAVED_PIXELS


def test_back_projection_raises_the_lr_consistency(zero_residual, lr):
    floats = lr.astype(np.float32) / 255
    errors = []
    for ensemble, projections in ((False, 0), (True, 0), (True, 10)):
        upscaler = AdaptedUpscaler(
            zero_residual, degradation=Degradation.parse("bicubic"), ensemble=ensemble, projections=projections
        )
        downsampled = Degradation.parse("bicubic").apply(upscaler.upscale_colour(floats), scale=2)
        errors.append(float(np.square(downsampled - floats).mean()))
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)  # bicubic interpolation commutes with flips
    assert errors[2] < errors[1] / 100


def test_grey_alpha_depth_and_metadata_are_kept(zero_residual, rng):
    upscaler = AdaptedUpscaler(zero_residual, degradation=Degradation.parse("bicubic"), projections=1)
    levels = rng.integers(0, 65536, size=(20, 22, 2), dtype=np.uint16)
    levels[:10, :, 1] = 65535
    upscaled = upscaler(levels)
    assert (upscaled.shape, upscaled.dtype) == ((40, 44, 2), np.uint16)
    assert (upscaled[:14, :, 1] == 65535).all()
    assert upscaler(levels[..., 0]).shape == (40, 44)
    image = Image.from_array(levels)
    result = upscaler(replace(image, metadata=replace(image.metadata, icc=b"profile")))
    assert result.metadata.icc == b"profile"
    assert (result.depth, result.size) == (16, (40, 44))


def test_a_saved_upscaler_gives_the_same_pixels_after_loading(self_similar, quick, tmp_path):
    adapted = adapt(self_similar[:48, :48], scale=2, kernel="gaussian:1.0,0.5,0.3+direct:aligned", settings=quick)
    path = tmp_path / "mine.safetensors"
    adapted.save(path)
    loaded = AdaptedUpscaler.load(path)
    other = self_similar[40:70, 10:50]
    np.testing.assert_array_equal(loaded(other), adapted(other))
    assert (str(loaded.degradation), loaded.ensemble, loaded.projections) == (str(adapted.degradation), False, 2)
    assert isinstance(kukkiri.load(path).module, ZSSR)
    with pytest.raises(ModelError, match="exists"):
        adapted.save(path)


def test_the_file_of_another_model_is_refused():
    with pytest.raises(ModelError, match="not an adapted upscaler"):
        AdaptedUpscaler.load("espcn-x2")


def test_results_are_bicubic_when_the_guard_did_not_pass(zero_residual, lr, tmp_path):
    torch.nn.init.constant_(zero_residual.get_parameter("conv3.weight"), 0.3)
    harmful = AdaptedUpscaler(
        zero_residual, degradation=Degradation.parse("bicubic"), guard=Guard(before=40.0, after=20.0)
    )
    assert harmful.fell_back
    np.testing.assert_array_equal(harmful(lr), Upscaler("bicubic", scale=2)(lr))
    assert "20.00 dB after, 40.00 dB before" in harmful(Image.from_array(lr)).notes[0]
    with pytest.raises(ModelError, match="lowered the LR consistency"):
        harmful.save(tmp_path / "harmful.safetensors")

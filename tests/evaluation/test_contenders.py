"""Networks under a protocol, with graphs whose results are known: nearest upscaling as a transposed convolution."""

import numpy as np
import pytest

from kukkiri.errors import ConfigError, ModelError
from kukkiri.evaluation import TestImage, evaluate
from kukkiri.evaluation.contenders import Contender, make_test_pair
from kukkiri.images import Image
from kukkiri.info import ModelInfo
from kukkiri.metrics import PROTOCOLS
from tests.tolerances import PSNR_DB


@pytest.fixture
def nearest(tmp_path):
    """Write the graph: x2, luma or RGB; pre-upsampled ones keep what they are given."""
    onnx = pytest.importorskip("onnx", reason="needs torch")
    from onnx import TensorProto, helper

    def write(name, *, colour="y", pre_upsampled=False, weight=1.0, external=False):
        channels = 1 if colour == "y" else 3
        side = 1 if pre_upsampled else 2
        kernel = np.full((channels, 1, side, side), weight, np.float32)
        graph = helper.make_graph(
            [helper.make_node("ConvTranspose", ["lr", "w"], ["sr"], strides=[side, side], group=channels)],
            "g",
            [helper.make_tensor_value_info("lr", TensorProto.FLOAT, ["n", channels, "h", "w"])],
            [helper.make_tensor_value_info("sr", TensorProto.FLOAT, ["n", channels, "H", "W"])],
            [onnx.numpy_helper.from_array(kernel, "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        info = ModelInfo(
            name=name, network="unknown", scale=2, colour=colour, receptive_field=1, pre_upsampled=pre_upsampled
        )
        helper.set_model_props(model, info.to_metadata())
        path = tmp_path / f"{name}.onnx"
        beside = f"{name}.onnx.data" if external else None
        onnx.save(model, path, save_as_external_data=external, location=beside, size_threshold=0)
        return str(path)

    return write


@pytest.fixture
def data(tmp_path, rng):
    folder = tmp_path / "data"
    folder.mkdir()
    Image.from_array(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(folder / "colour.png")
    Image.from_array(rng.integers(0, 256, (40, 48), dtype=np.uint8)).save(folder / "grey.png")
    return folder


def scores(model, data, **arguments):
    return evaluate(model, data=data, scale=2, **arguments).sets["data"].images


@pytest.mark.parametrize("ensemble", [False, True])  # nearest upscaling is the same in all eight orientations
@pytest.mark.parametrize(("colour", "protocol"), [("rgb", "y-matlab"), ("rgb", "rgb"), ("y", "y-legacy")])
def test_a_network_scores_what_the_same_interpolation_scores(nearest, data, colour, protocol, ensemble):
    model = nearest("n", colour=colour)
    assert scores(model, data, protocol=protocol, ensemble=ensemble) == scores("nearest", data, protocol=protocol)


def test_a_pre_upsampled_network_is_given_the_bicubic_upscaling(nearest, data):
    model = nearest("identity", pre_upsampled=True)
    found, expected = scores(model, data, protocol="y-legacy"), scores("bicubic", data, protocol="y-legacy")
    for name in expected:  # float32 in the graph: a value near a half may round to the other level
        assert found[name].psnr == pytest.approx(expected[name].psnr, abs=PSNR_DB)


def test_a_model_of_another_scale_or_colour_is_refused(nearest, data):
    with pytest.raises(ModelError, match=r"is a x2 model, but scale 4 was asked. Use one of x4"):
        evaluate(nearest("n"), data=data, scale=4)
    with pytest.raises(ConfigError, match=r"defined on luma, and .*rgb.onnx works on RGB"):
        evaluate(nearest("rgb", colour="rgb"), data=data, scale=2, protocol="y-legacy")


def digest(model):
    return Contender(model, PROTOCOLS["rgb"], scale=2, ensemble=False, threads=None).digest()


def test_a_digest_follows_the_bytes_of_the_weights_wherever_they_lie(nearest):
    first, again = digest(nearest("n")), digest(nearest("n"))
    assert first == again != digest(nearest("n", weight=0.5))
    beside = digest(nearest("e", external=True))
    assert beside != digest(nearest("e", external=True, weight=0.5))
    assert digest("bicubic") != digest("lanczos")


def test_an_image_without_lr_needs_a_degradation():
    image = TestImage("a", np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(ConfigError, match="neither a degradation nor an LR image"):
        make_test_pair(image, PROTOCOLS["rgb"], None, scale=2)
    with pytest.raises(ConfigError, match="defined for bicubic LR, not for given LR images"):
        make_test_pair(image, PROTOCOLS["y-legacy"], None, scale=2)

import logging

import numpy as np
import pytest

from kukkiri import pretrained
from kukkiri.inference import OnnxEngine, Upscaler
from kukkiri.inference.half_precision import repair
from kukkiri.info import METADATA_KEY, ModelInfo
from tests.tolerances import FLOAT32_SAME_MATHS

onnx = pytest.importorskip("onnx", reason="needs kukkiri[float16]")


@pytest.fixture
def overflowing(tmp_path):
    """A x2 graph whose activations are 50,000 times the image's: white, 50,000, fits into float16, and 1.5 does not."""
    from onnx import TensorProto, helper

    # ONNX Runtime computes convolutions in float32 on the CPU, but two concatenations in a row really are of float16
    nodes = [
        helper.make_node("Conv", ["lr", "up"], ["first"]),
        helper.make_node("Conv", ["lr", "up"], ["second"]),
        helper.make_node("Concat", ["first", "second"], ["pair"], axis=1),
        helper.make_node("Concat", ["pair", "pair"], ["large"], axis=1),
        helper.make_node("Conv", ["large", "down"], ["small"]),
        helper.make_node("DepthToSpace", ["small"], ["sr"], blocksize=2),
    ]
    weights = [
        helper.make_tensor("up", TensorProto.FLOAT, [1, 1, 1, 1], [50_000.0]),
        helper.make_tensor("down", TensorProto.FLOAT, [4, 4, 1, 1], [0.5e-5] * 16),
    ]
    values = [helper.make_tensor_value_info("lr", TensorProto.FLOAT, ["n", 1, "h", "w"])]
    result = [helper.make_tensor_value_info("sr", TensorProto.FLOAT, ["n", 1, "H", "W"])]
    model = helper.make_model(
        helper.make_graph(nodes, "overflows", values, result, weights),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    info = ModelInfo(name="overflows", network="unknown", scale=2, colour="y", receptive_field=0)
    for key, text in info.to_metadata().items():
        model.metadata_props.add(key=key, value=text)
    onnx.save(model, tmp_path / "overflows.onnx")
    assert METADATA_KEY in info.to_metadata()
    return tmp_path / "overflows.onnx"


def test_a_tile_that_overflows_is_computed_again_in_float32(overflowing, caplog):
    half = OnnxEngine(overflowing, threads=1, precision="float16")
    lr = np.stack([np.full((1, 4, 5), value, dtype=np.float32) for value in (0.25, 1.5, 0.5)])  # 1.5 x 50,000 overflows
    with caplog.at_level(logging.INFO):
        sr = half.run(lr)
    assert "1 of 3 tiles overflowed in float16" in caplog.text
    full = OnnxEngine(overflowing, threads=1).run(lr)
    assert np.array_equal(sr[1], full[1])
    assert np.abs(sr[[0, 2]] - full[[0, 2]]).max() <= 2**-9  # of float16 below 1
    assert not np.array_equal(sr[0], full[0])  # and the others are not


def test_float16_stays_within_a_grey_level_on_a_shipped_network(rng):
    lr = rng.random((1, 1, 40, 50), dtype=np.float32)
    half, full = (
        OnnxEngine(pretrained.locate("plain-s-x2", ".onnx"), threads=1, precision=precision)
        for precision in ("float16", "float32")
    )
    difference = np.abs(half.run(lr) - full.run(lr)).max()
    assert FLOAT32_SAME_MATHS < difference < 1 / 255  # and it is float16 indeed
    assert half.info == full.info
    assert half.footprint == full.footprint


def test_the_upscaler_describes_float16_as_an_option():
    assert Upscaler("fast", threads=1, precision="float16").describe_options()["precision"] == "float16"
    assert "precision" not in Upscaler("fast", threads=1).describe_options()


def test_only_what_is_not_finite_is_replaced():
    sr = np.ones((4, 1, 2, 2), dtype=np.float32)
    sr[1, 0, 0, 1], sr[3, 0, 1, 1] = np.nan, -np.inf
    asked = []
    assert repair(sr, lambda mask: asked.append(mask) or np.full((2, 1, 2, 2), 7, dtype=np.float32)) == 2
    assert asked[0].tolist() == [False, True, False, True]
    assert sr[:, 0, 0, 0].tolist() == [1, 7, 1, 7]
    assert repair(sr, lambda mask: pytest.fail("nothing to do")) == 0

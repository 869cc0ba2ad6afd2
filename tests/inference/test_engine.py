import json

import numpy as np
import pytest

from kukkiri.errors import BackendError, ModelError
from kukkiri.inference import Footprint, OnnxEngine, Upscaler
from kukkiri.inference.engine import MEMORY_KEY
from kukkiri.info import ModelInfo
from tests.tolerances import FLOAT32_SAME_MATHS


def graph(path, *, shape=("n", 3, "h", "w"), scale=2, unshuffle=1, inputs=1):
    """A foreign upscaling: nearest, after a detour that needs multiples of ``unshuffle``."""
    onnx = pytest.importorskip("onnx", reason="needs torch")
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("SpaceToDepth", ["in0"], ["a"], blocksize=unshuffle),
        helper.make_node("DepthToSpace", ["a"], ["b"], blocksize=unshuffle),
        helper.make_node("Resize", ["b", "", "scales"], ["out"], mode="nearest"),
    ]
    values = [helper.make_tensor_value_info(f"in{i}", TensorProto.FLOAT, list(shape)) for i in range(inputs)]
    result = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", shape[1], "H", "W"])
    scales = helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, scale, scale])
    model = helper.make_model(
        helper.make_graph(nodes, "foreign", values, [result], [scales]),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    onnx.save(model, path)
    return path


def test_the_engine_reads_its_description_and_runs_batches(exported, rng):
    engine = OnnxEngine(exported["espcn"], threads=1)
    lr = rng.random((2, 1, 7, 9), dtype=np.float32)
    sr = engine.run(lr)
    assert engine.info.scale == 3
    assert sr.shape == (2, 1, 21, 27)
    assert np.abs(sr[1:] - engine.run(lr[1:])).max() <= FLOAT32_SAME_MATHS


def test_the_same_input_gives_the_same_bytes(exported, rng):
    lr = rng.random((1, 1, 31, 33), dtype=np.float32)
    first, second = (OnnxEngine(exported["fsrcnn"], threads=2).run(lr) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_memory_counts_twice_the_activations(exported):
    # widths 8 and 6, 9 phases: the tanh reads and writes 8, the shuffle 9 and 9 floats
    assert OnnxEngine(exported["espcn"], threads=1).footprint.bytes(100) == 2 * 100 * 4 * 18
    assert Footprint(linear=10, quadratic=0.5).bytes(100) == 2 * (1000 + 5000)


def test_a_foreign_graph_is_described_by_running_it(tmp_path):
    engine = OnnxEngine(graph(tmp_path / "theirs.onnx", scale=3, unshuffle=4), threads=1)
    assert engine.info == ModelInfo(
        name="theirs", network="unknown", scale=3, colour="rgb", receptive_field=None, multiple=4
    )
    assert engine.footprint.linear == 3 * 4 * 64 * 9  # the cautious guess


def test_a_foreign_graph_upscales_an_image(tmp_path, rng):
    image = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    upscaled = Upscaler(graph(tmp_path / "a.onnx", scale=2, unshuffle=4), threads=1)(image)
    assert np.array_equal(upscaled, image.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": ("n", 3, 64, 64)}, "made for 64x64 pixels only"),
        ({"shape": ("n", 4, "h", "w")}, "expected one float32 input"),
        ({"inputs": 2}, "expected one float32 input"),
        ({"scale": 0.5}, "does not upscale by a whole number"),
    ],
)
def test_a_foreign_graph_of_another_kind_is_refused(tmp_path, changes, message):
    with pytest.raises(ModelError, match=message):
        OnnxEngine(graph(tmp_path / "a.onnx", **changes), threads=1)


def test_missing_and_damaged_files_are_one_error_line(tmp_path, exported):
    with pytest.raises(ModelError, match=r"a.onnx: no such file"):
        OnnxEngine(tmp_path / "a.onnx")
    (tmp_path / "a.onnx").write_bytes(exported["espcn"].read_bytes()[:900])
    with pytest.raises(ModelError, match=r"a.onnx: not a readable ONNX graph") as caught:
        OnnxEngine(tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)


def test_a_damaged_memory_entry_is_one_error_line(tmp_path, exported):
    onnx = pytest.importorskip("onnx", reason="needs torch")

    model = onnx.load(exported["espcn"])
    for entry in model.metadata_props:
        if entry.key == MEMORY_KEY:
            entry.value = json.dumps({"linear": "much"})
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(ModelError, match="kukkiri_memory entry is damaged"):
        OnnxEngine(tmp_path / "a.onnx")


def test_a_failure_of_the_runtime_is_a_backend_error(exported):
    with pytest.raises(BackendError, match="espcn-x3: ONNX Runtime failed at 4x5"):
        OnnxEngine(exported["espcn"], threads=1).run(np.zeros((1, 2, 4, 5), np.float32))

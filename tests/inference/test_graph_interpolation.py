import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from kukkiri.errors import ConfigError, ModelError
from kukkiri.inference import OnnxEngine
from kukkiri.inference.graph_interpolation import Toward, interpolate_graphs
from kukkiri.info import METADATA_KEY, ModelInfo

onnx = pytest.importorskip("onnx", reason="makes the graphs")


def make_graph(path: Path, weight, *, bias=0.0, raw: bool = True, kernel: int = 1, arguments=None, offset: int = 0):
    """A x1 network: one convolution of luma, and a constant of whole numbers for a reshape that changes nothing."""
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    weights = np.full((1, 1, kernel, kernel), weight, np.float32)
    arrays = [
        helper.make_tensor("w", floats, weights.shape, weights.tobytes() if raw else weights.ravel(), raw=raw),
        helper.make_tensor("b", floats, [1], np.float32([bias]).tobytes(), raw=True),
        helper.make_tensor("zero", onnx.TensorProto.INT64, [1], np.int64([offset]).tobytes(), raw=True),
    ]
    nodes = [
        helper.make_node("Conv", ["lr", "w", "b"], ["y"], pads=[kernel // 2] * 4),
        helper.make_node("Cast", ["zero"], ["shift"], to=floats),
        helper.make_node("Add", ["y", "shift"], ["sr"]),
    ]
    ends = [helper.make_tensor_value_info(name, floats, ["n", 1, "h", "w"]) for name in ("lr", "sr")]
    graph = helper.make_graph(nodes, "tiny", ends[:1], ends[1:], arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    info = ModelInfo(
        name=path.stem, network="tiny", scale=1, colour="y", receptive_field=kernel // 2, arguments=arguments or {},
        licence=f"licence of {path.stem}", training_data="images",
    )  # fmt: skip
    helper.set_model_props(model, info.to_metadata())
    path.write_bytes(model.SerializeToString())
    return path


LR = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 1, 3, 4)


@pytest.mark.parametrize("raw", [True, False])
def test_weights_are_mixed_linearly(tmp_path, raw):
    first = make_graph(tmp_path / "a.onnx", 1.0, bias=0.5, raw=raw)
    second = make_graph(tmp_path / "b.onnx", 3.0, bias=-0.5, raw=raw)
    engine = OnnxEngine(first, toward=Toward(second, 0.25))
    assert np.array_equal(engine.run(LR), np.float32(1.5) * LR + np.float32(0.25))
    assert engine.info.name == "a-b-0.25"
    assert (engine.info.licence, engine.info.training_data) == ("licence of a; licence of b", "images")


def test_both_ends_are_exact(tmp_path):
    first = make_graph(tmp_path / "a.onnx", 0.1, bias=1e-30)
    second = make_graph(tmp_path / "b.onnx", -1e8, bias=0.3)
    assert interpolate_graphs(first, Toward(second, 0)).content == first.read_bytes()
    end = interpolate_graphs(first, Toward(second, 1))
    mixed, wanted = onnx.load_from_string(end.content), onnx.load(second)
    assert mixed.graph.SerializeToString() == wanted.graph.SerializeToString()
    assert end.info == ModelInfo.from_metadata({p.key: p.value for p in wanted.metadata_props}, source="b")
    assert np.array_equal(OnnxEngine(first, toward=Toward(second, 1)).run(LR), OnnxEngine(second).run(LR))


def test_equal_weights_stay_as_they_are(tmp_path):
    first, second = (make_graph(tmp_path / name, 1 / 3) for name in ("a.onnx", "b.onnx"))
    assert interpolate_graphs(first, Toward(second, 0.3)).content == first.read_bytes()


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"kernel": 3}, "their layers differ"),
        ({"offset": 1}, "the constants zero differ"),
        ({"arguments": {"width": 2}}, "their descriptors differ in arguments"),
    ],
)
def test_graphs_that_differ_are_refused(tmp_path, changes, difference):
    first = make_graph(tmp_path / "a.onnx", 1.0)
    second = make_graph(tmp_path / "b.onnx", 1.0, **changes)
    with pytest.raises(ModelError, match=f"a and b are not two weight sets of one graph: {difference}"):
        interpolate_graphs(first, Toward(second, 0.5))


def test_weights_of_another_shape_are_refused(tmp_path):
    first, second = make_graph(tmp_path / "a.onnx", 1.0), tmp_path / "b.onnx"
    model = onnx.load(make_graph(second, 1.0))
    model.graph.initializer[0].dims[:] = [1, 1, 1, 1, 1]
    second.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"w is \(1, 1, 1, 1\), and w \(1, 1, 1, 1, 1\)"):
        interpolate_graphs(first, Toward(second, 0.5))


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: b"\xff" * 40, lambda content: b""])
def test_a_damaged_file_is_refused(tmp_path, damage):
    first, second = make_graph(tmp_path / "a.onnx", 1.0), tmp_path / "b.onnx"
    second.write_bytes(damage(first.read_bytes()))
    with pytest.raises(ModelError, match=r"b\.onnx: .*Get it again"):
        interpolate_graphs(first, Toward(second, 0.5))


def test_weights_in_another_file_are_refused(tmp_path):
    first, second = make_graph(tmp_path / "a.onnx", 1.0, kernel=33), tmp_path / "b.onnx"
    onnx.save(onnx.load(first), second, save_as_external_data=True, location="b.data", size_threshold=0)
    with pytest.raises(ModelError, match="Export it again with its weights inside"):
        interpolate_graphs(first, Toward(second, 0.5))


def test_alpha_outside_the_range_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"alpha must be in \[0, 1\], got 1.5"):
        Toward(tmp_path / "b.onnx", 1.5)


def test_a_pickled_engine_is_between_the_two_again(tmp_path):
    first, second = make_graph(tmp_path / "a.onnx", 1.0), make_graph(tmp_path / "b.onnx", 2.0)
    engine = pickle.loads(pickle.dumps(OnnxEngine(first, toward=Toward(second, 0.5))))
    assert np.array_equal(engine.run(LR), np.float32(1.5) * LR)
    assert json.loads(engine.info.to_metadata()[METADATA_KEY])["name"] == "a-b-0.5"

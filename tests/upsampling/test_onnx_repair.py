import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from kukkiri.errors import ModelError
from kukkiri.info import METADATA_KEY, ModelInfo
from kukkiri.upsampling import make_flat_images, repair_
from kukkiri.upsampling.onnx_repair import repair_onnx
from tests.tolerances import TORCH_AGAINST_ONNX


def write(path, nodes, tensors, *, info=None):
    """A graph from ``lr`` to ``sr`` out of hand-made nodes."""
    shape = ["n", 1, "h", "w"]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("lr", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("sr", TensorProto.FLOAT, ["n", 1, "hs", "ws"])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    if info is not None:
        for key, value in info.to_metadata().items():
            model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)


def run(path, lr):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"lr": lr})[0]


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_sub_pixel_graph_answers_grey_evenly_after_repair(tmp_path, mode):
    random = np.random.default_rng(0)
    tensors = {
        "w": random.normal(size=(9, 1, 3, 3)).astype(np.float32),
        "b": random.normal(size=9).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["lr", "w", "b"], ["y"], pads=[1, 1, 1, 1], name="head"),
        helper.make_node("DepthToSpace", ["y"], ["sr"], blocksize=3, mode=mode),
    ]
    info = ModelInfo(name="t", network="unknown", scale=3, colour="y", receptive_field=1, sha256="0" * 64)
    write(tmp_path / "in.onnx", nodes, tensors, info=info)
    name, change = repair_onnx(tmp_path / "in.onnx", tmp_path / "out.onnx")
    assert name == "head"
    assert change > 0
    lr = np.full((1, 1, 6, 6), 0.5, dtype=np.float32)
    assert np.ptp(run(tmp_path / "in.onnx", lr)[0, 0, 6:-6, 6:-6]) > 0.1
    assert np.ptp(run(tmp_path / "out.onnx", lr)[0, 0, 6:-6, 6:-6]) < TORCH_AGAINST_ONNX
    kept = {entry.key: entry.value for entry in onnx.load(tmp_path / "out.onnx").metadata_props}
    assert ModelInfo.from_metadata({METADATA_KEY: kept[METADATA_KEY]}, source="out").sha256 == ""


def test_dcr_and_crd_give_the_same_repair_as_the_module(tmp_path):
    torch.manual_seed(0)
    conv = nn.Conv2d(1, 8, 3, padding=1)
    tail = nn.Sequential(conv, nn.PixelShuffle(2), nn.Conv2d(2, 1, 1))
    nodes = [
        helper.make_node("Conv", ["lr", "w", "b"], ["y"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["y"], ["z"], blocksize=2, mode="CRD"),
        helper.make_node("Conv", ["z", "w2", "b2"], ["sr"]),
    ]
    values = [conv.weight, conv.bias, tail[2].weight, tail[2].bias]
    tensors = dict(zip(("w", "b", "w2", "b2"), [value.detach().numpy().copy() for value in values], strict=True))
    write(tmp_path / "in.onnx", nodes, tensors)
    repair_onnx(tmp_path / "in.onnx", tmp_path / "out.onnx")
    repair_(tail)
    lr = torch.rand(1, 1, 5, 6)
    np.testing.assert_allclose(
        run(tmp_path / "out.onnx", lr.numpy()), tail(lr).detach().numpy(), atol=TORCH_AGAINST_ONNX
    )


def test_flat_images_are_evened_out_as_in_torch(tmp_path):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.Tanh(), nn.ConvTranspose2d(8, 1, 4, 2, 1))
    nodes = [
        helper.make_node("Conv", ["lr", "w", "b"], ["y"], pads=[1, 1, 1, 1]),
        helper.make_node("Tanh", ["y"], ["z"]),
        helper.make_node("ConvTranspose", ["z", "w2", "b2"], ["sr"], strides=[2, 2], pads=[1, 1, 1, 1]),
    ]
    values = [network[0].weight, network[0].bias, network[2].weight, network[2].bias]
    tensors = dict(zip(("w", "b", "w2", "b2"), [value.detach().numpy().copy() for value in values], strict=True))
    write(tmp_path / "in.onnx", nodes, tensors)
    flat = make_flat_images(1, size=9)
    _, change = repair_onnx(tmp_path / "in.onnx", tmp_path / "out.onnx", constants=flat.numpy())
    assert change == pytest.approx(repair_(network, constants=flat)[1], rel=1e-3)
    answer = run(tmp_path / "out.onnx", np.full((1, 1, 9, 9), 0.25, dtype=np.float32))[0, 0, 4:-4, 4:-4]
    assert np.ptp(answer) < 1e-4


def test_transposed_graph_answers_grey_evenly_after_repair(tmp_path):
    weight = np.random.default_rng(0).normal(size=(1, 1, 5, 5)).astype(np.float32)
    nodes = [helper.make_node("ConvTranspose", ["lr", "w"], ["sr"], strides=[2, 2], pads=[1, 1, 2, 2])]
    write(tmp_path / "in.onnx", nodes, {"w": weight})
    repair_onnx(tmp_path / "in.onnx", tmp_path / "out.onnx")
    lr = np.ones((1, 1, 8, 8), dtype=np.float32)
    assert np.ptp(run(tmp_path / "in.onnx", lr)[0, 0, 4:-4, 4:-4]) > 0.1
    assert np.ptp(run(tmp_path / "out.onnx", lr)[0, 0, 4:-4, 4:-4]) < TORCH_AGAINST_ONNX


def test_what_cannot_be_repaired_is_refused(tmp_path):
    nodes = [helper.make_node("Conv", ["lr", "w"], ["sr"])]
    write(tmp_path / "plain.onnx", nodes, {"w": np.ones((1, 1, 1, 1), dtype=np.float32)})
    with pytest.raises(ModelError, match="no phases to equalize"):
        repair_onnx(tmp_path / "plain.onnx", tmp_path / "out.onnx")
    with pytest.raises(ModelError, match="exists already"):
        repair_onnx(tmp_path / "plain.onnx", tmp_path / "plain.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.onnx", "plain.onnx"]
    with pytest.raises(ModelError, match="not a readable ONNX graph"):
        repair_onnx(tmp_path / "bad.onnx", tmp_path / "out.onnx")


def test_an_output_that_cannot_be_written_is_the_users_error(tmp_path):
    nodes = [
        helper.make_node("Conv", ["lr", "w"], ["y"]),
        helper.make_node("DepthToSpace", ["y"], ["sr"], blocksize=2, mode="CRD"),
    ]
    write(tmp_path / "in.onnx", nodes, {"w": np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)})
    with pytest.raises(ModelError, match=r"out\.onnx: cannot be written .*Choose another path"):
        repair_onnx(tmp_path / "in.onnx", tmp_path / "missing" / "out.onnx")

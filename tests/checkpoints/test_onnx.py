import dataclasses
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from kukkiri.checkpoints import describe, export_onnx, tensors_sha256
from kukkiri.checkpoints.onnx import MEMORY_KEY
from kukkiri.errors import ModelError
from kukkiri.info import ModelInfo
from kukkiri.networks import ESPCN, FSRCNN, VDSR, RRDBNet
from tests.tolerances import TORCH_AGAINST_ONNX


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def info_of(module, *, scale=1, **changes):
    info = ModelInfo(name="toy", network="unknown", scale=scale, colour="y", receptive_field=None)
    return dataclasses.replace(info, **changes)


@pytest.fixture(scope="module")
def espcn(tmp_path_factory):
    torch.manual_seed(3)
    network = ESPCN(scale=3, widths=(8, 4))
    info = describe(network, name="small-x3", arguments={"scale": 3, "widths": [8, 4]}, licence="CC0-1.0")
    path = tmp_path_factory.mktemp("onnx") / "small-x3.onnx"
    return network.eval(), path, export_onnx(network, path, info=info)


def test_any_batch_and_size_agree_with_torch(espcn):
    network, path, _ = espcn
    run = session(path)
    for shape in ((1, 1, 1, 1), (2, 1, 5, 64), (1, 1, 90, 7)):
        lr = torch.rand(shape)
        with torch.inference_mode():
            expected = network(lr).numpy()
        # torch against ONNX Runtime: other order of additions, float32
        assert np.abs(run.run(["sr"], {"lr": lr.numpy()})[0] - expected).max() <= TORCH_AGAINST_ONNX


def test_the_file_describes_itself(espcn):
    network, path, written = espcn
    metadata = session(path).get_modelmeta().custom_metadata_map
    assert ModelInfo.from_metadata(metadata, source="x") == written
    assert written.sha256 == tensors_sha256(network.state_dict())


def test_names_and_sizes_are_those_of_the_seam(espcn):
    graph = onnx.load(espcn[1]).graph
    shapes = [
        [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    ]
    assert [value.name for value in (*graph.input, *graph.output)] == ["lr", "sr"]
    assert shapes == [["n", 1, "h", "w"], ["n", 1, "3*h", "3*w"]]
    assert {tensor.name for tensor in graph.initializer} >= set(espcn[0].state_dict())


def test_the_graph_holds_nothing_but_the_network(espcn):
    content = espcn[1].read_bytes()
    assert b".py" not in content
    assert b"aten" not in content
    assert [node.op_type for node in onnx.load(espcn[1]).graph.node] == [
        *["Conv", "Tanh", "Conv", "Tanh", "Conv"],
        "DepthToSpace",
    ]


def test_the_same_module_gives_the_same_bytes_and_is_left_as_it_was(espcn, tmp_path):
    network, path, written = espcn
    network.train()
    export_onnx(network, tmp_path / "again.onnx", info=written)
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()
    assert network.training
    network.eval()


def test_activations_are_counted_by_hand(espcn):
    footprint = json.loads(session(espcn[1]).get_modelmeta().custom_metadata_map[MEMORY_KEY])
    assert footprint == {"linear": 4.0 * 18, "quadratic": 0.0}  # the shuffle reads 9 and writes 9 floats


def test_the_value_range_is_folded_in(tmp_path):
    network = VDSR(scale=2, keys="edsr", colour="rgb", depth=3, width=8).eval()
    arguments = {"scale": 2, "keys": "edsr", "colour": "rgb", "depth": 3, "width": 8}
    export_onnx(network, tmp_path / "a.onnx", info=describe(network, name="vdsr", arguments=arguments))
    lr = torch.rand(1, 3, 11, 13)
    with torch.inference_mode():
        expected = network(lr * 255).numpy() / 255
    (found,) = session(tmp_path / "a.onnx").run(None, {"lr": lr.numpy()})
    assert np.abs(found - expected).max() <= TORCH_AGAINST_ONNX


def test_a_network_with_a_size_multiple_is_verified_at_multiples(tmp_path):
    arguments = {"scale": 2, "width": 4, "growth": 2, "depth": 1, "keys": "basicsr"}
    network = RRDBNet(**arguments).eval()
    assert network.multiple == 2
    export_onnx(network, tmp_path / "a.onnx", info=describe(network, name="rrdb", arguments=arguments))
    lr = torch.rand(1, 3, 10, 34)
    with torch.inference_mode():
        expected = network(lr).numpy()
    assert np.abs(session(tmp_path / "a.onnx").run(None, {"lr": lr.numpy()})[0] - expected).max() <= TORCH_AGAINST_ONNX


def test_a_transposed_convolution_counts_its_columns(tmp_path):
    network = FSRCNN(scale=2, d=8, s=4, m=1)
    export_onnx(network, tmp_path / "a.onnx", info=describe(network, name="a", arguments={"scale": 2}))
    footprint = json.loads(session(tmp_path / "a.onnx").get_modelmeta().custom_metadata_map[MEMORY_KEY])
    assert footprint["linear"] == 4 * (8 + 4 + 81)  # its input, its output, 9 x 9 columns


class Pairwise(nn.Module):
    """Every pixel looks at every other."""

    def forward(self, lr):
        flat = lr.flatten(2)
        return (flat @ (flat.transpose(1, 2) @ flat).softmax(-1)).reshape(lr.shape)


def test_pairs_of_pixels_count_quadratically(tmp_path):
    module = Pairwise()
    export_onnx(module, tmp_path / "a.onnx", info=info_of(module))
    footprint = json.loads(session(tmp_path / "a.onnx").get_modelmeta().custom_metadata_map[MEMORY_KEY])
    assert footprint["quadratic"] == pytest.approx(8, rel=0.01)  # the products and their softmax


class Wide(nn.Module):
    """Takes another way for wide images; a graph holds only the way that was traced."""

    def forward(self, lr):
        return lr + 1 if lr.shape[-1] > 30 else lr


def test_a_graph_that_differs_at_another_size_is_not_written(tmp_path):
    with pytest.raises(ModelError, match="toy: "):
        export_onnx(Wide(), tmp_path / "a.onnx", info=info_of(Wide()))
    assert list(tmp_path.iterdir()) == []


class Noisy(nn.Module):
    def forward(self, lr):
        return lr + torch.rand_like(lr) * 1e-3


def test_a_difference_to_torch_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(ModelError, match=r"differs from torch by \d\.\de-0[34] at 17x31 .*nothing was written"):
        export_onnx(Noisy(), tmp_path / "a.onnx", info=info_of(Noisy()))
    assert list(tmp_path.iterdir()) == []


def test_a_wrongly_described_scale_is_found(tmp_path):
    with pytest.raises(ModelError, match="its scale or colour is described wrongly"):
        export_onnx(nn.Identity(), tmp_path / "a.onnx", info=info_of(nn.Identity(), scale=2))


class Undecided(nn.Module):
    def forward(self, lr):
        return lr if lr.mean() > 0.5 else -lr


def test_what_cannot_be_traced_is_one_error(tmp_path):
    with pytest.raises(ModelError, match="cannot be written as an ONNX graph"):
        export_onnx(Undecided(), tmp_path / "a.onnx", info=info_of(Undecided()))


def test_an_existing_file_stays_unless_overwriting_is_allowed(espcn, tmp_path):
    (tmp_path / "a.onnx").write_text("mine")
    with pytest.raises(ModelError, match="exists already"):
        export_onnx(espcn[0], tmp_path / "a.onnx", info=espcn[2])
    assert (tmp_path / "a.onnx").read_text() == "mine"

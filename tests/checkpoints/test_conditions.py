import pytest
import torch

from kukkiri.checkpoints import describe, export_onnx
from kukkiri.errors import ModelError
from kukkiri.inference import OnnxEngine
from kukkiri.inference.torch_engine import TorchEngine
from kukkiri.networks import NETWORKS
from tests.tolerances import TORCH_AGAINST_ONNX

CONDITIONED = sorted(name for name, network in NETWORKS.items() if network.conditions)


def test_the_networks_that_need_more_than_an_image_say_so():
    assert CONDITIONED == ["dpsr", "sftmd", "srmd", "usrnet"]


def test_they_are_refused_where_there_is_only_an_image(tmp_path):
    arguments = {"scale": 2, "width": 4, "depth": 3}
    module = NETWORKS["srmd"](**arguments)
    info = describe(module, name="one", arguments=arguments)
    with pytest.raises(ModelError, match="is conditioned on maps, and the graph has one input"):
        export_onnx(module, tmp_path / "one.onnx", info=info)
    with pytest.raises(ModelError, match="is conditioned on maps, not only on the image"):
        TorchEngine(module, info=info)
    assert not list(tmp_path.iterdir())


def test_a_network_with_a_plainer_form_is_written_in_it(tmp_path):
    arguments = {"scale": 2, "depth": 2, "width": 4}
    module = NETWORKS["ecbsr"](**arguments).eval()
    path = tmp_path / "plain.onnx"
    export_onnx(module, path, info=describe(module, name="plain", arguments=arguments))
    import onnx

    nodes = [node.op_type for node in onnx.load(path).graph.node]
    assert nodes.count("Conv") == 4  # a head, two blocks, a tail: no branches
    lr = torch.rand(1, module.channels, 9, 11)
    with torch.no_grad():
        expected = module(lr) if module.value_range == 1.0 else module(lr * 255) / 255
    assert abs(OnnxEngine(path).run(lr.numpy()) - expected.numpy()).max() < TORCH_AGAINST_ONNX

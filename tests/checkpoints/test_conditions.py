import dataclasses

import numpy as np
import pytest
import torch

from kukkiri.checkpoints import describe, export_onnx, load, save_safetensors
from kukkiri.degradations import compute_condition, gaussian_kernel, kernel_covariance, pack_basis, read_basis
from kukkiri.errors import ModelError
from kukkiri.inference import OnnxEngine
from kukkiri.inference.torch_engine import TorchEngine
from kukkiri.info import Condition, ModelInfo
from kukkiri.networks import NETWORKS, ContextPlain
from tests.tolerances import FLOAT32_SAME_MATHS, TORCH_AGAINST_ONNX

CONDITIONED = sorted(name for name, network in NETWORKS.items() if network.conditions)


def test_the_networks_that_need_more_than_an_image_say_so():
    assert CONDITIONED == ["dpsr", "modulatedplain", "sftmd", "srmd", "usrnet"]


def test_those_whose_condition_nobody_describes_are_refused(tmp_path):
    arguments = NETWORKS["usrnet"].tiny[0]
    module = NETWORKS["usrnet"](**arguments)
    info = describe(module, name="one", arguments=arguments)
    assert info.condition is None
    with pytest.raises(ModelError, match=r"is conditioned on .* which no descriptor tells how to compute"):
        export_onnx(module, tmp_path / "one.onnx", info=info)
    with pytest.raises(ModelError, match=r"is conditioned on .* not only on the image"):
        TorchEngine(module, info=info)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["srmd", "contextplain", "modulatedplain"])
def test_a_condition_is_the_second_input_of_the_graph(name, tmp_path):
    arguments = {"srmd": {"scale": 2, "width": 4, "depth": 3, "maps": 16}}.get(name, NETWORKS[name].tiny[0])
    module = NETWORKS[name](**arguments).eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    info = describe(module, name="one", arguments=arguments)
    if name == "contextplain":
        info = dataclasses.replace(info, condition=Condition(kind="covariance", length=3, subsample="direct"))
    export_onnx(module, tmp_path / "one.onnx", info=info)
    save_safetensors(module, tmp_path / "one.safetensors", info=info)
    engine = OnnxEngine(tmp_path / "one.onnx")
    assert engine.info.condition == info.condition
    assert load(tmp_path / "one.safetensors").info.condition == info.condition
    lr, condition = torch.rand(2, 3, 9, 11), torch.rand(2, info.condition.length)
    with torch.no_grad():
        expected = module(lr, condition).numpy()
    assert abs(expected - module(lr, condition * 0).detach().numpy()).max() > 1e-3  # it matters
    for each in (engine, TorchEngine(module, info=info)):
        assert abs(each.run_conditioned(lr.numpy(), condition.numpy()) - expected).max() < TORCH_AGAINST_ONNX


def test_a_file_without_a_condition_is_what_it_was_before():
    info = ModelInfo(name="a", network="espcn", scale=2, colour="y", receptive_field=4)
    metadata = info.to_metadata()
    assert "condition" not in metadata["kukkiri"]
    assert ModelInfo.from_metadata(metadata, source="a") == info


def test_a_condition_of_a_later_version_is_refused():
    info = ModelInfo(
        name="a",
        network="srmd",
        scale=2,
        colour="rgb",
        receptive_field=4,
        condition=Condition(kind="covariance", length=3, subsample="direct"),
    )
    metadata = info.to_metadata()
    later = {"kukkiri": metadata["kukkiri"].replace('"version": 1', '"version": 2')}
    with pytest.raises(ModelError, match="a condition of version 2, but this kukkiri knows 1"):
        ModelInfo.from_metadata(later, source="a.onnx")


def test_the_code_of_a_kernel_is_that_of_training():
    kernel = gaussian_kernel(4.0, 1.0, -0.5, size=25)
    condition = Condition(kind="covariance", length=3, subsample="direct")
    expected = ContextPlain.code_of(kernel_covariance(kernel), scale=2)
    assert compute_condition(condition, kernel, scale=2) == pytest.approx(expected, abs=FLOAT32_SAME_MATHS)


def test_a_matrix_of_components_is_read_in_the_order_of_matlab(tmp_path):
    components = np.random.default_rng(0).normal(size=(15, 5, 5))
    matlab = components.transpose(0, 2, 1).reshape(15, 25)  # columns one after the other
    np.save(tmp_path / "basis.npy", matlab)
    assert np.array_equal(read_basis(tmp_path / "basis.npy"), components)
    condition = Condition(kind="components", length=16, noise=True, subsample="bicubic", basis=pack_basis(components))
    delta = np.zeros((7, 7))
    delta[3, 3] = 1
    numbers = compute_condition(condition, delta, scale=2, noise_std=0.1)
    assert numbers == pytest.approx([*components[:, 2, 2], 0.1], abs=FLOAT32_SAME_MATHS)


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

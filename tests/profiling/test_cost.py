import json

import numpy as np
import pytest

from kukkiri.errors import BackendError, ModelError
from kukkiri.inference import Upscaler
from kukkiri.info import ModelInfo
from kukkiri.profiling import cost, cost_probe
from kukkiri.profiling.cost import Cost, _count, measure_cost
from kukkiri.profiling.graph import _tensor, constant_lr, read_graph


def count(path, *, scale):
    return _count(str(path), Upscaler(str(path), scale=scale), scale=scale)


@pytest.fixture
def trained(tmp_path):
    """A network of the registry with random parameters, so that the exporter cannot fold any of them."""
    torch = pytest.importorskip("torch", reason="needs torch")
    from kukkiri.checkpoints import export_onnx, save_safetensors
    from kukkiri.checkpoints.description import describe
    from kukkiri.networks import NETWORKS

    def write(network, suffix, **arguments):
        torch.manual_seed(0)
        module = NETWORKS[network](**arguments)
        for parameter in module.parameters():
            parameter.data = 0.1 * torch.randn_like(parameter)
        save = export_onnx if suffix == ".onnx" else save_safetensors
        path = tmp_path / f"{network}{suffix}"
        save(module, path, info=describe(module, name=network, arguments=arguments))
        return path

    return write


# the papers' numbers: biases and slopes are parameters, but only weights multiply; at x3 in ninths of a megapixel
@pytest.mark.parametrize("suffix", [".onnx", ".safetensors"])
def test_fsrcnn_has_12809_parameters_and_12464_multiply_adds_for_an_lr_pixel(trained, suffix):
    path = trained("fsrcnn", suffix, scale=3)
    assert count(path, scale=3) == (12_809, round(12_464 * 1e6 / 9))


def test_a_network_on_the_upscaled_image_multiplies_at_every_output_pixel(trained):
    assert count(trained("srcnn", ".safetensors", scale=2), scale=2) == (57_281, 57_184 * 10**6)


def test_the_graph_counts_what_torch_counts_with_normalizations_folded_into_biases(trained):
    arguments = {"scale": 4, "depth": 1, "width": 8}
    graph, torch = (count(trained("srresnet", suffix, **arguments), scale=4) for suffix in (".onnx", ".safetensors"))
    assert torch[0] - graph[0] == 3 * 8  # gamma and beta of three normalizations become one bias
    assert graph[1] == torch[1]


def test_global_attention_grows_faster_than_the_image_and_the_count_follows():
    info = ModelInfo(name="q", network="unknown", scale=2, colour="y", receptive_field=None)

    class Quadratic:
        pass

    engine = Quadratic()
    engine.info = info
    found = cost._per_megapixel(engine, lambda _, side: 7 + 5 * side**2 + 3 * side**4)
    assert found == 7 + 5 * 250_000 + 3 * 250_000**2
    assert cost._per_megapixel(engine, lambda *_: None) is None


def test_an_interpolation_costs_its_taps():
    assert _count("bicubic", Upscaler("bicubic", scale=2), scale=2) == (0, 3 * 4 * 1_500_000)
    assert _count("bilinear", Upscaler("bilinear", scale=2), scale=2) == (0, 3 * 2 * 1_500_000)


def test_quantized_products_branches_and_constants_in_nodes(tmp_path):
    onnx = pytest.importorskip("onnx", reason="needs torch")
    from onnx import TensorProto, helper

    def write(name, nodes, weights=(), functions=()):
        rows = [TensorProto.FLOAT, ["n", 1, "h", "w"]]
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("lr", *rows)],
            [helper.make_tensor_value_info("sr", *rows)],
            weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], functions=functions)
        model.ir_version = 8
        onnx.save(model, tmp_path / name)
        return read_graph(tmp_path / name)

    ones = onnx.numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "value")
    conv = helper.make_node("Conv", ["lr", "w"], ["sr"], pads=[1, 1, 1, 1])
    inline = write("inline.onnx", [helper.make_node("Constant", [], ["w"], value=ones), conv])
    assert (inline.parameters, inline.multiply_adds(constant_lr(1, 10))) == (9, 900)

    quantized = write(
        "int8.onnx",
        [helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"]), conv],
        [
            onnx.numpy_helper.from_array(np.ones((1, 1, 3, 3), np.int8), "q"),
            onnx.numpy_helper.from_array(np.float32(0.5), "s"),
            onnx.numpy_helper.from_array(np.int8(0), "z"),
        ],
    )
    assert (quantized.parameters, quantized.multiply_adds(constant_lr(1, 10))) == (9, 900)

    ends = [helper.make_tensor_value_info("branch", TensorProto.FLOAT, None)]
    branch = helper.make_graph([helper.make_node("Constant", [], ["branch"], value=ones)], "b", [], ends)
    truth = onnx.numpy_helper.from_array(np.array(True), "truth")
    either = write(
        "if.onnx", [helper.make_node("If", ["truth"], ["w"], then_branch=branch, else_branch=branch), conv], [truth]
    )
    assert either.multiply_adds(constant_lr(1, 10)) is None


@pytest.mark.parametrize("content", [b"not a graph", b"\x3a\xff\xff\xff\x7f", b"\x3b"])
def test_a_damaged_file_is_an_error(tmp_path, content):
    (tmp_path / "bad.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="not a readable ONNX graph"):
        read_graph(tmp_path / "bad.onnx")


def test_time_and_memory_are_measured_in_a_process_of_their_own():
    found = measure_cost("nearest", scale=4, threads=1, budget=5)
    assert found.parameters == 0
    assert 0.001 < found.seconds < 60  # whatever else this machine does
    # Linux: at least the 3 MB of the result, at most the few float copies of a megapixel
    assert found.peak_memory is None or 3e6 < found.peak_memory < 1e9


def test_a_failure_of_the_process_is_reported_in_one_line(monkeypatch):
    class Done:
        returncode, stdout, stderr = 1, "", "Traceback ...\nMemoryError: no room\n"

    monkeypatch.setattr(cost.subprocess, "run", lambda *_, **__: Done())
    with pytest.raises(BackendError, match=r"bicubic: .* MemoryError: no room"):
        measure_cost("bicubic", scale=2)


def test_the_ensemble_multiplies_by_eight(monkeypatch):
    class Done:
        returncode, stdout, stderr = 0, "noise\n" + json.dumps({"seconds": 1.5, "peak_memory": 7}) + "\n", ""

    monkeypatch.setattr(cost.subprocess, "run", lambda *_, **__: Done())
    assert measure_cost("bicubic", scale=2, ensemble=True) == Cost(0, 8 * 18_000_000, 1.5, 7)


def test_matrix_products_multiply_rows_by_columns(tmp_path):
    onnx = pytest.importorskip("onnx", reason="needs torch")
    from onnx import TensorProto, helper

    rows = [TensorProto.FLOAT, [1, 1, 6, 5]]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["lr", "b"], ["m"]),  # 6x5 by 5x7
            helper.make_node("Reshape", ["m", "flat"], ["f"]),
            helper.make_node("Gemm", ["f", "c"], ["sr"], transA=1),  # 6x7, transposed, by 6x2
        ],
        "g",
        [helper.make_tensor_value_info("lr", *rows)],
        [helper.make_tensor_value_info("sr", TensorProto.FLOAT, None)],
        [
            onnx.numpy_helper.from_array(np.ones((5, 7), np.float32), "b"),
            onnx.numpy_helper.from_array(np.array([6, 7]), "flat"),
            onnx.numpy_helper.from_array(np.ones((6, 2), np.float32), "c"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "products.onnx")
    found = read_graph(tmp_path / "products.onnx")
    assert found.parameters == 5 * 7 + 6 * 2
    assert found.multiply_adds(np.ones((1, 1, 6, 5), np.float32)) == 6 * 5 * 7 + 7 * 6 * 2


def test_packed_and_single_sizes_are_both_read():  # protocol buffers allow either
    assert _tensor(memoryview(b"\x0a\x03\x03\xac\x02\x10\x01\x42\x01w")) == ("w", 1, (3, 300))
    assert _tensor(memoryview(b"\x08\x03\x08\xac\x02\x10\x01\x42\x01w")) == ("w", 1, (3, 300))


@pytest.mark.parametrize("budget", [1e9, 1e-9])
def test_a_sixteenth_is_measured_and_multiplied_when_time_is_short(monkeypatch, budget):
    monkeypatch.setattr(cost_probe, "_seconds", lambda _, lr: lr.shape[0] ** 2 / 1e6)
    found = cost_probe._measure(Upscaler("nearest", scale=4), budget=budget)
    assert found["seconds"] == pytest.approx(
        1 / 16, rel=0.02
    )  # 250 or 62 LR pixels along each side, by the clock above

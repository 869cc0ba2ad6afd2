"""Properties of every network: sizes, gradients, round trips, the declared receptive field, its description."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from kukkiri.networks import NETWORKS, Network
from tests.networks.parity import open_gates
from tests.tolerances import FLOAT64_MATHS, STORED_FLOAT32, TORCH_AGAINST_ONNX

CASES = [
    pytest.param(name, arguments, id=f"{name}{number}")
    for name, network in NETWORKS.items()
    for number, arguments in enumerate(network.tiny)
]


def build(name: str, arguments: dict[str, Any]) -> Network:
    torch.manual_seed(0)
    return NETWORKS[name](**arguments).eval()


def image(net: Network, height: int, width: int, *, batch: int = 1) -> Tensor:
    return (0.5 + 0.5 * torch.rand(batch, net.channels, height, width)) * net.value_range


def run(net: Network, lr: Tensor) -> Tensor:
    conditions = net.example_conditions(len(lr))
    return net(lr, *(condition.to(lr.dtype) for condition in conditions))


def factor(net: Network) -> int:
    return 1 if net.pre_upsampled else net.scale


def test_the_registry_is_sorted():
    assert list(NETWORKS) == sorted(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_describes_itself(name):
    """On its own class: a subclass of another network repeats nothing silently."""
    network = NETWORKS[name]
    said = vars(network)
    assert all(said.get(field) for field in ("title", "paper", "keys_source", "licence", "configurations", "tiny"))
    assert bool(network.conditions) == (network.example_conditions is not Network.example_conditions)
    json.dumps([*network.tiny, *(configuration.arguments for configuration in network.configurations)])


def test_titles_of_configurations_are_unique():
    titles = [configuration.title for network in NETWORKS.values() for configuration in network.configurations]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_odd_sizes_come_out_exactly_upscaled(name, arguments):
    net = build(name, arguments)
    height, width = 7 * net.multiple, 11 * net.multiple
    with torch.no_grad():
        sr = run(net, image(net, height, width, batch=2))
    assert sr.shape == (2, net.channels, factor(net) * height, factor(net) * width)
    assert sr.isfinite().all()


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_gradients_reach_every_parameter(name, arguments):
    net = build(name, arguments)
    randomize(net)
    lr = torch.randn_like(image(net, 8 * net.multiple, 9 * net.multiple)) * net.value_range  # of either sign
    run(net, lr).square().sum().backward()
    without = {
        key
        for key, parameter in net.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    }
    assert {key for key in without if not (net.unused_keys and re.search(net.unused_keys, key))} == set()


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_a_state_dict_rebuilds_the_network(name, arguments):
    net = build(name, arguments)
    randomize(net)
    infer = NETWORKS[name].arguments_from_state
    hints = {key: arguments[key] for key in inspect.signature(infer).parameters if key in arguments}
    inferred = infer(net.state_dict(), **hints)
    parameters = inspect.signature(NETWORKS[name]).parameters
    defaults = {key: parameter.default for key, parameter in parameters.items()}
    expected = {**defaults, **arguments}
    traced = [key for key in inferred if key not in net.untraced]
    assert {key: listed(inferred[key]) for key in traced} == {key: listed(expected[key]) for key in traced}
    torch.manual_seed(1)
    again = NETWORKS[name](**{**arguments, **inferred}).eval()
    again.load_state_dict(net.state_dict(), strict=True)
    lr = image(net, 8 * net.multiple, 9 * net.multiple)
    torch.manual_seed(2)
    first = run(net, lr)
    torch.manual_seed(2)
    assert torch.equal(run(again, lr), first)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_the_declared_receptive_field_is_the_measured_one(name, arguments):
    net = build(name, arguments).double()
    open_all_paths(net)
    declared = net.receptive_field
    radius = (16 if declared is None else declared) + 2
    side = -(-(2 * radius + net.multiple) // net.multiple) * net.multiple
    centre = side // 2 // net.multiple * net.multiple
    reached = 0
    for middle in range(centre, centre + net.multiple):
        lr = image(net, side, side).double().requires_grad_()
        block = slice(factor(net) * middle, factor(net) * (middle + 1))
        run(net, lr)[..., block, block].sum().backward()
        rows = lr.grad.abs().amax(dim=(0, 1, 3)).nonzero().flatten()
        reached = max(reached, middle - rows.min().item(), rows.max().item() - middle)
    if declared is None:
        assert reached >= side // 2 - 1
    else:
        assert reached == declared


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_a_shifted_input_shifts_the_output(name, arguments):
    """To the rounding of stored weights, away from the border, of which a network with global statistics sees a little.

    A wrong shift is off by tenths.
    """
    net = build(name, arguments).double()
    try:
        shifted = net.shift_input(0.25)
    except ValueError:
        assert name in UNSHIFTABLE
        return
    radius = 8 if net.receptive_field is None else net.receptive_field + 1
    side = -(-(2 * radius + 3) // net.multiple) * net.multiple
    inner = slice(factor(net) * radius, -factor(net) * radius)
    lr = image(net, side, side).double()
    conditions = [condition.double() for condition in net.example_conditions(1)]
    with torch.no_grad():
        difference = functional_call(net, shifted, (lr, *conditions)) - (net(lr - 0.25, *conditions) + 0.25)
    tolerance = 1e-3 if net.receptive_field is None else STORED_FLOAT32 * net.value_range
    assert difference[..., inner, inner].abs().max() <= tolerance


UNSHIFTABLE = {"dpsr", "etds", "johnson", "nlrn", "sftmd", "srgan", "srresnet_instance", "usrnet", "zssr"}
"""Networks that end with a tanh, or that have a form without the biases of the first or the last convolution."""


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_the_deployed_network_computes_the_same(name, arguments):
    net = build(name, arguments).double()
    randomize(net)
    plain = net.deployed()
    assert (plain is net) == (not net.deployed_arguments or arguments.get("deployed", False))
    again = NETWORKS[name](**{**arguments, **net.deployed_arguments}).double().eval()
    again.load_state_dict(plain.state_dict())
    lr = image(net, 8 * net.multiple, 9 * net.multiple).double()
    with torch.no_grad():
        torch.manual_seed(0)
        expected = run(net, lr)
        for deployed in (plain, again):
            torch.manual_seed(0)
            assert (run(deployed, lr) - expected).abs().max() <= FLOAT64_MATHS * max(1.0, expected.abs().max())


SAME_OPERATORS = {
    "contextplain",
    "dbpn",
    "ddbpn",
    "edsr",
    "etds",
    "johnson",
    "mdsr",
    "metaplain",
    "mzsr",
    "plain",
    "rcan",
    "rdn",
    "san",
    "sesr",
    "srcnn",
    "srgan",
    "srresnet",
    "vdsr",
    "zssr",
}
"""Networks that are not traced, which takes 1 to 4 s each: those that are use all their operators.

``metaplain`` becomes a graph as the plain network that it is at a whole scale.
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in NETWORKS if name not in SAME_OPERATORS and not NETWORKS[name].conditions]
)
def test_onnx_runtime_computes_the_same(name, tmp_path):
    """``export_onnx`` compares with torch at three odd sizes itself; this compares once more, at a fourth."""
    checkpoints, onnxruntime = pytest.importorskip("kukkiri.checkpoints"), pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    arguments = NETWORKS[name].tiny[0]
    net = build(name, arguments)
    randomize(net)
    path = tmp_path / "one.onnx"
    checkpoints.export_onnx(net, path, info=checkpoints.describe(net, name=name, arguments=arguments))
    lr = torch.rand(2, net.channels, 10 * net.multiple, 13 * net.multiple)
    with torch.no_grad():
        expected = run(net, lr * net.value_range) / net.value_range
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    actual = torch.from_numpy(session.run(["sr"], {"lr": lr.numpy()})[0])
    assert (actual - expected).abs().max() <= TORCH_AGAINST_ONNX * max(1.0, expected.abs().max().item())


ELSEWHERE = r"degradation|icnr|imresize|kernelgan_post|kernels|mpncov|niqe|nonlocal|psnr_ssim|san_(non|soca)|se_"
"""Vectors that belong to no network: other folders of tests read them."""


def test_every_vector_of_a_network_is_compared_somewhere(golden_names):
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    ours = [name for name in golden_names if not re.match(ELSEWHERE, name)]
    missing = [name for name in ours if not re.search(rf'"{name}["\.]', text) and not name.startswith("metardn_x")]
    assert len(ours) > 40
    assert missing == []


def listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def floating(net: Network) -> Iterator[tuple[str, Tensor]]:
    yield from ((key, tensor) for key, tensor in net.state_dict().items() if tensor.is_floating_point())


def randomize(net: Network) -> None:
    """No parameter is left at a zero of its initialization, and no gate closed, which would hide a dead path."""
    open_gates(net)
    with torch.no_grad():
        for key, tensor in floating(net):
            if not tensor.any() or tensor.ndim < 2:
                tensor.add_(0.1 * torch.rand_like(tensor) if "mean" not in key else 0.0)


def open_all_paths(net: Network) -> None:
    """Weights all positive, each filter summing to 0.05: no path cancels another, no activation closes or saturates."""
    with torch.no_grad():
        for key, tensor in floating(net):
            if "mean" in key:
                continue
            tensor.abs_().add_(0.01)
            if tensor.ndim >= 2:
                tensor.mul_(0.05 / tensor.flatten(1).sum(dim=1).view(-1, *[1] * (tensor.ndim - 1)))

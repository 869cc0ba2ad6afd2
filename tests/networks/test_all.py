"""What every network must keep: sizes, gradients, round trips, its declared receptive field."""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kukkiri.networks import NETWORKS, Network

TINY: dict[str, list[dict[str, Any]]] = {
    "contextplain": [
        {"scale": 2, "width": 4, "depth": 2, "context": 3},
        {"scale": 3, "width": 4, "depth": 1, "context": 2, "colour": "y"},
    ],
    "dbpn": [
        {"scale": 2, "width": 2, "features": 3, "stages": 3},
        {"scale": 4, "width": 2, "features": 3, "stages": 2, "iterations": 3},
        {"scale": 8, "width": 2, "features": 3, "stages": 2},
    ],
    "ddbpn": [
        {"scale": 2, "width": 2, "features": 3, "stages": 3},
        {"scale": 4, "width": 2, "features": 3, "stages": 2},
    ],
    "dpsr": [{"scale": 2, "width": 3, "depth": 1}, {"scale": 3, "width": 3, "depth": 2}],
    "ecbsr": [
        {"scale": 2, "width": 3, "depth": 1},
        {"scale": 3, "width": 3, "depth": 2, "activation": "relu", "colour": "rgb", "identity": True},
        {"scale": 4, "width": 3, "depth": 2, "deployed": True},
    ],
    "edsr": [{"scale": 2, "width": 4, "depth": 1}, {"scale": 3, "width": 4, "depth": 2, "value_range": 1.0}],
    "enhancenet": [{"width": 3, "depth": 2}],
    "espcn": [{"scale": 3, "widths": [4, 3]}, {"scale": 2, "colour": "rgb", "widths": [4, 3]}],
    "fsrcnn": [{"scale": 2, "d": 5, "s": 3, "m": 2}],
    "johnson": [{"scale": 2, "width": 3, "depth": 2}, {"scale": 8, "width": 3, "depth": 1}],
    "mdsr": [{"scale": 2, "width": 4, "depth": 1}],
    "metardn": [{"scale": 3, "width": 2, "growth": 2, "depth": 1, "layers": 2}],
    "msrresnet": [
        {"scale": 2, "width": 3, "depth": 2},
        {"scale": 3, "width": 3, "depth": 1, "colour": "y"},
        {"scale": 4, "width": 3, "depth": 1},
    ],
    "mzsr": [{"width": 3, "depth": 4}],
    "nlrn": [{"width": 4, "steps": 2}],
    "plain": [
        {"scale": 2, "width": 4, "depth": 2},
        {"scale": 3, "width": 4, "depth": 1, "colour": "rgb", "unshuffle": 2},
    ],
    "rcan": [{"scale": 2, "width": 4, "groups": 1, "blocks": 2, "reduction": 2}],
    "rdn": [
        {"scale": 2, "width": 4, "depth": 2, "layers": 2, "growth": 4},
        {"scale": 3, "width": 4, "depth": 1, "layers": 2, "growth": 4},
    ],
    "rrdbnet": [
        {"scale": 4, "width": 3, "growth": 2, "depth": 1},
        {"scale": 2, "width": 3, "growth": 2, "depth": 1, "keys": "basicsr"},
        {"scale": 1, "width": 3, "growth": 2, "depth": 1, "keys": "basicsr", "colour": "y"},
    ],
    "san": [
        {"scale": 2, "width": 16, "groups": 1, "blocks": 1, "reduction": 4},
        {"scale": 3, "width": 16, "groups": 1, "blocks": 1, "attention": "none"},
    ],
    "sftmd": [
        {"scale": 4, "width": 3, "depth": 1, "code": 5},
        {"scale": 3, "width": 3, "depth": 2, "code": 5, "variant": "demo"},
    ],
    "srcnn": [{"widths": [4, 3]}, {"kernels": [9, 1, 5], "widths": [4, 3], "colour": "rgb"}],
    "srgan": [{"scale": 4, "width": 3, "depth": 2}, {"scale": 3, "width": 3, "depth": 1}],
    "srmd": [{"scale": 3, "width": 4, "depth": 3, "maps": 5}],
    "srresnet": [{"scale": 4, "width": 3, "depth": 2}, {"scale": 3, "width": 3, "depth": 1}],
    "srresnet_instance": [{"width": 3, "depth": 1}],
    "usrnet": [
        {"scale": 2, "iterations": 2, "hidden": 4, "widths": [2, 3, 4, 5], "depth": 1},
        {"scale": 3, "iterations": 1, "hidden": 4, "widths": [2, 3, 4, 5], "depth": 2},
    ],
    "vdsr": [{"width": 3, "depth": 4}, {"width": 3, "depth": 3, "colour": "rgb", "keys": "edsr"}],
    "zssr": [{"width": 3, "depth": 4, "colour": "y"}],
}
"""Constructor arguments of small networks; at least one for every entry of NETWORKS."""

CONDITIONS: dict[str, Callable[[int], tuple[Tensor, ...]]] = {
    "dpsr": lambda n: (torch.rand(n),),
    "sftmd": lambda n: (torch.rand(n, 5),),
    "srmd": lambda n: (torch.rand(n, 5),),
    "usrnet": lambda n: (torch.full((n, 1, 5, 5), 1 / 25), torch.rand(n)),
}
"""For networks that want more than an image: what comes after it, for N images."""

DEAD = {
    "ecbsr": r"conv1x1_(sbx|sby|lpl)\.b0$",  # the edge filters sum to zero
    "mdsr": r"^(pre_process|upsample)\.[12]\.",  # the branches of the other scales
    "sftmd": r"^sft_branch\.",  # the copy that the authors' code registers and never uses
    "san": r"^conv_last\.|^non_local\.soca\.|^RG\.\d+\.gamma$|non_local\.phi\.0\.bias$",  # as the authors left them
}
"""Keys of parameters without effect on the output: a regular expression to search for."""

CASES = [pytest.param(name, arguments, id=f"{name}{i}") for name in TINY for i, arguments in enumerate(TINY[name])]


def build(name: str, arguments: dict[str, Any]) -> Network:
    torch.manual_seed(0)
    return NETWORKS[name](**arguments).eval()


def image(net: Network, height: int, width: int, *, batch: int = 1) -> Tensor:
    return (0.5 + 0.5 * torch.rand(batch, net.channels, height, width)) * net.value_range


def run(name: str, net: Network, lr: Tensor) -> Tensor:
    extra = CONDITIONS[name](len(lr)) if name in CONDITIONS else ()
    return net(lr, *(one.to(lr.dtype) for one in extra))


def factor(net: Network) -> int:
    return 1 if net.pre_upsampled else net.scale


def test_every_network_is_covered():
    assert set(TINY) == set(NETWORKS)
    assert set(CONDITIONS) == {name for name, kind in NETWORKS.items() if getattr(kind, "conditions", ())}
    assert list(NETWORKS) == sorted(NETWORKS)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_odd_sizes_come_out_exactly_upscaled(name, arguments):
    net = build(name, arguments)
    height, width = 7 * net.multiple, 11 * net.multiple
    with torch.no_grad():
        sr = run(name, net, image(net, height, width, batch=2))
    assert sr.shape == (2, net.channels, factor(net) * height, factor(net) * width)
    assert sr.isfinite().all()


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_gradients_reach_every_parameter(name, arguments):
    net = build(name, arguments)
    randomize(net)
    lr = torch.randn_like(image(net, 8 * net.multiple, 9 * net.multiple)) * net.value_range  # of either sign
    run(name, net, lr).square().sum().backward()
    without = {
        key for key, one in net.named_parameters() if one.requires_grad and (one.grad is None or not one.grad.any())
    }
    assert {key for key in without if name not in DEAD or not re.search(DEAD[name], key)} == set()


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_a_state_dict_rebuilds_the_network(name, arguments):
    net = build(name, arguments)
    randomize(net)
    infer = NETWORKS[name].arguments_from_state
    hints = {key: arguments[key] for key in inspect.signature(infer).parameters if key != "state"}
    inferred = infer(net.state_dict(), **hints)
    defaults = {key: one.default for key, one in inspect.signature(NETWORKS[name]).parameters.items()}
    expected = {**defaults, **arguments}
    assert {key: listed(value) for key, value in inferred.items()} == {key: listed(expected[key]) for key in inferred}
    torch.manual_seed(1)
    again = NETWORKS[name](**{**arguments, **inferred}).eval()
    again.load_state_dict(net.state_dict(), strict=True)
    lr = image(net, 8 * net.multiple, 9 * net.multiple)
    torch.manual_seed(2)
    first = run(name, net, lr)
    torch.manual_seed(2)
    assert torch.equal(run(name, again, lr), first)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_the_declared_receptive_field_is_the_measured_one(name, arguments):
    net = build(name, arguments).double()
    (randomize if net.receptive_field is None else open_all_paths)(net)
    declared = net.receptive_field
    reach = (16 if declared is None else declared) + 2
    side = -(-(2 * reach + net.multiple) // net.multiple) * net.multiple
    centre = side // 2 // net.multiple * net.multiple
    reached = 0
    for middle in range(centre, centre + net.multiple):
        lr = image(net, side, side).double().requires_grad_()
        block = slice(factor(net) * middle, factor(net) * (middle + 1))
        run(name, net, lr)[..., block, block].sum().backward()
        rows = lr.grad.abs().amax(dim=(0, 1, 3)).nonzero().flatten()
        reached = max(reached, middle - rows.min().item(), rows.max().item() - middle)
    if declared is None:
        assert reached >= side // 2 - 1
    else:
        assert reached == declared


TRACED = ["ecbsr", "enhancenet", "espcn", "fsrcnn", "metardn", "msrresnet", "nlrn", "rrdbnet", "srresnet_instance"]
"""Networks that between them use every operator of the others; tracing one takes 1 to 4 s."""


@pytest.mark.slow
@pytest.mark.parametrize("name", TRACED)
def test_onnx_runtime_computes_the_same(name, tmp_path):
    """``export_onnx`` compares with torch at three odd sizes itself; this compares once more, at a fourth."""
    checkpoints, onnxruntime = pytest.importorskip("kukkiri.checkpoints"), pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    arguments = TINY[name][0]
    net = build(name, arguments)
    randomize(net)
    path = tmp_path / "one.onnx"
    checkpoints.export_onnx(net, path, info=checkpoints.describe(net, name=name, arguments=arguments))
    lr = torch.rand(2, net.channels, 10 * net.multiple, 13 * net.multiple)
    with torch.no_grad():
        expected = run(name, net, lr * net.value_range) / net.value_range
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    actual = torch.from_numpy(session.run(["sr"], {"lr": lr.numpy()})[0])
    assert (actual - expected).abs().max() <= 1e-5 * max(1.0, expected.abs().max().item())


ELSEWHERE = r"degradation|icnr|imresize|kernelgan_post|kernels|mpncov|niqe|nonlocal|psnr_ssim|san_(non|soca)|se_"
"""Vectors that belong to no network: other folders of tests read them."""


def test_every_vector_of_a_network_is_compared_somewhere(golden_names):
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    ours = [name for name in golden_names if not re.match(ELSEWHERE, name)]
    missing = [name for name in ours if not re.search(rf'"{name}["\.]', text) and not name.startswith("metardn_x")]
    assert len(ours) > 40
    assert missing == []


def test_the_page_of_models_has_a_row_for_every_network():
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\|[^|]+\| `(\w+)` \|", text, flags=re.MULTILINE)) == set(NETWORKS)


def listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def floating(net: Network) -> Iterator[tuple[str, Tensor]]:
    yield from ((key, one) for key, one in net.state_dict().items() if one.is_floating_point())


def randomize(net: Network) -> None:
    """No parameter is left at a zero of its initialization, which would hide a dead path."""
    with torch.no_grad():
        for key, one in floating(net):
            if not one.any() or one.ndim < 2:
                one.add_(0.1 * torch.rand_like(one) if "mean" not in key else 0.0)


def open_all_paths(net: Network) -> None:
    """Weights all positive, each filter summing to 0.05: no path cancels another, no activation closes or saturates."""
    with torch.no_grad():
        for key, one in floating(net):
            if "mean" in key:
                continue
            if one.ndim < 2:
                one.abs_().add_(0.01)
            else:
                one.abs_().add_(0.01)
                one.mul_(0.05 / one.flatten(1).sum(dim=1).view(-1, *[1] * (one.ndim - 1)))

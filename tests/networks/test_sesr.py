import itertools

import onnx
import pytest
import torch
from torch import nn
from torch.nn import functional

from kukkiri.checkpoints import describe, export_onnx, load, save_safetensors
from kukkiri.errors import ModelError
from kukkiri.networks import SESR
from tests.networks.parity import parameter_count
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_MATHS


def compute_by_the_paper(net, lr):
    """Every block as two convolutions one after the other, the short residual as an addition, skips as in figure 2."""
    said = net.arguments

    def block(x, layer, *, residual=False):
        wide = functional.conv2d(x, layer.expand, padding=layer.expand.shape[-1] // 2)
        y = functional.conv2d(wide, layer.project[:, :, None, None], layer.bias)
        return y + x if residual else y

    first = x = block(lr, net.first)
    for layer, activation in zip(net.body, net.activations, strict=True):
        x = activation(block(x, layer, residual=said["residual"]))
    y = block(x + first if said["feature_skip"] else x, net.head)
    y = y + lr.repeat_interleave(net.scale**2, dim=1) if said["image_skip"] else y
    return functional.pixel_shuffle(y, net.scale)


def randomized(**arguments):
    net = SESR(**arguments)
    for name, parameter in net.named_parameters():
        if name.endswith(("bias", "activations.0.weight")):
            nn.init.normal_(parameter, std=0.3)
    return net


OPTIONS = list(itertools.product((2, 3), ("y", "rgb"), ("relu", "prelu"), (True, False), (True, False), (True, False)))


@pytest.mark.parametrize(("scale", "colour", "activation", "residual", "feature_skip", "image_skip"), OPTIONS)
def test_folded_and_deployed_are_the_papers_blocks(scale, colour, activation, residual, feature_skip, image_skip):
    net = randomized(
        scale=scale,
        colour=colour,
        width=5,
        depth=2,
        expansion=3,
        kernel_size=3 if residual else 5,
        activation=activation,
        residual=residual,
        feature_skip=feature_skip,
        image_skip=image_skip,
    )
    for dtype, tolerance in ((torch.float32, FLOAT32_SAME_MATHS), (torch.float64, FLOAT64_MATHS)):
        net = net.to(dtype)
        lr = torch.rand(2, net.channels, 7, 9, dtype=dtype)
        expected = compute_by_the_paper(net, lr)
        plain = net.deployed()
        assert plain.first.weight.dtype == dtype
        for found in (net(lr), plain(lr)):
            assert (found - expected).abs().max() <= tolerance * max(1.0, expected.abs().max())


def test_the_gradient_through_the_fold_is_that_of_the_two_convolutions():
    net = randomized(width=3, depth=2, expansion=4).double()
    lr, target = torch.rand(1, 1, 6, 7).double(), torch.rand(1, 1, 12, 14).double()
    parameters = list(net.parameters())
    ours = torch.autograd.grad((net(lr) - target).square().sum(), parameters)
    theirs = torch.autograd.grad((compute_by_the_paper(net, lr) - target).square().sum(), parameters)
    for a, b in zip(ours, theirs, strict=True):
        assert b.any()
        assert (a - b).abs().max() <= FLOAT64_MATHS * max(1.0, b.abs().max())


def test_the_kernel_is_folded_in_full_precision_under_autocast():
    layer = SESR(width=8, depth=1).body[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        folded = layer.fold()
    assert folded.dtype == torch.float32
    assert torch.equal(folded, layer.fold())


def test_parameters_are_those_of_the_paper_and_the_biases():
    """SESR-M5 and M11 at x2 have 13,520 and 27,344 weights in the paper, without biases and slopes."""
    for depth, weights in ((5, 13_520), (11, 27_344)):
        net = SESR(depth=depth, deployed=True)
        assert parameter_count(net) == weights + 16 * (depth + 1) + 4
        assert parameter_count(SESR(depth=depth).deployed()) == parameter_count(net)


def test_the_initial_network_is_nearly_nearest_upscaling_with_the_chosen_variance():
    torch.manual_seed(0)
    for deployed in (False, True):
        net = SESR(width=32, depth=3, deployed=deployed).double()
        lr = torch.rand(1, 1, 16, 16).double()
        nearest = lr.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        assert (net(lr) - nearest).abs().mean() < 0.2
        kernel = net.deployed().body[0].weight - functional.pad(torch.eye(32)[:, :, None, None], [1] * 4)
        assert kernel.std().item() == pytest.approx(0.5 * (2 / 288) ** 0.5, rel=0.05)  # 9,216 samples: 1 % each


def test_the_deployed_network_is_saved_loaded_and_exported(tmp_path):
    arguments = {"scale": 3, "width": 4, "depth": 2, "activation": "prelu", "feature_skip": False}
    net = randomized(**arguments)
    deployed = net.deployed()
    info = describe(deployed, name="mine", arguments={**arguments, **net.deployed_arguments})
    save_safetensors(deployed, tmp_path / "mine.safetensors", info=info)
    again = load(tmp_path / "mine.safetensors").module
    lr = torch.rand(1, 1, 6, 5)
    assert torch.equal(again(lr), deployed(lr))
    assert (again(lr) - net(lr)).abs().max() <= FLOAT32_SAME_MATHS


@pytest.mark.slow
@pytest.mark.parametrize("colour", ["y", "rgb"])
def test_the_graph_has_plain_operators_only(tmp_path, colour):
    arguments = {"scale": 2, "width": 4, "depth": 2, "colour": colour}
    net = SESR(**arguments)
    export_onnx(net, tmp_path / "mine.onnx", info=describe(net, name="mine", arguments=arguments))
    nodes = {node.op_type for node in onnx.load(tmp_path / "mine.onnx").graph.node}
    assert nodes == {"Conv", "Relu", "Add", "DepthToSpace"}


def test_what_it_cannot_take_is_refused():
    with pytest.raises(ValueError, match="expansion must be at least 1, got 0"):
        SESR(expansion=0)
    with pytest.raises(ValueError, match="kernel_size must be odd, got 4"):
        SESR(kernel_size=4)
    with pytest.raises(ValueError, match="activation must be 'relu' or 'prelu', got 'gelu'"):
        SESR(activation="gelu")
    state = {**SESR(width=4, depth=1).state_dict(), "head.bias": torch.rand(5)}
    with pytest.raises(ModelError, match="5 output channels for 1 input"):
        SESR.arguments_from_state(state)

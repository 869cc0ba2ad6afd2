import pytest
import torch
from torch import nn
from torch.nn import functional

from kukkiri.checkpoints import load
from kukkiri.errors import ModelError
from kukkiri.networks import ETDS
from tests.networks.parity import parameter_count, score_set5
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_MATHS

SIZES = {"M5C16": (16, 5), "M4C32": (32, 4), "M6C32": (32, 6), "M7C48": (48, 7)}
"""Width and depth of the published T, S, M and L."""


def compute_two_streams(net, lr):
    """The paper's training form, one convolution for each letter of the equations."""
    x, r = functional.relu(net.conv_first(lr)), functional.relu(net.conv_residual_first(lr))
    for backbone, add, residual in zip(net.backbone_convs, net.add_residual_convs, net.residual_convs, strict=True):
        x, r = functional.relu(backbone(x) + add(r)), functional.relu(residual(r))
    low = functional.pixel_shuffle(net.conv_residual_last(r), net.scale)
    return functional.pixel_shuffle(net.conv_last(x), net.scale) + low, low


def randomized(**arguments):
    net = ETDS(**arguments)
    for parameter in net.residual_parameters():
        nn.init.normal_(parameter, std=0.2)
    return net


@pytest.mark.parametrize(
    "arguments",
    [
        {"scale": 2, "width": 7, "depth": 3},
        {"scale": 3, "width": 9, "depth": 2, "residual_width": 4},
        {"scale": 4, "width": 4, "depth": 1, "colour": "y", "residual_width": 1},
    ],
)
def test_both_forms_are_the_two_streams(arguments):
    net = randomized(**arguments)
    for dtype, tolerance in ((torch.float32, FLOAT32_SAME_MATHS), (torch.float64, FLOAT64_MATHS)):
        net = net.to(dtype)
        lr = torch.randn(2, net.channels, 7, 9, dtype=dtype)  # of either sign: the ReLUs are part of both forms
        sr, low = compute_two_streams(net, lr)
        for found, expected in zip((net(lr), net.deployed()(lr), *net.streams(lr)), (sr, sr, sr, low), strict=True):
            assert (found - expected).abs().max() <= tolerance * max(1.0, expected.abs().max())


def test_the_gradient_reaches_every_part_as_in_the_two_streams():
    net = randomized(width=6, depth=2).double()
    lr = torch.rand(1, 3, 6, 7).double()
    parameters = list(net.parameters())
    ours = torch.autograd.grad(sum(part.square().sum() for part in net.streams(lr)), parameters)
    theirs = torch.autograd.grad(sum(part.square().sum() for part in compute_two_streams(net, lr)), parameters)
    for a, b in zip(ours, theirs, strict=True):
        assert (a - b).abs().max() <= FLOAT64_MATHS * max(1.0, b.abs().max())


def test_the_residual_stream_begins_as_nearest_upscaling():
    net = ETDS(scale=3, width=8, residual_width=5)
    lr = torch.rand(1, 3, 5, 6)
    assert torch.equal(net.streams(lr)[1], lr.repeat_interleave(3, dim=2).repeat_interleave(3, dim=3))
    names = {name.split(".")[0] for name, parameter in net.named_parameters() if "residual" in name}
    assert names == {"conv_residual_first", "residual_convs", "add_residual_convs", "conv_residual_last"}
    assert sum(1 for _ in net.residual_parameters()) == 2 * (2 + 2 * 6)


@pytest.mark.parametrize("scale", [2, 3])
def test_the_clipped_form_is_the_deployed_one_limited_to_0_and_1(scale):
    """With the kernels of the authors' converter: both layers are negated, which makes two ReLUs a clamp."""
    plain = randomized(scale=scale, width=6, depth=1).double().deployed()
    clipped = ETDS(scale=scale, width=6, depth=1, deployed=True, clip=True).double()
    state = {**clipped.state_dict(), **plain.state_dict()}
    outputs = len(clipped.conv_last.weight)
    assert outputs == {2: 12, 3: 28}[scale]
    unused = outputs - len(plain.conv_last.weight)
    state["conv_last.weight"] = -functional.pad(plain.conv_last.weight, (0, 0, 0, 0, 0, 0, 0, unused))
    state["conv_last.bias"] = 1 - functional.pad(plain.conv_last.bias, (0, unused))
    state["conv_clip.weight"] = -torch.eye(outputs).view(outputs, outputs, 1, 1)
    state["conv_clip.bias"] = torch.ones(outputs)
    clipped.load_state_dict(state)
    lr = torch.rand(1, 3, 7, 9).double()
    sr = plain(lr)
    assert sr.min() < 0 < 1 < sr.max()
    assert (clipped(lr) - sr.clamp(0, 1)).abs().max() <= FLOAT64_MATHS


def test_parameters_are_counted_by_hand():
    counts = 27 * 32 + 32 + 6 * (9 * 32 * 32 + 32) + 9 * 32 * 12 + 12
    assert parameter_count(ETDS(deployed=True)) == parameter_count(ETDS().deployed()) == counts
    zeros = 6 * 9 * 29 * 3  # the residual stream does not read the backbone
    split_biases = 6 * 29 + 12  # that of B and that of A, that of L and that of L'
    assert parameter_count(ETDS()) == counts - zeros + split_biases


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_the_authors_files_load(shared, size, scale):
    loaded = load(shared / "weights_elsewhere" / "etds" / f"ETDS_{size}_x{scale}.pth")
    width, depth = SIZES[size]
    said = {"scale": scale, "colour": "rgb", "width": width, "depth": depth, "deployed": True, "clip": True}
    assert (loaded.info.network, loaded.info.arguments) == ("etds", said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scale", "psnr"),
    [("ETDS_M5C16_x2", 2, 37.18), ("ETDS_M6C32_x4", 4, 31.42), ("Plain_M6C32_x4", 4, 31.34)],
)
def test_the_authors_weights_have_their_scores(shared, name, scale, psnr):
    """The paper's table 2 has 37.18 and 31.41; 31.42 and 31.34 were measured with the authors' code."""
    weights = shared / "weights_elsewhere" / "etds" / f"{name}.pth"
    assert score_set5(weights, shared=shared, scale=scale) == pytest.approx(psnr, abs=0.01)


def test_what_it_cannot_take_is_refused():
    with pytest.raises(ValueError, match="clip belongs to the deployed form"):
        ETDS(clip=True)
    with pytest.raises(ValueError, match="residual_width must be at least 3 and below 32, got 2"):
        ETDS(residual_width=2)
    with pytest.raises(ValueError, match="one stream"):
        ETDS(width=4, depth=1, deployed=True).streams(torch.rand(1, 3, 4, 4))
    with pytest.raises(ValueError, match="without centring"):
        ETDS().shift_input(0.5)
    state = ETDS(scale=3, deployed=True, clip=True).state_dict()
    without = {key: value for key, value in state.items() if "clip" not in key}
    with pytest.raises(ModelError, match="28 output channels for 3 input"):
        ETDS.arguments_from_state(without)

import pytest
import torch

from kukkiri.errors import ModelError
from kukkiri.networks.fsrcnn import FSRCNN, initialize_as_interpolator
from tests.networks.parity import assert_parity
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_MATHS


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_parameter_count_is_that_of_the_paper_at_every_scale(scale):
    assert sum(p.numel() for p in FSRCNN(scale=scale).parameters()) == 12_809
    assert sum(p.numel() for p in FSRCNN(scale=scale, d=32, s=5, m=1).parameters()) == 4_086


@pytest.mark.parametrize(("name", "scale"), [("fsrcnn_x2_full", 2), ("fsrcnn_x3_d20s6m2", 3)])
def test_output_equals_the_vectors(golden, name, scale):
    case = golden(name)
    net = FSRCNN(**FSRCNN.arguments_from_state(case.state, scale=scale)).eval()
    net.load_state_dict(case.state, strict=True)
    with torch.no_grad():
        sr = net(case["input"])
    assert_parity(sr, case["output"])


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("colour", ["y", "rgb"])
def test_training_runs_the_same_function_and_gradient_as_a_sub_pixel_convolution(scale, colour):
    torch.manual_seed(scale)
    net = FSRCNN(scale=scale, colour=colour, d=6, s=4, m=1).double()
    torch.nn.init.normal_(net.last_part.weight)
    torch.nn.init.normal_(net.last_part.bias)
    lr = torch.rand(2, net.channels, 5, 7).double()
    outputs, gradients = [], []
    for training in (True, False):
        net.train(training)
        net.zero_grad()
        sr = net(lr)
        sr.square().mean().backward()
        outputs.append(sr.detach())
        gradients.append(net.last_part.weight.grad.clone())
    assert outputs[0].shape == outputs[1].shape
    assert (outputs[0] - outputs[1]).abs().max() < FLOAT64_MATHS
    assert (gradients[0] - gradients[1]).abs().max() < FLOAT64_MATHS


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_receptive_field_is_what_is_declared(scale):
    net = FSRCNN(scale=scale).double().eval()
    torch.nn.init.normal_(net.last_part.weight)
    middle, lr = 12, torch.rand(1, 1, 25, 25).double()
    poked = lr.clone()
    poked[..., middle, middle] += 1
    rows = (net(poked) - net(lr)).abs().amax(dim=(0, 1, 3)).gt(1e-12).nonzero().flatten() // scale
    assert max(middle - int(rows.min()), int(rows.max()) - middle) == net.receptive_field


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_interpolator_start_keeps_a_constant(scale):
    torch.manual_seed(0)
    net = FSRCNN(scale=scale).double().eval()
    initialize_as_interpolator(net)
    with torch.no_grad():
        net.last_part.weight[1:] = 0
    sr = net(torch.full((1, 1, 9, 9), 0.25).double())
    assert (sr[..., 8:-8, 8:-8] - 0.25).abs().max() < FLOAT32_SAME_MATHS


def test_a_missing_scale_and_a_foreign_state_are_refused():
    with pytest.raises(ModelError, match="give the scale"):
        FSRCNN.arguments_from_state(FSRCNN(scale=2).state_dict())
    with pytest.raises(ModelError, match="not an FSRCNN"):
        FSRCNN.arguments_from_state({}, scale=2)

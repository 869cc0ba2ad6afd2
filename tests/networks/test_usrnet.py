import pytest
import torch
from torch.nn import functional

from kukkiri.networks import USRNet
from kukkiri.networks.usrnet import kernel_spectrum, solve_data_term
from tests.networks.parity import assert_full_size, assert_parity
from tests.tolerances import FLOAT64_MATHS


@pytest.mark.parametrize(("name", "scale"), [("usrnet_x2_it2", 2), ("usrnet_x3_it3_b2", 3)])
def test_parity_with_the_authors(golden, name, scale):
    case = golden(name)
    net = USRNet(**USRNet.arguments_from_state(case.state), scale=scale).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        sr = net(case["input"], case["input.k"], case["input.sigma"])
        assert_parity(sr, case["output"])
        net.scale = 1
        assert torch.equal(net(case["input"], case["input.k"], case["input.sigma"].flatten(), scale=scale), sr)


@pytest.mark.parametrize(("name", "scale"), [("usrnet_data_x2_evenk", 2), ("usrnet_data_x3", 3)])
def test_parity_of_the_data_step(golden, name, scale):
    case = golden(name)
    spectrum = kernel_spectrum(case["input.k"], tuple(case["input"].shape[-2:]))
    assert_parity(spectrum.real, case["output.otf_real"])
    assert_parity(spectrum.imag, case["output.otf_imag"])
    z = solve_data_term(case["input"], case["input.y"], case["input.k"], case["input.alpha"], scale=scale)
    assert_parity(z, case["output"])


def blurred(z, kernel):
    """Circular convolution, written out: the kernel turned by 180 degrees and slid over the wrapped image."""
    side = kernel.shape[-1]
    before, after = side - 1 - side // 2, side // 2
    wrapped = functional.pad(z, (before, after, before, after), mode="circular")
    flipped = kernel.flip(-2, -1).repeat(z.shape[1], 1, 1, 1)
    return functional.conv2d(wrapped, flipped, groups=z.shape[1])


@pytest.mark.parametrize("side", [5, 6])
def test_the_data_step_is_where_the_gradient_of_its_objective_vanishes(side):
    x, lr = torch.rand(1, 3, 12, 18).double(), torch.rand(1, 3, 4, 6).double()
    kernel = torch.rand(1, 1, side, side).double()
    kernel /= kernel.sum()
    alpha = torch.tensor(0.05).double().view(1, 1, 1, 1)
    z = solve_data_term(x, lr, kernel, alpha, scale=3).requires_grad_()
    objective = (lr - blurred(z, kernel)[..., ::3, ::3]).square().sum() + (alpha * (z - x).square()).sum()
    objective.backward()
    assert z.grad.abs().max() < FLOAT64_MATHS


def test_full_size_keys(golden_file):
    with torch.device("meta"):
        assert_full_size(USRNet(), golden_file, "USRNet")
        assert_full_size(USRNet(iterations=6, hidden=32, widths=(16, 32, 64, 64)), golden_file, "USRNet-tiny")

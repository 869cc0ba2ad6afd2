import pytest
import torch
from torch.nn import functional

from kukkiri.networks import USRNet
from kukkiri.networks.usrnet import initialize_as_interpolator, kernel_spectrum, solve_data_term
from tests.networks.parity import assert_full_size, assert_parity
from tests.tolerances import FLOAT32_NETWORK, FLOAT64_MATHS


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


@pytest.mark.parametrize("depth", [1, 2])
def test_the_interpolator_initialization_is_the_data_steps_alone_and_can_be_trained(depth):
    torch.manual_seed(0)
    net = USRNet(scale=2, iterations=2, hidden=4, widths=(4, 5, 6, 7), depth=depth)
    initialize_as_interpolator(net)
    lr, kernel, noise_std = torch.rand(2, 3, 8, 12), torch.rand(2, 1, 5, 5), torch.tensor([0.0, 0.1])
    kernel /= kernel.sum(dim=(2, 3), keepdim=True)
    weights = net.h(torch.stack((noise_std, torch.full((2,), 2.0)), dim=1).view(2, 2, 1, 1))
    assert ((weights[:, :2] > 0.008) & (weights[:, :2] < 0.012)).all()
    expected = functional.interpolate(lr, scale_factor=2.0, mode="nearest")
    for number in range(2):
        expected = solve_data_term(expected, lr, kernel, weights[:, number : number + 1], scale=2)
    sr = net(lr, kernel, noise_std)
    assert (sr - expected).abs().max() < FLOAT32_NETWORK
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(2):  # after the first step the features beyond the colours have a part, too
        optimizer.zero_grad()
        net(lr, kernel, noise_std).square().mean().backward()
        optimizer.step()
    assert all(parameter.grad.abs().max() > 0 for parameter in net.parameters())


def test_the_interpolator_initialization_needs_a_feature_for_each_colour():
    with pytest.raises(ValueError, match="three features"):
        initialize_as_interpolator(USRNet(iterations=1, hidden=4, widths=(2, 3, 4, 5), depth=1))

import pytest
import torch

from kukkiri.networks import ECBSR, ESPCN, FSRCNN, SESR, VDSR, Plain
from kukkiri.training.centring import Centred
from tests.tolerances import FLOAT64_MATHS

CENTRED = [
    ESPCN(scale=3),
    FSRCNN(scale=2),
    ESPCN(scale=2, colour="rgb"),
    Plain(),
    ECBSR(width=4, depth=1),
    SESR(depth=1),
    SESR(depth=1, image_skip=False),
    SESR(depth=1, deployed=True),
]


@pytest.mark.parametrize("network", CENTRED)
def test_the_folded_network_is_the_trained_function_at_borders_too(network):
    network = network.double()
    model, lr = Centred(network, centre=0.45), torch.rand(1, network.channels, 7, 9).double()
    trained = model(lr)
    network.load_state_dict(model.folded_state())
    assert (network(lr) - trained).abs().max() < FLOAT64_MATHS


@pytest.mark.parametrize("network", CENTRED)
def test_away_from_the_border_it_is_a_shift_of_input_and_output(network):
    network = network.double()
    lr = torch.rand(1, network.channels, 31, 31).double()
    shifted = network(lr - 0.45) + 0.45
    inner = slice(12 * network.scale, -12 * network.scale)
    assert (Centred(network, centre=0.45)(lr) - shifted)[..., inner, inner].abs().max() < FLOAT64_MATHS


@pytest.mark.parametrize("network", [FSRCNN(scale=3), SESR(image_skip=False), ECBSR()])
def test_unfolding_is_the_inverse_of_folding(network):
    network = network.double()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    model = Centred(network, centre=0.3)
    network.load_state_dict(model.folded_state())
    model.unfold()
    assert all((network.state_dict()[key] - value).abs().max() < FLOAT64_MATHS for key, value in before.items())


def test_gradients_pass_through_the_folded_kernel():
    """d/dE of the shift: with the image and every other parameter zero, sr = -centre * sum W, so W's gradient is it."""
    network = SESR(scale=1, width=1, depth=1, expansion=1, kernel_size=1, residual=False, feature_skip=False).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0 if parameter.ndim > 1 else 0.0)
        network.body[0].expand.zero_()
        network.body[0].expand[..., 1, 1] = -1.0  # the rectifier passes what is negative before it
    Centred(network, centre=0.25)(torch.zeros(1, 1, 1, 1).double()).backward()
    assert network.first.expand.grad.item() == 0.25
    assert network.first.project.grad.item() == 0.25


def test_a_network_without_biases_is_refused():
    with pytest.raises(ValueError, match="with biases"):
        Centred(VDSR(scale=2, bias=False), centre=0.5)

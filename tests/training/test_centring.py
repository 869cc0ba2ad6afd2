import pytest
import torch

from kukkiri.networks.espcn import ESPCN
from kukkiri.networks.fsrcnn import FSRCNN
from kukkiri.networks.plain import Plain
from kukkiri.training.centring import Centred
from tests.tolerances import FLOAT64_MATHS


@pytest.mark.parametrize("network", [ESPCN(scale=3), FSRCNN(scale=2), ESPCN(scale=2, colour="rgb"), Plain()])
def test_the_folded_network_is_the_trained_function_at_borders_too(network):
    network = network.double()
    model, lr = Centred(network, centre=0.45), torch.rand(1, network.channels, 7, 9).double()
    trained = model(lr)
    network.load_state_dict(model.folded_state())
    assert (network(lr) - trained).abs().max() < FLOAT64_MATHS


@pytest.mark.parametrize("network", [ESPCN(scale=2), Plain(depth=2)])
def test_away_from_the_border_it_is_a_shift_of_input_and_output(network):
    network = network.double()
    lr = torch.rand(1, 1, 15, 15).double()
    shifted = network(lr - 0.45) + 0.45
    assert (Centred(network, centre=0.45)(lr) - shifted)[..., 8:-8, 8:-8].abs().max() < FLOAT64_MATHS


def test_unfolding_is_the_inverse_of_folding():
    network = FSRCNN(scale=3).double()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    model = Centred(network, centre=0.3)
    network.load_state_dict(model.folded_state())
    model.unfold()
    assert all((network.state_dict()[key] - value).abs().max() < FLOAT64_MATHS for key, value in before.items())


def test_a_network_without_biases_is_refused():
    with pytest.raises(ValueError, match="with biases"):
        Centred(torch.nn.Conv2d(1, 1, 3, bias=False), centre=0.5)

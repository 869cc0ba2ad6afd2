import pytest
import torch

from kukkiri.networks import ContextPlain, Plain
from tests.networks.parity import parameter_count
from tests.tolerances import FLOAT32_SAME_MATHS


def filled(**arguments):
    torch.manual_seed(0)
    network = ContextPlain(**arguments)
    for weight in network.codes:
        torch.nn.init.normal_(weight)
    return network


def test_parameter_count_is_that_of_plain_and_the_codes():
    plain = parameter_count(Plain(scale=2, colour="rgb", width=48, depth=7))
    assert parameter_count(ContextPlain()) == plain + 3 + 7 * 48 * 3 == 132_255


def test_a_code_of_zero_is_the_plain_network():
    network, plain = filled(width=6, depth=2), Plain(scale=2, colour="rgb", width=6, depth=2)
    plain.load_state_dict({key: value for key, value in network.state_dict().items() if not key.startswith("code")})
    lr = torch.rand(2, 3, 7, 9)
    torch.testing.assert_close(network(lr), plain(lr), rtol=0, atol=FLOAT32_SAME_MATHS)


def test_a_code_is_a_change_of_the_biases():
    network, lr = filled(width=6, depth=2), torch.rand(1, 3, 7, 9)
    code = torch.tensor([0.3, -0.2, 0.5])
    given = network(lr, code[None])
    with torch.no_grad():
        for layer, weight in zip(network.body, network.codes, strict=True):
            layer.bias += weight @ code
    torch.testing.assert_close(network(lr), given, rtol=0, atol=FLOAT32_SAME_MATHS)


def test_every_image_may_have_its_own_code_and_the_networks_own_is_the_default():
    network, lr = filled(width=6, depth=2), torch.rand(2, 3, 7, 9)
    codes = torch.tensor([[0.3, -0.2, 0.5], [1.0, 0.0, -1.0]])
    together = network(lr, codes)
    with torch.no_grad():
        network.code.copy_(codes[1])
    torch.testing.assert_close(network(lr[1:]), together[1:], rtol=0, atol=FLOAT32_SAME_MATHS)
    torch.testing.assert_close(
        network(lr[:1], codes[:1] - codes[1]), together[:1], rtol=0, atol=FLOAT32_SAME_MATHS
    )  # they add up


def test_the_code_of_a_round_blur_of_variance_five_quarters_of_the_scale_is_zero():
    assert ContextPlain.code_of((2.5, 2.5, 0.0), scale=2) == (0, 0, 0)
    assert ContextPlain.code_of((10.0, 0.0, -2.5), scale=4) == (1, -1, -0.5)


def test_a_context_of_nothing_is_refused():
    with pytest.raises(ValueError, match="context must be at least 1, got 0"):
        ContextPlain(context=0)

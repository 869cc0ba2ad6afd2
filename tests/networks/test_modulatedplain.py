import pytest
import torch

from kukkiri.errors import ModelError
from kukkiri.info import Condition
from kukkiri.networks import ContextPlain, ModulatedPlain
from tests.tolerances import FLOAT32_SAME_MATHS


def filled(kind, **arguments):
    torch.manual_seed(0)
    network = kind(width=6, depth=2, **arguments).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def test_gains_and_shifts_are_those_of_the_condition():
    network, lr = filled(ModulatedPlain, hidden=3), torch.rand(1, 3, 5, 7)
    condition = torch.tensor([[0.3, -0.2, 0.1, 0.05]])
    scaled = torch.tensor([0.3, -0.2, 0.1, 0.5])  # noise of 0.1 counts as 1
    with torch.no_grad():
        hidden = torch.relu(network.hidden.weight @ scaled + network.hidden.bias)
        made = (network.linear.weight @ scaled + network.curved.weight @ hidden).view(2, 2, 6)
        x = lr
        for layer, (gain, shift) in zip(network.body, made, strict=True):
            x = torch.relu(layer(x) * (1 + gain)[:, None, None] + shift[:, None, None])
        torch.testing.assert_close(network(lr, condition), network.upscale(x, lr), rtol=1e-5, atol=FLOAT32_SAME_MATHS)


def test_it_begins_as_a_contextplain():
    context, lr = filled(ContextPlain), torch.rand(2, 3, 5, 7)
    network = ModulatedPlain(width=6, depth=2)
    network.begin_as_context(context.state_dict())
    codes = torch.tensor([[0.3, -0.2, 0.1], [1.0, 0.5, -0.4]])
    told = torch.cat((codes, torch.zeros(2, 1)), dim=1)
    with torch.no_grad():
        torch.testing.assert_close(network(lr, told), context(lr, codes), rtol=1e-5, atol=FLOAT32_SAME_MATHS)


def test_other_weights_are_no_beginning():
    with pytest.raises(ModelError, match=r"not a contextplain of 3 layers of 6 features \(body.2.weight"):
        ModulatedPlain(width=6, depth=3).begin_as_context(filled(ContextPlain).state_dict())


def test_the_condition_is_described():
    assert ModulatedPlain().describe_condition() == Condition(
        kind="covariance", length=4, subsample="direct", noise=True
    )
    assert ModulatedPlain(noise=False, subsample="bicubic").describe_condition() == Condition(
        kind="covariance", length=3, subsample="bicubic"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"hidden": 0}, "hidden must be at least 1, got 0"), ({"subsample": "nearest"}, "subsample must be 'direct' or")],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ModulatedPlain(**arguments)

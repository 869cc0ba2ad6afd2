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
    condition = torch.cat((codes, torch.zeros(2, 1)), dim=1)
    with torch.no_grad():
        torch.testing.assert_close(network(lr, condition), context(lr, codes), rtol=1e-5, atol=FLOAT32_SAME_MATHS)


def test_other_weights_are_no_beginning():
    with pytest.raises(
        ModelError, match=r"not a contextplain of 3 layers of 6 features: it lacks body\.2\.weight and 2"
    ):
        ModulatedPlain(width=6, depth=3).begin_as_context(filled(ContextPlain).state_dict())


def test_a_divisor_of_the_scale_keeps_every_second_sub_pixel():
    large, lr = filled(ModulatedPlain, scale=4, hidden=3), torch.rand(2, 3, 5, 7)
    network = ModulatedPlain(scale=2, width=6, depth=2, hidden=3)
    network.begin_at_other_scale(large.state_dict(), scale=4)
    covariances = torch.tensor([[1.0, 3.0, 0.5], [4.0, 0.2, -0.3]])  # in HR pixels of x2; xx, yy, xy
    noise = torch.tensor([[0.0], [0.05]])
    unit = torch.tensor([1.0, 1.0, 0.0])
    codes = [covariances * (scale / 2) ** 2 / (1.25 * scale) - unit for scale in (2, 4)]
    with torch.no_grad():
        sr, larger = (
            net(lr, torch.cat((code, noise), dim=1)) for net, code in zip((network, large), codes, strict=True)
        )
    torch.testing.assert_close(sr, larger[..., ::2, ::2], rtol=1e-5, atol=1e-5)


def test_sub_pixels_between_the_old_ones_are_interpolated():
    old = ModulatedPlain(scale=4, width=6, depth=2)
    torch.nn.init.zeros_(old.head.weight)
    old.head.bias = torch.nn.Parameter(torch.arange(4.0).repeat(12))  # a ramp along the columns
    at_the_edge, between = (ModulatedPlain(scale=3, width=6, depth=2, subsample=kind) for kind in ("direct", "bicubic"))
    for network, columns in ((at_the_edge, (0, 4 / 3, 8 / 3)), (between, (1 / 6, 3 / 2, 17 / 6))):
        network.begin_at_other_scale(old.state_dict(), scale=4)
        torch.testing.assert_close(network.head.bias.detach(), torch.tensor(columns).repeat(9), rtol=0, atol=1e-6)


def test_a_smaller_scale_is_extrapolated_along_its_line():
    old, network = ModulatedPlain(scale=2, width=6, depth=2), ModulatedPlain(scale=3, width=6, depth=2)
    old.head.bias = torch.nn.Parameter(torch.tensor([0.0, 3.0]).repeat(6))
    network.begin_at_other_scale(old.state_dict(), scale=2)
    torch.testing.assert_close(network.head.bias.detach(), torch.tensor([0.0, 2.0, 4.0]).repeat(9), rtol=0, atol=1e-6)


def test_another_shape_is_no_other_scale():
    with pytest.raises(
        ModelError, match=r"not the weights of this modulatedplain at scale 2: .*lacks body\.2\.weight and 1"
    ):
        ModulatedPlain(scale=3, width=6, depth=3).begin_at_other_scale(filled(ModulatedPlain).state_dict(), scale=2)


def test_a_surplus_tensor_is_named():
    state = {**filled(ModulatedPlain).state_dict(), "tail.weight": torch.zeros(1)}
    with pytest.raises(ModelError, match=r"at scale 2: it also holds tail\.weight\.$"):
        ModulatedPlain(scale=2, width=6, depth=2).begin_at_other_scale(state, scale=2)


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

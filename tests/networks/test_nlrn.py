import torch
from torch.nn import functional

from kukkiri.networks import NLRN
from tests.networks.parity import parameter_count
from tests.tolerances import FLOAT64_MATHS


def test_parameter_counts():
    net = NLRN()
    norms = 2 * (1 + 36 * 128 + 128)
    assert parameter_count(net) == 340_099
    assert parameter_count(net) - norms == 330_625


def restated(net, lr):
    """The authors' loop, with the accumulated logits kept as a matrix."""
    first = x = net.conv_first(net.norm_first(lr))
    logits = 0
    for before, middle, after in net.norms:
        x = functional.relu(before(x))
        theta, phi, g = (layer(x).flatten(2) for layer in (net.theta, net.phi, net.g))
        logits = logits + theta.transpose(1, 2) @ phi
        x = x + (g @ logits.softmax(dim=-1).transpose(1, 2)).reshape(x.shape)
        x = net.conv2(functional.relu(after(net.conv1(middle(x))))) + first
    return lr + net.conv_last(functional.relu(net.norm_last(x)))


def test_queries_and_keys_side_by_side_are_the_accumulated_logits():
    net = NLRN(width=8, steps=4).eval().double()
    torch.nn.init.normal_(net.g.weight)
    with torch.no_grad():
        for buffer in (one for key, one in net.named_buffers() if "running" in key):
            buffer.add_(torch.rand_like(buffer))
        lr = torch.rand(2, 1, 5, 7).double()
        expected = restated(net, lr)
        assert (net(lr) - expected).abs().max() <= FLOAT64_MATHS * expected.abs().max()


def test_the_attention_starts_as_nothing():
    net = NLRN(width=4, steps=1)
    x = torch.rand(1, 4, 3, 3)
    assert not net._attend(net.theta(x), net.phi(x), net.g(x)).any()

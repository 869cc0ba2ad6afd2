import pytest
import torch

from kukkiri.attention import SecondOrderChannelAttention, covariance_pool, matrix_sqrt
from tests.networks.parity import assert_parity
from tests.tolerances import FLOAT64_MATHS


@pytest.mark.parametrize("case", ["san_soca_c16", "san_soca_c8_crop1005"])
def test_second_order_attention_is_the_official_one(golden, case):
    vector = golden(case)
    net = SecondOrderChannelAttention(
        vector.constructor["channel"], reduction=vector.constructor["reduction"], crop=1000
    )
    net.load_state_dict(vector.state, strict=True)
    expected = vector["output"]
    with torch.no_grad():
        found = net(vector["input"])
    assert_parity(found, expected)


def test_the_crop_matters_on_a_map_of_1005(golden):
    vector = golden("san_soca_c8_crop1005")
    net = SecondOrderChannelAttention(8, reduction=2)
    net.load_state_dict(vector.state)
    expected = vector["output"]
    assert (net(vector["input"]) - expected).abs().max() > 1e-4 * expected.abs().max()


@pytest.mark.parametrize("alpha", [0.5, 1])
@pytest.mark.parametrize("method", ["newton-schulz", "eigen"])
def test_the_gate_sees_the_row_means_of_the_normalized_covariance(alpha, method):
    net = SecondOrderChannelAttention(4, reduction=1, alpha=alpha, method=method).double()
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    covariance = covariance_pool(x)
    root = matrix_sqrt(covariance, method=method) if alpha == 0.5 else covariance
    statistics = root.mean(dim=2)
    hidden = torch.relu(statistics @ net.conv_du[0].weight.flatten(1).T + net.conv_du[0].bias)
    weights = torch.sigmoid(hidden @ net.conv_du[2].weight.flatten(1).T + net.conv_du[2].bias)
    torch.testing.assert_close(net.weights(x), weights, rtol=0, atol=FLOAT64_MATHS)
    torch.testing.assert_close(net(x), x * weights[..., None, None], rtol=0, atol=FLOAT64_MATHS)


def test_adding_a_constant_to_a_channel_changes_no_weight():  # first-order attention would answer
    net = SecondOrderChannelAttention(3, reduction=1).double()
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    shift = torch.tensor([4.0, -2.0, 9.0], dtype=torch.float64).view(1, 3, 1, 1)
    torch.testing.assert_close(net.weights(x), net.weights(x + shift), rtol=0, atol=FLOAT64_MATHS)


def test_all_zero_features_are_nan_unless_asked_otherwise():
    zero = torch.zeros(1, 4, 3, 3)
    assert SecondOrderChannelAttention(4, reduction=2)(zero).isnan().all()
    net = SecondOrderChannelAttention(4, reduction=2, zero_safe=True)
    x = zero.clone().requires_grad_()
    net(x).sum().backward()
    assert torch.equal(net(x), zero)
    assert all(t.grad.isfinite().all() for t in [x, *net.parameters()])
    assert SecondOrderChannelAttention(4, reduction=2, alpha=1)(zero).abs().max() == 0


def test_an_exponent_that_the_paper_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"alpha must be 0.5 or 1, got 0.3"):
        SecondOrderChannelAttention(4, alpha=0.3)


def test_autocast_does_not_touch_the_second_order():
    """Squares of features, and a root of small eigenvalues, would lose all meaning in the 8 bits of bfloat16."""
    features = torch.randn(2, 8, 6, 7)
    expected = covariance_pool(features)
    root = matrix_sqrt(expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(covariance_pool(features), expected)
        assert torch.equal(matrix_sqrt(expected), root)
        assert covariance_pool(features.bfloat16()).dtype == torch.float32
        assert covariance_pool(features.double()).dtype == torch.float64
        assert covariance_pool(features.to("meta")).shape == (2, 8, 8)  # a device that knows no autocast
    assert matrix_sqrt(covariance_pool(features.to("meta"))).shape == (2, 8, 8)

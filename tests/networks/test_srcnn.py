import pytest
import torch

from kukkiri.errors import ModelError
from kukkiri.networks import SRCNN
from tests.networks.parity import assert_parity, parameter_count
from tests.tolerances import FLOAT32_SAME_MATHS


def test_parity_with_the_reference(golden):
    case = golden("srcnn_y")
    net = SRCNN(**SRCNN.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


@pytest.mark.parametrize(("kernels", "parameters"), [((9, 1, 5), 8_129), ((9, 3, 5), 24_513), ((9, 5, 5), 57_281)])
def test_parameter_counts_of_the_three_published_networks(kernels, parameters):
    (a, b, c), (n1, n2) = kernels, (64, 32)
    by_hand = (a * a + 1) * n1 + (b * b * n1 + 1) * n2 + (c * c * n2 + 1)
    assert parameter_count(SRCNN(kernels=kernels)) == by_hand == parameters


def test_replicate_padding_keeps_a_constant_image_constant():
    net = SRCNN(padding="replicate")
    out = net(torch.full((1, 1, 20, 20), 0.5))
    assert (out - out[..., 10, 10]).abs().max() < FLOAT32_SAME_MATHS  # zero padding darkens the border by far more
    assert (SRCNN()(torch.full((1, 1, 20, 20), 0.5)).std()) > 1e-4


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match="kernels must be odd"):
        SRCNN(kernels=(9, 4, 5))


def test_a_foreign_state_is_refused():
    with pytest.raises(ModelError, match=r"conv1\.weight"):
        SRCNN.arguments_from_state({"layers.0.weight": torch.zeros(1)})

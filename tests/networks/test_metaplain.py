import pytest
import torch

from kukkiri.networks import MetaPlain, metaplain
from tests.networks.parity import parameter_count
from tests.tolerances import FLOAT32_SAME_MATHS


def filled(**arguments):
    torch.manual_seed(0)
    network = MetaPlain(**{"width": 4, "depth": 2, "hidden": 3, **arguments})
    for parameter in network.filters.parameters():
        torch.nn.init.normal_(parameter)
    return network.eval()


def test_a_pixel_is_filtered_by_the_position_that_it_has_between_pixels():
    """At 2.7 = 27 / 10 the pixel (20, 31) reads around (7, 11), 11/27 and 13/27 further, as 200 = 7 * 27 + 11."""
    network, lr = filled(), torch.rand(1, 3, 13, 17)
    with torch.no_grad():
        sr = network(lr, scale=2.7)
        x = torch.relu(network.body[1](torch.relu(network.body[0](lr))))
        made = network.filters(torch.tensor([1 / 2.7, 11 / 27, 13 / 27])).reshape(-1, 3)
        seen = x[0, :, 6:9, 10:13].flatten()  # feature by feature, tap by tap
    assert sr.shape == (1, 3, 35, 45)
    expected = seen @ made[:-1] + made[-1] + lr[0, :, 7, 11]
    torch.testing.assert_close(sr[0, :, 20, 31], expected, rtol=1e-5, atol=FLOAT32_SAME_MATHS)


@pytest.mark.parametrize(("scale", "colour"), [(1, "rgb"), (2, "y"), (3, "rgb")])
def test_at_a_whole_scale_it_is_a_plain_network(scale, colour):
    network = filled(colour=colour)
    lr = torch.rand(2, network.channels, 6, 7)
    with torch.no_grad():
        torch.testing.assert_close(
            network.plain_at(scale)(lr), network(lr, scale=scale), rtol=1e-5, atol=10 * FLOAT32_SAME_MATHS
        )


def test_bands_make_the_same_image(monkeypatch):
    network, lr = filled(), torch.rand(1, 3, 7, 5)
    with torch.no_grad():
        whole = network(lr, scale=2.5)
        monkeypatch.setattr(metaplain, "_CHUNK", 9 * 4 * 2 * 7 * 2)  # two periods of two rows at once, of four
        banded = network(lr, scale=2.5)
    torch.testing.assert_close(banded, whole, rtol=0, atol=FLOAT32_SAME_MATHS)  # products of other sizes


def test_the_parameters_are_those_of_the_page():
    assert parameter_count(MetaPlain()) == 3 * 48 * 9 + 48 + 6 * (48 * 48 * 9 + 48) + 4 * 64 + 65 * 433 * 3


def test_no_layer_is_refused():
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        MetaPlain(depth=0)

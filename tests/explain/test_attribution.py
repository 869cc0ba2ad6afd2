import numpy as np
import pytest
import torch
from torch import nn

from kukkiri.errors import ConfigError
from kukkiri.explain.attribution import attribute, detect, diffusion_index
from kukkiri.explain.network_io import to_tensor, upscale_tensor
from kukkiri.networks import EDSR, ESPCN, RCAN, SRCNN
from tests.tolerances import FLOAT32_SAME_MATHS, FLOAT64_MATHS


class Nearest(nn.Module):
    """Not a network of ours, but with its attributes."""

    scale, colour, value_range, multiple, pre_upsampled = 2, "rgb", 1.0, 1, False

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, lr):
        return self.gain * lr.repeat_interleave(2, 2).repeat_interleave(2, 3)


def noise(height, width, channels=3):
    return np.random.default_rng(0).random((height, width, channels), dtype=np.float32)


def test_the_detector_adds_gradients_over_the_box_only():
    sr = torch.zeros(1, 1, 6, 6)
    sr[0, 0, :, 3:] = 2.0  # one vertical edge between columns 2 and 3
    assert float(detect(sr, (0, 0, 5, 5))) == pytest.approx(10, abs=1e-4)  # 25 roots of 1e-12 are 2.5e-5
    assert float(detect(sr, (2, 1, 1, 3))) == pytest.approx(6, abs=1e-4)
    assert float(detect(sr, (3, 0, 2, 5))) == pytest.approx(0, abs=1e-4)
    sr[0, 0, 3:, :] += 1.5  # and a horizontal one: hypot(2, 1.5) at the crossing
    assert float(detect(sr, (2, 2, 1, 1))) == pytest.approx(2.5, abs=FLOAT32_SAME_MATHS)


@pytest.mark.parametrize("make", [lambda: ESPCN(scale=2, colour="rgb"), lambda: EDSR(scale=2, width=8, depth=1)])
def test_the_map_sums_to_the_change_of_the_detector(make):  # completeness of integrated gradients
    torch.manual_seed(0)
    network = make().double().eval()
    result = attribute(network, noise(24, 20), box=(12, 14, 16, 16), steps=50)
    assert result.map.sum() == pytest.approx(result.change, rel=5e-3)  # midpoint rule, but ReLU has kinks


def test_steps_refine_the_integral():
    torch.manual_seed(0)
    network = ESPCN(scale=2, colour="rgb").double().eval()
    gaps = []
    for steps in (4, 64):
        result = attribute(network, noise(20, 20), box=(12, 12, 16, 16), steps=steps)
        gaps.append(abs(result.map.sum() - result.change))
    assert gaps[1] < gaps[0] / 4  # of second order, were the sharpest kernels not so near to each other


def test_only_pixels_within_the_receptive_field_of_the_box_count():
    network = ESPCN(scale=2, colour="rgb").eval()
    result = attribute(network, noise(40, 40), box=(40, 36, 4, 4), steps=4)
    rows, columns = np.nonzero(result.map)
    # LR rows 18 to 19 and columns 20 to 21, plus the neighbour that the detector reads, plus the field of 4
    assert (rows.min(), rows.max()) == (18 - 4, 20 + 4)
    assert (columns.min(), columns.max()) == (20 - 4, 22 + 4)


def test_the_margin_changes_nothing_beyond_the_receptive_field_but_cuts_off_the_rest():
    image, options = noise(60, 60), {"box": (60, 60, 8, 8), "steps": 4}
    local = ESPCN(scale=2, colour="rgb").double().eval()
    whole = attribute(local, image, margin=None, **options).map
    np.testing.assert_allclose(attribute(local, image, margin=12, **options).map, whole, rtol=0, atol=FLOAT64_MATHS)
    everywhere = RCAN(scale=2, width=8, groups=1, blocks=1, reduction=2).eval()
    assert (attribute(everywhere, image, margin=None, **options).map != 0).all()
    seen = attribute(everywhere, image, margin=12, **options).map != 0
    assert seen[18:46, 18:46].all()  # 30 to 33, and 12 around
    assert seen.sum() == 28**2


def test_an_edge_owes_its_height_to_its_ends():
    # along a rising row the differences add up to the last pixel less the first, here of columns 8 and 12
    image = np.zeros((20, 20, 1), np.float32)
    image[:, 10:] = 1
    result = attribute(Nearest(), image, box=(16, 16, 8, 8), steps=20)
    assert np.nonzero(np.abs(result.map).sum(axis=0) > 1e-3)[0].tolist() == [8, 12]
    assert result.map.sum() == pytest.approx(result.change, rel=1e-4)  # float32 gradients of 20 steps


def test_a_network_on_luma_and_one_that_wants_upscaled_input_take_the_same_image():
    image = noise(12, 14)
    for network in (ESPCN(scale=2), SRCNN(scale=2)):
        result = attribute(network.eval(), image, box=(4, 4, 8, 8), steps=3)
        assert result.map.shape == (12, 14)
        assert np.abs(result.map).max() > 0
        assert upscale_tensor(network, to_tensor(network, image)).shape == (1, 1, 24, 28)


def test_diffusion_index_by_hand():
    assert diffusion_index(np.full((4, 5), -2.0)) == pytest.approx(100, abs=FLOAT64_MATHS)
    one = np.zeros(50)
    one[7] = 3
    assert diffusion_index(one) == pytest.approx(100 / 50, abs=FLOAT64_MATHS)  # Gini of one owner among n is 1 - 1/n
    assert diffusion_index(np.array([1.0, 3.0])) == pytest.approx(75, abs=FLOAT64_MATHS)  # Gini 1/4
    assert diffusion_index(np.zeros(5)) == 0


@pytest.mark.parametrize("box", [(-1, 0, 4, 4), (0, 0, 25, 4), (0, 21, 4, 4), (3, 3, 0, 4)])
def test_a_box_outside_the_output_is_refused(box):
    with pytest.raises(ConfigError, match="is not inside the output of 24x24 pixels"):
        attribute(ESPCN(scale=2, colour="rgb"), noise(12, 12), box=box)

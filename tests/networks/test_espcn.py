import pytest
import torch

from kukkiri.errors import ModelError
from kukkiri.networks.espcn import ESPCN, initialize_as_interpolator
from tests.networks.parity import assert_parity
from tests.tolerances import FLOAT64_MATHS


@pytest.mark.parametrize(("scale", "parameters"), [(2, 21_284), (3, 22_729), (4, 24_752)])
def test_parameter_count_is_the_papers(scale, parameters):
    assert sum(p.numel() for p in ESPCN(scale=scale).parameters()) == parameters


@pytest.mark.parametrize("name", ["espcn_x2_rgb", "espcn_x3_y"])
def test_output_equals_the_vectors(golden, name):
    case = golden(name)
    net = ESPCN(**ESPCN.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state, strict=True)
    with torch.no_grad():
        sr = net(case["input"])
    assert_parity(sr, case["output"])


def test_sub_pixels_fill_each_colour_row_by_row():
    net = ESPCN(scale=2, colour="rgb")
    torch.nn.init.zeros_(net.last_part[0].weight)
    net.last_part[0].bias = torch.nn.Parameter(torch.arange(12.0))
    assert torch.equal(net(torch.rand(1, 3, 1, 1))[0], torch.arange(12.0).reshape(3, 2, 2))


def test_receptive_field_is_four_lr_pixels():
    net, lr = ESPCN(scale=2).double(), torch.rand(1, 1, 21, 21).double()
    poked = lr.clone()
    poked[..., 10, 10] += 1
    rows = (net(poked) - net(lr)).abs().amax(dim=(0, 1, 3)).gt(1e-12).nonzero().flatten()
    assert (rows.min(), rows.max()) == (2 * (10 - 4), 2 * (10 + 4) + 1)


def test_icnr_starts_without_a_checkerboard():
    sr = ESPCN(scale=3, icnr=True).double()(torch.rand(1, 1, 6, 7).double())
    nearest = sr[..., ::3, ::3].repeat_interleave(3, -1).repeat_interleave(3, -2)
    assert (sr - nearest).abs().max() < FLOAT64_MATHS


def test_the_interpolator_start_repeats_a_centred_input():
    torch.manual_seed(0)
    net = ESPCN(scale=3).double()
    initialize_as_interpolator(net)
    with torch.no_grad():
        net.last_part[0].weight[:, 1:] = 0  # the random features left aside
    lr = torch.rand(1, 1, 6, 7).double() - 0.5
    nearest = lr.repeat_interleave(3, -1).repeat_interleave(3, -2)
    # tanh(tanh(0.1 x)) * 10 is x to third order: |x| <= 0.5 leaves 2/3 * 0.05^3 * 10 = 8e-4
    assert (net(lr) - nearest).abs().max() < 1e-3


def test_arguments_come_back_from_the_shapes():
    net = ESPCN(scale=4, colour="rgb", widths=(8, 6))
    expected = {"scale": 4, "colour": "rgb", "widths": (8, 6)}
    assert ESPCN.arguments_from_state(net.state_dict()) == expected
    with pytest.raises(ModelError, match="not an ESPCN"):
        ESPCN.arguments_from_state({})


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match="scale must be at least 1, got 0"):
        ESPCN(scale=0)
    with pytest.raises(ValueError, match="one channel"):
        initialize_as_interpolator(ESPCN(scale=2, colour="rgb"))

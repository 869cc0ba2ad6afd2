import pytest
import torch

from kukkiri.networks import DBPN, DDBPN
from tests.networks.parity import assert_full_size, assert_parity, parameter_count


@pytest.mark.parametrize(
    ("name", "stages", "iterations"),
    [
        ("dbpn_x2_bf4", 7, 1),
        ("dbpn_x4_bf3", 7, 1),
        ("dbpn_ll_x4_bf3", 10, 1),
        ("dbpns_x2_bf8", 2, 1),
        ("dbpn_iter_x2_bf4", 7, 3),
    ],
)
def test_parity_with_the_authors(golden, name, stages, iterations):
    case = golden(name)
    arguments = DBPN.arguments_from_state(case.state)
    assert (arguments["stages"], arguments["iterations"]) == (stages, iterations)
    net = DBPN(**arguments).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


@pytest.mark.parametrize("name", ["ddbpn_x2_n16r6d3", "ddbpn_x4_n12r4d4"])
def test_parity_with_the_small_port(golden, name):
    case = golden(name)
    net = DDBPN(**DDBPN.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("DBPN x4", {}),
        ("DBPN-LL x4", {"stages": 10}),
        ("DBPN-RES-MR64-3 x4", {"iterations": 3}),
    ],
)
def test_full_size_keys(golden_file, name, arguments):
    with torch.device("meta"):
        assert_full_size(DBPN(**arguments), golden_file, name)


@pytest.mark.parametrize("scale", [2, 4])
def test_full_size_keys_of_the_small_port(golden_file, scale):
    with torch.device("meta"):
        assert_full_size(DDBPN(scale=scale), golden_file, f"DDBPN x{scale}")


@pytest.mark.parametrize(
    ("stages", "scale", "parameters"),
    [(2, 2, 1_354_766), (2, 8, 5_336_078), (7, 2, 5_953_526), (7, 8, 23_205_878), (10, 2, 8_811_086)],
)
def test_parameter_counts(stages, scale, parameters):
    with torch.device("meta"):
        assert parameter_count(DBPN(stages=stages, scale=scale)) == parameters


def test_residual_adds_the_bicubic_upscaling():
    net = DBPN(scale=2, width=2, features=3, stages=2, residual=True)
    torch.nn.init.zeros_(net.output_conv.conv.weight)
    torch.nn.init.zeros_(net.output_conv.conv.bias)
    ramp = torch.arange(12.0).expand(1, 3, 5, 12)
    sr = net(ramp)[0, 0, 4, 8:16]
    assert torch.allclose(sr, torch.arange(3.75, 7.5, 0.5), atol=1e-5)  # cubic interpolation keeps a ramp


def test_scale_three_is_refused():
    with pytest.raises(ValueError, match="scale must be 2, 4 or 8, got 3"):
        DBPN(scale=3)

import pytest
import torch

from kukkiri.errors import ModelError
from kukkiri.networks.rdn import RDN, rdn_from_yjn870
from tests.networks.parity import assert_full_size, assert_parity
from tests.networks.test_edsr import measure_receptive_field


@pytest.mark.parametrize("name", ["rdn_x2_d2c3g8", "rdn_x4_d3c2g6"])
def test_parity_with_the_port_in_edsr_pytorch(golden, name):
    case = golden(name)
    net = RDN(**RDN.arguments_from_state(case.state)).eval()
    assert net.scale == case.constructor["scale"][0]
    net.load_state_dict(case.state, strict=True)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_full_size_keys(golden_file, scale):
    with torch.device("meta"):
        assert_full_size(RDN(scale=scale), golden_file, f"RDN-B x{scale}")


def test_full_size_keys_of_the_slim_configuration(golden_file):
    with torch.device("meta"):
        assert_full_size(RDN(scale=4, depth=20, layers=6, growth=32), golden_file, "RDN-A x4")


@pytest.mark.parametrize(("scale", "kernel_size"), [(2, 3), (3, 3), (4, 3), (2, 5), (4, 5)])
def test_the_receptive_field_is_measured(scale, kernel_size):
    net = RDN(scale=scale, width=3, depth=2, layers=2, growth=2, kernel_size=kernel_size).double()
    assert measure_receptive_field(net, size=41) == net.receptive_field
    if kernel_size == 3:
        assert net.receptive_field == 2 * 2 + 5


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_other_ports_names_give_the_same_network(scale):
    net = RDN(scale=scale, colour="y", width=4, depth=1, layers=2, growth=4, value_range=1.0)
    last = "UPNet.4" if scale == 4 else "UPNet.2"
    names = {"SFENet1": "sfe1", "SFENet2": "sfe2", "RDBs.0.LFF": "rdbs.0.lff", "GFF.0": "gff.0", "GFF.1": "gff.1"}
    names |= {f"RDBs.0.convs.{c}.conv.0": f"rdbs.0.layers.{c}.conv" for c in (0, 1)}
    names |= {"UPNet.0": "upscale.0", "UPNet.2": "upscale.2", last: "output"}
    parts = {key: key.rpartition(".") for key in net.state_dict()}
    foreign = {f"{names[parts[key][0]]}.{parts[key][2]}": value for key, value in net.state_dict().items()}
    renamed = rdn_from_yjn870(foreign)
    arguments = RDN.arguments_from_state(renamed)
    expected = {"scale": scale, "colour": "y", "width": 4, "depth": 1, "layers": 2, "growth": 4, "kernel_size": 3}
    assert arguments == expected
    again = RDN(**arguments)
    again.load_state_dict(renamed, strict=True)
    lr = torch.rand(1, 1, 6, 7)
    assert torch.equal(again(lr), net(lr))


def test_a_tail_that_fits_no_scale_is_refused():
    state = RDN(scale=2, width=4, depth=1, layers=1, growth=4).state_dict()
    state["UPNet.0.weight"] = torch.zeros(20, 4, 3, 3)
    with pytest.raises(ModelError, match="has 20 outputs, expected 16"):
        RDN.arguments_from_state(state)


def test_a_scale_of_eight_is_refused():
    with pytest.raises(ValueError, match="scale must be 2, 3 or 4, got 8"):
        RDN(scale=8)

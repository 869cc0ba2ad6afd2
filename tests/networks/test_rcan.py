import pytest
import torch

from kukkiri.errors import ModelError
from kukkiri.networks.rcan import RCAN, rcan_from_basicsr
from tests.networks.parity import assert_full_size, assert_parity, open_gates, parameter_count


@pytest.mark.parametrize("name", ["rcan_x2_g2b2f16", "rcan_x3_edsrrepo_g2b1f16", "rcan_x4_g1b3f24"])
def test_parity_with_the_official_code(golden, name):
    case = golden(name)
    arguments, given = RCAN.arguments_from_state(case.state), case.constructor
    assert arguments == {
        "scale": given["scale"][0],
        "width": given["n_feats"],
        "groups": given["n_resgroups"],
        "blocks": given["n_resblocks"],
        "reduction": given["reduction"],
        "value_range": 255.0,
        "colour": "rgb",
        "mean_shift": True,
    }
    net = RCAN(**arguments).eval()
    net.load_state_dict(case.state, strict=True)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_full_size_keys(golden_file, scale):
    with torch.device("meta"):
        assert_full_size(RCAN(scale=scale), golden_file, f"RCAN x{scale}")


def test_parameter_count_at_eight():
    with torch.device("meta"):
        assert parameter_count(RCAN(scale=8)) == 15_740_091


def test_one_far_pixel_changes_every_output_pixel():
    net = RCAN(scale=2, width=8, groups=1, blocks=1, reduction=2, value_range=1.0).double()
    open_gates(net)
    # PyTorch's initial weights add up to less than 26 there, so that the block's ReLU is open, too
    torch.nn.init.constant_(net.get_parameter("body.0.body.0.body.0.bias"), 30.0)
    lr = torch.rand(1, 3, 40, 40, dtype=torch.float64)
    poked = lr.clone()
    poked[..., 0, 0] += 0.4
    assert net.receptive_field is None
    assert ((net(poked) - net(lr)).abs().amax(dim=(0, 1)) > 0).all()


def test_the_mean_shifts_are_trained():
    assert RCAN(scale=2, width=8, groups=1, blocks=1, reduction=2).sub_mean.bias.requires_grad


def test_basicsr_names_give_the_same_network(golden):
    case = golden("rcan_x2_g2b2f16")

    def foreign_name(key):
        stem, _, leaf = key.rpartition(".")
        fixed = {"head.0": "conv_first", "body.2": "conv_after_body", "tail.0.0": "upsample.0", "tail.1": "conv_last"}
        if stem in fixed:
            return f"{fixed[stem]}.{leaf}"
        parts = stem.split(".")  # body.g.body.b[.body.i[.conv_du.j]]
        if len(parts) == 4:
            return f"body.{parts[1]}.conv.{leaf}"
        block = f"body.{parts[1]}.residual_group.{parts[3]}.rcab.{parts[5]}"
        return f"{block}.attention.{int(parts[7]) + 1}.{leaf}" if len(parts) > 6 else f"{block}.{leaf}"

    foreign = {foreign_name(key): value for key, value in case.state.items() if "mean" not in key}
    renamed = rcan_from_basicsr(foreign)
    assert set(renamed) == set(case.state)
    net = RCAN(**RCAN.arguments_from_state(renamed))
    net.load_state_dict(renamed, strict=True)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_the_state_of_another_network_is_refused():
    with pytest.raises(ModelError, match=r"not a state dict of rcan: it has no 'head.0.weight'"):
        RCAN.arguments_from_state({"conv.weight": torch.zeros(1)})

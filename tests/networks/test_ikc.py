import pytest
import torch

from kukkiri.networks import SFTMD, IKCCorrector, IKCPredictor
from tests.networks.parity import assert_full_size, assert_parity, parameter_count


@pytest.mark.parametrize(
    ("name", "clamp", "variant"),
    [
        ("ikc_sftmd_x3_nf10nb1", False, "final"),
        ("ikc_sftmd_x4_nf8nb2", True, "final"),
        ("ikc_sftmd_demo_x2_nf8nb2", False, "demo"),
    ],
)
def test_parity_of_the_modulated_network(golden, name, clamp, variant):
    case = golden(name)
    arguments = SFTMD.arguments_from_state(case.state)
    assert arguments["variant"] == variant
    net = SFTMD(**arguments, clamp=clamp).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"], case["input.code"]), case["output"])


def test_parity_of_the_predictor(golden):
    case = golden("ikc_predictor_nf8")
    net = IKCPredictor(width=8).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_parity_of_the_corrector(golden):
    case = golden("ikc_corrector_nf8")
    net = IKCCorrector(width=8).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"], case["input.code"]), case["output"])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_full_size_keys(golden_file, scale):
    with torch.device("meta"):
        assert_full_size(SFTMD(scale=scale), golden_file, f"IKC-SFTMD x{scale}")
        assert_full_size(IKCPredictor(), golden_file, "IKC-Predictor")
        assert_full_size(IKCCorrector(), golden_file, "IKC-Corrector")


def test_the_copy_that_is_never_used_counts_3_731_456():
    with torch.device("meta"):
        net = SFTMD()
        assert parameter_count(net.sft_branch) == 3_731_456
        assert parameter_count(net) - parameter_count(net.sft_branch) == 4_234_691
        assert parameter_count(SFTMD(scale=4, variant="demo")) == 4_239_872


def test_the_older_layout_has_no_such_copy():
    assert not any(key.startswith("sft_branch") for key in SFTMD(width=2, depth=1, variant="demo").state_dict())
    with pytest.raises(ValueError, match="variant must be"):
        SFTMD(variant="old")
    with pytest.raises(ValueError, match="scale must be 2, 3 or 4, got 8"):
        SFTMD(scale=8)

import pytest
import torch

from kukkiri.errors import ModelError
from kukkiri.networks import MZSR, ZSSR
from tests.networks.parity import assert_parity, parameter_count


@pytest.mark.parametrize(("name", "kind"), [("zssr_narrow", ZSSR), ("mzsr_pretrained", MZSR)])
def test_parity(golden, name, kind):
    case = golden(name)
    net = kind(**kind.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_parameter_counts():
    assert parameter_count(ZSSR()) == 9 * (3 * 64 + 6 * 64 * 64 + 64 * 3) == 224_640
    assert parameter_count(MZSR()) == 224_640 + 7 * 64 + 3 == 225_091


def test_each_starts_with_its_authors_variance():
    torch.manual_seed(0)
    weight = ZSSR().get_submodule("conv4").weight
    assert abs(weight.var() * 9 * 64 - 0.1) < 0.005  # 36,864 samples: standard error 0.7 %
    weight = MZSR().get_submodule("conv4").weight
    assert weight.abs().max() <= 2 / (9 * 64) ** 0.5
    assert abs(weight.var() * 9 * 64 - 0.774) < 0.02  # cutting at two deviations leaves 0.774 of the variance
    assert not MZSR().get_submodule("conv4").bias.any()


def test_biases_tell_the_two_apart():
    with pytest.raises(ModelError, match="not a state dict of zssr: its layers have no biases"):
        ZSSR.arguments_from_state(MZSR(width=2).state_dict())
    with pytest.raises(ModelError, match="not a state dict of mzsr: its layers have biases"):
        MZSR.arguments_from_state(ZSSR(width=2).state_dict())

import pytest
import torch

from kukkiri.networks import MetaRDN, metasr
from tests.networks.parity import assert_full_size, assert_parity
from tests.tolerances import FLOAT32_LEVELS, FLOAT32_SAME_MATHS


@pytest.mark.parametrize("scale", [1.7, 2.0, 3.3])
def test_parity_with_the_authors(golden, scale):
    case = golden(f"metardn_x{scale}")
    net = MetaRDN(**MetaRDN.arguments_from_state(case.state)).eval()
    net.load_state_dict(case.state)
    with torch.no_grad():
        assert_parity(net(case["input"], scale=scale), case["output"])


def test_positions_are_those_of_the_authors_matrix(golden):
    """pos_mat holds (1/scale, row offset, column offset) where the mask is set."""
    case = golden("metardn_x3.3")
    rows, columns = 16, 23
    kept = case["input.pos_mat"].reshape(20, 28, 3)[case["input.mask"].bool()].reshape(rows, columns, 3)
    like = torch.zeros(1)
    assert torch.equal(kept[:, 0, 1], MetaRDN._project(rows, scale=3.3, like=like)[1])
    assert torch.equal(kept[0, :, 2], MetaRDN._project(columns, scale=3.3, like=like)[1])


def test_bands_make_the_same_image(monkeypatch):
    net = MetaRDN(width=2, growth=2, depth=1, layers=1)
    lr = 255 * torch.rand(1, 3, 7, 5)
    with torch.no_grad():
        whole = net(lr, scale=2.5)
        monkeypatch.setattr(metasr, "_CHUNK", 12 * 9 * 2 * 3 * 2)  # two rows at once
        assert torch.allclose(
            net(lr, scale=2.5), whole, rtol=FLOAT32_SAME_MATHS, atol=FLOAT32_LEVELS
        )  # values up to 255 in float32


def test_full_size_keys(golden_file):
    with torch.device("meta"):
        assert_full_size(MetaRDN(), golden_file, "Meta-RDN")

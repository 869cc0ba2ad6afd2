import pytest
import torch
from torch.nn import functional

from kukkiri.checkpoints import load
from kukkiri.errors import ModelError
from kukkiri.networks import DISP
from tests.networks.parity import parameter_count, score_set5
from tests.tolerances import FLOAT64_MATHS


def test_it_is_its_equation():
    """Layer by layer from the state dict, with the blocks written out."""
    net = DISP(scale=2, width=5, depth=2, extra=2).double()
    state, lr = net.state_dict(), torch.rand(2, 3, 7, 9).double()

    def layer(x, name):
        weight = state[f"{name}.weight"]
        return functional.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    first = x = layer(lr, "conv_1.eval_conv")
    for i in range(2):
        y = x
        for name in ("c1_r", "c2_r", "_extern_conv_block.0", "_extern_conv_block.1", "c3_r"):
            y = layer(y, f"blocks.{i}.{name}.eval_conv")
            y = y * torch.sigmoid(y)
        x = x + y
    expected = functional.pixel_shuffle(layer(layer(x, "conv_2") + first, "upsampler.0"), 2)
    assert (net(lr) - expected).abs().max() <= FLOAT64_MATHS


def test_parameters_are_counted_by_hand():
    counts = (27 + 1) * 32 + 4 * 4 * (288 + 1) * 32 + (32 + 1) * 32 + (288 + 1) * 48
    assert parameter_count(DISP()) == counts == 163_792


def test_the_authors_file_loads(shared):
    loaded = load(shared / "weights_elsewhere" / "ntire2026" / "DISP_x4.pth")
    said = {"scale": 4, "colour": "rgb", "width": 32, "depth": 4, "extra": 1}
    assert (loaded.info.network, loaded.info.arguments) == ("disp", said)
    assert loaded.info.receptive_field == 18


@pytest.mark.slow
def test_the_authors_weights_have_their_score(shared):
    """Measured with the authors' code; the challenge reports DIV2K and LSDIR only."""
    weights = shared / "weights_elsewhere" / "ntire2026" / "DISP_x4.pth"
    assert score_set5(weights, shared=shared, scale=4) == pytest.approx(31.94, abs=0.01)


def test_what_it_cannot_take_is_refused():
    with pytest.raises(ValueError, match="scale must be at least 1, got 0"):
        DISP(scale=0)
    state = {**DISP(width=4, depth=1).state_dict(), "upsampler.0.weight": torch.rand(5, 4, 3, 3)}
    with pytest.raises(ModelError, match="5 output channels for 3 input"):
        DISP.arguments_from_state(state)

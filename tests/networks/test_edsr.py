import pytest
import torch

from kukkiri.errors import ModelError
from kukkiri.networks.edsr import EDSR, edsr_from_basicsr
from tests.networks.parity import assert_full_size, assert_parity, parameter_count
from tests.tolerances import FLOAT32_NETWORK, FLOAT32_SAME_MATHS

CASES = {"edsr_x2_b3f12": 1.0, "edsr_x3_b2f16_rs01": 0.1, "edsr_x4_b2f10_b2": 0.5}


def make(case, **arguments):
    net = EDSR(**EDSR.arguments_from_state(case.state) | arguments).eval()
    net.load_state_dict(case.state, strict=True)
    return net


@pytest.mark.parametrize(("name", "res_scale"), CASES.items())
def test_parity_with_the_official_code(golden, name, res_scale):
    case = golden(name)
    net = make(case, res_scale=res_scale)
    assert (net.scale, net.value_range) == (case.constructor["scale"][0], 255.0)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_full_size_baseline_keys(golden_file, scale):
    with torch.device("meta"):
        assert_full_size(EDSR(scale=scale), golden_file, f"EDSR-baseline x{scale}")


def test_full_size_keys(golden_file):
    with torch.device("meta"):
        assert_full_size(EDSR(scale=4, width=256, depth=32, res_scale=0.1), golden_file, "EDSR x4")


@pytest.mark.parametrize(("scale", "parameters"), [(2, 40_729_627), (3, 43_680_027), (4, 43_089_947)])
def test_published_parameter_counts(scale, parameters):
    with torch.device("meta"):
        assert parameter_count(EDSR(scale=scale, width=256, depth=32)) == parameters


def test_the_res_scale_of_the_published_full_network_is_known():
    with torch.device("meta"):
        net = EDSR(scale=2, width=256, depth=32)
    state = {**net.state_dict(), "sub_mean.bias": torch.full((3,), -114.0)}
    assert EDSR.arguments_from_state(state)["res_scale"] == 0.1


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("upsampling", ["sub-pixel", "resize-nearest"])
def test_the_receptive_field_is_measured(scale, upsampling):
    net = EDSR(scale=scale, width=4, depth=1, upsampling=upsampling).double()
    assert measure_receptive_field(net) == net.receptive_field
    if upsampling == "sub-pixel":
        assert net.receptive_field == 2 * 1 + 4


def test_basicsr_names_give_the_same_network(golden):
    case = golden("edsr_x4_b2f10_b2")
    names = {"head.0": "conv_first", "body.2": "conv_after_body", "tail.0.0": "upsample.0", "tail.0.2": "upsample.2"}
    names |= {f"body.{i}.body.{j}": f"body.{i}.conv{j // 2 + 1}" for i in (0, 1) for j in (0, 2)}
    names["tail.1"] = "conv_last"
    foreign = {
        f"{names[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": value
        for key, value in case.state.items()
        if "mean" not in key
    }
    renamed = edsr_from_basicsr(foreign)
    assert set(renamed) == set(case.state)
    net = EDSR(**EDSR.arguments_from_state(renamed) | {"res_scale": 0.5})
    net.load_state_dict(renamed, strict=True)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


def test_white_of_one_only_changes_the_units():
    torch.manual_seed(0)
    wide = EDSR(scale=2, width=4, depth=1)
    unit = EDSR(scale=2, width=4, depth=1, value_range=1.0)
    state = {key: value for key, value in wide.state_dict().items() if "mean" not in key}
    state = {key: value * 0 if key.endswith("bias") else value for key, value in state.items()}
    for net in (wide, unit):
        net.load_state_dict(state, strict=False)
    assert EDSR.arguments_from_state(unit.state_dict())["value_range"] == 1.0
    lr = torch.rand(1, 3, 6, 7)
    # ReLU networks without biases scale
    torch.testing.assert_close(wide(255 * lr) / 255, unit(lr), rtol=FLOAT32_NETWORK, atol=FLOAT32_SAME_MATHS)


def test_the_state_of_another_network_is_refused():
    with pytest.raises(ModelError, match=r"not a state dict of edsr: it has no 'head.0.weight'"):
        EDSR.arguments_from_state({"conv.weight": torch.zeros(1)})


def measure_receptive_field(net, *, size=27):
    """LR pixels to each side that any phase of the central pixel depends on."""
    for parameter in net.parameters():  # positive weights on positive features: nothing cancels, no ReLU closes
        torch.nn.init.uniform_(parameter, 0.01, 0.1)
    lr = torch.rand(1, net.channels, size, size, dtype=torch.float64, requires_grad=True)
    centre = size // 2
    block = net(lr)[0, :, centre * net.scale : (centre + 1) * net.scale, centre * net.scale : (centre + 1) * net.scale]
    (gradient,) = torch.autograd.grad(block.sum(), lr)
    rows = gradient[0].abs().amax(dim=(0, 2)).nonzero().flatten()
    return max(centre - int(rows.min()), int(rows.max()) - centre)

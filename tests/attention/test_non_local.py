import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from kukkiri.attention import NonLocal, RegionalNonLocal, pairwise
from kukkiri.errors import ImageError
from tests.networks.parity import assert_parity
from tests.tolerances import FLOAT32_NETWORK, FLOAT32_SAME_MATHS, FLOAT64_ILL_CONDITIONED

PAIRWISE = ["gaussian", "embedded_gaussian", "dot_product", "concatenation"]
PARAMETERS = {"gaussian": 4192, "embedded_gaussian": 8352, "dot_product": 8352, "concatenation": 8416}


def alive(net, *, seed=0):
    """W is initialized as zero, which would hide everything."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / parameter[0].numel() ** 0.5)
    return net.eval()


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize(
    "case",
    [f"nonlocal_{kind}_{form}" for kind in PAIRWISE for form in ("nosub_nobn", "sub_bn")]
    + ["nonlocal_embedded_gaussian_1d"],
)
def test_block_is_the_official_one(golden, case, bounded):
    vector = golden(case)
    given = vector.constructor
    net = NonLocal(
        given["in_channels"],
        inter_channels=given["inter_channels"],
        dimension=vector["input"].dim() - 2,
        pairwise=case.removeprefix("nonlocal_").rsplit("_", 1 if case.endswith("1d") else 2)[0],
        sub_sample=given["sub_sample"],
        batch_norm=given["bn_layer"],
        bounded=bounded,
    ).eval()
    net.load_state_dict(vector.state, strict=True)
    close(net(vector["input"]), vector["output"])


def test_the_block_inside_san_pools_its_keys_whatever_it_was_asked(golden):
    vector = golden("san_nonlocal_c16")
    net = NonLocal(16, inter_channels=4, sub_sample=True)
    net.load_state_dict(vector.state, strict=True)
    close(net(vector["input"]), vector["output"])


def test_four_regions_are_those_of_san_with_the_odd_row_and_column_in_the_second_half(golden):
    vector = golden("san_nonlocal_ca_c16")
    net = RegionalNonLocal(16, regions=2, inter_channels=2, sub_sample=True)
    net.load_state_dict({k: v for k, v in vector.state.items() if not k.startswith("soca.")}, strict=True)
    close(net(vector["input"]), vector["output"])


@pytest.mark.parametrize("kind", PAIRWISE)
def test_parameter_counts_are_the_published_ones_and_the_block_is_initialized_as_the_identity(kind):
    net = NonLocal(64, pairwise=kind)
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS[kind]
    assert sum(p.numel() for p in NonLocal(64, pairwise=kind, batch_norm=True).parameters()) == PARAMETERS[kind] + 128
    x = torch.randn(1, 64, 3, 4)
    assert torch.equal(net(x), x)


@pytest.mark.parametrize("sub_sample", [False, True])
@pytest.mark.parametrize("kind", PAIRWISE)
@pytest.mark.parametrize("size", [(9,), (13, 10), (3, 6, 5)])
def test_bounded_is_plain(kind, sub_sample, size, monkeypatch):
    monkeypatch.setattr(pairwise, "LARGEST_MATRIX", 256)  # several blocks of queries, the last one shorter
    net = alive(NonLocal(6, dimension=len(size), pairwise=kind, sub_sample=sub_sample))
    x = torch.randn(2, 6, *size)
    torch.testing.assert_close(
        *both(net, lambda: net(x)), rtol=FLOAT32_NETWORK, atol=FLOAT32_NETWORK
    )  # float32 sums in another order
    net, wide = net.double(), x.double().requires_grad_()
    gradients = both(net, lambda: torch.autograd.grad(net(wide).square().sum(), [wide, *net.parameters()]))
    for bounded, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(
            bounded, plain, rtol=FLOAT64_ILL_CONDITIONED, atol=FLOAT64_ILL_CONDITIONED
        )  # float64, entries up to 100


@pytest.mark.parametrize("kind", PAIRWISE)
def test_the_largest_tensor_of_a_bounded_block_is_not_the_matrix_of_pairs(kind):
    net, x = alive(NonLocal(8, pairwise=kind)).double(), torch.randn(1, 8, 72, 72, dtype=torch.float64)
    with LargestTensor() as plain, torch.no_grad():
        net.bounded = False
        expected = net(x)
    with LargestTensor() as bounded, torch.no_grad():
        net.bounded = True
        found = net(x)
    torch.testing.assert_close(
        found, expected, rtol=FLOAT64_ILL_CONDITIONED, atol=FLOAT64_ILL_CONDITIONED
    )  # float64: exp(x.x) magnifies any rounding
    assert plain.numbers == 5184**2
    assert bounded.numbers < 5184 * 40  # sums and weighted sums of 4 features, in a few copies; no block of pairs


@pytest.mark.parametrize("kind", PAIRWISE)
def test_attention_of_a_position_gives_its_output(kind):
    net = alive(NonLocal(4, pairwise=kind, sub_sample=True))
    x = torch.randn(2, 4, 7, 8)
    weights = net.attention(x, (5, 2))
    assert weights.shape == (2, 3, 4)
    y = torch.einsum("nhw,nchw->nc", weights, net.g(x))
    expected = net.W(y[..., None, None])[..., 0, 0] + x[:, :, 5, 2]
    torch.testing.assert_close(net(x)[:, :, 5, 2], expected, rtol=FLOAT32_NETWORK, atol=FLOAT32_NETWORK)
    if "gaussian" in kind:
        torch.testing.assert_close(weights.sum(dim=(1, 2)), torch.ones(2), rtol=FLOAT32_SAME_MATHS, atol=0)


def test_regions_do_not_see_each_other():
    net = alive(RegionalNonLocal(4, regions=3))
    x = torch.randn(1, 4, 10, 9)
    poked = x.clone()
    poked[..., 4, 8] += 1  # the middle right region: rows 3 to 5, columns 6 to 8
    changed = (net(poked) - net(x)).abs().amax(dim=(0, 1)) > 0
    assert changed[3:6, 6:9].all()
    assert changed.sum() == 9


def test_one_region_is_the_whole_map():
    net = alive(RegionalNonLocal(4, regions=1))
    x = torch.randn(1, 4, 5, 6)
    assert torch.equal(net(x), net.non_local(x))


def test_a_map_too_small_for_its_regions_is_refused():
    net = RegionalNonLocal(4, regions=2, sub_sample=True)
    assert net(torch.rand(1, 4, 4, 4)).shape == (1, 4, 4, 4)
    with pytest.raises(ImageError, match=r"7x3 pixels are too few .* at least 4"):
        net(torch.rand(1, 4, 3, 7))


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="dimension must be 1, 2 or 3, got 4"):
        NonLocal(4, dimension=4)
    with pytest.raises(ValueError, match="pairwise must be one of gaussian"):
        NonLocal(4, pairwise="cosine")
    with pytest.raises(ValueError, match="regions must be at least 1, got 0"):
        RegionalNonLocal(4, regions=0)


def both(net, compute):
    results = []
    for bounded in (True, False):
        net.bounded = bounded
        results.append(compute())
    return results


class LargestTensor(TorchDispatchMode):
    """Notes the numbers in the largest tensor that any operation returned, inner ones of fused attention too."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.numbers = max(self.numbers, tensor.numel())
        return result


def close(found, expected):
    assert_parity(found, expected)

import json

import pytest
import torch

from kukkiri.errors import ImageError, ModelError
from kukkiri.networks.san import SAN
from tests.networks.parity import assert_full_size, assert_parity, open_gates, parameter_count
from tests.tolerances import FLOAT64_ILL_CONDITIONED

CASES = ["san_x2_g2b2f16", "san_x3_g1b2f24", "san_x4_g2b1f16_tiny"]


def small(**arguments):
    return SAN(**{"scale": 2, "width": 8, "groups": 2, "blocks": 1, "reduction": 4} | arguments)


def alive(net):
    """Replace the zeros in which gamma, W and the share-source convolution are initialized, and open the gates."""
    open_gates(net)
    for name, parameter in net.named_parameters():
        if "gamma" in name or "non_local" in name or "share_source" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return net


@pytest.mark.parametrize("name", CASES)
def test_parity_with_the_official_code(golden, name):
    case = golden(name)
    arguments, given = SAN.arguments_from_state(case.state), case.constructor
    assert arguments == {
        "scale": given["scale"][0],
        "width": given["n_feats"],
        "groups": given["n_resgroups"],
        "blocks": given["n_resblocks"],
        "reduction": given["reduction"],
        "variant": "official",
        "value_range": 255.0,
    }
    net = SAN(**arguments).eval()
    net.load_state_dict(case.state, strict=True)
    with torch.no_grad():
        assert_parity(net(case["input"]), case["output"])


@pytest.mark.parametrize("name", CASES)
def test_the_dead_parameters_are_those_of_the_official_code(golden, name):
    case = golden(name)
    net = SAN(**SAN.arguments_from_state(case.state))
    net.load_state_dict(case.state)
    net(case["input"]).sum().backward()
    dead = {key for key, parameter in net.named_parameters() if parameter.grad is None}
    listed = set(json.loads(case.metadata["state_tensors_without_effect_on_output"]))
    assert dead == {key for key in listed if "phi.0.bias" not in key}  # a bias that the softmax cancels has a gradient


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_full_size_keys(golden_file, scale):
    with torch.device("meta"):
        assert_full_size(SAN(scale=scale), golden_file, f"SAN x{scale}")


@pytest.mark.parametrize(("scale", "parameters"), [(2, 15_712_800), (3, 15_897_440), (4, 15_860_512), (8, 16_008_224)])
def test_published_parameter_counts(scale, parameters):
    with torch.device("meta"):
        net = SAN(scale=scale)
    assert parameter_count(net) == parameters
    unused = [net.conv_last, net.non_local.soca, *(group.gamma for group in net.RG)]
    assert (
        sum(parameter_count(part) if isinstance(part, torch.nn.Module) else part.numel() for part in unused) == 38_044
    )


def test_it_is_initialized_as_a_residual_network_without_non_local_attention():
    net = small().double()
    lr = 255 * torch.rand(1, 3, 9, 8, dtype=torch.float64)
    first = features = net.head(net.sub_mean(lr))
    for group in net.RG:
        features = group(features)
    torch.testing.assert_close(net(lr), net.add_mean(net.tail(features + first)), rtol=0, atol=FLOAT64_ILL_CONDITIONED)


@pytest.mark.parametrize("variant", ["official", "paper"])
def test_every_live_parameter_learns_and_one_far_pixel_changes_every_output_pixel(variant):
    net = alive(small(variant=variant)).double()
    lr = 255 * torch.rand(1, 3, 24, 23, dtype=torch.float64)
    sr = net(lr)
    sr.square().mean().backward()
    silent = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().max() > 0}
    silent -= {name for name in silent if name.endswith(("phi.bias", "phi.0.bias"))}  # cancels in the softmax
    official = {"conv_last.weight", "conv_last.bias", "RG.0.gamma", "RG.1.gamma"}
    official |= {f"non_local.soca.conv_du.{i}.{leaf}" for i in (0, 2) for leaf in ("weight", "bias")}
    assert silent == (official if variant == "official" else set())
    poked = lr.clone()
    poked[..., 0, 0] += 100
    assert net.receptive_field is None
    assert ((net(poked) - sr).abs().amax(dim=(0, 1)) > 0).all()


def test_the_papers_variant_by_its_parts():
    net = alive(small(variant="paper")).double()
    lr = 255 * torch.rand(1, 3, 9, 8, dtype=torch.float64)
    source = net.non_local(net.head(net.sub_mean(lr)))
    features = source
    for group in net.RG:
        features = group.soca(group.rcab(features)) + features + net.share_source(source)
    features = net.non_local_last(net.conv_last(features))
    torch.testing.assert_close(net(lr), net.add_mean(net.tail(features)), rtol=0, atol=FLOAT64_ILL_CONDITIONED)


@pytest.mark.parametrize("variant", ["official", "paper"])
@pytest.mark.parametrize("attention", ["second-order", "none"])
def test_the_arguments_come_back_from_the_state(variant, attention):
    net = small(scale=3, variant=variant, attention=attention, value_range=1.0)
    again = SAN(**SAN.arguments_from_state(net.state_dict()))
    again.load_state_dict(net.state_dict(), strict=True)
    lr = torch.rand(1, 3, 8, 9)
    assert torch.equal(net(lr), again(lr))


def test_first_order_attention_has_the_same_keys_and_another_answer():
    first, second = small(attention="first-order"), small()
    first.load_state_dict(second.state_dict(), strict=True)
    lr = 255 * torch.rand(1, 3, 8, 8)
    assert (first(lr) - second(lr)).abs().max() > 1e-3
    assert not any("soca" in key and "non_local" not in key for key in small(attention="none").state_dict())


def test_black_is_finite_where_asked_even_when_all_features_are_zero():
    nets = [small(zero_safe=safe) for safe in (False, True)]
    for net in nets:
        for name, parameter in net.named_parameters():
            if name.startswith(("head", "RG")) and name.endswith("bias"):
                torch.nn.init.zeros_(parameter)
    lr = 255 * torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1).expand(1, 3, 6, 6)
    for net in nets:
        torch.nn.init.zeros_(net.head[0].weight)
    assert nets[0](lr).isnan().any()
    assert nets[1](lr).isfinite().all()


def test_an_image_of_three_pixels_is_refused():
    with pytest.raises(ImageError, match="5x3 pixels are too few"):
        small()(torch.rand(1, 3, 3, 5))


def test_unknown_choices_are_refused():
    with pytest.raises(ValueError, match=r"attention must be 'second-order'.*got 'third'"):
        small(attention="third")
    with pytest.raises(ValueError, match="variant must be 'official' or 'paper', got 'fixed'"):
        small(variant="fixed")


def test_the_state_of_another_network_is_refused():
    with pytest.raises(ModelError, match=r"not a state dict of san: it has no 'non_local.non_local.theta.weight'"):
        SAN.arguments_from_state({"head.0.weight": torch.zeros(8, 3, 3, 3)})

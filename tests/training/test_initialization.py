import pytest
import torch
from safetensors.torch import save_file

from kukkiri.errors import ConfigError
from kukkiri.networks import MetaPlain
from kukkiri.networks.espcn import ESPCN
from kukkiri.networks.fsrcnn import FSRCNN
from kukkiri.networks.plain import Plain
from kukkiri.networks.sesr import SESR
from kukkiri.networks.srcnn import SRCNN
from kukkiri.training.centring import Centred
from kukkiri.training.initialization import initialize_as_interpolator, initialize_whitened, solve_head, transfer, widen
from tests.tolerances import FLOAT32_AGAINST_FLOAT64

CENTRE = 0.45


def batches(scale, count=6):
    """Smooth random images and their means over scale x scale blocks."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        hr = torch.rand(4, 1, 24 * scale, 24 * scale, generator=generator)
        hr = torch.nn.functional.avg_pool2d(hr, 9, stride=1, padding=4, count_include_pad=False)
        yield torch.nn.functional.avg_pool2d(hr, scale), hr


@torch.no_grad()
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kind", [ESPCN, FSRCNN, Plain, SESR])
def test_the_solved_head_is_that_of_the_teacher(kind, scale):
    torch.manual_seed(scale)
    small = {Plain: {"depth": 3}, SESR: {"depth": 2, "kernel_size": 3, "deployed": True}}
    network = kind(scale=scale, **small.get(kind, {}))
    head = {ESPCN: "last_part.0", FSRCNN: "last_part", Plain: "head", SESR: "head"}[kind]
    head = network.get_submodule(head)
    torch.nn.init.normal_(head.weight, std=0.05)
    teacher = Centred(network, centre=CENTRE)
    pairs = [(lr, teacher(lr)) for lr, _ in batches(scale)]
    head.weight.zero_()
    head.bias.zero_()
    solve_head(network, pairs, centre=CENTRE)
    border = 8 * scale  # features there come from zero padding, which the solution leaves out
    for lr, hr in pairs:
        error = (teacher(lr) - hr)[..., border:-border, border:-border]
        assert error.abs().max() < 0.02 * (hr.max() - hr.min())  # features that hardly vary are held by the ridge


def test_whitened_features_have_the_intended_spread_and_the_identity_path_stays():
    torch.manual_seed(0)
    network = ESPCN(scale=2)
    pairs = list(batches(2))
    initialize_whitened(network, pairs, centre=CENTRE, seed=1)
    with torch.no_grad():
        before_tanh = network.first_part[0](torch.cat([lr for lr, _ in pairs]) - CENTRE)[:, 1:, 4:-4, 4:-4]
    spread = before_tanh.std(dim=(0, 2, 3))
    assert 0.4 < float(spread.median()) < 0.6
    assert float(network.first_part[0].weight[0].detach().abs().sum()) == pytest.approx(0.1)


def test_transfer_copies_what_fits_and_returns_whether_all_did(tmp_path):
    source, same, other = ESPCN(scale=3), ESPCN(scale=3), ESPCN(scale=2)
    path = tmp_path / "espcn.safetensors"
    save_file(source.state_dict(), path)
    assert transfer(same, path)
    assert not transfer(other, path)
    assert torch.equal(other.first_part[0].weight, source.first_part[0].weight)
    with pytest.raises(ConfigError, match="not the weights of FSRCNN"):
        transfer(FSRCNN(scale=3), path)
    with pytest.raises(ConfigError, match=r"none\.safetensors: no such file"):
        transfer(same, tmp_path / "none.safetensors")


def test_a_network_for_every_scale_takes_the_body_of_a_plain_one(tmp_path):
    plain, network = Plain(scale=2, width=4, depth=2), MetaPlain(colour="y", width=4, depth=2, hidden=3)
    save_file(plain.state_dict(), tmp_path / "plain.safetensors")
    filters = network.filters[2].weight.clone()
    assert not transfer(network, tmp_path / "plain.safetensors")
    assert torch.equal(network.body[1].weight, plain.body[1].weight)
    assert torch.equal(network.filters[2].weight, filters)


@torch.no_grad()
def test_deployed_weights_become_those_of_collapsible_blocks(tmp_path):
    torch.manual_seed(0)
    deployed = SESR(width=6, depth=2, expansion=3).deployed()
    save_file(deployed.state_dict(), tmp_path / "sesr.safetensors")
    network = SESR(width=6, depth=2, expansion=3)
    assert transfer(network, tmp_path / "sesr.safetensors")
    lr = torch.rand(2, 1, 12, 15)
    torch.testing.assert_close(network(lr), deployed(lr), rtol=0, atol=FLOAT32_AGAINST_FLOAT64)
    with torch.enable_grad():
        network(lr).square().mean().backward()
    assert network.body[0].project.grad.abs().amin(dim=0).min() > 0  # the hidden features that were added learn


@torch.no_grad()
def test_the_head_of_collapsible_blocks_at_another_scale_is_that_of_the_deployed_network(tmp_path):
    torch.manual_seed(0)
    shape = {"width": 6, "depth": 2, "kernel_size": 3}
    save_file(SESR(**shape).deployed().state_dict(), tmp_path / "sesr.safetensors")
    network, deployed = SESR(scale=3, expansion=2, **shape), SESR(scale=3, deployed=True, **shape)
    lr = torch.rand(2, 1, 12, 15)
    for each in (network, deployed):
        assert not transfer(each, tmp_path / "sesr.safetensors")
        solve_head(each, batches(3), centre=CENTRE)
    torch.testing.assert_close(network(lr), deployed(lr), rtol=0, atol=FLOAT32_AGAINST_FLOAT64)


def test_blocks_too_narrow_for_the_weights_are_refused(tmp_path):
    save_file(SESR(width=2, depth=1, colour="rgb").deployed().state_dict(), tmp_path / "sesr.safetensors")
    with pytest.raises(ConfigError, match=r"sesr\.safetensors: a kernel of rank .* larger arguments\.expansion"):
        transfer(SESR(width=2, depth=1, colour="rgb", expansion=1), tmp_path / "sesr.safetensors")


@torch.no_grad()
@pytest.mark.parametrize(("width", "depth"), [(12, 4), (20, 4), (20, 7)])
def test_a_widened_network_computes_what_the_smaller_one_does(tmp_path, width, depth):
    torch.manual_seed(0)
    small, large = Plain(scale=3, width=12, depth=4), Plain(scale=3, width=width, depth=depth)
    for parameter in small.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
    save_file(small.state_dict(), tmp_path / "small.safetensors")
    widen(large, tmp_path / "small.safetensors", centre=CENTRE)
    lr = torch.rand(2, 1, 17, 23)
    torch.testing.assert_close(Centred(large, centre=CENTRE)(lr), small(lr), rtol=0, atol=FLOAT32_AGAINST_FLOAT64)


def test_the_new_features_of_a_widened_network_learn(tmp_path):
    torch.manual_seed(0)
    save_file(Plain(width=12, depth=4).state_dict(), tmp_path / "small.safetensors")
    large = Plain(width=20, depth=4)
    widen(large, tmp_path / "small.safetensors", centre=0.0)
    large(torch.rand(2, 1, 16, 16)).square().mean().backward()
    assert large.head.weight.grad[:, 12:].abs().amin(dim=(0, 2, 3)).max() > 0


def test_networks_that_cannot_be_widened_are_refused(tmp_path):
    path = tmp_path / "small.safetensors"
    save_file(Plain(width=12, depth=4).state_dict(), path)
    with pytest.raises(ConfigError, match="defined for plain"):
        widen(SRCNN(), path, centre=0.0)
    for other in (Plain(width=8, depth=4), Plain(width=16, depth=3), Plain(scale=3, width=16), Plain(colour="rgb")):
        with pytest.raises(ConfigError, match="not a smaller network"):
            widen(other, path, centre=0.0)
    save_file(ESPCN(scale=2).state_dict(), path)
    with pytest.raises(ConfigError, match="not the weights of a plain network"):
        widen(Plain(), path, centre=0.0)


def test_initializations_that_a_network_does_not_have_are_refused():
    network = SRCNN()
    with pytest.raises(ConfigError, match="interpolator"):
        initialize_as_interpolator(network)
    with pytest.raises(ConfigError, match="whitened"):
        initialize_whitened(network, [], centre=0.0, seed=0)
    with pytest.raises(ConfigError, match="cannot be solved for"):
        solve_head(network, [], centre=0.0)

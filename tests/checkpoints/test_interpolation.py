import dataclasses

import pytest
import torch

from kukkiri.checkpoints import Loaded, describe, interpolate_weights, load, save_safetensors
from kukkiri.cli import main
from kukkiri.errors import ConfigError, ModelError
from kukkiri.networks import ESPCN, SRResNet


def make(kind, name, *, seed, **arguments):
    torch.manual_seed(seed)
    module = kind(**arguments).eval()
    with torch.no_grad():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.normal_()
    info = dataclasses.replace(describe(module, name=name, arguments=arguments), licence="MIT", training_data=name)
    return Loaded(info, module)


@pytest.fixture
def pair():
    """With batch normalization, whose count of batches is a whole number."""
    return [make(SRResNet, name, seed=seed, scale=2, width=2, depth=1) for seed, name in enumerate(("psnr", "gan"))]


@pytest.mark.parametrize(("alpha", "end"), [(0.0, 0), (1.0, 1)])
def test_it_is_exact_at_both_ends(pair, alpha, end):
    found = interpolate_weights(*pair, alpha).module.state_dict()
    for key, value in pair[end].module.state_dict().items():
        assert torch.equal(found[key], value), key


def test_between_the_ends_it_is_linear_in_the_weights(pair):
    pair[1].module.state_dict()["conv2.1.num_batches_tracked"].fill_(7)
    kept = {key: value.clone() for key, value in pair[0].module.state_dict().items()}
    found = interpolate_weights(*pair, 0.75)
    for key, value in found.module.state_dict().items():
        first, second = (each.module.state_dict()[key] for each in pair)
        if value.is_floating_point():
            torch.testing.assert_close(value, 0.25 * first + 0.75 * second, rtol=0, atol=1e-6)  # rounding of float32
        else:
            assert torch.equal(value, second)
        assert torch.equal(first, kept[key])  # the given models stay as they are
    assert (found.info.name, found.info.training_data) == ("psnr-gan-0.75", "psnr; gan")
    assert found.info.licence == "MIT"
    assert not found.module.training


def test_other_networks_are_refused(pair):
    other = make(ESPCN, "espcn", seed=0, scale=2)
    with pytest.raises(ModelError, match="psnr is a srresnet and espcn a espcn; only two models of one network"):
        interpolate_weights(pair[0], other, 0.5)
    wide = make(SRResNet, "wide", seed=0, scale=2, width=3, depth=1)
    with pytest.raises(ModelError, match="psnr and wide differ: width = 2 and 3"):
        interpolate_weights(pair[0], wide, 0.5)
    with pytest.raises(ConfigError, match=r"alpha must be in \[0, 1\], got 1.5"):
        interpolate_weights(*pair, 1.5)


def test_the_command_writes_weights(pair, tmp_path, capsys):
    paths = [str(tmp_path / f"{each.info.name}.safetensors") for each in pair]
    for each, path in zip(pair, paths, strict=True):
        save_safetensors(each.module, path, info=each.info)
    output = tmp_path / "between.safetensors"
    with pytest.raises(SystemExit) as ended:
        main(["export", paths[0], "--interpolate", paths[1], "--alpha", "0.25", "-o", str(output)])
    assert ended.value.code == 0
    expected = interpolate_weights(*pair, 0.25).module.state_dict()
    found = load(output)
    assert all(torch.equal(value, expected[key]) for key, value in found.module.state_dict().items())
    assert found.info.name == "psnr-gan-0.25"
    assert str(output) in capsys.readouterr().out

import math
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kukkiri.checkpoints import describe, save_safetensors  # noqa: E402  # they need torch
from kukkiri.errors import ModelError  # noqa: E402
from kukkiri.inference import Upscaler  # noqa: E402
from kukkiri.networks import MetaPlain  # noqa: E402
from tests.tolerances import FLOAT32_SAME_MATHS  # noqa: E402

ARGUMENTS = {"scale": 2, "width": 4, "depth": 1, "hidden": 3}


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = MetaPlain(**ARGUMENTS).eval()
    for parameter in made.filters.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    return made


@pytest.fixture
def weights(network, tmp_path):
    path = tmp_path / "meta.safetensors"
    save_safetensors(network, path, info=describe(network, name="meta", arguments=ARGUMENTS))
    return path


def test_a_network_for_every_scale_upscales_by_a_fraction_itself(network, weights, rng):
    lr = rng.random((3, 11, 13), dtype=np.float32)
    upscaler = Upscaler(weights, scale=2.7, bounded=False)
    assert (upscaler.scale, upscaler.may_stream) == (2.7, False)
    sr = upscaler.upscale_planes(lr)
    assert sr.shape == (3, 30, 35)  # 29.7 and 35.1, rounded
    with torch.no_grad():
        expected = network(torch.from_numpy(lr)[None], scale=2.7)[0].numpy()
    assert expected.shape == (3, 29, 35)
    # the network sees an LR row and column more than it does without, which repeat the last one
    assert np.allclose(sr[:, :24, :30], expected[:, :24, :30], atol=10 * FLOAT32_SAME_MATHS)
    again = pickle.loads(pickle.dumps(upscaler))
    assert np.array_equal(again.upscale_planes(lr), sr)


@pytest.mark.parametrize("options", [{"tile": 8}, {"ensemble": True}, {"scale": 3}])
def test_otherwise_the_next_whole_scale_is_resized(network, weights, rng, options):
    """Tiles, flips and whole scales are those of the plain network that it is at a whole scale."""
    lr = rng.random((3, 11, 13), dtype=np.float32)
    scale = options.pop("scale", 2.7)
    sr = Upscaler(weights, scale=scale, bounded=False, **options).upscale_planes(lr)
    plain = network.plain_at(math.ceil(scale))
    path = weights.with_name("plain.safetensors")
    arguments = {"scale": 3, "colour": "rgb", "width": 4, "depth": 1}
    save_safetensors(plain, path, info=describe(plain, name="plain", arguments=arguments))
    expected = Upscaler(path, scale=scale, bounded=False, **options).upscale_planes(lr)
    assert np.allclose(sr, expected, atol=10 * FLOAT32_SAME_MATHS)


def test_a_network_that_gives_no_numbers_is_refused(network, weights, rng):
    with torch.no_grad():
        network.filters[2].bias.fill_(math.nan)
    save_safetensors(network, weights, info=describe(network, name="meta", arguments=ARGUMENTS), overwrite=True)
    with pytest.raises(ModelError, match="the network gave NaN or infinity"):
        Upscaler(weights, scale=2.7).upscale_planes(rng.random((3, 11, 13), dtype=np.float32))

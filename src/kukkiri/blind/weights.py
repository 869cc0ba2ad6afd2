"""Weights of networks that do not upscale, in their official layouts: estimators of kernels, and denoisers."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from kukkiri.blind.half_quadratic import Denoiser
from kukkiri.checkpoints.misfits import write_shapes
from kukkiri.checkpoints.reading import read_state
from kukkiri.errors import ConfigError, ModelError
from kukkiri.networks import IKCCorrector, IKCPredictor, KernelGANDiscriminator, KernelGANGenerator

__all__ = ["DnCNN", "load_denoiser", "load_estimator"]

Kind = TypeVar("Kind", bound=nn.Module)
Estimator = KernelGANGenerator | KernelGANDiscriminator | IKCPredictor | IKCCorrector


class DnCNN(nn.Module):
    """Convolutions and ReLUs that compute the noise of an image, whose batch normalizations are merged.

    Zhang et al., "Beyond a Gaussian Denoiser", TIP 2017, arXiv:1608.03981. Keys of cszn/KAIR.

    Args:
        channels: 1, grey, or 3.
        width: features.
        depth: convolutions, first and last included.
    """

    def __init__(self, *, channels: int = 1, width: int = 64, depth: int = 17) -> None:
        super().__init__()
        widths = (channels, *[width] * (depth - 1), channels)
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        self.channels = channels
        self.model = nn.Sequential(*layers[:-1])

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, channels, H, W) in [0, 1] to the image without its noise, same shape."""
        noise: Tensor = self.model(image)
        return image - noise


@dataclass(frozen=True)
class _ScaledDenoiser:
    """A denoiser for one noise level, used at others.

    Above its level the image is scaled down around its mean until its noise has that level (Xu et al., "Boosting the
    Performance of Plug-and-Play Priors via Denoiser Scaling", 2020, arXiv:2002.11546). Below it the image would have to
    be scaled out of the range of the training, which made noise of 5/255 eight decibels worse with weights for 25/255;
    there the change is weighted by the ratio of the levels.
    """

    network: DnCNN
    noise_std: float

    def __call__(self, image: Tensor, noise_std: float) -> Tensor:
        planes = image if self.network.channels == image.shape[1] else image.flatten(0, 1)[:, None]
        mean = planes.mean(dim=(1, 2, 3), keepdim=True)
        ratio = noise_std / self.noise_std
        factor = max(ratio, 1.0)
        clean: Tensor = (self.network((planes - mean) / factor + mean) - mean) * factor + mean
        return torch.lerp(planes, clean, min(ratio, 1.0)).reshape(image.shape)


def load_denoiser(path: str | PathLike[str], *, noise_std: float) -> Denoiser:
    """Load a DnCNN as a denoiser of any noise level, for :func:`kukkiri.blind.solve_plug_and_play`.

    Args:
        path: ``.pth`` or ``.safetensors``, keys of cszn/KAIR, batch normalizations merged.
        noise_std: that it was trained for, in [0, 1], such as 25/255: the file does not tell it. Higher
            levels are reached by scaling the image, lower ones by a share of the change. A grey network denoises each
            colour by itself.

    Raises:
        ModelError: no such file, or another network's.
        ConfigError: ``noise_std`` is not in (0, 1].
    """
    if not 0 < noise_std <= 1:
        raise ConfigError(f"noise_std must be above 0 and at most 1, as in 25/255, got {noise_std!r}.")
    state = read_state(Path(path))
    convolutions = [key for key in state if key.endswith(".weight")]
    first = state.get("model.0.weight")
    if first is None or first.ndim != 4 or len(convolutions) < 2 or first.shape[1] not in (1, 3):
        raise ModelError(
            f"{path}: not a DnCNN of cszn/KAIR, whose model.0.weight takes 1 or 3 channels; got "
            f"{', '.join(sorted(state)[:3])}, ... Any other denoiser can be given as a function of (image, noise_std)."
        )
    network = DnCNN(channels=first.shape[1], width=first.shape[0], depth=len(convolutions))
    return _ScaledDenoiser(_fill(network, state, name="DnCNN", source=str(path)), noise_std)


def load_estimator(path: str | PathLike[str]) -> Estimator:
    """Load KernelGAN's generator or discriminator, or IKC's predictor or corrector, from its official layout.

    Args:
        path: ``.pth`` or ``.safetensors``.

    Returns:
        The network in evaluation mode; its class tells which one it is.

    Raises:
        ModelError: no such file, another network's, or one whose tensors differ; the message names the first.
    """
    state = read_state(Path(path))
    name, network = _make_estimator(state, source=str(path))
    return _fill(network, state, name=name, source=str(path))


def _make_estimator(state: Mapping[str, Tensor], *, source: str) -> tuple[str, Estimator]:
    """Make the network whose keys these are, of the size that the first tensors tell."""
    keys = set(state)
    if {"first_layer.weight", "final_layer.weight"} <= keys:
        sides = [state[key].shape[-1] for key in ("first_layer.weight", *_feature_keys(state), "final_layer.weight")]
        return "KernelGAN's generator", KernelGANGenerator(width=len(state["first_layer.weight"]), kernels=sides)
    if {"first_layer.weight_orig", "final_layer.0.weight_orig"} <= keys:
        first = state["first_layer.weight_orig"]
        depth = 2 + sum(key.startswith("feature_block.") and key.endswith("weight_orig") for key in keys)
        discriminator = KernelGANDiscriminator(width=len(first), depth=depth, kernel_size=first.shape[-1])
        return "KernelGAN's discriminator", discriminator
    if {"ConvNet.0.weight", "code_dense.0.weight", "global_dense.4.weight"} <= keys:
        code, width = state["code_dense.0.weight"].shape[1], len(state["ConvNet.0.weight"])
        return "IKC's corrector", IKCCorrector(code=code, width=width)
    if {"ConvNet.0.weight", "ConvNet.10.weight"} <= keys:
        code, width = len(state["ConvNet.10.weight"]), len(state["ConvNet.0.weight"])
        return "IKC's predictor", IKCPredictor(code=code, width=width)
    raise ModelError(
        f"{source}: not KernelGAN's generator or discriminator, nor IKC's predictor or corrector; its keys begin with "
        f"{', '.join(sorted(keys)[:3])}. Networks that upscale are loaded by kukkiri.load."
    )


def _feature_keys(state: Mapping[str, Tensor]) -> list[str]:
    return sorted(key for key in state if key.startswith("feature_block."))


def _fill(network: Kind, state: Mapping[str, Tensor], *, name: str, source: str) -> Kind:
    expected = {key: value.shape for key, value in network.state_dict().items()}
    found = {key: value.shape for key, value in state.items()}
    if expected != found:
        raise ModelError(f"{source}: {name}, but {write_shapes(found, expected)}.")
    network.load_state_dict(dict(state), strict=True)
    return network.eval()

"""Weights of denoisers, in their official layout, as functions of an image and any noise level."""

import itertools
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn

from kukkiri.blind.half_quadratic import Denoiser
from kukkiri.checkpoints.estimators import fill_network, load_estimator
from kukkiri.checkpoints.reading import read_state
from kukkiri.errors import ConfigError, ModelError

__all__ = ["DnCNN", "is_denoiser", "load_denoiser", "load_estimator"]


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


def is_denoiser(path: Path) -> bool:
    """True for a DnCNN in the layout of cszn/KAIR: as many channels come out as go in, at every second place.

    Raises:
        ModelError: the file cannot be read.
    """
    state = read_state(path)
    places = sorted(int(key.split(".")[1]) for key in state if key.startswith("model.") and key.endswith(".weight"))
    if len(state) != 2 * len(places) or places != list(range(0, 2 * len(places), 2)) or len(places) < 2:
        return False
    first, last = state["model.0.weight"], state[f"model.{places[-1]}.weight"]
    return first.ndim == 4 and first.shape[1] in (1, 3) and first.shape[1] == last.shape[0]


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
    return _ScaledDenoiser(fill_network(network, state, name="DnCNN", source=str(path)), noise_std)

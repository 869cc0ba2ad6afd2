"""The parts that the residual networks share, with the state-dict keys of EDSR's, RCAN's and SAN's code."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError

__all__ = [
    "DIV2K_MEAN",
    "MeanShift",
    "ResidualBlock",
    "Upsampler",
    "conv",
    "count_blocks",
    "shape_of",
    "upsampler_scale",
    "upsampling_stages",
]

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean RGB of DIV2K's training pictures in [0, 1], as EDSR, RCAN and SAN subtract it."""


def conv(inputs: int, outputs: int, kernel_size: int = 3, *, bias: bool = True) -> nn.Conv2d:
    """A convolution that keeps the size: odd ``kernel_size``, zeros around."""
    return nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2, bias=bias)


class MeanShift(nn.Conv2d):
    """Add ``sign * value_range * mean`` to each colour channel, kept as a 1x1 convolution for its keys.

    Keys: ``weight`` (3, 3, 1, 1), the identity, and ``bias`` (3).

    Args:
        value_range: white in the network's units, 255.0 or 1.0.
        sign: -1 before the network, +1 after it.
        mean: mean RGB in [0, 1].
        trainable: RCAN and SAN train these numbers (their freezing has no effect), EDSR does not; a
            loaded checkpoint may therefore hold values slightly off ``mean``.
    """

    def __init__(
        self, *, value_range: float, sign: int, mean: Sequence[float] = DIV2K_MEAN, trainable: bool = False
    ) -> None:
        super().__init__(len(mean), len(mean), kernel_size=1)
        shift = sign * value_range * torch.tensor(mean)
        self.weight = nn.Parameter(torch.eye(len(mean)).view(len(mean), len(mean), 1, 1), requires_grad=trainable)
        self.bias = nn.Parameter(shift, requires_grad=trainable)


class ResidualBlock(nn.Module):
    """x + residual_scale * conv(relu(conv(x))); keys ``body.0.*`` and ``body.2.*``.

    Args:
        width: features in and out.
        kernel_size: of both convolutions.
        residual_scale: 0.1 keeps EDSR's wide network stable in training.
        key: name of the inner sequence, ``body`` in EDSR, ``conv_first`` in SAN.

    Reference: Lim et al., EDSR, CVPRW 2017, arXiv:1707.02921, section 3.1: no batch normalisation.
    """

    def __init__(self, width: int, *, kernel_size: int = 3, residual_scale: float = 1.0, key: str = "body") -> None:
        super().__init__()
        layers = nn.Sequential(conv(width, width, kernel_size), nn.ReLU(inplace=True), conv(width, width, kernel_size))
        self.add_module(key, layers)
        self.key = key
        self.residual_scale = residual_scale

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width, H, W) to the same shape."""
        residual: Tensor = self.get_submodule(self.key)(x)
        if self.residual_scale != 1.0:
            residual = residual * self.residual_scale
        return residual + x


def upsampling_stages(scale: int) -> list[int]:
    """The factors of the stages of an EDSR tail: twos for a power of two, one three for three.

    Raises:
        ValueError: ``scale`` is neither a power of two nor three.
    """
    if scale == 3:
        return [3]
    if scale < 1 or scale & (scale - 1):
        raise ValueError(f"scale must be 3 or a power of two, got {scale}")
    return [2] * (scale.bit_length() - 1)


class Upsampler(nn.Sequential):
    """Sub-pixel convolutions in stages, width in and width out; keys ``0.*``, ``2.*``, ``4.*``.

    Args:
        width: features in and out.
        scale: 3 or a power of two; 1 leaves the features alone.
        activation: makes the activation after each stage; EDSR, RCAN and SAN have none. With one, the
            keys are ``0.*``, ``3.*``, ``6.*``.

    Reference: Shi et al., ESPCN, CVPR 2016, arXiv:1609.05158; stages as in EDSR's code.
    """

    def __init__(self, width: int, *, scale: int, activation: Callable[[], nn.Module] | None = None) -> None:
        layers: list[nn.Module] = []
        for factor in upsampling_stages(scale):
            layers += [conv(width, width * factor**2), nn.PixelShuffle(factor)]
            if activation is not None:
                layers.append(activation())
        super().__init__(*layers)


def shape_of(state: Mapping[str, Tensor], key: str, *, network: str) -> tuple[int, ...]:
    """The shape of a tensor in a state dict.

    Raises:
        ModelError: the key is not there.
    """
    if key not in state:
        near = ", ".join(sorted(state)[:4]) or "nothing"
        raise ModelError(f"not a state dict of {network}: it has no '{key}' (it begins with {near}).")
    return tuple(state[key].shape)


def count_blocks(state: Mapping[str, Tensor], prefix: str, *, suffix: str = "") -> int:
    """How many numbers i, from zero on without a gap, have a key that begins ``{prefix}{i}.{suffix}``."""
    found = 0
    while any(key.startswith(f"{prefix}{found}.{suffix}") for key in state):
        found += 1
    return found


def upsampler_scale(state: Mapping[str, Tensor], prefix: str, *, network: str) -> int:
    """The scale of an :class:`Upsampler` without activations from its keys ``{prefix}{0,2,4}.weight``.

    Raises:
        ModelError: there is no such upsampler in the state dict.
    """
    scale, position = 1, 0
    while position == 0 or f"{prefix}{position}.weight" in state:
        outputs, inputs, *_ = shape_of(state, f"{prefix}{position}.weight", network=network)
        factor = {4 * inputs: 2, 9 * inputs: 3}.get(outputs)
        if factor is None:
            raise ModelError(
                f"not a state dict of {network}: '{prefix}{position}.weight' maps {inputs} to {outputs} features, "
                f"expected {4 * inputs} (stage of x2) or {9 * inputs} (x3)."
            )
        scale, position = scale * factor, position + 2
    return scale

"""Building blocks of the residual networks, with the state-dict keys of the codes of EDSR, RCAN and SAN."""

import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.upsampling import UPSAMPLERS

__all__ = [
    "DIV2K_MEAN",
    "MeanShift",
    "ResidualBlock",
    "StagedUpsampler",
    "conv",
    "count_blocks",
    "factor_scale",
    "infer_colour",
    "infer_upsampler_scale",
    "infer_value_range",
    "leave_out_shown_white",
    "make_mean_shift_state",
    "make_mean_shifts",
    "rename_keys",
    "require_positive",
    "require_shape",
]

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean RGB of DIV2K's training images in [0, 1], which EDSR, RCAN and SAN subtract."""
_DIV2K_LUMA = 0.4368
"""0.299 R + 0.587 G + 0.114 B of it."""


def conv(inputs: int, outputs: int, kernel_size: int = 3, *, bias: bool = True) -> nn.Conv2d:
    """Make a convolution of odd ``kernel_size`` with zero padding that keeps the size."""
    return nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2, bias=bias)


def require_positive(**arguments: int) -> None:
    """Refuse arguments of a constructor, by their names, that are below 1.

    Raises:
        ValueError: one is.
    """
    for name, value in arguments.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


class MeanShift(nn.Conv2d):
    """Add ``sign * value_range * mean`` to each colour channel; a 1x1 convolution, for the sake of its keys.

    Keys: ``weight`` (3, 3, 1, 1), the identity, and ``bias`` (3).

    Args:
        value_range: white in the network's units, 255.0 or 1.0.
        sign: -1 before the network, +1 after it.
        mean: mean RGB in [0, 1].
        trainable: RCAN and SAN train these numbers (their freezing has no effect), EDSR does not; a
            checkpoint may therefore hold values slightly off ``mean``.
    """

    def __init__(
        self, *, value_range: float, sign: int, mean: Sequence[float] = DIV2K_MEAN, trainable: bool = False
    ) -> None:
        super().__init__(len(mean), len(mean), kernel_size=1)
        shift = sign * value_range * torch.tensor(mean)
        self.weight = nn.Parameter(torch.eye(len(mean)).view(len(mean), len(mean), 1, 1), requires_grad=trainable)
        self.bias = nn.Parameter(shift, requires_grad=trainable)


class ResidualBlock(nn.Module):
    """x + res_scale * conv(relu(conv(x))); keys ``body.0.*`` and ``body.2.*``.

    Args:
        width: features in and out.
        kernel_size: of both convolutions.
        res_scale: 0.1 makes the training of EDSR's wide network stable.
        key: name of the inner sequence, ``body`` in EDSR, ``conv_first`` in SAN.

    Reference: Lim et al., EDSR, CVPRW 2017, arXiv:1707.02921, section 3.1: no batch normalization.
    """

    def __init__(self, width: int, *, kernel_size: int = 3, res_scale: float = 1.0, key: str = "body") -> None:
        super().__init__()
        layers = nn.Sequential(conv(width, width, kernel_size), nn.ReLU(inplace=True), conv(width, width, kernel_size))
        self.add_module(key, layers)
        self.key = key
        self.res_scale = res_scale

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, width, H, W) to the same shape."""
        residual: Tensor = self.get_submodule(self.key)(x)
        if self.res_scale != 1.0:
            residual = residual * self.res_scale
        return residual + x


def factor_scale(scale: int) -> list[int]:
    """Factor a scale into the stages of an EDSR tail: twos for a power of two, one three for three.

    Raises:
        ValueError: ``scale`` is neither a power of two nor three.
    """
    if scale == 3:
        return [3]
    if scale < 1 or scale & (scale - 1):
        raise ValueError(f"scale must be 3 or a power of two, got {scale}")
    return [2] * (scale.bit_length() - 1)


class StagedUpsampler(nn.Sequential):
    """Upsampler in stages, as in the tail of EDSR; sub-pixel convolutions with the keys ``0.*``, ``2.*``, ``4.*``.

    Args:
        width: features in and out.
        scale: 3 or a power of two; 1 leaves the features unchanged.
        upsampling: ``sub-pixel`` as in the papers, or another name in ``kukkiri.upsampling.UPSAMPLERS``, which
            changes the keys to ``0.conv.*``, ``1.conv.*``, ``2.conv.*``.
        activation: factory of the activation after each stage; EDSR, RCAN and SAN have none.

    Reference: Shi et al., ESPCN, CVPR 2016, arXiv:1609.05158; stages as in EDSR's code.
    """

    def __init__(
        self,
        width: int,
        *,
        scale: int,
        upsampling: str = "sub-pixel",
        activation: Callable[[], nn.Module] | None = None,
    ) -> None:
        layers: list[nn.Module] = []
        for factor in factor_scale(scale):
            if upsampling == "sub-pixel":
                layers += [conv(width, width * factor**2), nn.PixelShuffle(factor)]
            elif upsampling in UPSAMPLERS:
                layers.append(UPSAMPLERS[upsampling](channels_in=width, channels_out=width, scale=factor))
            else:
                raise ValueError(f"upsampling must be one of {', '.join(UPSAMPLERS)}, got {upsampling!r}")
            if activation is not None:
                layers.append(activation())
        super().__init__(*layers)


def require_shape(state: Mapping[str, Tensor], key: str, *, network: str) -> tuple[int, ...]:
    """Return the shape of a tensor in a state dict.

    Raises:
        ModelError: there is no such key.
    """
    if key not in state:
        near = ", ".join(sorted(state)[:4]) or "nothing"
        raise ModelError(f"not a state dict of {network}: it has no '{key}' (it begins with {near}).")
    return tuple(state[key].shape)


def count_blocks(state: Mapping[str, Tensor], prefix: str, *, suffix: str = "") -> int:
    """Count the numbers i, from zero on without a gap, for which a key begins with ``{prefix}{i}.{suffix}``."""
    found = 0
    while any(key.startswith(f"{prefix}{found}.{suffix}") for key in state):
        found += 1
    return found


def infer_upsampler_scale(state: Mapping[str, Tensor], prefix: str, *, network: str) -> int:
    """Infer the scale of a :class:`StagedUpsampler` without activations from its keys ``{prefix}{0,2,4}.weight``.

    Raises:
        ModelError: there is no such upsampler in the state dict.
    """
    scale, position = 1, 0
    while position == 0 or f"{prefix}{position}.weight" in state:
        outputs, inputs, *_ = require_shape(state, f"{prefix}{position}.weight", network=network)
        factor = {4 * inputs: 2, 9 * inputs: 3}.get(outputs)
        if factor is None:
            raise ModelError(
                f"not a state dict of {network}: '{prefix}{position}.weight' maps {inputs} to {outputs} features, "
                f"expected {4 * inputs} (stage of x2) or {9 * inputs} (x3)."
            )
        scale, position = scale * factor, position + 2
    return scale


def infer_value_range(state: Mapping[str, Tensor], *, network: str) -> float:
    """Infer white in the units of a network with a :class:`MeanShift`: 255.0, or 1.0 where its shift is below 2."""
    require_shape(state, "sub_mean.bias", network=network)
    return 255.0 if float(state["sub_mean.bias"].abs().max()) > 2 else 1.0


def infer_colour(state: Mapping[str, Tensor], *, network: str) -> dict[str, JSON]:
    """Infer ``colour``, ``mean_shift`` and ``value_range`` of a network that begins with ``sub_mean`` and ``head.0``.

    Without mean shifts white leaves no trace, and 255 is assumed, as in EDSR-PyTorch.
    """
    channels = require_shape(state, "head.0.weight", network=network)[1]
    mean_shift = "sub_mean.bias" in state
    return {
        "colour": "y" if channels == 1 else "rgb",
        "mean_shift": mean_shift,
        "value_range": infer_value_range(state, network=network) if mean_shift else 255.0,
    }


def leave_out_shown_white(untraced: Mapping[str, str], arguments: Mapping[str, JSON]) -> dict[str, str]:
    """Return the arguments that a file leaves open, without ``value_range`` where its mean shifts show white."""
    shown = arguments.get("mean_shift", True)
    return {key: words for key, words in untraced.items() if key != "value_range" or not shown}


def make_mean_shifts(channels: int, *, value_range: float, trainable: bool = False) -> tuple[MeanShift, MeanShift]:
    """Make the mean shifts before and after a network: DIV2K's mean colour, or its luma for one channel."""
    mean = DIV2K_MEAN if channels == 3 else (_DIV2K_LUMA,)
    before, after = (MeanShift(value_range=value_range, sign=sign, mean=mean, trainable=trainable) for sign in (-1, 1))
    return before, after


def make_mean_shift_state(*, value_range: float = 255.0) -> dict[str, Tensor]:
    """Make the four tensors of ``sub_mean`` and ``add_mean`` for the mean of DIV2K."""
    shifts = {"sub_mean": MeanShift(value_range=value_range, sign=-1)}
    shifts["add_mean"] = MeanShift(value_range=value_range, sign=1)
    return {f"{name}.{key}": value for name, shift in shifts.items() for key, value in shift.state_dict().items()}


def rename_keys(state: Mapping[str, Tensor], rules: list[tuple[str, str]]) -> dict[str, Tensor]:
    """Rewrite every key by the first rule (pattern at the beginning of the key, replacement) that matches."""
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        match = next(((pattern, new) for pattern, new in rules if re.match(pattern, key)), None)
        renamed[re.sub(f"^{match[0]}", match[1], key) if match else key] = value
    return renamed

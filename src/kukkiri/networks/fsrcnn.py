"""FSRCNN: shrink, map, expand at LR size, then one 9x9 transposed convolution.

Dong et al., "Accelerating the Super-Resolution Convolutional Neural Network", ECCV 2016,
arXiv:1608.00367. State-dict keys as in yjn870/FSRCNN-pytorch.
Differs from the paper: the transposed convolution has padding 4 and output padding scale - 1, so that sr is
exactly scale x lr (the original Caffe model gives scale*n - (scale - 1)).
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.interface import Configuration, Network, PublishedScores
from kukkiri.networks.receptive_field import Layer, compute_receptive_field

__all__ = ["FSRCNN"]

_KERNEL = 9
_PADDING = 4


class FSRCNN(Network):
    """12,809 parameters at every scale (d = 56, s = 12, m = 4); FSRCNN-s (32, 5, 1) has 4,086."""

    title = "FSRCNN"
    paper = "Dong et al., ECCV 2016, arXiv:1608.00367"
    keys_source = "yjn870/FSRCNN-pytorch"
    licence = "no licence file (yjn870/FSRCNN-pytorch)"
    configurations = (
        Configuration(
            "FSRCNN",
            {"scale": 4},
            PublishedScores(
                set5={2: 37.05, 3: 33.18, 4: 30.72},
                b100={2: 31.53, 3: 28.53, 4: 26.98},
                source="table in yulunzhang/RCAN, Figs/psnr_bi_1 to 3",
            ),
        ),
        Configuration("FSRCNN-s", {"scale": 4, "d": 32, "s": 5, "m": 1}),
    )
    untraced: Mapping[str, str] = {"scale": "the one that the weights were trained for"}
    tiny = ({"scale": 2, "d": 5, "s": 3, "m": 2},)

    def __init__(
        self,
        *,
        scale: int,
        colour: Literal["y", "rgb"] = "y",
        d: int = 56,
        s: int = 12,
        m: int = 4,
    ) -> None:
        """Build the network.

        Args:
            scale: at least 1.
            colour: ``y`` as in the paper, or ``rgb``.
            d: channels of the LR features.
            s: channels of the mapping.
            m: 3x3 convolutions of the mapping.
        """
        super().__init__()
        if scale < 1:
            raise ValueError(f"scale must be at least 1, got {scale}")
        self.scale = scale
        self.colour = colour
        head = Layer(_KERNEL, stride=scale, padding=_PADDING, transposed=True)
        self.receptive_field = 2 + m + compute_receptive_field([head])
        self.first_part = nn.Sequential(nn.Conv2d(self.channels, d, kernel_size=5, padding=2), nn.PReLU(d))
        mapping: list[nn.Module] = [nn.Conv2d(d, s, kernel_size=1), nn.PReLU(s)]
        for _ in range(m):
            mapping += [nn.Conv2d(s, s, kernel_size=3, padding=1), nn.PReLU(s)]
        self.mid_part = nn.Sequential(*mapping, nn.Conv2d(s, d, kernel_size=1), nn.PReLU(d))
        self.last_part = nn.ConvTranspose2d(
            d, self.channels, _KERNEL, stride=scale, padding=_PADDING, output_padding=scale - 1
        )
        self._initialize()

    def _initialize(self) -> None:
        """Initialize as in section 3.3: He's normal for PReLU in the body, N(0, 0.001) in the last layer."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, a=0.25)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.last_part.weight, std=0.001)
        nn.init.zeros_(self.last_part.bias)  # type: ignore[arg-type]

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped.

        In training mode the transposed convolution runs as the equal sub-pixel convolution, which PyTorch
        computes several times faster on a CPU; the parameters, and so the gradients, are the same.
        """
        features = self.mid_part(self.first_part(lr))
        sr: Tensor = self._sub_pixel_head(features) if self.training else self.last_part(features)
        return sr

    def _sub_pixel_head(self, features: Tensor) -> Tensor:
        """Compute output o = s*q + r - p as the sum of taps k = r + s*t at inputs q - t: a kernel for each phase r."""
        scale, channels = self.scale, self.channels
        taps = -(-_KERNEL // scale)
        first = _PADDING // scale  # the smallest q
        last = (scale * features.shape[-1] - 1 + _PADDING) // scale
        width = features.shape[-1]
        weight = functional.pad(self.last_part.weight, (0, scale * taps - _KERNEL) * 2)
        phases = weight.reshape(-1, channels, taps, scale, taps, scale).flip(2, 4)
        phases = phases.permute(1, 3, 5, 0, 2, 4).reshape(channels * scale**2, -1, taps, taps)
        before, after = taps - 1 - first, last - (width - 1)
        padded = functional.pad(features, (before, after, before, after))
        sub_pixels = functional.pixel_shuffle(functional.conv2d(padded, phases), scale)
        offset = _PADDING - scale * first
        height = scale * features.shape[-2]
        cropped = sub_pixels[..., offset : offset + height, offset : offset + scale * width]
        bias = self.last_part.bias
        return cropped if bias is None else cropped + bias.view(-1, 1, 1)

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor], *, scale: int | None = None) -> dict[str, JSON]:
        """Infer colour, d, s and m; the scale leaves no trace in the shapes and must be given.

        Raises:
            ModelError: not an FSRCNN, or no ``scale``.
        """
        try:
            first, shrink = state["first_part.0.weight"].shape, state["mid_part.0.weight"].shape
            head = state["last_part.weight"].shape
        except KeyError as error:
            raise ModelError(f"not an FSRCNN: the state dict has no {error}.") from error
        if head[2:] != (_KERNEL, _KERNEL) or head[1] not in (1, 3):
            raise ModelError(f"not an FSRCNN: the transposed convolution's weight is {tuple(head)}.")
        if scale is None:
            raise ModelError("an FSRCNN has the same shapes at every scale: give the scale, as in scale=3.")
        convolutions = sum(1 for key in state if key.startswith("mid_part.") and key.endswith(".bias"))
        colour = "y" if head[1] == 1 else "rgb"
        return {"scale": scale, "colour": colour, "d": first[0], "s": shrink[0], "m": convolutions - 2}


def initialize_as_interpolator(network: FSRCNN) -> None:
    """Initialize an FSRCNN so that sr is at first an interpolation of lr, in place.

    One path through the layers is an identity (PReLU is the identity for positive numbers, and a bias of 1 makes
    a centred input positive), and ends in the bilinear kernel of the scale; the other weights of
    the head are N(0, 0.001) as in the paper. Needs one channel in and out.

    Raises:
        ValueError: an RGB network.
    """
    if network.channels != 1:
        raise ValueError("the interpolator initialization is defined for one channel")
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for layer in convolutions:
            centre = layer.kernel_size[0] // 2
            layer.weight[0] = 0.0
            layer.weight[0, 0, centre, centre] = 1.0
        convolutions[0].bias[0] = 1.0  # type: ignore[index]
        taps = torch.arange(_KERNEL)
        ramp = (1 - (taps - _PADDING - (network.scale - 1) / 2).abs() / network.scale).clamp_min(0)
        for phase in range(network.scale):  # at x4 the kernel is one tap short of the ramp
            ramp[phase :: network.scale] /= ramp[phase :: network.scale].sum()
        network.last_part.weight[0, 0] = torch.outer(ramp, ramp)
        network.last_part.bias[0] = -1.0  # type: ignore[index]

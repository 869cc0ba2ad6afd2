"""The prior of DPSR: SRResNet without batch normalization, conditioned on the noise level at every pixel.

Zhang et al., "Deep Plug-and-Play Super-Resolution for Arbitrary Blur Kernels", CVPR 2019, arXiv:1903.12529.
Keys of cszn/DPSR ("SRResNet+") with ``upsample_mode="pixelshuffle"``, as in its demonstrations, or ``"upconv"``. The
plug-and-play iterations that call it are not part of the network.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON, Condition
from kukkiri.networks.blocks import conv, count_blocks, factor_scale, require_shape
from kukkiri.networks.interface import Configuration, Network
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["DPSR"]


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.res = nn.Sequential(conv(width, width), nn.ReLU(), conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.res(x)
        return x + residual


class _Shortcut(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.sub = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.sub(x)
        return x + residual


class DPSR(Network):
    """3,493,824 parameters at x4, 3,576,864 at x3, 3,161,664 at x2; receptive field: 36 LR pixels to each side.

    Args:
        scale: 3 or a power of two; 1 is a denoiser, the prior of deblurring.
        width: features.
        depth: residual blocks.
        upsampling: ``sub-pixel``, or ``resize-nearest``: nearest-neighbour upscaling, then a convolution (``upconv``),
            whose shapes are the same at x2 and x3.
    """

    title = "DPSR"
    paper = "Zhang et al., CVPR 2019, arXiv:1903.12529"
    keys_source = "cszn/DPSR"
    licence = "no licence file (cszn/DPSR)"
    configurations = (
        Configuration("DPSR's prior", {"scale": 4}),
        Configuration("DPSR's prior, 32 x 4, a denoiser", {"scale": 1, "width": 32, "depth": 4}),
    )
    tiny = (
        {"scale": 1, "width": 3, "depth": 1},
        {"scale": 2, "width": 3, "depth": 1},
        {"scale": 3, "width": 3, "depth": 2},
        {"scale": 3, "width": 3, "depth": 1, "upsampling": "resize-nearest"},
        {"scale": 4, "width": 3, "depth": 1, "upsampling": "resize-nearest"},
    )

    conditions = ("noise_std",)

    def __init__(
        self,
        *,
        scale: int = 4,
        width: int = 96,
        depth: int = 16,
        upsampling: Literal["sub-pixel", "resize-nearest"] = "sub-pixel",
    ) -> None:
        super().__init__()
        if upsampling not in ("sub-pixel", "resize-nearest"):
            raise ValueError(f"upsampling must be 'sub-pixel' or 'resize-nearest', got {upsampling!r}")
        stages = factor_scale(scale)
        self.scale = scale
        tail_layers = [*list_upscaling_layers(stages, upsampling=upsampling), Layer(3), Layer(3)]
        self.receptive_field = 1 + 2 * depth + 1 + compute_receptive_field(tail_layers)
        tail: list[nn.Module] = []
        for factor in stages:
            if upsampling == "sub-pixel":
                tail += [conv(width, width * factor**2), nn.PixelShuffle(factor), nn.ReLU()]
            else:
                tail += [nn.Upsample(scale_factor=factor), conv(width, width), nn.ReLU()]
        self.model = nn.Sequential(
            conv(4, width),
            _Shortcut(*(_Block(width) for _ in range(depth)), conv(width, width)),
            *tail,
            conv(width, width),
            nn.ReLU(),
            conv(width, 3, bias=False),
        )

    def forward(self, lr: Tensor, noise_std: Tensor) -> Tensor:
        """Upscale images of known noise.

        Args:
            lr: (N, 3, H, W) in [0, 1].
            noise_std: standard deviation in [0, 1], (N,) or (N, 1) for one level for each image, or (N, 1, H, W).

        Returns:
            sr, (N, 3, scale*H, scale*W), not clamped.
        """
        if noise_std.ndim < 4:
            noise_std = noise_std.reshape(-1, 1, 1, 1).expand(len(lr), 1, *lr.shape[-2:])
        sr: Tensor = self.model(torch.cat((lr, noise_std), dim=1))
        return sr

    def example_conditions(self, batch: int) -> tuple[Tensor, ...]:
        """A noise level for each image."""
        return (torch.rand(batch),)

    def describe_condition(self) -> Condition | None:
        """The noise, at scale 1: then the network is a denoiser, which a plug-and-play solver calls."""
        return Condition(kind="noise", length=1, subsample="direct", noise=True) if self.scale == 1 else None

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor], *, scale: int | None = None) -> dict[str, JSON]:
        """Infer all arguments; one stage of ``resize-nearest`` is x2 or x3, so that the scale must be given.

        Raises:
            ModelError: not a DPSR, or no ``scale`` where it leaves no trace.
        """
        width = require_shape(state, "model.0.weight", network="dpsr")[0]
        depth = count_blocks(state, "model.1.sub.") - 1
        if depth >= 0 and "model.2.weight" not in state and "model.3.weight" in state:
            stages = max(int(key.split(".")[1]) for key in state) // 3 - 1
            if stages == 1 and scale is None:
                raise ModelError("a DPSR with upconv has the same shapes at x2 and x3: give the scale, as in scale=3.")
            found: int = scale if stages == 1 and scale is not None else 2**stages
            return {"scale": found, "width": width, "depth": depth, "upsampling": "resize-nearest"}
        return cls._arguments_of_sub_pixel(state, width=width, depth=depth)

    @classmethod
    def _arguments_of_sub_pixel(cls, state: Mapping[str, Tensor], *, width: int, depth: int) -> dict[str, JSON]:
        scale, position = 1, 2
        while f"model.{position}.weight" in state:
            outputs = require_shape(state, f"model.{position}.weight", network="dpsr")[0]
            factor = {4 * width: 2, 9 * width: 3}.get(outputs)
            if factor is None:
                break
            scale, position = scale * factor, position + 3
        if depth < 0 or (scale == 1 and "model.4.weight" not in state):
            raise ModelError("not a state dict of dpsr: expected residual blocks in model.1.sub and pixel shuffles.")
        return {"scale": scale, "width": width, "depth": depth}

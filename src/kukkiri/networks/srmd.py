"""SRMD: a plain network conditioned on the blur kernel and the noise level at every pixel.

Zhang et al., "Learning a Single Convolutional Super-Resolution Network for Multiple Degradations", CVPR 2018,
arXiv:1712.06116. Keys of cszn/KAIR. ``maps=16`` is SRMD (15 coefficients of the kernel and the noise level),
``maps=15`` is SRMDNF, without noise.
Differs from the paper: the batch normalizations of training are merged, as in KAIR's models.
"""

from collections.abc import Mapping
from math import isqrt

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON, Condition
from kukkiri.networks.blocks import conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores

__all__ = ["SRMD"]


class SRMD(Network):
    """1,511,692 parameters at x2, 1,528,987 at x3, 1,553,200 at x4; receptive field: 12 LR pixels to each side.

    Args:
        scale: at least 1.
        maps: numbers that describe the degradation of a pixel.
        width: features.
        depth: convolutions, first and last included.
    """

    title = "SRMD"
    paper = "Zhang et al., CVPR 2018, arXiv:1712.06116"
    keys_source = "cszn/KAIR"
    licence = "MIT (cszn/KAIR)"
    configurations = (
        Configuration(
            "SRMD",
            {"scale": 4},
            PublishedScores(
                set5={2: 37.53, 3: 33.86, 4: 31.59},
                b100={2: 31.9, 3: 28.87, 4: 27.34},
                source="the paper's Table 1, in cszn/SRMD",
            ),
        ),
        Configuration(
            "SRMDNF",
            {"scale": 4, "maps": 15},
            PublishedScores(
                set5={2: 37.79, 3: 34.12, 4: 31.96},
                b100={2: 32.05, 3: 28.97, 4: 27.49},
                source="the paper's Table 1, in cszn/SRMD",
            ),
        ),
    )
    tiny = ({"scale": 3, "width": 4, "depth": 3, "maps": 5},)

    conditions = ("maps",)

    def __init__(self, *, scale: int = 2, maps: int = 16, width: int = 128, depth: int = 12) -> None:
        super().__init__()
        if scale < 1:
            raise ValueError(f"scale must be at least 1, got {scale}")
        self.scale = scale
        self.maps = maps
        self.receptive_field = depth
        widths = (3 + maps, *[width] * (depth - 1))
        layers: list[nn.Module] = []
        for i in range(depth - 1):
            layers += [conv(widths[i], widths[i + 1]), nn.ReLU()]
        self.model = nn.Sequential(*layers, conv(width, 3 * scale**2), nn.PixelShuffle(scale))

    def forward(self, lr: Tensor, maps: Tensor) -> Tensor:
        """Upscale images of known degradation.

        Args:
            lr: (N, 3, H, W) in [0, 1].
            maps: (N, maps) for one degradation for each image, or (N, maps, H, W); the first 15 are the projections
                of the kernel on the principal components of the training kernels, the 16th, if any, is the
                standard deviation of the noise in [0, 1].

        Returns:
            sr, (N, 3, scale*H, scale*W), not clamped.
        """
        if maps.ndim == 2:
            maps = maps[:, :, None, None].expand(-1, -1, *lr.shape[-2:])
        sr: Tensor = self.model(torch.cat((lr, maps), dim=1))
        return sr

    def example_conditions(self, batch: int) -> tuple[Tensor, ...]:
        """The description of a degradation for each image."""
        return (torch.rand(batch, self.maps),)

    def describe_condition(self) -> Condition | None:
        """The projections of a kernel, without the basis, which is not among the weights; ``None`` for other maps."""
        if self.maps not in (15, 16):
            return None
        return Condition(kind="components", length=self.maps, subsample="bicubic", noise=self.maps == 16)

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """See :meth:`Network.shift_input`; the maps are not shifted."""
        shifted = super().shift_input(centre)
        of_maps = dict(self.named_parameters())["model.0.weight"][:, 3:].sum((1, 2, 3))
        return {**shifted, "model.0.bias": shifted["model.0.bias"] + centre * of_maps}

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments."""
        width, inputs, *_ = require_shape(state, "model.0.weight", network="srmd")
        depth = sum(key.endswith(".weight") for key in state)
        outputs = require_shape(state, f"model.{2 * depth - 2}.weight", network="srmd")[0]
        scale = isqrt(outputs // 3)
        if outputs != 3 * scale**2 or inputs <= 3 or count_blocks(state, "model.1."):
            raise ModelError(f"not a state dict of srmd: maps {inputs} input channels to {outputs}.")
        return {"scale": scale, "maps": inputs - 3, "width": width, "depth": depth}

"""VDSR: twenty 3x3 convolutions that predict the residual of bicubic interpolation.

Kim et al., "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", CVPR 2016,
arXiv:1511.04587. One model serves x2, x3 and x4.
Differs from the paper: nothing with ``keys="official"``, whose ``layers.{i}`` hold the authors' weights;
``keys="edsr"`` is the RGB variant of EDSR-PyTorch, on 0..255, with the mean of DIV2K subtracted.
"""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from kukkiri.info import JSON
from kukkiri.networks.blocks import MeanShift, conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores

__all__ = ["VDSR"]


class VDSR(Network):
    """665,921 parameters (664,704 without biases); receptive field: 20 pixels of the upscaled input to each side.

    Args:
        scale: of the upscaling that precedes the network; the weights are the same for every scale.
        colour: ``y``, one luma channel in [0, 1], as in the paper, or ``rgb``.
        width: features of the hidden layers.
        depth: convolutions, first and last included.
        bias: the weights of the authors have biases, those of twtygqyy have none.
        keys: ``official`` or ``edsr``, see above; the latter is RGB on 0..255.
    """

    title = "VDSR"
    paper = "Kim et al., CVPR 2016, arXiv:1511.04587"
    keys_source = "the authors', EDSR-PyTorch, twtygqyy/pytorch-vdsr"
    licence = "MIT (huangzehao/caffe-vdsr, EDSR-PyTorch, twtygqyy/pytorch-vdsr)"
    configurations = (
        Configuration(
            "VDSR",
            {"scale": 4},
            PublishedScores(
                set5={2: 37.53, 3: 33.66, 4: 31.35},
                b100={2: 31.9, 3: 28.82, 4: 27.29},
                source="EDSR's table, in thstkdgus35/EDSR-PyTorch",
            ),
        ),
    )
    tiny = (
        {"width": 3, "depth": 4},
        {"width": 3, "depth": 3, "colour": "rgb", "keys": "edsr"},
    )

    pre_upsampled = True

    def __init__(
        self,
        *,
        scale: int = 2,
        colour: Literal["y", "rgb"] = "y",
        width: int = 64,
        depth: int = 20,
        bias: bool = True,
        keys: Literal["official", "edsr"] = "official",
    ) -> None:
        super().__init__()
        if keys not in ("official", "edsr"):
            raise ValueError(f"keys must be 'official' or 'edsr', got {keys!r}")
        self.scale = scale
        self.adds_input = keys == "official"  # the others add the input between their mean shifts
        self.colour = colour
        self.receptive_field = depth
        self.shifted = keys == "edsr"
        widths = (self.channels, *[width] * (depth - 1), self.channels)
        layers = [conv(widths[i], widths[i + 1], bias=bias) for i in range(depth)]
        if self.shifted:
            if colour != "rgb":
                raise ValueError(f"keys='edsr' is an RGB network, got colour={colour!r}")
            self.value_range = 255.0
            self.sub_mean = MeanShift(value_range=255.0, sign=-1)
            self.body = nn.ModuleList(nn.Sequential(layer) for layer in layers)
            self.add_mean = MeanShift(value_range=255.0, sign=1)
        else:
            self.layers = nn.ModuleList(layers)

    def forward(self, lr: Tensor) -> Tensor:
        """Map the upscaled lr (N, C, H, W), [0, 1] or 0..255, to sr of the same shape, not clamped."""
        if not self.shifted:
            return lr + self._residual(lr, self.layers)
        centred = self.sub_mean(lr)
        sr: Tensor = self.add_mean(centred + self._residual(centred, self.body))
        return sr

    @staticmethod
    def _residual(x: Tensor, layers: nn.ModuleList) -> Tensor:
        for layer in layers[:-1]:
            x = functional.relu(layer(x))
        residual: Tensor = layers[-1](x)
        return residual

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but the scale, which leaves no trace."""
        edsr = "body.0.0.weight" in state
        key = "body.{}.0" if edsr else "layers.{}"
        width, channels, *_ = require_shape(state, key.format(0) + ".weight", network="vdsr")
        return {
            "colour": "y" if channels == 1 else "rgb",
            "width": width,
            "depth": count_blocks(state, "body." if edsr else "layers."),
            "bias": key.format(0) + ".bias" in state,
            "keys": "edsr" if edsr else "official",
        }

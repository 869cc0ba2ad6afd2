"""The network of ZSSR and MZSR: eight 3x3 convolutions on the upscaled image, fitted to that image.

Shocher et al., "Zero-Shot Super-Resolution using Deep Internal Learning", CVPR 2018, arXiv:1712.06087;
Soh et al., "Meta-Transfer Learning for Zero-Shot Super-Resolution", CVPR 2020, arXiv:2002.12213.
The official codes are TensorFlow; ``conv{i}`` are their layers. See :mod:`kukkiri.adaptation` for the fit.
Differs from the papers: nothing known; ZSSR's layers have no biases, MZSR's have, as in the codes.
"""

from collections.abc import Mapping
from math import sqrt
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores

__all__ = ["MZSR", "ZSSR"]


class ZSSR(Network):
    """224,640 parameters; receptive field: 8 pixels of the upscaled input to each side.

    Args:
        scale: of the upscaling that precedes the network; it leaves no trace in the weights.
        colour: ``rgb`` in [0, 1], or ``y``.
        width: features of the hidden layers.
        depth: convolutions, first and last included.
    """

    title = "ZSSR"
    paper = "Shocher et al., CVPR 2018, arXiv:1712.06087"
    keys_source = "own (TensorFlow's names)"
    licence = "Weizmann Institute, non-commercial (assafshocher/ZSSR)"
    configurations = (
        Configuration(
            "ZSSR",
            {"scale": 4},
            PublishedScores(
                set5={2: 37.37, 3: 33.42, 4: 31.13}, b100={2: 31.65, 3: 28.67, 4: 27.12}, source="the paper's Table 1"
            ),
        ),
    )
    tiny = ({"width": 3, "depth": 4, "colour": "y"},)

    pre_upsampled = True
    adds_input = True
    bias = False

    def __init__(self, *, scale: int = 2, colour: Literal["y", "rgb"] = "rgb", width: int = 64, depth: int = 8) -> None:
        super().__init__()
        self.scale = scale
        self.colour = colour
        self.depth = depth
        self.receptive_field = depth
        widths = (self.channels, *[width] * (depth - 1), self.channels)
        for i in range(depth):
            self.add_module(f"conv{i + 1}", conv(widths[i], widths[i + 1], bias=self.bias))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialize as the authors do: normal, variance 0.1 / fan-in, so that the output is close to the input."""
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=sqrt(0.1 / parameter[0].numel()))

    def forward(self, lr: Tensor) -> Tensor:
        """Map the upscaled lr (N, C, H, W) in [0, 1] to sr of the same shape, not clamped."""
        x = lr
        for i in range(1, self.depth):
            x = functional.relu(self.get_submodule(f"conv{i}")(x))
        detail: Tensor = self.get_submodule(f"conv{self.depth}")(x)
        return lr + detail

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer colour, width and depth; the scale leaves no trace."""
        name = cls.__name__.lower()
        width, channels, *_ = require_shape(state, "conv1.weight", network=name)
        if ("conv1.bias" in state) != cls.bias:
            raise ModelError(f"not a state dict of {name}: its layers have {'' if cls.bias else 'no '}biases.")
        depth = sum(key.endswith(".weight") for key in state)
        return {"colour": "y" if channels == 1 else "rgb", "width": width, "depth": depth}


class MZSR(ZSSR):
    """225,091 parameters: ZSSR's network with biases."""

    title = "MZSR"
    paper = "Soh et al., CVPR 2020, arXiv:2002.12213"
    keys_source = "JWSoh/MZSR (TensorFlow)"
    licence = "no licence file (JWSoh/MZSR)"
    configurations = (
        Configuration(
            "MZSR",
            {"scale": 4},
            PublishedScores(set5={2: 37.25}, b100={2: 31.64}, source="the paper's Table 1, ten updates"),
        ),
    )
    tiny = ({"width": 3, "depth": 4},)

    bias = True

    def reset_parameters(self) -> None:
        """Initialize as the authors do: normal cut off at two deviations, variance 1 / fan-in; zero biases."""
        for parameter in self.parameters():
            if parameter.ndim == 1:
                nn.init.zeros_(parameter)
            else:
                std = sqrt(1 / parameter[0].numel())
                nn.init.trunc_normal_(parameter, std=std, a=-2 * std, b=2 * std)

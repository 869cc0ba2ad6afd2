"""ContextPlain: the plain network with a code, a few numbers that shift the biases of every layer.

Ours. The code describes the blur that made the image, as the stretched kernel does in SRMD (Zhang et al., CVPR
2018, arXiv:1712.06116): constant maps concatenated to the input of a layer are biases that depend on the code. The
code is a parameter of the network, and a few steps of gradient descent find it, as in CAVIA (Zintgraf et al., "Fast
Context Adaptation via Meta-Learning", ICML 2019, arXiv:1810.03642); see docs/explanation/meta-learning.md.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.info import JSON
from kukkiri.networks.blocks import require_positive, require_shape
from kukkiri.networks.interface import Configuration
from kukkiri.networks.plain import Plain

__all__ = ["ContextPlain"]


class ContextPlain(Plain):
    """132,255 parameters at x2 in RGB with 48 features, 7 layers and 3 numbers; receptive field: depth + 1 LR pixels.

    Args:
        scale: at least 1.
        colour: ``rgb`` or ``y``.
        width: features.
        depth: convolutions before the head, at least 1.
        context: numbers in the code, at least 1.
    """

    title = "ContextPlain"
    paper = "ours; after Zintgraf et al., CAVIA, ICML 2019, arXiv:1810.03642"
    keys_source = "own"
    licence = "Apache-2.0"
    configurations = (Configuration("ContextPlain", {"scale": 2}),)
    tiny = (
        {"scale": 2, "width": 4, "depth": 2, "context": 3},
        {"scale": 3, "width": 4, "depth": 1, "context": 2, "colour": "y"},
    )

    def __init__(
        self,
        *,
        scale: int = 2,
        colour: Literal["y", "rgb"] = "rgb",
        width: int = 48,
        depth: int = 7,
        context: int = 3,
    ) -> None:
        require_positive(context=context)
        super().__init__(scale=scale, colour=colour, width=width, depth=depth)
        self.code = nn.Parameter(torch.zeros(context))
        self.codes = nn.ParameterList(nn.Parameter(torch.zeros(width, context)) for _ in range(depth))

    def forward(self, lr: Tensor, code: Tensor | None = None) -> Tensor:
        """Map lr (N, C, H, W) in [0, 1] to sr (N, C, scale*H, scale*W), not clamped.

        Args:
            lr: the images.
            code: (N, context), one for each image, added to the code of the network.
        """
        return self.upscale(self.features(lr, code), lr)

    def features(self, lr: Tensor, code: Tensor | None = None) -> Tensor:
        """Compute the input of the head, (N, width, H, W); arguments as those of :meth:`forward`."""
        code = self.code[None] if code is None else self.code + code
        x = lr
        for layer, weight in zip(self.body, self.codes, strict=True):
            x = functional.relu(layer(x) + (code @ weight.T)[:, :, None, None])
        return x

    @staticmethod
    def code_of(covariance: tuple[float, float, float], *, scale: int) -> tuple[float, float, float]:
        """Compute the code of a blur, for a context of 3: covariance / (1.25 scale) - identity; about -1 to 1.

        Args:
            covariance: (xx, yy, xy) in HR pixels squared.
            scale: of the network.
        """
        xx, yy, xy = (moment / (1.25 * scale) for moment in covariance)
        return xx - 1, yy - 1, xy

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments."""
        (context,) = require_shape(state, "code", network="contextplain")
        found = super().arguments_from_state(state)
        del found["unshuffle"]
        return {**found, "context": context}

"""NLRN: a recurrent step of non-local attention and two convolutions, repeated twelve times.

Liu et al., "Non-Local Recurrent Network for Image Restoration", NeurIPS 2018, arXiv:1806.02919. After
Ding-Liu/NLRN_v0, which is TensorFlow; the keys are ours. The convolutions are shared between the steps, the
batch normalizations are not, and the logits of the attention add up from step to step.
Differs from the paper: attention is over the whole input; the authors run overlapping patches of 45 x 45
pixels and average them. The sums of logits are not stored: they are the product of the concatenated queries
and the concatenated keys of all steps so far.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores

__all__ = ["NLRN"]


def _make_norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)  # TensorFlow's defaults


class NLRN(Network):
    """340,099 parameters (330,625 in convolutions) on luma in 0..255; global receptive field.

    Args:
        scale: of the upscaling that precedes the network; one model serves x2, x3 and x4.
        width: features.
        steps: recurrent steps.
    """

    title = "NLRN"
    paper = "Liu et al., NeurIPS 2018, arXiv:1806.02919"
    keys_source = "own"
    licence = "no licence file (Ding-Liu/NLRN_v0)"
    configurations = (
        Configuration(
            "NLRN",
            {"scale": 4},
            PublishedScores(
                set5={2: 38.0, 3: 34.27, 4: 31.92},
                b100={2: 32.19, 3: 29.06, 4: 27.48},
                source="figure in the CSNLN repository",
            ),
        ),
    )
    tiny = ({"width": 4, "steps": 2},)

    value_range = 255.0
    colour = "y"
    pre_upsampled = True
    receptive_field = None

    def __init__(self, *, scale: int = 2, width: int = 128, steps: int = 12) -> None:
        super().__init__()
        self.scale = scale
        self.steps = steps
        self.norm_first = _make_norm(1)
        self.conv_first = conv(1, width)
        self.theta = nn.Conv2d(width, width // 2, 1)
        self.phi = nn.Conv2d(width, width // 2, 1)
        self.g = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.g.weight)
        nn.init.zeros_(self.g.bias)  # type: ignore[arg-type]
        self.conv1 = conv(width, width)
        self.conv2 = conv(width, width)
        self.norms = nn.ModuleList(nn.ModuleList(_make_norm(width) for _ in range(3)) for _ in range(steps))
        self.norm_last = _make_norm(width)
        self.conv_last = conv(width, 1)

    def forward(self, lr: Tensor) -> Tensor:
        """Map the upscaled luma (N, 1, H, W) on 0..255 to sr of the same shape, not clamped.

        Time and memory grow with (H W)^2.
        """
        first = self.conv_first(self.norm_first(lr))
        x, queries, keys = first, [], []
        for i in range(self.steps):
            before, middle, after = (self.get_submodule(f"norms.{i}.{j}") for j in range(3))
            x = functional.relu(before(x))
            queries.append(self.theta(x))
            keys.append(self.phi(x))
            x = x + self._attend(torch.cat(queries, dim=1), torch.cat(keys, dim=1), self.g(x))
            x = self.conv1(middle(x))
            x = self.conv2(functional.relu(after(x))) + first
        detail: Tensor = self.conv_last(functional.relu(self.norm_last(x)))
        return lr + detail

    @staticmethod
    def _attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Compute softmax(queries keys^T) values over all positions, from (N, C, H, W) each."""
        # one head: (N, 1, positions, features)
        q, k, v = (maps.flatten(2).transpose(1, 2).unsqueeze(1) for maps in (queries, keys, values))
        out = functional.scaled_dot_product_attention(q, k, v, scale=1.0)
        return out.squeeze(1).transpose(1, 2).reshape(values.shape)

    def shift_input(self, centre: float) -> dict[str, Tensor]:
        """See :meth:`Network.shift_input`: there is no such form."""
        raise ValueError("a normalization begins this network and removes the mean of its input")

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer width and steps; the scale leaves no trace."""
        require_shape(state, "theta.weight", network="nlrn")
        return {
            "width": require_shape(state, "conv_first.weight", network="nlrn")[0],
            "steps": count_blocks(state, "norms."),
        }

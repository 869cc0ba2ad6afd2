"""MDSR: one EDSR body for several scales, with a head and an upsampler for each.

Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPRW 2017,
arXiv:1707.02921; keys of the official EDSR-PyTorch.
Differs from the paper: nothing known. A module works at one of its scales, which the constructor chooses.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from kukkiri.info import JSON
from kukkiri.networks.blocks import (
    MeanShift,
    ResidualBlock,
    StagedUpsampler,
    conv,
    count_blocks,
    factor_scale,
    infer_upsampler_scale,
    infer_value_range,
    require_shape,
)
from kukkiri.networks.interface import Configuration, Network
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["MDSR"]


class MDSR(Network):
    """7,954,011 parameters for x2, x3 and x4 together; receptive field: 2 * depth + 12 LR pixels to each side.

    Args:
        scale: the scale at which the module works, one of ``scales``.
        scales: of the branches, in the order of the state dict.
        width: features.
        depth: residual blocks of the shared body; 80 in the full network, 16 in the baseline.
        value_range: white, in the units of input and output.
    """

    title = "MDSR"
    paper = "Lim et al., CVPRW 2017, arXiv:1707.02921"
    keys_source = "EDSR-PyTorch"
    licence = "MIT (EDSR-PyTorch)"
    configurations = (Configuration("MDSR", {"scale": 4}),)
    tiny = ({"scale": 2, "width": 4, "depth": 1},)
    unused_keys = r"^(pre_process|upsample)\.[12]\."  # the branches of the other scales

    def __init__(
        self,
        *,
        scale: int,
        scales: Sequence[int] = (2, 3, 4),
        width: int = 64,
        depth: int = 80,
        value_range: float = 255.0,
    ) -> None:
        super().__init__()
        if scale not in scales:
            raise ValueError(f"scale must be one of {', '.join(map(str, scales))}, got {scale}")
        self.scale = scale
        self.value_range = value_range
        self.branch = list(scales).index(scale)
        tail_layers = [*list_upscaling_layers(factor_scale(scale)), Layer(3)]
        self.receptive_field = 1 + 8 + 2 * depth + 1 + compute_receptive_field(tail_layers)
        self.sub_mean = MeanShift(value_range=value_range, sign=-1)
        self.add_mean = MeanShift(value_range=value_range, sign=1)
        self.head = nn.Sequential(conv(3, width))
        self.pre_process = nn.ModuleList(
            nn.Sequential(ResidualBlock(width, kernel_size=5), ResidualBlock(width, kernel_size=5)) for _ in scales
        )
        self.upsample = nn.ModuleList(StagedUpsampler(width, scale=branch) for branch in scales)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(depth)), conv(width, width))
        self.tail = nn.Sequential(conv(width, 3))

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) in [0, value_range] to sr (N, 3, scale*H, scale*W), not clamped."""
        features = self.pre_process[self.branch](self.head(self.sub_mean(lr)))
        features = self.upsample[self.branch](self.body(features) + features)
        sr: Tensor = self.add_mean(self.tail(features))
        return sr

    @classmethod
    def list_scales(cls, arguments: Mapping[str, JSON]) -> tuple[int, ...] | None:
        """The scales of the branches."""
        return tuple(sorted(arguments.get("scales", (2, 3, 4))))  # type: ignore[arg-type]

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer scales, width, depth and value range; ``scale`` is that of the first branch, to be overridden."""
        branches = count_blocks(state, "pre_process.")
        width, depth = (
            require_shape(state, "head.0.weight", network="mdsr")[0],
            count_blocks(state, "body.", suffix="body."),
        )
        require_shape(state, f"body.{depth}.weight", network="mdsr")
        require_shape(state, "pre_process.0.0.body.0.weight", network="mdsr")
        scales = [infer_upsampler_scale(state, f"upsample.{index}.", network="mdsr") for index in range(branches)]
        value_range = infer_value_range(state, network="mdsr")
        return {"scale": scales[0], "scales": scales, "width": width, "depth": depth, "value_range": value_range}

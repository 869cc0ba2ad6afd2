"""SRResNet, the generator of SRGAN: sixteen residual blocks with batch normalization.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
CVPR 2017, arXiv:1609.04802. There is no official code; :class:`SRResNet` has the paper's layers under the
keys of Lornatang/SRGAN-PyTorch (which clamps to [0, 1] inside its forward; this one does not), and
:class:`InstanceSRResNet` is twtygqyy/pytorch-SRResNet.
Differs from the paper: one slope for all channels in a PReLU, as in every port; no biases before a batch
normalization. ``InstanceSRResNet`` differs more: instance instead of batch normalization, so every output
pixel depends on the whole image; LeakyReLU 0.2; no biases at all.
"""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, factor_scale, require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["InstanceSRResNet", "SRResNet"]


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.rcb = nn.Sequential(
            conv(width, width, bias=False),
            nn.BatchNorm2d(width),
            nn.PReLU(),
            conv(width, width, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.rcb(x)
        return x + residual


class _Stage(nn.Module):
    def __init__(self, width: int, factor: int) -> None:
        super().__init__()
        self.upsample_block = nn.Sequential(conv(width, width * factor**2), nn.PixelShuffle(factor), nn.PReLU())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.upsample_block(x)
        return out


class SRResNet(Network):
    """1,547,350 parameters at x4; receptive field: 40 LR pixels to each side.

    Args:
        scale: 3 or a power of two.
        width: features.
        depth: residual blocks.
    """

    title = "SRResNet"
    paper = "Ledig et al., CVPR 2017, arXiv:1609.04802"
    keys_source = "Lornatang/SRGAN-PyTorch"
    licence = "Apache-2.0 (Lornatang/SRGAN-PyTorch)"
    configurations = (
        Configuration(
            "SRResNet",
            {"scale": 4},
            PublishedScores(set5={4: 32.05}, b100={4: 27.57}, source="EDSR's table, in thstkdgus35/EDSR-PyTorch"),
        ),
    )
    tiny = (
        {"scale": 4, "width": 3, "depth": 2},
        {"scale": 3, "width": 3, "depth": 1},
    )

    def __init__(self, *, scale: int = 4, width: int = 64, depth: int = 16) -> None:
        super().__init__()
        stages = factor_scale(scale)
        self.scale = scale
        tail_layers = [*list_upscaling_layers(stages), Layer(9)]
        self.receptive_field = 4 + 2 * depth + 1 + compute_receptive_field(tail_layers)
        self.conv1 = nn.Sequential(conv(3, width, 9), nn.PReLU())
        self.trunk = nn.Sequential(*(_Block(width) for _ in range(depth)))
        self.conv2 = nn.Sequential(conv(width, width, bias=False), nn.BatchNorm2d(width))
        self.upsampling = nn.Sequential(*(_Stage(width, factor) for factor in stages))
        self.conv3 = conv(width, 3, 9)

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) in [0, 1] to sr (N, 3, scale*H, scale*W), not clamped."""
        first = self.conv1(lr)
        sr: Tensor = self.conv3(self.upsampling(first + self.conv2(self.trunk(first))))
        return sr

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Scale, width and depth."""
        width = require_shape(state, "conv1.0.weight", network="srresnet")[0]
        scale = 1
        for i in range(count_blocks(state, "upsampling.")):
            outputs = require_shape(state, f"upsampling.{i}.upsample_block.0.weight", network="srresnet")[0]
            factor = {4 * width: 2, 9 * width: 3}.get(outputs)
            if factor is None:
                raise ModelError(f"not a state dict of srresnet: stage {i} maps {width} to {outputs} features.")
            scale *= factor
        return {"scale": scale, "width": width, "depth": count_blocks(state, "trunk.")}


class _InstanceBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv(width, width, bias=False)
        self.in1 = nn.InstanceNorm2d(width, affine=True)
        self.conv2 = conv(width, width, bias=False)
        self.in2 = nn.InstanceNorm2d(width, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.in2(self.conv2(functional.leaky_relu(self.in1(self.conv1(x)), 0.2)))
        return x + residual


class InstanceSRResNet(Network):
    """1,546,752 parameters, x4 only; global receptive field through the instance normalization.

    Args:
        width: features.
        depth: residual blocks.
    """

    title = "SRResNet of twtygqyy"
    paper = "Ledig et al., CVPR 2017, arXiv:1609.04802"
    keys_source = "twtygqyy/pytorch-SRResNet"
    licence = "no licence file (twtygqyy/pytorch-SRResNet)"
    configurations = (Configuration("SRResNet of twtygqyy", {}),)
    tiny = ({"width": 3, "depth": 1},)

    scale = 4
    receptive_field = None

    def __init__(self, *, width: int = 64, depth: int = 16) -> None:
        super().__init__()
        self.conv_input = conv(3, width, 9, bias=False)
        self.residual = nn.Sequential(*(_InstanceBlock(width) for _ in range(depth)))
        self.conv_mid = conv(width, width, bias=False)
        self.bn_mid = nn.InstanceNorm2d(width, affine=True)
        stages = ((conv(width, 4 * width, bias=False), nn.PixelShuffle(2), nn.LeakyReLU(0.2)) for _ in range(2))
        self.upscale4x = nn.Sequential(*(layer for stage in stages for layer in stage))
        self.conv_output = conv(width, 3, 9, bias=False)

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) in [0, 1] to sr (N, 3, 4*H, 4*W), not clamped."""
        first = functional.leaky_relu(self.conv_input(lr), 0.2)
        features = first + self.bn_mid(self.conv_mid(self.residual(first)))
        sr: Tensor = self.conv_output(self.upscale4x(features))
        return sr

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Width and depth."""
        width = require_shape(state, "conv_input.weight", network="srresnet_instance")[0]
        require_shape(state, "bn_mid.weight", network="srresnet_instance")
        return {"width": width, "depth": count_blocks(state, "residual.")}

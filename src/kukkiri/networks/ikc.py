"""IKC: a network conditioned on the blur kernel, a predictor of the kernel, and a corrector of the prediction.

Gu et al., "Blind Super-Resolution With Iterative Kernel Correction", CVPR 2019, arXiv:1904.03377. Keys of
yuanjunchai/IKC. A code is the projection of a 21 x 21 kernel on ten principal components.
Differs from the paper: nothing known. The authors' code registers every residual block twice and uses one of the
copies; the other, ``sft_branch``, is kept for its keys. It also clamps its output; here only with ``clamp=True``.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.errors import ModelError
from kukkiri.info import JSON, Condition
from kukkiri.networks.blocks import conv, require_shape
from kukkiri.networks.interface import Configuration, Network
from kukkiri.networks.receptive_field import Layer, compute_receptive_field, list_upscaling_layers

__all__ = ["SFTMD", "IKCCorrector", "IKCPredictor"]

_HIDDEN = 32
"""Features between the two convolutions of a modulation branch."""


class _Modulation(nn.Module):
    """Spatial feature transform: features * sigmoid(a) + b, where a and b are computed from features and code."""

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        for branch in ("mul", "add"):
            self.add_module(f"{branch}_conv1", conv(width + code, _HIDDEN))
            self.add_module(f"{branch}_conv2", conv(_HIDDEN, width))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        both = torch.cat((x, code), dim=1)
        return x * torch.sigmoid(self._branch("mul", both)) + self._branch("add", both)

    def _branch(self, name: str, x: Tensor) -> Tensor:
        hidden = functional.leaky_relu(self.get_submodule(f"{name}_conv1")(x), 0.2)
        out: Tensor = self.get_submodule(f"{name}_conv2")(hidden)
        return out


class _Block(nn.Module):
    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        self.sft1 = _Modulation(width, code)
        self.sft2 = _Modulation(width, code)
        self.conv1 = conv(width, width)
        self.conv2 = conv(width, width)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        inner = self.conv1(functional.relu(self.sft1(x, code)))
        residual: Tensor = self.conv2(functional.relu(self.sft2(inner, code)))
        return x + residual


class SFTMD(Network):
    """7,966,147 parameters at x4, of which 4,234,691 are used; receptive field: 105 LR pixels to each side.

    Args:
        scale: 2, 3 or 4.
        code: length of the code, which describes the kernel.
        width: features.
        depth: residual blocks.
        variant: ``final``; or ``demo``, an older layout that also feeds the code to the first convolution and has
            no unused copy and no biases in the tail.
        clamp: clamp the output to [0, 1], as the authors' code does.
    """

    title = "SFTMD"
    paper = "Gu et al., IKC, CVPR 2019, arXiv:1904.03377"
    keys_source = "yuanjunchai/IKC"
    licence = "Apache-2.0 (yuanjunchai/IKC)"
    configurations = (Configuration("SFTMD (IKC)", {"scale": 4}),)
    tiny = (
        {"scale": 4, "width": 3, "depth": 1, "code": 5},
        {"scale": 3, "width": 3, "depth": 2, "code": 5, "variant": "demo"},
    )
    untraced: Mapping[str, str] = {"clamp": "the authors' code clamps its output to [0, 1]"}
    unused_keys = r"^sft_branch\."  # the copy that the authors' code registers and never uses

    conditions = ("code",)

    def __init__(
        self,
        *,
        scale: int = 4,
        code: int = 10,
        width: int = 64,
        depth: int = 16,
        variant: Literal["final", "demo"] = "final",
        clamp: bool = False,
    ) -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise ValueError(f"scale must be 2, 3 or 4, got {scale}")
        if variant not in ("final", "demo"):
            raise ValueError(f"variant must be 'final' or 'demo', got {variant!r}")
        stages = [2, 2] if scale == 4 else [scale]
        final = variant == "final"
        self.scale = scale
        self.code = code
        self.depth = depth
        self.variant = variant
        self.clamp = clamp
        tail_layers = [*list_upscaling_layers(stages), Layer(9)]
        self.receptive_field = 3 + 6 * depth + 3 + compute_receptive_field(tail_layers)
        self.conv1 = conv(3 + (0 if final else code), width)
        self.conv2 = conv(width, width)
        self.conv3 = conv(width, width)
        if final:  # never used, but in every checkpoint
            self.sft_branch = nn.ModuleList(_Block(width, code) for _ in range(depth))
        for i in range(depth):
            self.add_module(f"SFT-residual{i + 1}", _Block(width, code))
        self.add_module("sft" if final else "sft_mid", _Modulation(width, code))
        self.conv_mid = conv(width, width, bias=final)
        tail: list[nn.Module] = []
        for factor in stages:
            tail += [conv(width, width * factor**2, bias=final), nn.PixelShuffle(factor), nn.LeakyReLU(0.2)]
        self.upscale = nn.Sequential(*tail)
        self.conv_output = conv(width, 3, 9, bias=final)

    def forward(self, lr: Tensor, code: Tensor) -> Tensor:
        """Upscale images of known kernels.

        Args:
            lr: (N, 3, H, W) in [0, 1].
            code: (N, code), one for each image.

        Returns:
            sr, (N, 3, scale*H, scale*W).
        """
        maps = code[:, :, None, None].expand(-1, -1, *lr.shape[-2:])
        x = lr if self.variant == "final" else torch.cat((lr, maps), dim=1)
        x = functional.leaky_relu(self.conv2(functional.leaky_relu(self.conv1(x), 0.2)), 0.2)
        first = self.conv3(x)
        x = first
        for i in range(self.depth):
            x = self.get_submodule(f"SFT-residual{i + 1}")(x, maps)
        if self.variant == "final":
            x = self.conv_mid(self.get_submodule("sft")(x + first, maps))
        else:
            x = first + self.conv_mid(functional.relu(self.get_submodule("sft_mid")(x, maps)))
        sr: Tensor = self.conv_output(self.upscale(x))
        return sr.clamp(0, 1) if self.clamp else sr

    def example_conditions(self, batch: int) -> tuple[Tensor, ...]:
        """A code for each image."""
        return (torch.rand(batch, self.code),)

    def describe_condition(self) -> Condition | None:
        """The projections of a kernel, without the basis, which is not among the weights."""
        return Condition(kind="components", length=self.code, subsample="bicubic")

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but ``clamp``."""
        width = require_shape(state, "conv1.weight", network="sftmd")[0]
        inputs = require_shape(state, "SFT-residual1.sft1.mul_conv1.weight", network="sftmd")[1]
        depth = len({key.split(".")[0] for key in state if key.startswith("SFT-residual")})
        outputs = require_shape(state, "upscale.0.weight", network="sftmd")[0]
        factor = {4 * width: 2, 9 * width: 3}.get(outputs)
        if factor is None:
            raise ModelError(f"not a state dict of sftmd: 'upscale.0.weight' maps {width} to {outputs} features.")
        return {
            "scale": 4 if "upscale.3.weight" in state else factor,
            "code": inputs - width,
            "width": width,
            "depth": depth,
            "variant": "demo" if "sft_mid.mul_conv1.weight" in state else "final",
        }


def _make_convolutions(widths: tuple[int, ...], strides: tuple[int, ...]) -> nn.Sequential:
    """Make 5x5 convolutions, each followed by LeakyReLU 0.2."""
    layers: list[nn.Module] = []
    for i, stride in enumerate(strides):
        layers += [nn.Conv2d(widths[i], widths[i + 1], 5, stride=stride, padding=2), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


class IKCPredictor(nn.Module):
    """Predictor of the kernel's code from the LR image; 430,730 parameters.

    Args:
        code: length of the code, which describes the kernel.
        width: features.
    """

    def __init__(self, *, code: int = 10, width: int = 64) -> None:
        super().__init__()
        self.ConvNet = _make_convolutions((3, *[width] * 5, code), (1, 1, 1, 2, 1, 1))

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) in [0, 1] to a code (N, code)."""
        code: Tensor = self.ConvNet(lr).mean(dim=(2, 3))
        return code


class IKCCorrector(nn.Module):
    """Corrector of a code from the estimate made with it; 649,930 parameters.

    Args:
        code: length of the code, which describes the kernel.
        width: features.
    """

    def __init__(self, *, code: int = 10, width: int = 64) -> None:
        super().__init__()
        self.ConvNet = _make_convolutions((3, *[width] * 7), (1, 2, 1, 2, 1, 1, 1))
        self.code_dense = nn.Sequential(
            nn.Linear(code, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)
        )
        self.global_dense = nn.Sequential(
            nn.Conv2d(2 * width, 2 * width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, code, 1),
        )

    def forward(self, sr: Tensor, code: Tensor) -> Tensor:
        """Map an estimate (N, 3, H, W) in [0, 1] and the code (N, code) that made it to a corrected code (N, code)."""
        features = self.ConvNet(sr)
        codes = self.code_dense(code)[:, :, None, None].expand(-1, -1, *features.shape[-2:])
        change: Tensor = self.global_dense(torch.cat((features, codes), dim=1)).mean(dim=(2, 3))
        return code + change

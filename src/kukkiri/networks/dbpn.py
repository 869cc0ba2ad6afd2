"""DBPN: alternating up- and down-projections, each of which takes the outputs of all earlier ones.

Haris et al., "Deep Back-Projection Networks for Super-Resolution", CVPR 2018, arXiv:1803.02735, and
"Deep Back-Projection Networks for Single Image Super-resolution", arXiv:1904.05677.
:class:`DBPN` has the keys of alterzero/DBPN-Pytorch, with 2 (DBPN-S), 7 (D-DBPN) or 10 (DBPN-LL) stages, or
seven stages that run three times with the same weights (DBPN-RES-MR64-3). :class:`DDBPN` is the small network
of EDSR-PyTorch: on 0..255, one slope for each channel, six stages, 32 features.
Differs from the paper: one slope for all channels in DBPN, as in the authors' code.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError
from kukkiri.info import JSON
from kukkiri.networks.blocks import MeanShift, conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores
from kukkiri.networks.receptive_field import Layer, compute_receptive_field

__all__ = ["DBPN", "DDBPN"]

_KERNELS = {2: 6, 4: 8, 8: 12}
"""Side of the kernels of the projections by scale; their stride is the scale and their padding 2."""


def _make_projection(width: int, scale: int, *, up: bool) -> nn.Module:
    layer = nn.ConvTranspose2d if up else nn.Conv2d
    return layer(width, width, _KERNELS[scale], stride=scale, padding=2)


def _compute_receptive_field(scale: int, ups: int) -> int:
    """Compute that of ``ups`` up-projections, a down-projection between each two, and a convolution at either end."""
    kernel = _KERNELS[scale]
    up = Layer(kernel, stride=scale, padding=2, transposed=True)
    down = Layer(kernel, stride=scale, padding=2)
    projections = [(up, down)[i % 2] for i in range(3 * (2 * ups - 1))]  # three layers in each
    return compute_receptive_field([Layer(3), *projections, Layer(3)])


def _check_scale(scale: int) -> None:
    if scale not in _KERNELS:
        raise ValueError(f"scale must be 2, 4 or 8, got {scale}")


def _back_project(x: Tensor, steps: Sequence[Callable[[Tensor], Tensor]]) -> Tensor:
    """Project x, project the result back, and add the projection of the difference from x."""
    projected = steps[0](x)
    return projected + steps[2](steps[1](projected) - x)


class _Conv(nn.Module):
    """A convolution under the key ``conv`` or ``deconv``, then a PReLU with one slope."""

    def __init__(self, layer: nn.Module, *, key: str = "conv") -> None:
        super().__init__()
        for name, parameter in layer.named_parameters():
            (nn.init.kaiming_normal_ if name == "weight" else nn.init.zeros_)(parameter)
        self.add_module(key, layer)
        self.act = nn.PReLU()
        self.key = key

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.get_submodule(self.key)(x))
        return out


class _Unit(nn.Module):
    """An up- or down-projection, behind a bottleneck when ``inputs`` maps come in."""

    def __init__(self, width: int, scale: int, *, up: bool, inputs: int = 1) -> None:
        super().__init__()
        if inputs > 1:
            self.conv = _Conv(conv(inputs * width, width, 1))
        self.inputs = inputs
        self.prefix = "up_conv" if up else "down_conv"
        for i in range(3):
            rises = up == (i % 2 == 0)
            layer = _Conv(_make_projection(width, scale, up=rises), key="deconv" if rises else "conv")
            self.add_module(f"{self.prefix}{i + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        if self.inputs > 1:
            x = self.conv(x)
        return _back_project(x, [self.get_submodule(f"{self.prefix}{i}") for i in (1, 2, 3)])


class _Output(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = conv(inputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


class DBPN(Network):
    """10,426,358 parameters at x4 with 7 stages; receptive field: 21 LR pixels to each side.

    Args:
        scale: 2, 4 or 8.
        width: features of the projections.
        features: of the first convolution.
        stages: number of up-projections; there is one down-projection less.
        iterations: runs of all stages, each on the last LR maps of the run before; with more than one, only the
            last HR maps of each run enter the output, as in DBPN-RES-MR64-3.
        residual: add the bicubically upscaled input, as in the ``RES`` models; no trace in the state dict.
    """

    title = "DBPN"
    paper = "Haris et al., CVPR 2018, arXiv:1803.02735, and arXiv:1904.05677"
    keys_source = "alterzero/DBPN-Pytorch"
    licence = "MIT (alterzero/DBPN-Pytorch)"
    untraced: Mapping[str, str] = {"residual": "True in the models whose name has RES, such as DBPN-RES-MR64-3"}
    configurations = (
        Configuration(
            "DBPN (D-DBPN)",
            {"scale": 4},
            PublishedScores(
                set5={2: 38.09, 4: 32.47},
                b100={2: 32.27, 4: 27.72},
                source="table in yulunzhang/RCAN, Figs/psnr_bi_1 to 3",
            ),
        ),
        Configuration("DBPN, T = 2", {"scale": 4, "stages": 2}),
        Configuration("DBPN, T = 10", {"scale": 4, "stages": 10}),
        Configuration("DBPN-RES-MR64-3", {"scale": 4, "iterations": 3, "residual": True}),
    )
    tiny = (
        {"scale": 2, "width": 2, "features": 3, "stages": 3},
        {"scale": 4, "width": 2, "features": 3, "stages": 2, "iterations": 3},
        {"scale": 8, "width": 2, "features": 3, "stages": 2},
    )

    def __init__(
        self,
        *,
        scale: int = 4,
        width: int = 64,
        features: int = 256,
        stages: int = 7,
        iterations: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        _check_scale(scale)
        self.scale = scale
        self.stages = stages
        self.iterations = iterations
        self.residual = residual
        self.receptive_field = _compute_receptive_field(scale, stages + (stages - 1) * (iterations - 1))
        self.feat0 = _Conv(conv(3, features))
        self.feat1 = _Conv(conv(features, width, 1))
        for i in range(1, stages + 1):
            self.add_module(f"up{i}", _Unit(width, scale, up=True, inputs=max(i - 1, 1)))
            if i < stages:
                self.add_module(f"down{i}", _Unit(width, scale, up=False, inputs=i))
        self.output_conv = _Output(width * (stages if iterations == 1 else iterations))

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) in [0, 1] to sr (N, 3, scale*H, scale*W), not clamped."""
        small = self.feat1(self.feat0(lr))
        results: list[Tensor] = []
        for _ in range(self.iterations):
            small, large = self._run(small)
            results = large if self.iterations == 1 else [*results, large[0]]
        sr: Tensor = self.output_conv(torch.cat(results, dim=1))
        if self.residual:
            size = (lr.shape[-2] * self.scale, lr.shape[-1] * self.scale)
            sr = sr + nn.functional.interpolate(lr, size=size, mode="bicubic", antialias=True)
        return sr

    def _run(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Compute the last LR maps, and the HR maps of all stages, newest first."""
        small: list[Tensor] = []
        large: list[Tensor] = []
        for i in range(1, self.stages + 1):
            large = [self.get_submodule(f"up{i}")(torch.cat(small, dim=1) if small else x), *large]
            if i < self.stages:
                small = [self.get_submodule(f"down{i}")(torch.cat(large, dim=1)), *small]
        return (small[0] if small else x), large

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but ``residual``."""
        features = require_shape(state, "feat0.conv.weight", network="dbpn")[0]
        width = require_shape(state, "feat1.conv.weight", network="dbpn")[0]
        stages = 0
        while f"up{stages + 1}.up_conv1.deconv.weight" in state:
            stages += 1
        maps = require_shape(state, "output_conv.conv.weight", network="dbpn")[1] // width
        return {
            "scale": _infer_scale(state, "up1.up_conv1.deconv.weight", network="dbpn"),
            "width": width,
            "features": features,
            "stages": stages,
            "iterations": 1 if maps == stages else maps,
        }


def _infer_scale(state: Mapping[str, Tensor], key: str, *, network: str) -> int:
    side = require_shape(state, key, network=network)[-1]
    for scale, kernel in _KERNELS.items():
        if kernel == side:
            return scale
    raise ModelError(f"not a state dict of {network}: kernels of side {side}, expected 6 (x2), 8 (x4) or 12 (x8).")


class _DenseUnit(nn.Module):
    """The same projection under the keys of EDSR-PyTorch, with one slope for each channel."""

    def __init__(self, width: int, scale: int, *, up: bool, inputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        if inputs > 1:
            self.bottleneck = nn.Sequential(nn.Conv2d(inputs * width, width, 1), nn.PReLU(width))
        self.conv_1, self.conv_2, self.conv_3 = (
            nn.Sequential(_make_projection(width, scale, up=up == (i % 2 == 0)), nn.PReLU(width)) for i in range(3)
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.inputs > 1:
            x = self.bottleneck(x)
        return _back_project(x, [self.conv_1, self.conv_2, self.conv_3])


class DDBPN(Network):
    """2,207,067 parameters at x4 (1,260,891 at x2); receptive field: 18 LR pixels to each side at x4.

    Args:
        scale: 2, 4 or 8.
        features: of the first convolution.
        width: features of the projections.
        stages: number of up-projections; there is one down-projection less.
    """

    title = "DDBPN"
    paper = "Haris et al., CVPR 2018, arXiv:1803.02735, as in EDSR-PyTorch"
    keys_source = "EDSR-PyTorch"
    licence = "MIT (EDSR-PyTorch)"
    configurations = (Configuration("DDBPN of EDSR-PyTorch", {"scale": 4}),)
    tiny = (
        {"scale": 2, "width": 2, "features": 3, "stages": 3},
        {"scale": 4, "width": 2, "features": 3, "stages": 2},
    )

    value_range = 255.0

    def __init__(self, *, scale: int = 4, features: int = 128, width: int = 32, stages: int = 6) -> None:
        super().__init__()
        _check_scale(scale)
        self.scale = scale
        self.receptive_field = _compute_receptive_field(scale, stages)
        self.sub_mean = MeanShift(value_range=255.0, sign=-1)
        self.initial = nn.Sequential(
            conv(3, features), nn.PReLU(features), nn.Conv2d(features, width, 1), nn.PReLU(width)
        )
        self.upmodules = nn.ModuleList(_DenseUnit(width, scale, up=True, inputs=max(i, 1)) for i in range(stages))
        self.downmodules = nn.ModuleList(_DenseUnit(width, scale, up=False, inputs=i + 1) for i in range(stages - 1))
        self.reconstruction = nn.Sequential(conv(stages * width, 3))
        self.add_mean = MeanShift(value_range=255.0, sign=1)

    def forward(self, lr: Tensor) -> Tensor:
        """Map lr (N, 3, H, W) on 0..255 to sr (N, 3, scale*H, scale*W), not clamped."""
        x = self.initial(self.sub_mean(lr))
        small: list[Tensor] = []
        large: list[Tensor] = []
        for i, up in enumerate(self.upmodules):
            large.append(up(torch.cat(small, dim=1) if small else x))
            if i < len(self.downmodules):
                small.append(self.downmodules[i](torch.cat(large, dim=1)))
        sr: Tensor = self.add_mean(self.reconstruction(torch.cat(large, dim=1)))
        return sr

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments."""
        return {
            "scale": _infer_scale(state, "upmodules.0.conv_1.0.weight", network="ddbpn"),
            "features": require_shape(state, "initial.0.weight", network="ddbpn")[0],
            "width": require_shape(state, "initial.2.weight", network="ddbpn")[0],
            "stages": count_blocks(state, "upmodules."),
        }

"""USRNet: a data step in closed form and a learned prior, alternating, conditioned on the kernel and the noise.

Zhang, Van Gool and Timofte, "Deep Unfolding Network for Image Super-Resolution", CVPR 2020, arXiv:2003.10428.
Keys of cszn/USRNet. lr = (sr convolved circularly with the kernel), upper left pixel of every block, plus noise.
Differs from the paper: nothing known; written with complex tensors.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.info import JSON
from kukkiri.networks.blocks import conv, count_blocks, require_shape
from kukkiri.networks.interface import Configuration, Network, PublishedScores

__all__ = ["USRNet", "initialize_as_interpolator", "kernel_spectrum", "solve_data_term"]


def kernel_spectrum(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """Compute the Fourier transform of a kernel on an image of ``size``, its centre (side // 2) at the origin.

    Args:
        kernel: (N, 1, K, K), true convolution, not correlation.
        size: height and width, at least K.

    Returns:
        (N, 1, *size), complex.
    """
    height, width = kernel.shape[-2:]
    padded = functional.pad(kernel, (0, size[1] - width, 0, size[0] - height))
    spectrum: Tensor = torch.fft.fft2(torch.roll(padded, (-(height // 2), -(width // 2)), dims=(-2, -1)))
    return spectrum


def solve_data_term(x: Tensor, lr: Tensor, kernel: Tensor, alpha: Tensor, *, scale: int) -> Tensor:
    """Minimize ||lr - downsample(kernel * z)||^2 + alpha ||z - x||^2 over z, in closed form.

    Args:
        x: (N, C, scale*H, scale*W), the estimate of the prior.
        lr: (N, C, H, W).
        kernel: (N, 1, K, K), non-negative, sums to 1.
        alpha: (N, 1, 1, 1), positive.
        scale: of the downsampling, which keeps the upper left pixel of every block.

    Returns:
        z, shape of ``x``.

    Reference: Zhao et al., "Fast Single Image Super-Resolution Using a New Analytical Solution for l2-l2
    Problems", TIP 2016, as in the paper's Eq. 7.
    """
    height, width = x.shape[-2:]
    spectrum = kernel_spectrum(kernel, (height, width))
    spread = x.new_zeros(x.shape)
    spread[..., ::scale, ::scale] = lr
    right = spectrum.conj() * torch.fft.fft2(spread) + torch.fft.fft2(alpha * x)

    def alias(value: Tensor) -> Tensor:
        """Average the frequencies that downsampling makes equal."""
        n, c, *_ = value.shape
        return value.reshape(n, c, scale, height // scale, scale, width // scale).mean(dim=(2, 4))

    quotient = alias(spectrum * right) / (alias(spectrum.abs() ** 2) + alpha)
    tiled = quotient.repeat(1, 1, scale, scale)
    z: Tensor = torch.fft.ifft2((right - spectrum.conj() * tiled) / alpha).real
    return z


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.res = nn.Sequential(conv(width, width, bias=False), nn.ReLU(), conv(width, width, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.res(x)
        return x + residual


class _Prior(nn.Module):
    """U-net that removes noise of the level in its fourth channel."""

    def __init__(self, widths: Sequence[int], depth: int) -> None:
        super().__init__()

        def blocks(width: int) -> list[nn.Module]:
            return [_Block(width) for _ in range(depth)]

        self.m_head = conv(4, widths[0], bias=False)
        for i in range(3):
            down = nn.Conv2d(widths[i], widths[i + 1], 2, stride=2, bias=False)
            self.add_module(f"m_down{i + 1}", nn.Sequential(*blocks(widths[i]), down))
        self.m_body = nn.Sequential(*blocks(widths[3])) if depth > 1 else _Block(widths[3])
        for i in (2, 1, 0):
            up = nn.ConvTranspose2d(widths[i + 1], widths[i], 2, stride=2, bias=False)
            self.add_module(f"m_up{i + 1}", nn.Sequential(up, *blocks(widths[i])))
        self.m_tail = conv(widths[0], 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        skips = [self.m_head(functional.pad(x, (0, -width % 8, 0, -height % 8), mode="replicate"))]
        for i in (1, 2, 3):
            skips.append(self.get_submodule(f"m_down{i}")(skips[-1]))
        x = self.m_body(skips[3])
        for i in (3, 2, 1):
            x = self.get_submodule(f"m_up{i}")(x + skips[i])
        out: Tensor = self.m_tail(x + skips[0])
        return out[..., :height, :width]


class _Weights(nn.Module):
    """Network from noise level and scale to alpha and beta of every iteration."""

    def __init__(self, hidden: int, iterations: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Conv2d(2, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, 2 * iterations, 1),
            nn.Softplus(),
        )

    def forward(self, x: Tensor) -> Tensor:
        positive: Tensor = self.mlp(x)
        return positive + 1e-6


class USRNet(Network):
    """17,016,016 parameters; 590,332 as tiny (6 iterations, 16-32-64-64, hidden 32); global receptive field.

    Args:
        scale: default of the forward; one model serves every scale.
        iterations: pairs of data step and prior.
        hidden: features of the network that computes their weights.
        widths: features of the prior at its four resolutions.
        depth: residual blocks at each.
    """

    title = "USRNet"
    paper = "Zhang et al., CVPR 2020, arXiv:2003.10428"
    keys_source = "cszn/USRNet"
    licence = "no licence file (cszn/USRNet)"
    configurations = (
        Configuration(
            "USRNet",
            {"scale": 4},
            PublishedScores(
                set5={2: 37.72, 3: 34.45, 4: 32.45}, b100={2: 32.1, 3: 29.18, 4: 27.69}, source="README of cszn/USRNet"
            ),
        ),
        Configuration("USRNet, tiny", {"scale": 4, "iterations": 6, "hidden": 32, "widths": [16, 32, 64, 64]}),
    )
    tiny = (
        {"scale": 2, "iterations": 2, "hidden": 4, "widths": [2, 3, 4, 5], "depth": 1},
        {"scale": 3, "iterations": 1, "hidden": 4, "widths": [2, 3, 4, 5], "depth": 2},
    )

    conditions = ("kernel", "noise_std")
    receptive_field = None

    def __init__(
        self,
        *,
        scale: int = 2,
        iterations: int = 8,
        hidden: int = 64,
        widths: Sequence[int] = (64, 128, 256, 512),
        depth: int = 2,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.iterations = iterations
        self.p = _Prior(widths, depth)
        self.h = _Weights(hidden, iterations)

    def forward(self, lr: Tensor, kernel: Tensor, noise_std: Tensor, *, scale: int | None = None) -> Tensor:
        """Upscale images of known kernel and noise.

        Args:
            lr: (N, 3, H, W) in [0, 1].
            kernel: (N, 1, K, K), in HR pixels, K at most the shorter side of sr.
            noise_std: standard deviation in [0, 1], (N,) or (N, 1, 1, 1).
            scale: by default that of the constructor.

        Returns:
            sr, (N, 3, scale*H, scale*W), not clamped.
        """
        scale = self.scale if scale is None else scale
        level = noise_std.reshape(-1, 1, 1, 1)
        weights = self.h(torch.cat((level, torch.full_like(level, scale)), dim=1))
        x = functional.interpolate(lr, scale_factor=float(scale), mode="nearest")
        for i in range(self.iterations):
            x = solve_data_term(x, lr, kernel, weights[:, i : i + 1], scale=scale)
            beta = weights[:, self.iterations + i : self.iterations + i + 1].expand(-1, -1, *x.shape[-2:])
            x = self.p(torch.cat((x, beta), dim=1))
        return x

    def example_conditions(self, batch: int) -> tuple[Tensor, ...]:
        """A flat kernel of 5x5 pixels and a noise level for each image."""
        return torch.full((batch, 1, 5, 5), 1 / 25), torch.rand(batch)

    @classmethod
    def list_scales(cls, arguments: Mapping[str, JSON]) -> tuple[int, ...] | None:
        """Every scale: it is a step of the data term."""
        return None

    @classmethod
    def arguments_from_state(cls, state: Mapping[str, Tensor]) -> dict[str, JSON]:
        """Infer all arguments but the scale, which leaves no trace."""
        depth = count_blocks(state, "p.m_down1.") - 1
        widths = [require_shape(state, f"p.m_up{i}.0.weight", network="usrnet")[1] for i in (1, 2, 3)]
        outputs, hidden, *_ = require_shape(state, "h.mlp.4.weight", network="usrnet")
        return {
            "iterations": outputs // 2,
            "hidden": hidden,
            "widths": [*widths, require_shape(state, "p.m_up3.0.weight", network="usrnet")[0]],
            "depth": depth,
        }


@torch.no_grad()
def initialize_as_interpolator(network: USRNet) -> None:
    """Initialize a USRNet as its data steps alone, in place: the prior is the identity.

    By default the prior, which has no residual connection from its input, has to learn the identity first, and alpha
    is about 0.7 in every iteration, with which a data step changes little. Here the colours go through the first
    three features of head and tail, to which nothing else adds, and alpha is 0.01. The rest is PyTorch's default.

    Raises:
        ValueError: fewer than three features.
    """
    prior, weights = network.p, network.h
    head, tail, top = prior.m_head.weight, prior.m_tail.weight, prior.get_submodule("m_up1")
    if len(head) < 3:
        raise ValueError("the interpolator initialization needs three features, one for each colour")
    head[:3] = 0.0
    tail.zero_()
    for colour in range(3):
        head[colour, colour, 1, 1] = 1.0
        tail[colour, colour, 1, 1] = 1.0
    for name, layer in top.named_parameters():
        if name == "0.weight":
            layer[:, :3] = 0.0  # a transposed convolution: its outputs come second
        elif name.endswith("res.2.weight"):
            layer[:3] = 0.0
    weights.get_parameter("mlp.4.bias")[: network.iterations] = math.log(math.expm1(0.01))
    weights.get_parameter("mlp.4.weight")[: network.iterations] *= 0.1  # every scale and level begins near 0.01

"""Non-local attention: the response at a position is a weighted mean over all positions."""

from itertools import pairwise as neighbours
from typing import get_args

import torch
from torch import Tensor, nn

from kukkiri.attention.pairwise import Pairwise, affinity, respond, respond_plain
from kukkiri.errors import ImageError

__all__ = ["NonLocal", "RegionalNonLocal"]

_CONVOLUTIONS: dict[int, type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d]] = {
    1: nn.Conv1d,
    2: nn.Conv2d,
    3: nn.Conv3d,
}
_POOLING = {1: (2,), 2: (2, 2), 3: (1, 2, 2)}


class NonLocal(nn.Module):
    """z_i = W y_i + x_i, y_i = sum_j f(x_i, x_j) g(x_j) / normalizer; initialized as the identity, W = 0.

    Keys: ``g.*``, ``W.*``, ``theta.*``, ``phi.*`` (no theta and phi for the Gaussian), ``concat_project.0.weight``;
    with ``sub_sample`` ``g.0.*`` and ``phi.0.*``; with ``batch_norm`` ``W.0.*`` and ``W.1.*``.

    Args:
        channels: C, features in and out.
        inter_channels: features of g, theta and phi; half of C if ``None``.
        dimension: 1, 2 or 3 axes of positions.
        pairwise: ``gaussian`` exp(x_i . x_j), ``embedded_gaussian`` exp(theta_i . phi_j), both divided by their
            sum; ``dot_product`` theta_i . phi_j and ``concatenation`` relu(w . [theta_i; phi_j]), both divided by
            the number of keys.
        sub_sample: downsample keys and values by max-pooling of 2 (in 3-D along the last two axes).
        batch_norm: a batch normalization after W, which is then initialized as zero instead of W.
        bounded: False builds the matrix of all pairs; True computes the same in memory linear in the positions.

    Reference: Wang et al., Non-local Neural Networks, CVPR 2018, arXiv:1711.07971.
    Differs from the paper: subsampling follows the projection, as in the common PyTorch code.
    """

    def __init__(
        self,
        channels: int,
        *,
        inter_channels: int | None = None,
        dimension: int = 2,
        pairwise: Pairwise = "embedded_gaussian",
        sub_sample: bool = False,
        batch_norm: bool = False,
        bounded: bool = True,
    ) -> None:
        super().__init__()
        if dimension not in _CONVOLUTIONS:
            raise ValueError(f"dimension must be 1, 2 or 3, got {dimension}")
        if pairwise not in get_args(Pairwise):
            raise ValueError(f"pairwise must be one of {', '.join(get_args(Pairwise))}, got {pairwise!r}")
        convolution = _CONVOLUTIONS[dimension]
        inner = max(1, channels // 2) if inter_channels is None else inter_channels
        self.dimension, self.pairwise, self.bounded = dimension, pairwise, bounded
        self.pooling = _POOLING[dimension] if sub_sample else (1,) * dimension
        self.g = self._pooled(convolution(channels, inner, kernel_size=1))
        self.W = self._output(convolution(inner, channels, kernel_size=1), channels, batch_norm)
        if pairwise == "gaussian":
            self.theta: nn.Module = nn.Identity()
            self.phi = self._pooled(nn.Identity())
        else:
            self.theta = convolution(channels, inner, kernel_size=1)
            self.phi = self._pooled(convolution(channels, inner, kernel_size=1))
        if pairwise == "concatenation":
            self.concat_project = nn.Sequential(nn.Conv2d(2 * inner, 1, kernel_size=1, bias=False), nn.ReLU())

    def _pooled(self, layer: nn.Module) -> nn.Module:
        pools = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
        if max(self.pooling) == 1:
            return layer
        return nn.Sequential(layer, pools[self.dimension](self.pooling))

    def _output(self, layer: nn.Module, channels: int, batch_norm: bool) -> nn.Module:
        norms = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
        last = norms[self.dimension](channels) if batch_norm else layer
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        return nn.Sequential(layer, last) if batch_norm else layer

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute queries (N, L, D) and keys (N, K, D) for the pairwise function."""
        queries, keys = self.theta(x).flatten(2).mT, self.phi(x).flatten(2).mT
        if self.pairwise == "concatenation":
            first, second = self.concat_project.get_parameter("0.weight").flatten().chunk(2)
            return (queries @ first)[..., None], (keys @ second)[..., None]
        return queries, keys

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W), or (N, C, L) or (N, C, D, H, W), to the same shape."""
        queries, keys = self._project(x)
        values = self.g(x).flatten(2).mT
        evaluate = respond if self.bounded else respond_plain
        y = evaluate(queries, keys, values, pairwise=self.pairwise)
        z: Tensor = self.W(y.mT.reshape(x.shape[0], -1, *x.shape[2:]))
        return z + x

    @torch.no_grad()
    def attention(self, x: Tensor, position: tuple[int, ...]) -> Tensor:
        """Compute the normalized weights of all keys for the query at ``position``.

        Args:
            x: (N, C, H, W), or of 1 or 3 axes of positions.
            position: indices of the query, (row, column) in 2-D.

        Returns:
            (N, H, W), or with subsampling (N, H // 2, W // 2).
        """
        queries, keys = self._project(x)
        grid = torch.arange(queries.shape[1]).view(x.shape[2:])
        index = int(grid[position])
        weights = affinity(queries[:, index : index + 1], keys, pairwise=self.pairwise)
        return weights.view(x.shape[0], *(size // pool for size, pool in zip(x.shape[2:], self.pooling, strict=True)))


class RegionalNonLocal(nn.Module):
    """Non-local attention within each of k x k regions of a map; key prefix ``non_local.``.

    Region i covers rows i*H//k up to (i+1)*H//k, likewise for columns. Attention within regions costs 1/k^2 of
    attention over the whole map, and the authors of SAN found it better.

    Args:
        channels: features in and out.
        regions: k, along each side.
        inter_channels: features of g, theta and phi; half of the channels if ``None``.
        pairwise: similarity of two positions, see :class:`NonLocal`.
        sub_sample: downsample keys and values by 2 x 2 max-pooling.
        batch_norm: after W.
        bounded: memory linear in the positions.

    Reference: Dai et al., SAN, CVPR 2019, section 3.2.
    """

    def __init__(
        self,
        channels: int,
        *,
        regions: int = 2,
        inter_channels: int | None = None,
        pairwise: Pairwise = "embedded_gaussian",
        sub_sample: bool = False,
        batch_norm: bool = False,
        bounded: bool = True,
    ) -> None:
        super().__init__()
        if regions < 1:
            raise ValueError(f"regions must be at least 1, got {regions}")
        self.regions = regions
        self.non_local = NonLocal(
            channels,
            inter_channels=inter_channels,
            dimension=2,
            pairwise=pairwise,
            sub_sample=sub_sample,
            batch_norm=batch_norm,
            bounded=bounded,
        )

    def bounds(self, size: int) -> list[int]:
        """Return the first positions of the regions of a side, and its end."""
        return [index * size // self.regions for index in range(self.regions + 1)]

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape.

        Raises:
            ImageError: the map is too small, so that a region would have no key.
        """
        h, w = x.shape[2:]
        if not torch.compiler.is_exporting():
            least = self.regions * max(self.non_local.pooling)
            if h < least or w < least:
                raise ImageError(
                    f"{w}x{h} pixels are too few for non-local attention over {self.regions}x{self.regions} regions: "
                    f"each side needs at least {least}. Pad or upscale the image."
                )
        rows, columns = self.bounds(h), self.bounds(w)
        strips = []
        for top, bottom in neighbours(rows):
            strip = x[:, :, top:bottom]
            parts = [self.non_local(strip[..., a:b]) for a, b in neighbours(columns)]
            strips.append(torch.cat(parts, dim=3))
        return torch.cat(strips, dim=2)

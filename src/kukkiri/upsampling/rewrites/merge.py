"""Merging of two consecutive convolutions, and of parallel branches, into one convolution with the same results.

Consecutive: y = W2 (W1 x + b1) + b2 has the kernel W2 * W1 (full convolution), k1 + (k2 - 1) s1 taps along a
side. This is cheaper only where the inner channels are many in comparison with the taps, as with 1x1 kernels. Borders:
the second layer pads the intermediate map with zeros, where the merged layer has the results of the first layer; the
outermost ``padding`` pixels of the second layer differ by exactly these contributions (with a 1x1 first layer: by its
bias alone). ``exact_border`` computes these pixels by the original layers.

Parallel: the sum of branches is the sum of their kernels, each centred in the largest one: re-parameterization
(Ding et al., RepVGG, CVPR 2021, arXiv:2101.03697; Zhang et al., ECBSR, ACM MM 2021).
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.upsampling.rewrites.phases import dilate
from kukkiri.upsampling.rewrites.resize_conv import ExactBorder

__all__ = ["FixedFilter", "ParallelBranches", "PointwiseThenConv", "merge_branches", "merge_convolutions"]


def merge_convolutions(first: nn.Conv2d, second: nn.Conv2d, *, exact_border: bool = True) -> nn.Module:
    """Rewrite ``second(first(x))`` as one convolution.

    Args:
        first: any strides, dilation, groups and padding with zeros.
        second: the same; where it pads, the border differs (see the module).
        exact_border: wrap the result in an :class:`ExactBorder` where ``second`` pads; requires stride 1.

    Returns:
        A ``Conv2d``, equal everywhere if ``second`` does not pad (or the first layer is 1x1 without padding and
        bias), and otherwise equal but for ``second.padding`` pixels; or that in an :class:`ExactBorder`.

    Raises:
        ValueError: the channels do not fit, padding is not zeros, or an exact border is requested with strides
            or with a result of another size than the input.
    """
    if first.out_channels != second.in_channels:
        raise ValueError(f"{first.out_channels} channels do not fit a layer of {second.in_channels}")
    weight_one, weight_two = _expand_kernel(first), _expand_kernel(second)
    stride = (first.stride[0], first.stride[1])
    # (C2, M, k2) scattered by (M, C1, k1): tap (u2, u1) lands at u2 * s1 + u1
    kernel = functional.conv_transpose2d(weight_two, weight_one, stride=stride)
    pads_one, pads_two = _read_padding(first), _read_padding(second)
    biased = first.bias is not None or second.bias is not None
    merged = nn.Conv2d(
        first.in_channels,
        second.out_channels,
        (kernel.shape[2], kernel.shape[3]),
        stride=(stride[0] * second.stride[0], stride[1] * second.stride[1]),
        padding=(pads_one[0] + stride[0] * pads_two[0], pads_one[1] + stride[1] * pads_two[1]),
        bias=biased,
        dtype=kernel.dtype,
        device=kernel.device,
    )
    with torch.no_grad():
        merged.weight.copy_(kernel)
        if merged.bias is not None:
            merged.bias.zero_()
            if first.bias is not None:
                merged.bias += weight_two.sum(dim=(2, 3)) @ first.bias
            if second.bias is not None:
                merged.bias += second.bias
    border = max(pads_two)
    silent = first.bias is None and first.kernel_size == (1, 1) and max(pads_one) == 0
    if not exact_border or border == 0 or silent:
        return merged
    same = all(2 * p == k - 1 for p, k in zip(_read_padding(merged), merged.kernel_size, strict=True))
    if merged.stride != (1, 1) or not same:
        raise ValueError("an exact border needs stride 1 and an output of the input's size; pass exact_border=False")
    return ExactBorder(merged, nn.Sequential(first, second), border=border, depth=border + max(merged.kernel_size))


class PointwiseThenConv(nn.Module):
    """A 1x1 convolution, then a k x k one that pads with the bias of the first, so that both merge exactly.

    As in ECBSR: outside of the image the input is zero, so that the 1x1 layer gives its bias there.
    """

    def __init__(self, pointwise: nn.Conv2d, conv: nn.Conv2d) -> None:
        """Take a 1x1 layer and a layer of odd size without padding."""
        super().__init__()
        if pointwise.kernel_size != (1, 1) or pointwise.padding != (0, 0) or conv.padding != (0, 0):
            raise ValueError("expected a 1x1 convolution and one without padding")
        self.pointwise = pointwise
        self.conv = conv

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', H, W)."""
        rows, columns = (k // 2 for k in self.conv.kernel_size)
        # pad first: the 1x1 layer then writes its bias into the border
        result: Tensor = self.conv(self.pointwise(functional.pad(image, (columns, columns, rows, rows))))
        return result


class FixedFilter(nn.Module):
    """A fixed 3x3 filter on every channel with a learned factor and bias for each: the edge branches of ECBSR."""

    FILTERS: dict[str, tuple[tuple[float, ...], ...]] = {  # noqa: RUF012
        "sobel-x": ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
        "sobel-y": ((1, 2, 1), (0, 0, 0), (-1, -2, -1)),
        "laplacian": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    }

    def __init__(self, channels: int, *, name: str) -> None:
        """Build ``sobel-x``, ``sobel-y`` or ``laplacian`` for ``channels``, factors sampled as in ECBSR (std 1e-3)."""
        super().__init__()
        if name not in self.FILTERS:
            raise ValueError(f"unknown filter {name!r}; known: {', '.join(self.FILTERS)}")
        self.factor = nn.Parameter(torch.randn(channels, 1, 1, 1) * 1e-3)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("taps", torch.tensor(self.FILTERS[name])[None, None])

    def weight(self) -> Tensor:
        """Compute the depthwise kernel, (channels, 1, 3, 3)."""
        taps = self.get_buffer("taps")
        return self.factor * taps

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape, with zero padding."""
        return functional.conv2d(image, self.weight(), self.bias, padding=1, groups=len(self.bias))


class ParallelBranches(nn.Module):
    """The sum of branches on the same input, for training; :func:`merge_branches` makes it one layer."""

    def __init__(self, branches: Iterable[nn.Module]) -> None:
        """Take branches from (N, C, H, W) to (N, C', H, W)."""
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', H, W)."""
        return torch.stack([branch(image) for branch in self.branches]).sum(dim=0)


def merge_branches(branches: Iterable[nn.Module], *, channels: int) -> nn.Conv2d:
    """Re-parameterize parallel branches as one convolution that equals their sum everywhere.

    Args:
        branches: each a ``Conv2d`` of odd size with "same" zero padding and stride 1 (any groups and dilation),
            ``Identity``, ``BatchNorm2d`` in eval mode, :class:`FixedFilter`, :class:`PointwiseThenConv`, or a
            ``Sequential`` of ``Conv2d`` or ``FixedFilter`` (or nothing) and then ``BatchNorm2d``.
        channels: of the input.

    Raises:
        ValueError: there are no branches, or one is of another kind.
    """
    parts = [_express(branch, channels) for branch in branches]
    if not parts:
        raise ValueError("there is nothing to merge")
    height, width = (max(kernel.shape[side] for kernel, _ in parts) for side in (2, 3))
    total, total_bias = torch.zeros((), dtype=parts[0][0].dtype), torch.zeros((), dtype=parts[0][0].dtype)
    for kernel, bias in parts:
        rows, columns = (height - kernel.shape[2]) // 2, (width - kernel.shape[3]) // 2
        total = total + functional.pad(kernel, (columns, columns, rows, rows))
        total_bias = total_bias + bias
    merged = nn.Conv2d(channels, total.shape[0], (height, width), padding=(height // 2, width // 2), dtype=total.dtype)
    with torch.no_grad():
        merged.weight.copy_(total)
        if merged.bias is not None:
            merged.bias.copy_(total_bias)
    return merged.to(total.device)


def _express(branch: nn.Module, channels: int) -> tuple[Tensor, Tensor]:
    """Express a branch by the weight and bias of a convolution."""
    match branch:
        case nn.Identity():
            eye = torch.eye(channels, dtype=torch.get_default_dtype())
            return eye[:, :, None, None], eye.new_zeros(channels)
        case FixedFilter():
            return _expand_groups(branch.weight().detach(), groups=channels), branch.bias.detach()
        case PointwiseThenConv():
            merged = merge_convolutions(branch.pointwise, branch.conv)
            return _express_conv(merged)
        case nn.BatchNorm2d():
            return _fold_norm(*_express(nn.Identity(), channels), norm=branch)
        case nn.Conv2d():
            extents = [(k - 1) * d + 1 for k, d in zip(branch.kernel_size, branch.dilation, strict=True)]
            odd = all(e % 2 == 1 and 2 * p == e - 1 for e, p in zip(extents, _read_padding(branch), strict=True))
            if not odd or branch.stride != (1, 1):
                raise ValueError(f'a branch must be of odd size with "same" zero padding and stride 1, got {branch}')
            return _express_conv(branch)
        case nn.Sequential() if len(branch) == 2 and isinstance(branch[1], nn.BatchNorm2d):
            return _fold_norm(*_express(branch[0], channels), norm=branch[1])
    raise ValueError(f"cannot merge a branch of type {type(branch).__name__}")


def _express_conv(conv: nn.Module) -> tuple[Tensor, Tensor]:
    if not isinstance(conv, nn.Conv2d):
        raise ValueError(f"cannot merge a branch of type {type(conv).__name__}")
    weight = _expand_kernel(conv)
    return weight, weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias.detach()


def _read_padding(conv: nn.Conv2d) -> tuple[int, int]:
    """Return the rows and columns of zeros that a convolution pads."""
    padding = conv.padding
    if conv.padding_mode != "zeros" or isinstance(padding, str):
        raise ValueError(f"expected a number of zeros as padding, got {conv}")
    return padding[0], padding[1]


def _fold_norm(kernel: Tensor, bias: Tensor, *, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Fold a batch normalization in eval mode into the kernel before it."""
    if norm.training or norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch normalization must be in eval mode, with running statistics")
    factor = (norm.running_var + norm.eps).rsqrt()
    shift = -norm.running_mean * factor
    if norm.affine:
        factor, shift = factor * norm.weight.detach(), shift * norm.weight.detach() + norm.bias.detach()
    return kernel * factor[:, None, None, None], bias * factor + shift


def _expand_kernel(conv: nn.Conv2d) -> Tensor:
    """Write the zeros of dilation and groups into the weight."""
    return _expand_groups(
        dilate(conv.weight.detach(), dilation=(conv.dilation[0], conv.dilation[1])), groups=conv.groups
    )


def _expand_groups(weight: Tensor, *, groups: int) -> Tensor:
    """Expand (C, Cin / groups, kh, kw) to (C, Cin, kh, kw) with zeros between the groups."""
    if groups == 1:
        return weight
    channels, inputs = weight.shape[0] // groups, weight.shape[1]
    full = weight.new_zeros(weight.shape[0], inputs * groups, *weight.shape[2:])
    for g in range(groups):
        rows, columns = slice(g * channels, (g + 1) * channels), slice(g * inputs, (g + 1) * inputs)
        full[rows, columns] = weight[rows]
    return full

"""The sparse matrix C of a convolution: the layer computes C x, the transposed layer C^T y.

A transposed convolution is not the inverse: it has the connections of C in the other direction, and restores only the
size. Along one side, with d = dilation (k - 1) + 1 the extent of the kernel,

    convolution  n -> m = floor((n + 2p - d) / s) + 1,
    transposed   m -> n = (m - 1) s + d - 2p + output_padding,

and output_padding < s selects one of the s sizes that the floor makes equal. With 2p - output_padding = k - s the
transposed layer gives exactly n = s m; :func:`exact_crop` solves that.

Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["convolution_matrix", "convolution_size", "exact_crop", "transposed_size"]


def convolution_size(length: int, *, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Compute the output length of a convolution, floor((n + 2p - d) / s) + 1.

    Raises:
        ValueError: the kernel does not fit into the padded input.
    """
    room = length + 2 * padding - dilation * (kernel_size - 1) - 1
    if room < 0:
        raise ValueError(f"a kernel of {kernel_size} does not fit into {length} pixels with padding {padding}")
    return room // stride + 1


def transposed_size(
    length: int,
    *,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
) -> int:
    """Compute the output length of a transposed convolution, (m - 1) s + d - 2p + output_padding."""
    return (length - 1) * stride + dilation * (kernel_size - 1) + 1 - 2 * padding + output_padding


def exact_crop(kernel_size: int, *, scale: int) -> tuple[int, int]:
    """Compute the padding and output padding of a transposed convolution that gives exactly ``scale`` times the input.

    The uncropped output is k - s pixels too long. The padding removes p at both ends, and the output padding
    adds pixels at the far end: p = ceil((k - s) / 2), and 1 added where k - s is odd, so that the crop is
    p before and floor((k - s) / 2) after. FSRCNN's 9x9 kernel at stride 3: (3, 0).

    Returns:
        (padding, output_padding).

    Raises:
        ValueError: the kernel is smaller than the scale, so that some pixels read nothing, or even at scale 1.
    """
    excess = kernel_size - scale
    if excess < 0:
        raise ValueError(f"kernel_size {kernel_size} is below scale {scale}: some output pixels read nothing")
    if scale == 1 and excess % 2:
        raise ValueError(f"at scale 1 the kernel must be odd, got {kernel_size}")
    return (excess + 1) // 2, excess % 2


def convolution_matrix(
    weight: Tensor, *, size: Sequence[int], stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """Make the matrix C of a convolution with zero padding.

    Args:
        weight: (C', C, k) or (C', C, kh, kw), as ``torch.nn.functional.conv1d`` and ``conv2d`` take it.
        size: of the input without batch and channels: (n,) or (h, w).
        stride: along every side.
        padding: at both ends of every side.
        dilation: along every side.

    Returns:
        A coalesced sparse COO tensor, (C' * outputs, C * inputs), dtype of ``weight``: row and column are
        the positions in a flattened (C', ...) and (C, ...) array. A 3x3 kernel on 4x4 gives 4x16; its transpose
        is the transposed convolution from 2x2 to 4x4, 16x4.

    Raises:
        ValueError: ``size`` does not fit the weight, or the kernel does not fit into the input.
    """
    sides = weight.ndim - 2
    if sides not in (1, 2) or len(size) != sides:
        raise ValueError(f"a weight of shape {tuple(weight.shape)} does not fit inputs of size {tuple(size)}")
    channels_out, channels_in = weight.shape[:2]
    outputs = [
        convolution_size(n, kernel_size=k, stride=stride, padding=padding, dilation=dilation)
        for n, k in zip(size, weight.shape[2:], strict=True)
    ]
    # one axis at a time: output i reads input i * stride + tap * dilation - padding
    out_places, in_places = torch.zeros((), dtype=torch.long), torch.zeros((), dtype=torch.long)
    inside = torch.ones((), dtype=torch.bool)
    for n, m, k in zip(size, outputs, weight.shape[2:], strict=True):
        places = torch.arange(m)[:, None] * stride + torch.arange(k)[None, :] * dilation - padding
        in_places = in_places[..., None, None] * n + places
        out_places = out_places[..., None, None] * m + torch.arange(m)[:, None].expand(m, k)
        inside = inside[..., None, None] & (places >= 0) & (places < n)
    # axes now (m, k) or (m, k, m', k'); move the taps behind the outputs and add the channels in front
    order = (0, 1) if sides == 1 else (0, 2, 1, 3)
    shape = (channels_out, channels_in, *(in_places.permute(order).shape))
    rows = torch.arange(channels_out).reshape(-1, 1, *[1] * (2 * sides)) * math.prod(outputs) + out_places.permute(
        order
    )
    columns = torch.arange(channels_in).reshape(1, -1, *[1] * (2 * sides)) * math.prod(size) + in_places.permute(order)
    taps = weight.detach().reshape(channels_out, channels_in, *[1] * sides, *weight.shape[2:]).expand(shape)
    keep = inside.permute(order).expand(shape)
    indices = torch.stack([rows.expand(shape)[keep], columns.expand(shape)[keep]])
    extent = (channels_out * math.prod(outputs), channels_in * math.prod(size))
    return torch.sparse_coo_tensor(indices, taps[keep], extent, check_invariants=True).coalesce()

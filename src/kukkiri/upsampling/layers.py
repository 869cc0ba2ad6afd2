"""Upsampling layers by an integer scale: five with one interface, by name, and max-unpooling.

=================  =====================================================  ==========================
layer              computation                                            ``kernel_size`` counts
=================  =====================================================  ==========================
TransposedConv     every LR pixel scatters a kernel; overlaps are added   output pixels, 2 * scale
ZeroInsertConv     the same numbers: zeros between the pixels, then a     output pixels, 2 * scale
                   convolution with the flipped kernel
ResizeConv         nearest or bilinear upscaling, then a convolution    output pixels, 3
SubPixelConv       a convolution to scale^2 channels, then a shuffle      LR pixels, 3
SubPixelSpaceConv  the same numbers: zeros between the pixels, then one   LR pixels, 3
                   convolution scale times as large, of which every
                   output pixel reads only the taps of its phase
=================  =====================================================  ==========================

All pad with zeros and give exactly ``scale`` times the input. By default a weight is initialized uniformly in
+-1/sqrt(n), where n counts the inputs that one output value really reads; PyTorch's initialization of a transposed
convolution counts its output channels instead, and is far too large before few channels.

:class:`MaxUnpooling` has no parameters, and needs the places that the max-pooling of an encoder found.

References: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv:1603.07285;
Shi et al., CVPR 2016, arXiv:1609.05158, and "Is the deconvolution layer the same as a convolutional layer?",
2016, arXiv:1609.07009; Odena et al., "Deconvolution and checkerboard artifacts", Distill, 2016;
Badrinarayanan et al., "SegNet", TPAMI 2017, arXiv:1511.00561, for the unpooling.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.upsampling.icnr import Upscaling, icnr_, icnr_transposed_
from kukkiri.upsampling.matrix import exact_crop

__all__ = [
    "UPSAMPLERS",
    "MaxUnpooling",
    "ResizeConv",
    "SameConv2d",
    "SubPixelConv",
    "SubPixelSpaceConv",
    "TransposedConv",
    "Upsampler",
    "ZeroInsertConv",
    "insert_zeros",
    "space_from_sub_pixel",
    "sub_pixel_from_space",
]


class Upsampler(nn.Module):
    """A layer from (N, channels_in, H, W) to (N, channels_out, scale*H, scale*W), not clamped."""

    default_kernel_size: Callable[[int], int] = staticmethod(lambda scale: 3)

    def __init__(self, *, channels_in: int, channels_out: int, scale: int, kernel_size: int | None = None) -> None:
        super().__init__()
        self.channels_in = channels_in
        self.channels_out = channels_out
        self.scale = scale
        self.kernel_size = type(self).default_kernel_size(scale) if kernel_size is None else kernel_size
        for name in ("channels_in", "channels_out", "scale", "kernel_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    def icnr_(self, *, upscaling: Upscaling = "nearest") -> "Upsampler":
        """Initialize as convolution + upscaling (see :mod:`kukkiri.upsampling.icnr`), the bias as zero.

        Raises:
            TypeError: the layer already upscales by interpolation.
        """
        raise TypeError(f"{type(self).__name__} needs no ICNR: it upscales by interpolation")

    def extra_repr(self) -> str:
        """Describe the interface, for ``print``."""
        return f"{self.channels_in}, {self.channels_out}, scale={self.scale}, kernel_size={self.kernel_size}"


class SameConv2d(nn.Conv2d):
    """A convolution with zero padding that keeps the size; an even kernel reads one pixel more at the far end."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel_size: int) -> None:
        odd = kernel_size % 2 == 1
        super().__init__(channels_in, channels_out, kernel_size, padding=kernel_size // 2 if odd else 0)
        self.even_pads = None if odd else ((kernel_size - 1) // 2, kernel_size // 2)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', H, W)."""
        if self.even_pads is not None:
            image = functional.pad(image, self.even_pads * 2)
        return super().forward(image)


def insert_zeros(image: Tensor, *, scale: int) -> Tensor:
    """Insert ``scale - 1`` zeros after every pixel along both sides, (N, C, H, W) to (N, C, scale*H, scale*W)."""
    n, c, h, w = image.shape
    spread = functional.pad(image.reshape(n, c, h, 1, w, 1), (0, scale - 1, 0, 0, 0, scale - 1))
    return spread.reshape(n, c, h * scale, w * scale)


def space_from_sub_pixel(weight: Tensor, *, scale: int) -> Tensor:
    """Arrange the taps of a sub-pixel convolution in space: (C*s^2, Cin, k, k) to (C, Cin, k*s, k*s).

    Output pixel (phase) a reads LR tap t at position s*t + s-1-a of the large kernel.
    """
    phases, inputs, height, width = weight.shape
    split = weight.reshape(phases // scale**2, scale, scale, inputs, height, width).flip(1, 2)
    return split.permute(0, 3, 4, 1, 5, 2).reshape(-1, inputs, height * scale, width * scale)


def sub_pixel_from_space(weight: Tensor, *, scale: int) -> Tensor:
    """Invert :func:`space_from_sub_pixel`: (C, Cin, k*s, k*s) to (C*s^2, Cin, k, k)."""
    channels, inputs, height, width = weight.shape
    split = weight.reshape(channels, inputs, height // scale, scale, width // scale, scale)
    return split.permute(0, 3, 5, 1, 2, 4).flip(1, 2).reshape(-1, inputs, height // scale, width // scale)


class TransposedConv(Upsampler):
    """``torch.nn.ConvTranspose2d`` cropped to exactly ``scale`` times the input.

    The crop is that of :func:`kukkiri.upsampling.matrix.exact_crop`. A checkerboard appears when ``kernel_size`` is no
    multiple of ``scale`` (uneven overlap), and also when it is, since every phase has weights of its own.
    """

    default_kernel_size = staticmethod(lambda scale: 2 * scale)

    def __init__(self, *, channels_in: int, channels_out: int, scale: int, kernel_size: int | None = None) -> None:
        super().__init__(channels_in=channels_in, channels_out=channels_out, scale=scale, kernel_size=kernel_size)
        self.crop, output_padding = exact_crop(self.kernel_size, scale=scale)
        self.conv = nn.ConvTranspose2d(
            channels_in,
            channels_out,
            self.kernel_size,
            stride=scale,
            padding=self.crop,
            output_padding=output_padding,
        )
        _init_uniform_(self.conv, reads=channels_in * (self.kernel_size / scale) ** 2)

    def icnr_(self, *, upscaling: Upscaling = "nearest") -> "TransposedConv":
        """Initialize as convolution + upscaling, the bias as zero."""
        icnr_transposed_(self.conv.weight, scale=self.scale, padding=self.crop, upscaling=upscaling)
        _zero_bias(self.conv)
        return self

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, channels_in, H, W) to (N, channels_out, scale*H, scale*W)."""
        sr: Tensor = self.conv(lr)
        return sr


class ZeroInsertConv(TransposedConv):
    """:class:`TransposedConv` with the same state dict and results, computed by zero insertion and a convolution."""

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, channels_in, H, W) to (N, channels_out, scale*H, scale*W)."""
        after = self.crop
        before = self.kernel_size - 1 - after
        kernel = self.conv.weight.transpose(0, 1).flip(2, 3)
        space = functional.pad(insert_zeros(lr, scale=self.scale), (before, after, before, after))
        return functional.conv2d(space, kernel, self.conv.bias)


class ResizeConv(Upsampler):
    """Nearest or bilinear upscaling, then a convolution: no checkerboard with any weights."""

    def __init__(
        self,
        *,
        channels_in: int,
        channels_out: int,
        scale: int,
        kernel_size: int | None = None,
        mode: Literal["nearest", "bilinear"] = "nearest",
    ) -> None:
        super().__init__(channels_in=channels_in, channels_out=channels_out, scale=scale, kernel_size=kernel_size)
        if mode not in ("nearest", "bilinear"):
            raise ValueError(f"mode must be 'nearest' or 'bilinear', got {mode!r}")
        self.mode = mode
        self.conv = SameConv2d(channels_in, channels_out, kernel_size=self.kernel_size)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, channels_in, H, W) to (N, channels_out, scale*H, scale*W); bilinear repeats the border pixels."""
        hr = functional.interpolate(
            lr,
            scale_factor=float(self.scale),
            mode=self.mode,
            align_corners=False if self.mode == "bilinear" else None,
        )
        sr: Tensor = self.conv(hr)
        return sr


class SubPixelConv(Upsampler):
    """A convolution to ``channels_out * scale^2`` channels at LR size, then ``torch.nn.PixelShuffle``."""

    def __init__(self, *, channels_in: int, channels_out: int, scale: int, kernel_size: int | None = None) -> None:
        super().__init__(channels_in=channels_in, channels_out=channels_out, scale=scale, kernel_size=kernel_size)
        self.conv = SameConv2d(channels_in, channels_out * scale**2, kernel_size=self.kernel_size)
        self.shuffle = nn.PixelShuffle(scale)

    def icnr_(self, *, upscaling: Upscaling = "nearest") -> "SubPixelConv":
        """Initialize as convolution + upscaling, the bias as zero."""
        icnr_(self.conv.weight, scale=self.scale, upscaling=upscaling)
        _zero_bias(self.conv)
        return self

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, channels_in, H, W) to (N, channels_out, scale*H, scale*W)."""
        sr: Tensor = self.shuffle(self.conv(lr))
        return sr


class SubPixelSpaceConv(Upsampler):
    """Sub-pixel convolution in space: zeros between the LR pixels, then one large convolution.

    The weight is (channels_out, channels_in, k*scale, k*scale), so that neighbouring sub-pixels have
    neighbouring taps (:func:`space_from_sub_pixel`); there is one bias for all phases. The results are
    those of :class:`SubPixelConv`.
    """

    def __init__(self, *, channels_in: int, channels_out: int, scale: int, kernel_size: int | None = None) -> None:
        super().__init__(channels_in=channels_in, channels_out=channels_out, scale=scale, kernel_size=kernel_size)
        self.conv = nn.Conv2d(channels_in, channels_out, self.kernel_size * scale)
        _init_uniform_(self.conv, reads=channels_in * self.kernel_size**2)

    def icnr_(self, *, upscaling: Upscaling = "nearest") -> "SubPixelSpaceConv":
        """Initialize as convolution + upscaling, the bias as zero."""
        size = (self.channels_out * self.scale**2, self.channels_in, self.kernel_size, self.kernel_size)
        phases = icnr_(self.conv.weight.new_empty(size), scale=self.scale, upscaling=upscaling)
        with torch.no_grad():
            self.conv.weight.copy_(space_from_sub_pixel(phases, scale=self.scale))
        _zero_bias(self.conv)
        return self

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, channels_in, H, W) to (N, channels_out, scale*H, scale*W)."""
        left = (self.kernel_size - 1) // 2
        before, after = self.scale * (left + 1) - 1, self.scale * (self.kernel_size - 1 - left)
        space = functional.pad(insert_zeros(lr, scale=self.scale), (before, after, before, after))
        sr: Tensor = self.conv(space)
        return sr


class MaxUnpooling(nn.Module):
    """Max-unpooling, SegNet's upsampling: every value goes where max-pooling found it, and zeros elsewhere.

    There are no parameters; the convolutions that follow fill the gaps. The layer is not in
    ``UPSAMPLERS``, since it needs the places that :meth:`pool` returns for an image of the upscaled size.

    Args:
        scale: side of the pooled blocks, which do not overlap.

    Reference: Badrinarayanan et al., SegNet, TPAMI 2017, arXiv:1511.00561, section 3.
    """

    def __init__(self, *, scale: int) -> None:
        super().__init__()
        if scale < 1:
            raise ValueError(f"scale must be at least 1, got {scale}")
        self.scale = scale

    def pool(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Find the maximum of every block of ``scale`` x ``scale`` pixels.

        Args:
            image: (N, C, scale*H, scale*W).

        Returns:
            The maxima (N, C, H, W), and their places (N, C, H, W), int64: row * scale*W + column.

        Raises:
            ValueError: a side is no multiple of ``scale``.
        """
        if image.shape[-2] % self.scale or image.shape[-1] % self.scale:
            raise ValueError(f"expected sides that are multiples of {self.scale}, got {tuple(image.shape[-2:])}")
        maxima, places = functional.max_pool2d(image, self.scale, return_indices=True)
        return maxima, places

    def forward(self, lr: Tensor, places: Tensor) -> Tensor:
        """Put values at their places.

        Args:
            lr: (N, C, H, W).
            places: (N, C, H, W), from :meth:`pool`.

        Returns:
            (N, C, scale*H, scale*W).

        Raises:
            ValueError: the shapes differ.
        """
        if lr.shape != places.shape:
            raise ValueError(f"values of shape {tuple(lr.shape)} need places of that shape, got {tuple(places.shape)}")
        n, c, h, w = lr.shape
        flat = lr.new_zeros(n, c, self.scale**2 * h * w).scatter(2, places.flatten(2), lr.flatten(2))
        return flat.reshape(n, c, self.scale * h, self.scale * w)

    def extra_repr(self) -> str:
        """Describe the scale, for ``print``."""
        return f"scale={self.scale}"


def _init_uniform_(conv: nn.Conv2d | nn.ConvTranspose2d, *, reads: float) -> None:
    bound = 1.0 / math.sqrt(reads)
    nn.init.uniform_(conv.weight, -bound, bound)
    if conv.bias is not None:
        nn.init.uniform_(conv.bias, -bound, bound)


def _zero_bias(conv: nn.Conv2d | nn.ConvTranspose2d) -> None:
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


UPSAMPLERS: dict[str, Callable[..., Upsampler]] = {
    "transposed": TransposedConv,
    "zero-insert": ZeroInsertConv,
    "resize-nearest": ResizeConv,
    "resize-bilinear": partial(ResizeConv, mode="bilinear"),
    "sub-pixel": SubPixelConv,
    "sub-pixel-space": SubPixelSpaceConv,
}
"""Every layer by its name; all take ``channels_in``, ``channels_out``, ``scale`` and optionally ``kernel_size``."""

"""Exact rewrites of transposed convolution as sub-pixel convolution and back: both are one operation.

A transposed convolution scatters: full output u receives x[i] w[u - s i]. Write u = s q + a with the phase a
in [0, s); then phase a of cell q is the convolution sum over t of x[q - t] w[a + s t], at LR size. All phases
together are one convolution to C s^2 channels with ceil(k / s) taps along a side, and a shuffle. The padding
p = s P + r of the layer crops: P whole cells, which are not computed, and r pixels, cut after the shuffle.

There are two forms: ``crop`` is that; ``dense`` first puts zeros before the kernel so that r = 0, which costs up to one
more tap along a side and no cut. Taps that the kernel does not have (k no multiple of s) are zeros.

Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016, arXiv:1609.07009.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Crop", "Form", "PhaseBias", "PhaseConv", "dilate", "sub_pixel_to_transposed", "transposed_to_sub_pixel"]

Form = Literal["crop", "dense"]
Pair = tuple[int, int]


class Crop(nn.Module):
    """Cut pixels off the sides; a negative number adds zeros."""

    def __init__(self, *, top: int = 0, bottom: int = 0, left: int = 0, right: int = 0) -> None:
        super().__init__()
        self.cut = (left, right, top, bottom)

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H - top - bottom, W - left - right)."""
        left, right, top, bottom = self.cut
        if min(self.cut) < 0:
            return functional.pad(image, (-left, -right, -top, -bottom))
        return image[..., top : -bottom or None, left : -right or None]

    def extra_repr(self) -> str:
        """Describe the four numbers, for ``print``."""
        left, right, top, bottom = self.cut
        return f"top={top}, bottom={bottom}, left={left}, right={right}"


class PhaseBias(nn.Module):
    """Add a number for each channel and phase to an image upscaled by ``scale``."""

    def __init__(self, bias: Tensor, *, scale: int) -> None:
        """Take a bias of (C * scale^2,), in the order of ``torch.nn.PixelShuffle``."""
        super().__init__()
        self.scale = scale
        self.bias = nn.Parameter(bias.detach().clone().reshape(1, -1, 1, scale, 1, scale))

    def forward(self, image: Tensor) -> Tensor:
        """Map (N, C, s*H, s*W) to the same shape."""
        n, c, h, w = image.shape
        cells = image.reshape(n, c, h // self.scale, self.scale, w // self.scale, self.scale)
        return (cells + self.bias).reshape(n, c, h, w)


class PhaseConv(nn.Module):
    """A convolution at LR size to all phases, a pixel shuffle and a crop: the result of the rewrites."""

    def __init__(
        self,
        conv: nn.Conv2d,
        *,
        scale: int,
        pads: tuple[int, int, int, int],
        crop: tuple[int, int, int, int],
        pad_mode: Literal["constant", "replicate"] = "constant",
    ) -> None:
        """Build the module.

        Args:
            conv: to C * scale^2 channels, stride 1, without padding.
            scale: of the shuffle.
            pads: LR pixels added left, right, top and bottom; negative ones are cut.
            crop: HR pixels cut left, right, top and bottom.
            pad_mode: values of the added pixels: zeros or those of the edge.
        """
        super().__init__()
        left, right, top, bottom = pads
        self.scale = scale
        self.crop = crop
        self.pad_mode: Literal["constant", "replicate"] = pad_mode
        self.pads: tuple[int, int, int, int] | None = pads
        self.conv = conv
        if pad_mode == "constant" and left == right >= 0 and top == bottom >= 0:
            conv.padding = (top, left)  # the engine's own padding copies nothing
            self.pads = None
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, C, H, W) at LR size to the upscaled image."""
        if self.pads is not None:
            lr = functional.pad(lr, self.pads, mode=self.pad_mode)
        sr: Tensor = self.shuffle(self.conv(lr))
        left, right, top, bottom = self.crop
        if any(self.crop):
            sr = sr[..., top : -bottom or None, left : -right or None]
        return sr

    def extra_repr(self) -> str:
        """Describe the geometry, for ``print``."""
        return f"scale={self.scale}, pads={self.pads}, crop={self.crop}, pad_mode={self.pad_mode}"

    @classmethod
    def from_scatter(
        cls,
        weight: Tensor,
        bias: Tensor | None,
        *,
        scale: int,
        padding: Pair,
        extra: Pair,
        groups: int = 1,
        form: Form = "crop",
        pad_mode: Literal["constant", "replicate"] = "constant",
    ) -> "PhaseConv":
        """Make the gathering form of a scattering, transposed convolution.

        Args:
            weight: (Cin, C / groups, kh, kw), as in a transposed convolution.
            bias: (C,) or ``None``.
            scale: the stride.
            padding: (rows, columns) cut before the first output pixel; any integers.
            extra: (rows, columns), length of the output minus scale times that of the input; any integers.
            groups: of the channels.
            form: see the module.
            pad_mode: values outside of the input; those of a transposed convolution are zeros.
        """
        if form not in get_args(Form):
            raise ValueError(f"unknown form {form!r}; known: {', '.join(get_args(Form))}")
        weight = weight.detach()
        if form == "dense":
            above, before = (-padding[0] % scale, -padding[1] % scale)
            weight = functional.pad(weight, (before, 0, above, 0))
            padding = (padding[0] + above, padding[1] + before)
        inputs, channels, height, width = weight.shape
        taps = (-(-height // scale), -(-width // scale))
        full = functional.pad(weight, (0, taps[1] * scale - width, 0, taps[0] * scale - height))
        # (g, Cin/g, C/g, t, a, t', a') -> (g, C/g, a, a', Cin/g, t reversed, t' reversed)
        split = full.reshape(groups, inputs // groups, channels, taps[0], scale, taps[1], scale)
        phases = split.permute(0, 2, 4, 6, 1, 3, 5).flip(5, 6)
        conv = nn.Conv2d(
            inputs, groups * channels * scale**2, taps, groups=groups, bias=bias is not None, dtype=weight.dtype
        )
        with torch.no_grad():
            conv.weight.copy_(phases.reshape(conv.weight.shape))
            if bias is not None and conv.bias is not None:
                conv.bias.copy_(bias.repeat_interleave(scale**2))
        rows = _compute_ends(taps[0], scale=scale, padding=padding[0], extra=extra[0])
        columns = _compute_ends(taps[1], scale=scale, padding=padding[1], extra=extra[1])
        return cls(
            conv.to(weight.device),
            scale=scale,
            pads=(columns[0], columns[1], rows[0], rows[1]),
            crop=(columns[2], columns[3], rows[2], rows[3]),
            pad_mode=pad_mode,
        )


def _compute_ends(taps: int, *, scale: int, padding: int, extra: int) -> tuple[int, int, int, int]:
    """Compute (pad before, pad after, crop before, crop after) along one side; independent of its length."""
    cells, rest = divmod(padding, scale)
    last = (padding + extra - 1) // scale  # cell of the last output pixel, counted from the input's end
    return taps - 1 - cells, last + 1, rest, (last + 1 - cells) * scale - rest - extra


def dilate(weight: Tensor, *, dilation: Pair) -> Tensor:
    """Write the zeros of a dilated kernel, for dilation 1."""
    if dilation == (1, 1):
        return weight
    height, width = ((k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True))
    full = weight.new_zeros(*weight.shape[:2], height, width)
    full[:, :, :: dilation[0], :: dilation[1]] = weight
    return full


def transposed_to_sub_pixel(layer: nn.ConvTranspose2d, *, form: Form = "crop") -> PhaseConv:
    """Rewrite a transposed convolution of any kernel, padding, output padding, dilation and groups.

    The result is equal everywhere, also at the borders; only the order of the additions differs.

    Raises:
        ValueError: the strides differ, so no pixel shuffle fits.
    """
    if layer.stride[0] != layer.stride[1]:
        raise ValueError(f"strides must be equal, got {layer.stride}")
    scale = int(layer.stride[0])
    weight = dilate(layer.weight.detach(), dilation=_as_pair(layer.dilation))
    padding, given_back = _as_pair(layer.padding), _as_pair(layer.output_padding)
    extra = (
        weight.shape[2] - scale - 2 * padding[0] + given_back[0],
        weight.shape[3] - scale - 2 * padding[1] + given_back[1],
    )
    return PhaseConv.from_scatter(
        weight, layer.bias, scale=scale, padding=padding, extra=extra, groups=layer.groups, form=form
    )


def sub_pixel_to_transposed(conv: nn.Conv2d, *, scale: int) -> nn.Module:
    """Rewrite a convolution followed by a pixel shuffle as a transposed convolution with scale * k taps.

    Tap v of phase a becomes tap a + scale (k - 1 - v). The result is equal everywhere. A bias that differs
    between the phases of a channel, or a padding wider than the kernel, requires a :class:`PhaseBias` after it.

    Returns:
        A ``ConvTranspose2d``, or a ``Sequential`` of it, a :class:`Crop` and a :class:`PhaseBias`.

    Raises:
        ValueError: the convolution has strides or a padding other than zeros, or its channels do not fit.
    """
    padding = conv.padding
    if _as_pair(conv.stride) != (1, 1) or conv.padding_mode != "zeros" or isinstance(padding, str):
        raise ValueError(f"expected stride 1 and a number of zeros as padding, got {conv}")
    groups = conv.groups
    if conv.out_channels % (groups * scale**2):
        raise ValueError(f"{conv.out_channels} channels in {groups} groups do not shuffle at scale {scale}")
    weight = dilate(conv.weight.detach(), dilation=_as_pair(conv.dilation))
    height, width = weight.shape[2:]
    channels = conv.out_channels // scale**2
    # (g, C/g, a, a', Cin/g, v, v') -> (g, Cin/g, C/g, v reversed, a, v' reversed, a')
    split = weight.reshape(groups, channels // groups, scale, scale, weight.shape[1], height, width)
    scattered = split.flip(5, 6).permute(0, 4, 1, 5, 2, 6, 3)
    pads = getattr(conv, "even_pads", None)
    before, after = ((pads[0],) * 2, (pads[1],) * 2) if pads else (_as_pair(padding),) * 2
    crops = [scale * (k - 1 - p) for k, p in zip((height, width, height, width), (*before, *after), strict=True)]
    plain = crops[:2] == crops[2:] and min(crops) >= 0
    bias = conv.bias.detach() if conv.bias is not None else None
    # a bias that differs between phases, or that is also added to the zeros of a negative crop, comes after
    behind = bias is not None and (min(crops) < 0 or bool((bias.view(-1, scale**2).diff(dim=1) != 0).any()))
    layer = nn.ConvTranspose2d(
        conv.in_channels,
        channels,
        (height * scale, width * scale),
        stride=scale,
        padding=(crops[0], crops[1]) if plain else 0,
        groups=groups,
        bias=bias is not None and not behind,
        dtype=weight.dtype,
        device=weight.device,
    )
    with torch.no_grad():
        layer.weight.copy_(scattered.reshape(layer.weight.shape))
        if layer.bias is not None and bias is not None:
            layer.bias.copy_(bias[:: scale**2])
    stages: list[nn.Module] = [layer]
    if not plain:
        stages.append(Crop(top=crops[0], left=crops[1], bottom=crops[2], right=crops[3]))
    if behind and bias is not None:
        stages.append(PhaseBias(bias, scale=scale))
    return stages[0] if len(stages) == 1 else nn.Sequential(*stages)


def _as_pair(numbers: tuple[int, ...] | str) -> Pair:
    return int(numbers[0]), int(numbers[1])

"""Mend a checkerboard: make the phases of the last upsampler answer a constant alike, with least change in weights.

The gain of a phase is the sum of its taps, per input and output channel. The weights nearest to w (in the sum
of squares) whose gains are equal are w + (g - g_a) / n_a on each of the n_a taps of phase a, where the common
gain g = sum(g_a / n_a) / sum(1 / n_a) is the mean of the gains where all phases have as many taps.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError

__all__ = ["Upsampling", "equalise_sub_pixel_", "equalise_transposed_", "find_upsampling", "repair_"]


def equalise_transposed_(weight: Tensor, *, scale: int) -> Tensor:
    """Give every phase of a transposed convolution the same gain, in place.

    Args:
        weight: (Cin, C, kh, kw) as ``torch.nn.ConvTranspose2d`` keeps it, kh and kw at least ``scale``.
        scale: the stride.

    Returns:
        ``weight``.

    Raises:
        ValueError: a phase has no taps.
    """
    if min(weight.shape[2:]) < scale:
        raise ValueError(f"a kernel of {tuple(weight.shape[2:])} leaves phases without taps at scale {scale}")
    with torch.no_grad():
        phases = [weight[:, :, y::scale, x::scale] for y in range(scale) for x in range(scale)]
        means = torch.stack([phase.mean(dim=(2, 3)) for phase in phases])
        counts = weight.new_tensor([phase[0, 0].numel() for phase in phases])
        common = means.sum(dim=0) / (1 / counts).sum()
        for phase, mean, count in zip(phases, means, counts, strict=True):
            phase += (common / count - mean)[:, :, None, None]
    return weight


def equalise_sub_pixel_(weight: Tensor, bias: Tensor | None = None, *, scale: int) -> Tensor:
    """Give every phase of a sub-pixel convolution the same gain and the same bias, in place.

    Args:
        weight: (C*s^2, Cin, kh, kw), phases in the order of ``torch.nn.PixelShuffle``.
        bias: (C*s^2,) or ``None``.
        scale: of the shuffle.

    Returns:
        ``weight``.

    Raises:
        ValueError: the channels are no multiple of scale^2.
    """
    if weight.shape[0] % scale**2:
        raise ValueError(f"{weight.shape[0]} output channels are not a multiple of scale^2 = {scale**2}")
    with torch.no_grad():
        means = weight.mean(dim=(2, 3)).reshape(-1, scale**2, weight.shape[1])
        change = (means.mean(dim=1, keepdim=True) - means).reshape(weight.shape[0], -1)
        weight += change[:, :, None, None]
        if bias is not None:
            grouped = bias.view(-1, scale**2)
            grouped.copy_(grouped.mean(dim=1, keepdim=True).expand_as(grouped))
    return weight


@dataclass(frozen=True)
class Upsampling:
    """A layer inside a module that enlarges: a transposed convolution, or the convolution before a shuffle."""

    name: str
    """Dotted name inside the module."""
    layer: nn.Conv2d | nn.ConvTranspose2d
    scale: int

    def equalise_(self) -> float:
        """Make the phases answer alike.

        Returns:
            The change of the weights, root of the sum of squares relative to that of the weights.
        """
        before = self.layer.weight.detach().clone()
        if isinstance(self.layer, nn.ConvTranspose2d):
            equalise_transposed_(self.layer.weight, scale=self.scale)
        else:
            equalise_sub_pixel_(self.layer.weight, self.layer.bias, scale=self.scale)
        return float((self.layer.weight.detach() - before).norm() / before.norm().clamp_min(1e-12))


def find_upsampling(module: nn.Module) -> list[Upsampling]:
    """Every learned enlargement of a module, in the order of its definition.

    A transposed convolution with equal strides above 1, or a convolution that is followed, among the
    modules as they are defined, by a ``PixelShuffle``, before which no other convolution stands.
    """
    found: list[Upsampling] = []
    last: tuple[str, nn.Conv2d] | None = None
    for name, layer in module.named_modules():
        if isinstance(layer, nn.ConvTranspose2d):
            if layer.stride[0] == layer.stride[1] > 1:
                found.append(Upsampling(name, layer, int(layer.stride[0])))
            last = None
        elif isinstance(layer, nn.Conv2d):
            last = (name, layer)
        elif isinstance(layer, nn.PixelShuffle) and last and last[1].out_channels % layer.upscale_factor**2 == 0:
            found.append(Upsampling(last[0], last[1], layer.upscale_factor))
            last = None
    return found


def repair_(module: nn.Module) -> tuple[str, float]:
    """Make the phases of the module's last learned enlargement answer alike, in place.

    Returns:
        The layer's name and the relative change of its weights.

    Raises:
        ModelError: there is no learned enlargement, so nothing to repair.
    """
    found = find_upsampling(module)
    if not found:
        raise ModelError(
            f"{type(module).__name__} has neither a transposed nor a sub-pixel convolution, so no phases to even out."
        )
    return found[-1].name, found[-1].equalise_()

"""Repair of checkerboards: equal responses of the phases of an upsampler to constants, with least change of weights.

The response of a phase to constant features f is the sum over the channels of f_c times the gain of the phase, which is
the sum of its taps for that channel. There are two kinds of repair:

- for *every* constant: the gains themselves become equal for each pair of channels. The nearest weights are
  w + (g - g_a) / n_a on each of the n_a taps of phase a, with the common gain g = sum(g_a / n_a) / sum(1 / n_a). This
  suits the beginning of training; in a trained network the phases have different gains whose sum over the features
  that occur is even, and the change is large.
- for *given* constants, such as the features of grey images: least squares under a few conditions, so that a trained
  network keeps almost all of its weights.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError

__all__ = [
    "Upsampling",
    "equalize_sub_pixel_",
    "equalize_transposed_",
    "find_upsampling",
    "make_flat_images",
    "repair_",
]


def equalize_transposed_(
    weight: Tensor, *, scale: int, features: Tensor | None = None, tolerance: float = 0.0
) -> Tensor:
    """Make the responses of all phases of a transposed convolution to constants equal, in place.

    Args:
        weight: (Cin, C, kh, kw) as in ``torch.nn.ConvTranspose2d``, kh and kw at least ``scale``.
        scale: the stride.
        features: (L, Cin), the constants; ``None`` for every constant.
        tolerance: allowed distance of a phase from the common response to ``features``, in the layer's units;
            smaller differences cause no change.

    Returns:
        ``weight``.

    Raises:
        ValueError: a phase has no taps.
    """
    if min(weight.shape[2:]) < scale:
        raise ValueError(f"a kernel of {tuple(weight.shape[2:])} leaves phases without taps at scale {scale}")
    with torch.no_grad():
        phases = [weight[:, :, y::scale, x::scale] for y in range(scale) for x in range(scale)]
        gains = torch.stack([phase.sum(dim=(2, 3)) for phase in phases]).double()
        counts = torch.tensor([phase[0, 0].numel() for phase in phases], dtype=torch.float64)
        change, _ = _compute_least_change(gains, counts.to(gains.device), None, features, tolerance)
        for phase, difference in zip(phases, change, strict=True):
            phase += difference.to(weight.dtype)[:, :, None, None]
    return weight


def equalize_sub_pixel_(
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    scale: int,
    features: Tensor | None = None,
    tolerance: float = 0.0,
) -> Tensor:
    """Make the responses of all phases of a sub-pixel convolution to constants equal, in place.

    Args:
        weight: (C*s^2, Cin, kh, kw), phases in the order of ``torch.nn.PixelShuffle``.
        bias: (C*s^2,) or ``None``; equalized, too.
        scale: of the shuffle.
        features: (L, Cin), the constants; ``None`` for every constant.
        tolerance: allowed distance of a phase from the common response to ``features``, in the layer's units;
            smaller differences cause no change.

    Returns:
        ``weight``.

    Raises:
        ValueError: the channels are no multiple of scale^2.
    """
    if weight.shape[0] % scale**2:
        raise ValueError(f"{weight.shape[0]} output channels are not a multiple of scale^2 = {scale**2}")
    with torch.no_grad():
        # (phases, Cin, C), as for the transposed form
        gains = weight.double().sum(dim=(2, 3)).reshape(-1, scale**2, weight.shape[1]).permute(1, 2, 0)
        counts = gains.new_full((scale**2,), float(weight.shape[2] * weight.shape[3]))
        biases = None if bias is None else bias.double().reshape(-1, scale**2).T
        change, bias_change = _compute_least_change(gains, counts, biases, features, tolerance)
        weight += change.permute(2, 0, 1).reshape(weight.shape[:2]).to(weight.dtype)[:, :, None, None]
        if bias is not None and bias_change is not None:
            bias += bias_change.T.reshape(-1).to(bias.dtype)
    return weight


def _compute_least_change(
    gains: Tensor, counts: Tensor, biases: Tensor | None, features: Tensor | None, tolerance: float
) -> tuple[Tensor, Tensor | None]:
    """Compute the least change of every tap and bias.

    Args:
        gains: (A, Cin, C), float64, by phase.
        counts: (A,), taps of each phase.
        biases: (A, C) or ``None``.
        features: (L, Cin) or ``None``.
        tolerance: see :func:`equalize_transposed_`.

    Returns:
        (A, Cin, C) to add to each tap, and (A, C) to the biases.
    """
    share = (1.0 / counts) / (1.0 / counts).sum()
    if features is None:
        missing = torch.einsum("a,aic->ic", share, gains) - gains
        change = missing / counts[:, None, None]
        return change, None if biases is None else biases.mean(dim=0, keepdim=True) - biases
    constants = features.to(gains)
    responses = torch.einsum("li,aic->alc", constants, gains)
    if biases is not None:
        responses = responses + biases[:, None]
    missing = torch.einsum("a,alc->lc", share, responses) - responses
    square = constants @ constants.T
    changes, bias_changes = [], []
    for count, wanted in zip(counts, missing, strict=True):
        system = count * square + (0.0 if biases is None else 1.0)
        multipliers = _solve(system, wanted, tolerance)
        changes.append(constants.T @ multipliers)
        bias_changes.append(multipliers.sum(dim=0))
    return torch.stack(changes), None if biases is None else torch.stack(bias_changes)


def _solve(system: Tensor, wanted: Tensor, tolerance: float) -> Tensor:
    """Solve along the strongest directions first, until the remainder is within ``tolerance``."""
    values, vectors = torch.linalg.eigh(system)
    found = torch.zeros_like(wanted)
    remains = wanted
    for value, direction in zip(values.flip(0), vectors.flip(1).T, strict=True):
        if value <= 1e-10 * values[-1] or float(remains.abs().max()) <= tolerance:
            break
        part = torch.outer(direction, direction @ wanted)
        found = found + part / value
        remains = remains - part
    return found


@dataclass(frozen=True)
class Upsampling:
    """An upsampling layer in a module: a transposed convolution, or the convolution before a pixel shuffle."""

    name: str
    """Dotted name in the module."""
    layer: nn.Conv2d | nn.ConvTranspose2d
    scale: int

    def equalize_(self, features: Tensor | None = None, *, tolerance: float = 0.0) -> float:
        """Make the responses of all phases equal, in place.

        Args:
            features: (L, channels), constants at the input of the layer; ``None`` for every constant.
            tolerance: see :func:`equalize_transposed_`.

        Returns:
            The change of the weights: its norm relative to the norm of the weights.
        """
        before = self.layer.weight.detach().clone()
        if isinstance(self.layer, nn.ConvTranspose2d):
            equalize_transposed_(self.layer.weight, scale=self.scale, features=features, tolerance=tolerance)
        else:
            equalize_sub_pixel_(
                self.layer.weight, self.layer.bias, scale=self.scale, features=features, tolerance=tolerance
            )
        return float((self.layer.weight.detach() - before).norm() / before.norm().clamp_min(1e-12))


def find_upsampling(module: nn.Module) -> list[Upsampling]:
    """Find the learned upsampling layers of a module, in the order of their definition.

    These are transposed convolutions with equal strides above 1, and convolutions that are followed, in the order of
    definition, by a ``PixelShuffle`` without another convolution between them.
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


def repair_(module: nn.Module, *, constants: Tensor | None = None, tolerance: float = 0.0) -> tuple[str, float]:
    """Make the responses of all phases of the last learned upsampling of a module equal, in place.

    Args:
        module: a network or layer.
        constants: (L, C, H, W) flat images in the module's value range, so large that the centre does not depend on
            the border: the responses to these (and their mixtures) become equal. ``None``: every constant.
        tolerance: allowed distance of a phase from the common response to ``constants``, in the last layer's units.

    Returns:
        The layer's name and the relative change of its weights.

    Raises:
        ModelError: there is no learned upsampling; or, with ``constants``, its channels are grouped.
    """
    found = find_upsampling(module)
    if not found:
        raise ModelError(
            f"{type(module).__name__} has neither a transposed nor a sub-pixel convolution, so no phases to equalize."
        )
    last = found[-1]
    if constants is None:
        return last.name, last.equalize_()
    if last.layer.groups != 1:
        raise ModelError(
            f"{last.name} has {last.layer.groups} groups of channels; equalize for every constant instead."
        )
    seen: list[Tensor] = []
    hook = last.layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with torch.no_grad():
            module(constants)
    finally:
        hook.remove()
    height, width = seen[0].shape[2:]
    return last.name, last.equalize_(seen[0][:, :, height // 2, width // 2], tolerance=tolerance)


def make_flat_images(channels: int, *, size: int, levels: int = 9) -> Tensor:
    """Make the flat images of a repair: greys from black to white and, in colour, six saturated tints.

    Returns:
        (L, channels, size, size), float32, in [0, 1].
    """
    values = [[level / (levels - 1)] * channels for level in range(levels)]
    if channels == 3:
        values += [[0.25 + 0.5 * (mix >> bit & 1) for bit in range(3)] for mix in range(1, 7)]
    return torch.tensor(values)[:, :, None, None].expand(-1, -1, size, size).contiguous()

"""Initialization of training: as an interpolator, by whitened random features, or from pretrained weights.

From the default initialization, ESPCN's tanh units stay linear and training stalls at the best linear filter. Whitened
features are non-linear from the first step: the input patches of a layer are rotated into their principal axes, scaled
to unit variance there, and projected on random directions (as LeCun et al., "Efficient BackProp", 1998, section 4.3, do
with inputs). For given features the best last layer is a least-squares problem, which is solved exactly. Pretrained
weights may be those of another scale, or of a smaller network.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from kukkiri.checkpoints import read_safetensors
from kukkiri.checkpoints.reading import read_state
from kukkiri.checkpoints.readings import find_reading
from kukkiri.errors import ConfigError, ModelError
from kukkiri.networks import SESR, Plain, espcn, fsrcnn, usrnet
from kukkiri.networks.blocks import count_blocks, infer_value_range
from kukkiri.networks.interface import Network
from kukkiri.networks.state_shapes import load_fitting, write_shapes
from kukkiri.training.centring import Centred

__all__ = ["initialize_as_interpolator", "initialize_whitened", "solve_head", "transfer", "widen"]

_VARIANCE_FLOOR = 1e-2
"""Relative to the largest variance: principal axes with less are noise and are not scaled to unit variance."""
_GAIN = 0.5
"""Standard deviation of the input of a tanh: non-linear, not saturated."""

Batches = Iterable[tuple[Tensor, Tensor]]


def initialize_as_interpolator(network: Network) -> None:
    """Initialize a network as an interpolation, in place; see the networks' ``initialize_as_interpolator``.

    Raises:
        ConfigError: a network without such an initialization, or with arguments that rule it out.
    """
    try:
        match network:
            case espcn.ESPCN():
                espcn.initialize_as_interpolator(network)
            case fsrcnn.FSRCNN():
                fsrcnn.initialize_as_interpolator(network)
            case usrnet.USRNet():
                usrnet.initialize_as_interpolator(network)
            case _:
                raise ConfigError(
                    "initialization = 'interpolator' is defined for espcn, fsrcnn and usrnet, got "
                    f"{type(network).__name__}."
                )
    except ValueError as error:
        raise ConfigError(f"initialization = 'interpolator': {error}. Change the arguments of the recipe.") from error


@torch.no_grad()
def initialize_whitened(network: Network, batches: Batches, *, centre: float, seed: int) -> None:
    """Initialize an ESPCN with whitened random features and the best last layer for them, in place.

    Args:
        network: an ESPCN.
        batches: (lr, hr) pairs; about 300,000 LR pixels are enough.
        centre: see :mod:`kukkiri.training.centring`; the network is in centred form afterwards.
        seed: of the random directions.

    Raises:
        ConfigError: another network.
    """
    if not isinstance(network, espcn.ESPCN):
        raise ConfigError(f"initialization = 'whitened' is defined for espcn, got {type(network).__name__}.")
    batches = list(batches)
    espcn.initialize_as_interpolator(network)
    generator = torch.Generator().manual_seed(seed)
    features = torch.cat([lr for lr, _ in batches]) - centre
    for layer in (network.first_part[0], network.first_part[2]):
        if isinstance(layer, nn.Conv2d):
            _whiten(layer, features, generator)
            features = torch.tanh(functional.conv2d(features, layer.weight, layer.bias))
    solve_head(network, batches, centre=centre)


def _whiten(layer: nn.Conv2d, features: Tensor, generator: torch.Generator) -> None:
    """Set random directions in the whitened space of the layer's input patches; row 0, the identity path, is kept."""
    patches = functional.unfold(features, layer.kernel_size).transpose(1, 2).flatten(0, 1)
    patches = patches[torch.randperm(len(patches), generator=generator)[:20_000]].double()
    mean = patches.mean(0)
    variances, axes = torch.linalg.eigh(torch.cov(patches.T))
    variances = variances.clamp_min(0)
    scales = (variances + _VARIANCE_FLOOR * variances.max()).rsqrt()
    directions = torch.randn(layer.out_channels, len(scales), generator=generator, dtype=torch.float64)
    directions /= (directions * variances.sqrt() * scales).norm(dim=1, keepdim=True)
    weight = _GAIN * (directions * scales) @ axes.T
    layer.weight[1:] = weight[1:].float().reshape(layer.weight[1:].shape)
    if layer.bias is not None:
        layer.bias[1:] = -(weight[1:] @ mean).float()


@torch.no_grad()
def solve_head(network: Network, batches: Batches, *, centre: float) -> None:
    """Replace the last layer by the least-squares solution for its features, in place.

    Args:
        network: an ESPCN, FSRCNN, SESR or Plain (without ``unshuffle``) with one channel, in centred form.
        batches: (lr, hr) pairs.
        centre: see :mod:`kukkiri.training.centring`.

    Raises:
        ConfigError: another network.
    """
    if isinstance(network, espcn.ESPCN) and network.channels == 1:
        body: nn.Module = network.first_part
        taps, before, first_row = 3, 1, 0
    elif isinstance(network, Plain) and network.channels == 1 == network.unshuffle:
        body = _Features(network)
        taps, before, first_row = 3, 1, 0
    elif isinstance(network, SESR) and network.channels == 1:
        body = _Features(network)
        taps, before, first_row = network.kernel_size, network.kernel_size // 2, 0
    elif isinstance(network, fsrcnn.FSRCNN) and network.channels == 1:
        body = nn.Sequential(network.first_part, network.mid_part)
        taps = -(-9 // network.scale)
        before, first_row = taps - 1 - 4 // network.scale, 4 % network.scale
    else:
        raise ConfigError(
            f"the last layer of {type(network).__name__} in {network.colour} cannot be solved for; expected espcn, "
            "fsrcnn, sesr or plain (without unshuffle) on luma."
        )
    square, product = _normal_equations(
        body,
        batches,
        centre=centre,
        taps=taps,
        before=before,
        first_row=first_row,
        scale=network.scale,
        margin=network.receptive_field or 0,
        adds_input=network.adds_input,
    )
    if isinstance(network, fsrcnn.FSRCNN):
        _fill_transposed(network.last_part, square, product, taps=taps, scale=network.scale)
        return
    solution = _solve(square, product)
    name = "head" if isinstance(network, Plain | SESR) else "last_part.0"
    weight = solution[:-1].T.reshape(solution.shape[1], -1, taps, taps)
    solved = {f"{name}.weight": weight.float(), f"{name}.bias": solution[-1].float()}
    network.load_state_dict(network.expand_state(solved), strict=False)


class _Features(nn.Module):
    """The features that the head of a Plain or SESR is applied to, as a module."""

    def __init__(self, network: Plain | SESR) -> None:
        super().__init__()
        self.network = network

    def forward(self, lr: Tensor) -> Tensor:
        return self.network.features(lr)


def _normal_equations(
    body: nn.Module,
    batches: Batches,
    *,
    centre: float,
    taps: int,
    before: int,
    first_row: int,
    scale: int,
    margin: int,
    adds_input: bool,
) -> tuple[Tensor, Tensor]:
    """Compute A^T A and A^T B in float64, for the regression of sub-pixels B on feature patches A.

    Patches that the zero-padded border affects are left out.
    """
    square: Tensor | None = None
    product: Tensor | None = None
    for lr, hr in batches:
        features = body(lr - centre)
        padded = functional.pad(features, (before, taps, before, taps))
        columns = functional.unfold(padded, taps)
        columns = columns.reshape(*columns.shape[:2], padded.shape[2] - taps + 1, -1)
        hr = hr - (functional.interpolate(lr, scale_factor=float(scale), mode="nearest") if adds_input else centre)
        shifted = functional.pad(hr, (first_row, scale - first_row, first_row, scale - first_row))
        targets = functional.pixel_unshuffle(shifted, scale)
        rows, cols = slice(margin, lr.shape[2] - margin), slice(margin, lr.shape[3] - margin)
        a = columns[:, :, rows, cols].permute(0, 2, 3, 1).flatten(0, 2).double()
        a = torch.cat([a, torch.ones(len(a), 1, dtype=a.dtype)], dim=1)
        b = targets[:, :, rows, cols].permute(0, 2, 3, 1).flatten(0, 2).double()
        square = a.T @ a if square is None else square + a.T @ a
        product = a.T @ b if product is None else product + a.T @ b
    if square is None or product is None:
        raise ValueError("no batches")
    return square, product


def _solve(square: Tensor, product: Tensor) -> Tensor:
    """Solve by ridge regression, with a ridge of 1e-6 of the mean diagonal: enough when features are equal."""
    ridge = 1e-6 * square.diagonal().mean()
    solution: Tensor = torch.linalg.solve(square + ridge * torch.eye(len(square), dtype=square.dtype), product)
    return solution


def _fill_transposed(head: nn.ConvTranspose2d, square: Tensor, product: Tensor, *, taps: int, scale: int) -> None:
    """Solve each phase for the taps that the kernel has there; all phases share one bias (Schur complement)."""
    channels, _, height, width = head.weight.shape
    constant = len(square) - 1
    parts = []
    numerator = denominator = 0.0
    for row in range(scale):
        for column in range(scale):
            ys = [y for y in range(taps) if row + scale * (taps - 1 - y) < height]
            xs = [x for x in range(taps) if column + scale * (taps - 1 - x) < width]
            index = torch.tensor([(c * taps + y) * taps + x for c in range(channels) for y in ys for x in xs])
            target = product[:, row * scale + column]
            ones = square[index, constant]
            solved = _solve(square[index][:, index], torch.stack([target[index], ones], dim=1))
            numerator += float(target[constant] - ones @ solved[:, 0])
            denominator += float(square[constant, constant] - ones @ solved[:, 1])
            parts.append((row, column, solved.reshape(channels, len(ys), len(xs), 2).flip(1, 2)))
    bias = numerator / max(denominator, 1e-12)
    for row, column, solved in parts:
        head.weight[:, 0, row::scale, column::scale] = (solved[..., 0] - bias * solved[..., 1]).to(head.weight)
    if head.bias is not None:
        head.bias.fill_(bias)


def transfer(network: Network, weights: Path) -> bool:
    """Copy every tensor of a file that has the name and shape of one of the network's, in place.

    The file may be of kukkiri or of others: a ``.safetensors`` or pickled state dict of the same network, in any layout
    that :func:`kukkiri.load` knows.

    Returns:
        True when every tensor of the network was set; otherwise the last layer is that of another scale, or is computed
        from the scale, and remains to be solved for or learned.

    Raises:
        ConfigError: a tensor other than the last layer's does not fit, the weights are for another white, or the file
            cannot be read.
    """
    state, scale = _read_any_weights(weights)
    own = network.state_dict()
    expected = {key: value.shape for key, value in own.items()}
    reading = find_reading(state, expected)
    tensors = _expand(network, reading.tensors, weights)
    fitting = {key: value for key, value in tensors.items() if key in own and expected[key] == value.shape}
    if scale not in (None, network.scale):  # FSRCNN's last layer has the same shape at every scale
        fitting = {key: value for key, value in fitting.items() if not key.startswith(_LAST_LAYERS)}
    missing = [key for key in own if key not in fitting and not key.startswith(_LAST_LAYERS)]
    if missing or not fitting:
        layout = f" (read as {reading.dialect})" if reading.dialect else ""
        found = {key: value.shape for key, value in tensors.items()}
        raise ConfigError(
            f"{weights}: not the weights of {type(network).__name__} with these arguments{layout}: "
            f"{write_shapes(found, expected)}. Change the arguments of the recipe, or name other weights."
        )
    _check_white(network, fitting, weights)
    network.load_state_dict(fitting, strict=False)
    return len(fitting) == len(own)


_LAST_LAYERS = ("last_part.", "head.weight", "head.bias", "head.expand", "head.project", "filters.")


def _expand(network: Network, state: Mapping[str, Tensor], weights: Path) -> dict[str, Tensor]:
    """Translate deployed weights into the over-parameterized blocks of a network."""
    try:
        return network.expand_state(state)
    except ValueError as error:
        raise ConfigError(f"{weights}: {error}. Set a larger arguments.expansion.") from error


def _check_white(network: Network, state: Mapping[str, Tensor], weights: Path) -> None:
    """Refuse mean shifts for another value range, which have the same shape."""
    if "sub_mean.bias" not in state:
        return
    white = infer_value_range(state, network=type(network).__name__)
    if white != network.value_range:
        raise ConfigError(
            f"{weights}: works on 0 to {white:g}, but the network of the recipe on 0 to {network.value_range:g}. Set "
            f"arguments.value_range = {white:g}."
        )


def _read_any_weights(weights: Path) -> tuple[Mapping[str, Tensor], int | None]:
    """Read the tensors of a file, and the scale that a file of kukkiri tells."""
    try:
        if weights.suffix == ".safetensors":
            info, state = read_safetensors(weights)
            return state, None if info is None else info.scale
        return read_state(weights), None
    except ModelError as error:
        raise ConfigError(str(error)) from error


@torch.no_grad()
def widen(network: Network, weights: Path, *, centre: float) -> None:
    """Initialize a wider and deeper ``plain`` to the function of a smaller one, in place (Net2Net, arXiv:1511.05641).

    The old features do not depend on the new ones, which keep their random initialization; the layers beyond the old
    depth are identities on the old features, and the head is zero on the new ones.

    Args:
        network: a newly initialized ``plain``.
        weights: a safetensors file of a ``plain`` of the same scale and colour, not wider and not deeper.
        centre: see :mod:`kukkiri.training.centring`; the network is in centred form afterwards.

    Raises:
        ConfigError: another network, or a file that does not fit or cannot be read.
    """
    if not isinstance(network, Plain):
        raise ConfigError(f"initialization = 'widened' is defined for plain, got {type(network).__name__}.")
    state = _read_weights(weights)
    try:
        small = Plain(**Plain.arguments_from_state(state))  # type: ignore[arg-type]  # they are JSON to mypy
        load_fitting(small, state)
    except ModelError as error:
        reason = str(error).rstrip(".")
        raise ConfigError(f"{weights}: not the weights of a plain network ({reason}). Name those of one.") from error
    Centred(small, centre=centre).unfold()
    old, new = small.state_dict(), network.state_dict()
    (width, depth), (wider, deeper) = (
        (len(tensors["body.0.bias"]), count_blocks(tensors, "body.")) for tensors in (old, new)
    )
    if width > wider or depth > deeper or _kind(small) != _kind(network):
        raise ConfigError(f"{weights}: not a smaller network of the same scale and colour ({width} x {depth}).")
    for number in range(deeper):
        weight, bias = new[f"body.{number}.weight"], new[f"body.{number}.bias"]
        weight[:width] = 0.0
        bias[:width] = 0.0
        if number < depth:
            weight[:width, : old[f"body.{number}.weight"].shape[1]] = old[f"body.{number}.weight"]
            bias[:width] = old[f"body.{number}.bias"]
        else:
            weight[:width, :width, 1, 1] = torch.eye(width)
    new["head.weight"].zero_()
    new["head.weight"][:, :width] = old["head.weight"]
    new["head.bias"].copy_(old["head.bias"])


def _kind(network: Plain) -> tuple[int, str, int]:
    return network.scale, network.colour, network.unshuffle


def _read_weights(weights: Path) -> dict[str, Tensor]:
    try:
        return read_safetensors(weights)[1]
    except ModelError as error:
        raise ConfigError(str(error)) from error

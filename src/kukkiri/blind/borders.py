"""The border of an image for data steps in the Fourier domain, which take it to repeat on all sides."""

from typing import Literal, get_args

import torch
from torch import Tensor

from kukkiri.errors import ConfigError, did_you_mean

__all__ = ["DataBorder", "extend_periodically", "find_margin"]

DataBorder = Literal["extend", "wrap"]
"""``extend``: a strip is added that leads from each side to the opposite one, and cut off the result, for photographs;
``wrap``: nothing is added, for images whose blur was circular, as in the tables of DPSR and USRNet."""

_MARGIN = 16


def find_margin(border: DataBorder, *, kernel_size: int, scale: int) -> int:
    """Return the LR pixels of the strip: 16, or the kernel's side in LR pixels where that is more; 0 for ``wrap``.

    Raises:
        ConfigError: an unknown border.
    """
    known = get_args(DataBorder)
    if border not in known:
        hint = did_you_mean(str(border), known)
        raise ConfigError(f"border must be one of {', '.join(known)}, got {border!r}{hint}.")
    return 0 if border == "wrap" else max(_MARGIN, -(-kernel_size // scale))


def extend_periodically(lr: Tensor, margin: int) -> Tensor:
    """Add ``margin`` rows below and columns to the right that lead from the last pixel back to the first.

    The strip fades from the image mirrored at its last row to the image mirrored at its first.

    Args:
        lr: (N, C, H, W).
        margin: 0 or more.

    Returns:
        (N, C, H + margin, W + margin).
    """
    for dim in (-2, -1):
        lr = _extend(lr, margin, dim=dim) if margin else lr
    return lr


def _extend(lr: Tensor, margin: int, *, dim: int) -> Tensor:
    length = lr.shape[dim]
    steps = torch.arange(margin, device=lr.device)
    period = 2 * length  # mirrored, the image repeats after this many pixels
    after = _mirror((length + steps) % period, length)
    before = _mirror((steps - margin) % period, length)
    fade = ((steps + 1) / (margin + 1)).to(lr).reshape((-1, 1) if dim == -2 else (1, -1))
    strip = (1 - fade) * lr.index_select(dim, after) + fade * lr.index_select(dim, before)
    return torch.cat((lr, strip), dim=dim)


def _mirror(places: Tensor, length: int) -> Tensor:
    return torch.where(places < length, places, 2 * length - 1 - places)

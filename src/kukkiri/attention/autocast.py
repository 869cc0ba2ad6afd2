"""Second-order statistics outside of autocast: squares and small eigenvalues are lost in the 8 bits of bfloat16."""

import torch
from torch import Tensor

__all__ = ["is_halved", "widen"]


def is_halved(x: Tensor) -> bool:
    """True when autocast would compute products of ``x`` in half precision; never on devices without autocast."""
    device = x.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def widen(x: Tensor) -> Tensor:
    """Return ``x`` in float32, or unchanged when its dtype is wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))

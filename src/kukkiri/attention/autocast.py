"""Second-order statistics leave autocast: squares and small eigenvalues mean nothing in the 8 bits of bfloat16."""

import torch
from torch import Tensor

__all__ = ["is_halved", "widen"]


def is_halved(x: Tensor) -> bool:
    """Whether products of ``x`` would be computed in half precision; never on devices without autocast."""
    device = x.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def widen(x: Tensor) -> Tensor:
    """``x`` in float32, or in its own dtype where that is wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))

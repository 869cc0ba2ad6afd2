"""Keys and shapes of a network that is made without memory."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from kukkiri.info import JSON
from kukkiri.networks import NETWORKS

__all__ = ["list_shapes"]


class _Uninitialized(TorchFunctionMode):
    """Skip the sampling of random weights, for which PyTorch would load code for a second on ``meta``."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in ("normal_", "uniform_", "kaiming_normal_", "trunc_normal_"):
            return (*args, *(kwargs or {}).values())[0]
        return func(*args, **(kwargs or {}))


def list_shapes(network: str, arguments: Mapping[str, JSON]) -> dict[str, torch.Size] | None:
    """List keys and shapes of a network, made without memory; ``None``: it cannot be made."""
    try:
        with torch.device("meta"), _Uninitialized():
            module = NETWORKS[network](**arguments)
    except (TypeError, ValueError, RuntimeError, IndexError, KeyError):
        return None
    return {key: value.shape for key, value in module.state_dict().items()}

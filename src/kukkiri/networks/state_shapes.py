"""State dicts whose keys and shapes must be those of a module, and the words about those that differ."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from kukkiri.errors import ModelError

__all__ = ["load_fitting", "write_shapes"]


def load_fitting(module: nn.Module, state: Mapping[str, Tensor], *, prefix: str = "") -> None:
    """Load a state dict that has every key and shape of a module, and no other key.

    Args:
        module: changed in place.
        state: its keys begin with ``prefix``.
        prefix: stands before the module's own keys.

    Raises:
        ModelError: a tensor differs; the message names the first of each kind, see :func:`write_shapes`, and no file.
    """
    found = {key: value.shape for key, value in state.items()}
    expected = {prefix + key: value.shape for key, value in module.state_dict().items()}
    if found != expected:
        raise ModelError(write_shapes(found, expected))
    module.load_state_dict({key.removeprefix(prefix): value for key, value in state.items()})


def write_shapes(found: Mapping[str, torch.Size], expected: Mapping[str, torch.Size]) -> str:
    """Write which tensors differ, such as ``head.0.weight is (8, 1, 3, 3), expected (8, 3, 3, 3)``."""
    differing = [key for key in expected if key in found and found[key] != expected[key]]
    missing = [key for key in expected if key not in found]
    surplus = [key for key in found if key not in expected]
    parts = []
    if differing:
        key = differing[0]
        parts.append(f"{key} is {tuple(found[key])}, expected {tuple(expected[key])}{_count_others(differing)}")
    if missing:
        parts.append(f"it lacks {missing[0]}{_count_others(missing)}")
    if surplus:
        parts.append(f"it also holds {surplus[0]}{_count_others(surplus)}")
    return "; ".join(parts)


def _count_others(keys: Sequence[str]) -> str:
    return f" and {len(keys) - 1} more" if len(keys) > 1 else ""

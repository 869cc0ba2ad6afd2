"""An accelerator that is pretended on a CPU: its tensors hold values, and meet no tensor of the CPU.

On a GPU an operation between tensors of two devices raises an error, or copies a number there each time. No hardware
is needed to see it: tensors of :data:`DEVICE` are made, moved and computed on like those of a GPU, their values are
computed on the CPU, and an operation that is given tensors of both devices raises :class:`TwoDevicesError`, numbers in
a tensor included, which torch itself lets pass. So a training run there must end in the very bits of one on the CPU.

The name of the device is ``meta``, the only one besides ``cpu`` that every build of torch knows; the tensors of torch's
own meta device hold no values, these do.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["DEVICE", "PretendedDevice", "TwoDevicesError", "pretended_device"]

DEVICE = torch.device("meta")
_aten = torch.ops.aten
_COPIES = (_aten._to_copy.default, _aten.copy_.default)
_IN_MEMORY = {
    _aten._conj.default: _aten._conj_physical.default,
    _aten._neg_view.default: _aten.neg.default,
    _aten._efficientzerotensor.default: _aten.zeros.default,
}
"""Operations that set a mark instead of values, which torch does not look at below a mode, and those that compute."""
_real_tensor, _real_autocast = torch.tensor, torch.autocast


class TwoDevicesError(RuntimeError):
    """An operation was given tensors of two devices."""


class _OnDevice(Tensor):
    """A tensor of the pretended device."""

    held: Tensor
    """Its values, on the CPU."""

    @staticmethod
    def __new__(cls, held: Tensor) -> "_OnDevice":
        made: _OnDevice = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(operation, args, kwargs or {})

    def __deepcopy__(self, memo: Any) -> "_OnDevice":
        with torch.no_grad():
            made = torch.nn.Parameter(self.clone(), self.requires_grad) if _is_parameter(self) else self.clone()
        memo[id(self)] = made
        return made

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.cpu().__reduce_ex__(protocol)  # as a checkpoint holds it that is read with map_location="cpu"

    @property
    def is_meta(self) -> bool:
        """False, as of every tensor that holds values."""
        return False

    def tolist(self) -> Any:
        """Read the values, as from a GPU."""
        return self.cpu().tolist()

    def new_tensor(self, data: Any, **options: Any) -> Tensor:
        """Make a tensor of this one's type and device."""
        return _make_tensor(data, **{"dtype": self.dtype, "device": self.device, **options})


def _is_parameter(tensor: Tensor) -> bool:
    return isinstance(tensor, torch.nn.Parameter)


class PretendedDevice(TorchDispatchMode):
    """Computes operations on the pretended device, and counts them."""

    def __init__(self, *, float64: bool) -> None:
        super().__init__()
        self.operations, self._float64 = 0, float64

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = _compute(operation, args, kwargs or {})
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, _OnDevice)]
        self.operations += bool(made)
        if not self._float64 and any(leaf.dtype in (torch.float64, torch.complex128) for leaf in made):
            raise TypeError(f"{operation}: the device has no float64")
        return result


@contextmanager
def pretended_device(*, float64: bool = True) -> Iterator[PretendedDevice]:
    """Pretend that ``torch.device("meta")`` is an accelerator, for the length of the block.

    It has no autocast, and ``meta`` is a name that a user may give.

    Args:
        float64: False for a device without it, such as Apple's GPUs.
    """
    swaps = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)  # a module keeps its parameters when it is moved
    try:
        with ExitStack() as patches:
            # torch.tensor leaves values out on this device, and autocast does not know it
            patches.enter_context(mock.patch.object(torch, "tensor", _make_tensor))
            # in inference mode operations come as composites
            patches.enter_context(mock.patch.object(torch, "inference_mode", torch.no_grad))
            patches.enter_context(mock.patch.object(torch, "autocast", _autocast))
            patches.enter_context(mock.patch("kukkiri.devices._KINDS", ("auto", "cpu", DEVICE.type)))
            yield patches.enter_context(PretendedDevice(float64=float64))
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swaps)


def _make_tensor(data: Any, *, device: Any = None, **options: Any) -> Tensor:
    made = _real_tensor(data, **options)
    return made if device is None else made.to(device)


def _autocast(kind: str, *options: Any, enabled: bool = True, **more: Any) -> Any:
    if kind != DEVICE.type:
        return _real_autocast(kind, *options, enabled=enabled, **more)
    if enabled:
        raise ValueError("the pretended device computes in float32")
    return nullcontext()


def _compute(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    given = [leaf for leaf in tensors if isinstance(leaf, _OnDevice)]
    if given and len(given) < len(tensors) and operation not in _COPIES:
        raise TwoDevicesError(f"{operation}: {', '.join(f'{tuple(t.shape)} on {t.device}' for t in tensors)}")
    if any(leaf.is_meta for leaf in tensors):
        raise TwoDevicesError(f"{operation}: a tensor of the pretended device that was made in another thread")
    asked = kwargs.get("device")
    if operation is _aten.copy_.default:
        on_device = isinstance(args[0], _OnDevice)
    else:
        on_device = bool(given) if asked is None else torch.device(asked).type == DEVICE.type
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    operation = _IN_MEMORY.get(operation, operation)
    found = operation(*tree_map(_unwrap, args), **tree_map(_unwrap, kwargs))
    if not on_device:
        return found
    written = {id(tensor.held): tensor for tensor in given}  # of operations in place
    return tree_map(lambda leaf: written[id(leaf)] if id(leaf) in written else _wrap(leaf), found)


def _unwrap(leaf: Any) -> Any:
    return leaf.held if isinstance(leaf, _OnDevice) else leaf


def _wrap(leaf: Any) -> Any:
    return _OnDevice(leaf) if isinstance(leaf, Tensor) else leaf

"""Reduced precision: autocast of the layers, and what a device computes fast."""

import logging
from typing import Literal

import torch

from kukkiri.errors import BackendError

__all__ = ["Precision", "autocast", "check_precision"]

Precision = Literal["float32", "bfloat16", "float16"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_log = logging.getLogger(__name__)


def autocast(precision: str, *, device: torch.device) -> torch.autocast:
    """Return a context in which layers compute in ``precision``; weights, and everything outside it, stay float32."""
    reduced = precision != "float32"
    return torch.autocast(device.type, _DTYPES[precision] if reduced else torch.bfloat16, enabled=reduced)


def check_precision(precision: str, *, device: torch.device) -> None:
    """Check that a device computes in a precision, and log a warning when it is slower there than in float32.

    Raises:
        BackendError: float16 on a CPU, where its gradients underflow without being faster, or bfloat16 on a GPU that
            has none.
    """
    if precision == "float16" and device.type == "cpu":
        raise BackendError("precision = float16 needs a GPU. Use bfloat16 or float32 on the CPU.")
    if precision == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise BackendError(f"{torch.cuda.get_device_name(device)} has no bfloat16. Use precision = float16.")
    if precision == "bfloat16" and device.type == "cpu" and not _has_fast_bfloat16():
        _log.warning("this CPU has no bfloat16 instructions and emulates them; precision=float32 is faster here")


def _has_fast_bfloat16() -> bool:
    """True when the CPU has instructions that multiply bfloat16 (AVX-512 BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())

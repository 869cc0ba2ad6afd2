"""bfloat16 autocast for training on a CPU."""

import logging
from typing import Literal

import torch

__all__ = ["Precision", "autocast", "warn_if_slow"]

Precision = Literal["float32", "bfloat16"]

_log = logging.getLogger(__name__)


def autocast(precision: str) -> torch.autocast:
    """Return a context in which layers compute in ``precision``; weights, and everything outside it, stay float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


def warn_if_slow(precision: str) -> None:
    """Log a warning when this CPU is slower in ``precision`` than in float32."""
    if precision == "bfloat16" and not _has_fast_bfloat16():
        _log.warning("this CPU has no bfloat16 instructions and emulates them; precision=float32 is faster here")


def _has_fast_bfloat16() -> bool:
    """True when the CPU has instructions that multiply bfloat16 (AVX-512 BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())

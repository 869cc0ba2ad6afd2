"""What convolutions compute in while a network learns on a CPU."""

import logging
from typing import Literal

import torch

__all__ = ["Precision", "autocast", "warn_if_slow"]

Precision = Literal["float32", "bfloat16"]

_log = logging.getLogger(__name__)


def autocast(precision: str) -> torch.autocast:
    """A context in which layers compute in this precision; weights and what is outside stay float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")


def warn_if_slow(precision: str) -> None:
    """Log a warning where this CPU computes in this precision slower than in float32."""
    if precision == "bfloat16" and not _has_fast_bfloat16():
        _log.warning("this CPU computes bfloat16 slower than float32; precision=float32 is quicker here")


def _has_fast_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself (AVX-512 BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())

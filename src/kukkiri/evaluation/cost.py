"""What a model costs: parameters, multiply-adds, time and memory, all for one megapixel of output."""

from dataclasses import dataclass

__all__ = ["Cost"]


@dataclass(frozen=True)
class Cost:
    """What a model costs on this machine; see docs/evaluation.md for how each number is taken."""

    parameters: int | None
    """Numbers that were learned; 0 for an interpolation; ``None`` when the file does not tell."""
    multiply_adds: int | None
    """Of the network, for one megapixel (10^6 pixels) of output; ``None`` when the graph does not tell."""
    seconds: float
    """Median wall time from an 8-bit RGB array to an 8-bit RGB array of one megapixel."""
    peak_memory: int | None
    """Bytes beyond the loaded model while one megapixel is made; ``None`` where the system does not tell."""

"""Networks that upscale by a scale that is no whole number themselves, without a resize after them."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from kukkiri.inference.engine import Engine
from kukkiri.inference.planning import Plan, find_output_size

__all__ = ["FractionalEngine", "find_fractional", "run_fractional"]

Plane = NDArray[np.float32]


@runtime_checkable
class FractionalEngine(Engine, Protocol):
    """An engine that upscales by ``info.scale``, or natively by a smaller scale, which need not be whole."""

    native_scale: float

    def run_native(self, batch: Plane) -> Plane:
        """Map lr (N, C, H, W) to sr (N, C, floor(native_scale*H), floor(native_scale*W)), not clamped."""


def find_fractional(engines: Sequence[Engine], plan: Plan) -> FractionalEngine | None:
    """Find the engine that reaches the size of a plan natively: alone, on the whole image."""
    if len(engines) != 1 or not isinstance(engines[0], FractionalEngine):
        return None
    ((_, size, tile),) = plan.passes
    fits = tile is None and plan.output_size == find_output_size(size, engines[0].native_scale)
    return engines[0] if fits else None


def run_fractional(engine: FractionalEngine, lr: Plane, size: tuple[int, int]) -> Plane:
    """Upscale planes natively.

    Args:
        engine: what runs.
        lr: (1, C, H, W), [0, 1].
        size: (height, width) of the result, native_scale times that of ``lr``, rounded half up: the last row and column
            may need an LR pixel more, which repeats the last one.

    Returns:
        (1, C, *size), not clamped.
    """
    padded = np.pad(lr, ((0, 0), (0, 0), (0, 1), (0, 1)), mode="edge")
    return np.ascontiguousarray(engine.run_native(padded)[..., : size[0], : size[1]])

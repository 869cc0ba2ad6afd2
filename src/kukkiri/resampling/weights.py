"""The sparse weight table of a one-dimensional resize: the only implementation of interpolation.

The sampling is that of MATLAB's ``imresize``: with output pixels x = 1, 2, ..., the input position is
u = x / s + (1 - 1/s) / 2 (centres of the outer pixels' edges aligned), weights are normalized for each
output pixel, and when downscaling with antialiasing the kernel is stretched to h(x) = s k(s x).
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from kukkiri.resampling.kernels import KERNELS

__all__ = ["Border", "WeightTable", "border_indices", "output_length", "weight_table"]

Border = Literal["symmetric", "replicate", "reflect", "wrap"]


@dataclass(frozen=True, eq=False)
class WeightTable:
    """Output sample i is the sum over t of ``weights[i, t] * input[indices[i, t]]``."""

    indices: NDArray[np.int64]
    """(outputs, taps), each in [0, inputs)."""
    weights: NDArray[np.float64]
    """(outputs, taps); every row sums to 1."""
    inputs: int
    """Length of the input."""

    @property
    def outputs(self) -> int:
        """Length of the output."""
        return int(self.indices.shape[0])

    @property
    def taps(self) -> int:
        """Input samples that one output sample reads."""
        return int(self.indices.shape[1])

    def dense(self) -> NDArray[np.float64]:
        """The table as an (outputs, inputs) matrix; taps that the border folds together are added."""
        matrix = np.zeros((self.outputs, self.inputs))
        np.add.at(matrix, (np.arange(self.outputs)[:, None], self.indices), self.weights)
        return matrix


def output_length(length: int, scale: float) -> int:
    """Length after a resize by ``scale``: ceil(scale * length), as MATLAB, immune to 0.1 * 30 = 3.0000000000000004."""
    return max(1, math.ceil(round(scale * length, 9)))


def border_indices(positions: NDArray[np.int64], length: int, *, border: Border) -> NDArray[np.int64]:
    """Fold positions outside [0, length) back inside.

    Args:
        positions: any integers.
        length: at least 1.
        border: ``symmetric`` repeats the edge pixel (cba|abc), ``reflect`` does not (cb|abc),
            ``replicate`` holds it (aaa|abc), ``wrap`` is periodic (abc|abc).

    Raises:
        ValueError: an unknown border.
    """
    match border:
        case "symmetric":
            folded = np.mod(positions, 2 * length)
            return np.where(folded < length, folded, 2 * length - 1 - folded)
        case "reflect":
            if length == 1:
                return np.zeros_like(positions)
            folded = np.mod(positions, 2 * length - 2)
            return np.where(folded < length, folded, 2 * length - 2 - folded)
        case "replicate":
            return np.clip(positions, 0, length - 1)
        case "wrap":
            return np.mod(positions, length)
    raise ValueError(f"unknown border {border!r}; known: {', '.join(get_args(Border))}")


@lru_cache(maxsize=64)
def weight_table(
    inputs: int,
    outputs: int,
    *,
    scale: float,
    kernel: str = "cubic",
    antialias: bool = True,
    border: Border = "symmetric",
    shift: float = 0.0,
) -> WeightTable:
    """The weights of a resize from ``inputs`` to ``outputs`` samples.

    Args:
        inputs: at least 1.
        outputs: at least 1.
        scale: output samples for one input sample; normally outputs / inputs, but MATLAB keeps the
            requested scale when ceil(scale * inputs) is not exact, as does this function.
        kernel: a key of ``KERNELS``.
        antialias: stretch the kernel when ``scale`` < 1, so that nothing aliases.
        border: rule for samples outside the input.
        shift: input samples by which every output is taken further on, for samples that do not lie in the centre of
            their pixels, such as the chroma of MPEG-2.

    Returns:
        A table in float64; taps that are zero for every output are dropped.

    Raises:
        ValueError: a size below 1, a scale that is not positive, or an unknown kernel or border.
    """
    if inputs < 1 or outputs < 1:
        raise ValueError(f"sizes must be at least 1, got {inputs} -> {outputs}")
    if not (scale > 0 and math.isfinite(scale)):
        raise ValueError(f"scale must be positive and finite, got {scale}")
    if kernel not in KERNELS:
        raise ValueError(f"unknown kernel {kernel!r}; known: {', '.join(KERNELS)}")
    chosen = KERNELS[kernel]
    stretch = scale if antialias and chosen.widens and scale < 1 else 1.0
    support = chosen.support / stretch

    positions = np.arange(1, outputs + 1) / scale + 0.5 * (1 - 1 / scale) + shift
    first = np.floor(positions - support / 2).astype(np.int64)
    taps = first[:, None] + np.arange(math.ceil(support) + 2)
    weights = stretch * chosen.function(stretch * (positions[:, None] - taps))
    weights /= weights.sum(axis=1, keepdims=True)

    used = np.any(weights != 0, axis=0)
    indices = border_indices(taps[:, used] - 1, inputs, border=border)
    table = WeightTable(indices=indices, weights=np.ascontiguousarray(weights[:, used]), inputs=inputs)
    table.indices.flags.writeable = False
    table.weights.flags.writeable = False
    return table

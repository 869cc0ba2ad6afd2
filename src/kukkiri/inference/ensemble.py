"""Geometric self-ensemble: the mean over two, four or all eight flips and rotations of the input.

Timofte et al., "Seven ways to improve example-based single image super resolution", CVPR 2016,
arXiv:1511.02228, section 3.7; known as the "+" of EDSR+.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError

__all__ = ["VARIANTS", "Ensemble", "choose_variants", "count_runs", "run_ensemble"]

Ensemble: TypeAlias = bool | Literal[2, 4, 8]
"""Runs whose mean is taken; ``True``: eight, ``False``: those of the preset, else one."""

Batch = NDArray[np.float32]
VARIANTS = [(transposed, rows, columns) for transposed in (False, True) for rows in (1, -1) for columns in (1, -1)]
"""All orientations: whether the sides are swapped, and the steps along rows and columns."""
_SOME = {
    1: [(False, 1, 1)],
    2: [(False, 1, 1), (True, -1, 1)],
    4: [(False, 1, 1), (True, -1, 1), (False, -1, -1), (True, 1, -1)],
}
"""Rotations by a quarter, the pair and the four that gain most with ``balanced`` at x2; flips gain a little less
(benchmarks/ensemble.py)."""


def count_runs(asked: Ensemble, *, preset: bool) -> int:
    """Return the runs of each network.

    Args:
        asked: by the user.
        preset: the preset asks for the ensemble by itself.

    Raises:
        ConfigError: another number.
    """
    if isinstance(asked, bool):
        return len(VARIANTS) if asked or preset else 1
    if asked not in (2, 4, len(VARIANTS)):
        raise ConfigError(f"ensemble averages 2, 4 or 8 runs, got {asked}. Use one of these, or True for 8.")
    return asked


def choose_variants(runs: int) -> list[tuple[bool, int, int]]:
    """Return 1, 2, 4 or 8 orientations, as :data:`VARIANTS`."""
    return VARIANTS if runs == len(VARIANTS) else _SOME[runs]


def run_ensemble(run: Callable[[Batch], Batch], lr: Batch, *, runs: int = len(VARIANTS)) -> Batch:
    """Run a network on several orientations and average the results, each in the original orientation.

    Args:
        run: maps (N, C, H, W) to (N, C, scale*H, scale*W).
        lr: (N, C, H, W).
        runs: 1, 2, 4 or 8 orientations.

    Returns:
        The mean of the unclamped outputs, float32, summed always in the same order.
    """
    total: Batch | None = None
    variants = choose_variants(runs)
    for transposed, rows, columns in variants:
        view = lr[..., ::rows, ::columns]
        sr = run(np.ascontiguousarray(view.swapaxes(-1, -2) if transposed else view))
        back = (sr.swapaxes(-1, -2) if transposed else sr)[..., ::rows, ::columns]
        if total is None:
            total = np.array(back)
        else:
            total += back
    if total is None:
        raise ValueError("no variant was run")
    total *= np.float32(1 / len(variants))
    return total

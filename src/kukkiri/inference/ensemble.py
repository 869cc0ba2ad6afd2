"""Geometric self-ensemble: the mean over the eight flips and rotations of the input.

Timofte et al., "Seven ways to improve example-based single image super resolution", CVPR 2016,
arXiv:1511.02228, section 3.7; known as the "+" of EDSR+.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["VARIANTS", "run_ensemble"]

Batch = NDArray[np.float32]
VARIANTS = [(transposed, rows, columns) for transposed in (False, True) for rows in (1, -1) for columns in (1, -1)]
"""Orientations: whether the sides are swapped, and the steps along rows and columns."""


def run_ensemble(run: Callable[[Batch], Batch], lr: Batch) -> Batch:
    """Run a network on all eight orientations and average the results, each in the original orientation.

    Args:
        run: maps (N, C, H, W) to (N, C, scale*H, scale*W).
        lr: (N, C, H, W).

    Returns:
        The mean of the unclamped outputs, float32, summed always in the same order.
    """
    total: Batch | None = None
    for transposed, rows, columns in VARIANTS:
        view = lr[..., ::rows, ::columns]
        sr = run(np.ascontiguousarray(view.swapaxes(-1, -2) if transposed else view))
        back = (sr.swapaxes(-1, -2) if transposed else sr)[..., ::rows, ::columns]
        if total is None:
            total = np.array(back)
        else:
            total += back
    if total is None:
        raise ValueError("no variant was run")
    total *= np.float32(1 / len(VARIANTS))
    return total

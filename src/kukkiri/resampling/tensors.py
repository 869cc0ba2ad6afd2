"""The same weight tables applied to torch tensors; imported on demand, never by the package itself."""

import numpy as np
import torch
from torch import Tensor

from kukkiri.resampling.passes import resize_plan
from kukkiri.resampling.weights import Border, WeightTable

__all__ = ["apply_table", "resize_tensor"]


def resize_tensor(
    images: Tensor,
    *,
    scale: float | None = None,
    output_size: tuple[int, int] | None = None,
    kernel: str = "cubic",
    antialias: bool = True,
    border: Border = "symmetric",
) -> Tensor:
    """Resize (N, C, H, W) floating-point tensors; the tensor twin of :func:`kukkiri.resampling.resize`.

    Differentiable any number of times. Arguments and errors are those of the array function.
    """
    plan = resize_plan(
        (images.shape[-2], images.shape[-1]),
        scale=scale,
        output_size=output_size,
        kernel=kernel,
        antialias=antialias,
        border=border,
    )
    for axis, table in plan:
        images = apply_table(images, table, dim=axis - 2)
    return images


def apply_table(images: Tensor, table: WeightTable, *, dim: int) -> Tensor:
    """Apply a table along ``dim`` (-2 or -1): a weighted sum of gathered slices, tap by tap."""
    shape = [1] * -dim
    shape[0] = table.outputs
    # one copy to the device for all taps; a row for each tap
    weights = torch.from_numpy(np.array(table.weights.T, order="C")).to(images)
    indices = torch.from_numpy(np.array(table.indices.T, order="C")).to(images.device)
    total: Tensor | None = None
    for tap in range(table.taps):
        term = weights[tap].reshape(shape) * images.index_select(dim, indices[tap])
        total = term if total is None else total + term
    if total is None:  # a table has at least one tap: its rows sum to 1
        raise ValueError("the weight table is empty")
    return total

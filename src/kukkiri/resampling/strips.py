"""A resize made strip by strip: for who needs the rows of an enlarged picture once, in order, and never all."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kukkiri.resampling.resize import BLOCK, PRODUCT, apply_along, resize_plan
from kukkiri.resampling.weights import Border, WeightTable, weight_table

__all__ = ["StripResize"]


class StripResize:
    """:func:`kukkiri.resampling.resize` of float planes to a size, of which any rows can be asked for.

    A strip that stays in the cache while it is used saves writing and reading the whole enlarged planes. Reading
    only, so that several threads may ask.
    """

    def __init__(
        self,
        planes: NDArray[Any],
        *,
        output_size: tuple[int, int],
        kernel: str = "cubic",
        antialias: bool = True,
        border: Border = "symmetric",
    ) -> None:
        """Prepare the weights.

        Args:
            planes: (C, H, W), float32 or float64.
            output_size: (height, width).
            kernel: see :func:`resize`.
            antialias: see :func:`resize`.
            border: see :func:`resize`.

        Raises:
            TypeError: another dtype.
            ValueError: another shape, or impossible arguments.
        """
        if planes.dtype not in (np.float32, np.float64):
            raise TypeError(f"planes are float32 or float64, got {planes.dtype}")
        if planes.ndim != 3 or 0 in planes.shape:
            raise ValueError(f"planes are (C, H, W) and not empty, got shape {planes.shape}")
        _, height, width = planes.shape
        plan = resize_plan(
            (height, width),
            scale=None,
            output_size=output_size,
            kernel=kernel,
            antialias=antialias,
            border=border,
        )
        tables = dict(plan)
        columns = (width, output_size[1], output_size[1] / width, kernel, antialias, border)
        self._columns_first = plan[0][0] == 1
        self._rows = tables[0]
        self._width = output_size[1]
        if self._columns_first:
            planes = np.stack([apply_along(plane, tables[1], axis=1) for plane in planes])
            self._blocks: tuple[_Block, ...] = ()
        else:
            self._blocks = _dense_blocks(*columns, planes.dtype.str)
        self._planes = planes

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start`` to ``stop`` of the result, (C, stop - start, width)."""
        rows = self._rows
        table = WeightTable(indices=rows.indices[start:stop], weights=rows.weights[start:stop], inputs=rows.inputs)
        low, high = int(table.indices.min()), int(table.indices.max()) + 1
        near = WeightTable(indices=table.indices - low, weights=table.weights, inputs=high - low)
        enlarged = np.stack([apply_along(plane[low:high], near, axis=0) for plane in self._planes])
        if self._columns_first:
            return enlarged
        channels, height, width = enlarged.shape
        result = np.empty((channels, height, self._width), dtype=enlarged.dtype)
        source, target = enlarged.reshape(-1, width), result.reshape(-1, self._width)
        for first, last, left, right, weights in self._blocks:
            step = max(1, PRODUCT // weights.size)
            for top in range(0, len(source), step):
                some = slice(top, top + step)
                np.matmul(source[some, left:right], weights, out=target[some, first:last])
        return result


_Block = tuple[int, int, int, int, NDArray[Any]]


@lru_cache(maxsize=8)
def _dense_blocks(
    inputs: int, outputs: int, scale: float, kernel: str, antialias: bool, border: Border, dtype: DTypeLike
) -> tuple[_Block, ...]:
    """For every block of output columns: first, last, the input columns [left, right) it reads, and the weights."""
    table = weight_table(inputs, outputs, scale=scale, kernel=kernel, antialias=antialias, border=border)
    blocks = []
    for first in range(0, outputs, BLOCK):
        last = min(first + BLOCK, outputs)
        reads = table.indices[first:last]
        left, right = int(reads.min()), int(reads.max()) + 1
        weights = np.zeros((right - left, last - first), dtype=dtype)
        np.add.at(weights, (reads - left, np.arange(last - first)[:, None]), table.weights[first:last].astype(dtype))
        weights.flags.writeable = False
        blocks.append((first, last, left, right, weights))
    return tuple(blocks)

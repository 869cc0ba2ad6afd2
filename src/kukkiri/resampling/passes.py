"""One pass of a resize: a weight table applied along one axis by small dense products."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kukkiri.resampling.weights import Border, WeightTable, output_length, weight_table

__all__ = ["apply_along", "apply_to_rows", "dense_blocks", "resize_plan"]

Array = NDArray[Any]
Block = tuple[int, int, int, int, Array]
_BLOCK = 32  # output samples that share one small dense matrix: 24 to 64 are equally fast
_PRODUCT = 2**18  # multiply-adds of one product: up to this number OpenBLAS stays in the calling thread; to wake
# its threads for each small product costs twenty times the product, and more on a busy machine


def resize_plan(
    size: tuple[int, int],
    *,
    scale: float | None,
    output_size: tuple[int, int] | None,
    kernel: str,
    antialias: bool,
    border: Border,
) -> list[tuple[int, WeightTable]]:
    """The two passes of a resize, as (axis, table): the axis with the smaller scale first, rows on a tie.

    Raises:
        ValueError: neither or both of ``scale`` and ``output_size`` are given, or a table refuses its arguments.
    """
    if (scale is None) == (output_size is None):
        raise ValueError("give either scale or output_size")
    if output_size is None:
        side_scale = float(scale or 0.0)
        scales = (side_scale, side_scale)
        output_size = (output_length(size[0], scales[0]), output_length(size[1], scales[1]))
    else:
        scales = (output_size[0] / size[0], output_size[1] / size[1])
    order = (0, 1) if scales[0] <= scales[1] else (1, 0)
    return [
        (
            axis,
            weight_table(
                size[axis], output_size[axis], scale=scales[axis], kernel=kernel, antialias=antialias, border=border
            ),
        )
        for axis in order
    ]


def apply_along(image: Array, table: WeightTable, *, axis: int, out: Array | None = None) -> Array:
    """Apply a table along one axis of a float array by small dense products of neighbouring output samples.

    Equal to the direct sum up to the order of the additions, and about ten times faster in NumPy.

    Args:
        image: any shape, float32 or float64; ``table.inputs`` long along ``axis``.
        table: see :class:`WeightTable`.
        axis: 0 or 1.
        out: contiguous, for the result.

    Returns:
        The same dtype; ``table.outputs`` long along ``axis``.
    """
    moved = image.reshape(image.shape[0], -1) if axis == 0 else image.reshape(*image.shape[:2], -1)
    shape = list(image.shape)
    shape[axis] = table.outputs
    result = np.empty(shape, dtype=image.dtype) if out is None else out
    target = result.reshape(table.outputs, -1) if axis == 0 else result.reshape(*result.shape[:2], -1)
    for start, stop, low, high, block in _blocks(table, image.dtype):
        step = max(1, _PRODUCT // block.size)
        if axis == 0:
            for first in range(0, moved.shape[1], step):
                columns = slice(first, first + step)
                np.matmul(block, moved[low:high, columns], out=target[start:stop, columns])
        else:
            for first in range(0, moved.shape[0], step):
                rows = slice(first, first + step)
                for channel in range(moved.shape[2]):
                    target[rows, start:stop, channel] = moved[rows, low:high, channel] @ block.T
    return result


def apply_to_rows(rows: Array, blocks: tuple[Block, ...], *, outputs: int) -> Array:
    """Resize every row with the blocks of :func:`dense_blocks`.

    Args:
        rows: (..., inputs), contiguous, of the blocks' dtype.
        blocks: of the table.
        outputs: of the table.

    Returns:
        (..., outputs).
    """
    result = np.empty((*rows.shape[:-1], outputs), dtype=rows.dtype)
    source, target = rows.reshape(-1, rows.shape[-1]), result.reshape(-1, outputs)
    for start, stop, low, high, weights in blocks:
        step = max(1, _PRODUCT // weights.size)
        for first in range(0, len(source), step):
            part = slice(first, first + step)
            np.matmul(source[part, low:high], weights, out=target[part, start:stop])
    return result


@lru_cache(maxsize=8)
def dense_blocks(table: WeightTable, dtype: DTypeLike) -> tuple[Block, ...]:
    """(start, stop) of output samples, the [low, high) input samples that they read, and their weights.

    Args:
        table: of :func:`weight_table`, which returns the same object for the same arguments.
        dtype: of the weights, which are (high - low, stop - start).
    """
    blocks = []
    for start, stop, low, high, block in _blocks(table, dtype):
        weights = np.ascontiguousarray(block.T)
        weights.flags.writeable = False
        blocks.append((start, stop, low, high, weights))
    return tuple(blocks)


def _blocks(table: WeightTable, dtype: DTypeLike) -> Iterator[Block]:
    """As :func:`dense_blocks`, with the outputs first."""
    rounded = table.weights.astype(dtype)
    for start in range(0, table.outputs, _BLOCK):
        stop = min(start + _BLOCK, table.outputs)
        reads = table.indices[start:stop]
        low, high = int(reads.min()), int(reads.max()) + 1
        weights = rounded[start:stop]
        block = _make_block(
            (reads - low).tobytes(), weights.tobytes(), weights.shape, reads.dtype.str, weights.dtype.str
        )
        yield start, stop, low, high, block


@lru_cache(maxsize=256)
def _make_block(reads: bytes, weights: bytes, shape: tuple[int, int], index_dtype: str, dtype: str) -> Array:
    """A dense matrix of weights, (outputs, inputs); most strips of an image have the same ones."""
    columns = np.frombuffer(reads, dtype=index_dtype).reshape(shape)
    block = np.zeros((shape[0], int(columns.max()) + 1), dtype=dtype)
    np.add.at(block, (np.arange(shape[0])[:, None], columns), np.frombuffer(weights, dtype=dtype).reshape(shape))
    block.flags.writeable = False
    return block

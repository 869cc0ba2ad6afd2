"""Interpolated planes, chroma above all: any rectangle of the result, with the places of the chroma samples kept.

Chroma samples of 4:2:0 lie between two rows, and in MPEG-2 and later above the left one of two columns. SR keeps that
siting, so that the samples of the larger plane lie elsewhere than those of a plane that is merely stretched: with
siting o, in chroma samples from the centre, an output is taken o (1/s - 1) further on.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.resampling import weight_table
from kukkiri.resampling.passes import dense_blocks
from kukkiri.resampling.weights import WeightTable
from kukkiri.video.layouts import PlaneLayout

__all__ = ["Box", "PlaneResizer", "chroma_resizer", "from_chroma_resizer", "plane_resizer", "to_chroma_resizer"]

Plane = NDArray[Any]
Floats = NDArray[np.float32]
Size = tuple[int, int]
Block = tuple[int, int, int, int, NDArray[Any]]
Box = tuple[slice, slice]
"""Rows and columns, with plain starts and stops."""
_FLOATS = np.dtype(np.float32).str
_PRODUCT = 2**18  # multiply-adds that OpenBLAS does in the calling thread


class PlaneResizer:
    """One plane's resize by two weight tables; float32 inside, neither rounded nor clipped."""

    def __init__(self, rows: WeightTable, columns: WeightTable) -> None:
        """Prepare the products; the tables are those of the whole plane."""
        self.rows, self.columns = rows, columns
        self._blocks = dense_blocks(rows, _FLOATS), dense_blocks(columns, _FLOATS)

    @property
    def reach(self) -> tuple[int, int]:
        """Input samples, (rows, columns), that an output reads to each side of its own place at most, rounded up."""
        return _reach(self.rows), _reach(self.columns)

    def resize(self, plane: Plane, box: Box | None = None, *, origin: Size = (0, 0)) -> Floats:
        """Compute a rectangle of the result.

        Args:
            plane: (h, w), any real type; a part of the plane that holds what the rectangle reads.
            box: rows and columns of the result; all by default.
            origin: (row, column) of the whole plane that ``plane`` begins at.

        Returns:
            (rows, columns) in the units of ``plane``, float32.
        """
        down, across = box or (slice(0, self.rows.outputs), slice(0, self.columns.outputs))
        if down.stop <= down.start or across.stop <= across.start:
            return np.empty((max(0, down.stop - down.start), max(0, across.stop - across.start)), dtype=np.float32)
        low, high = _read(self.rows, down)
        left, right = _read(self.columns, across)
        piece = plane[low - origin[0] : high - origin[0], left - origin[1] : right - origin[1]]
        tall = _apply(self._blocks[0], piece.astype(np.float32), down, low, axis=0)
        return _apply(self._blocks[1], tall, across, left, axis=1)


def plane_resizer(size: Size, output_size: Size, *, scale: tuple[float, float], kernel: str = "cubic") -> PlaneResizer:
    """Prepare the resize of luma, alpha, or a plane of RGB.

    Args:
        size: (height, width) of the plane.
        output_size: (height, width) of the result.
        scale: of rows and of columns.
        kernel: a key of ``kukkiri.resampling.KERNELS``.
    """
    return _resizer(size, output_size, scale=scale, shift=(0.0, 0.0), kernel=kernel)


def chroma_resizer(
    size: Size, output_size: Size, *, scale: tuple[float, float], layout: PlaneLayout, kernel: str = "cubic"
) -> PlaneResizer:
    """Prepare the resize of a chroma plane to the chroma plane of the larger frame, of the same siting.

    Args:
        size: (height, width) of the chroma plane.
        output_size: (height, width) of the result.
        scale: of rows and of columns of the frame.
        layout: subsampling and siting.
        kernel: a key of ``kukkiri.resampling.KERNELS``.
    """
    down, across = (offset * (1 / by - 1) for offset, by in zip(_offsets(layout), scale, strict=True))
    return _resizer(size, output_size, scale=scale, shift=(down, across), kernel=kernel)


def from_chroma_resizer(size: Size, frame_size: Size, *, layout: PlaneLayout) -> PlaneResizer:
    """Prepare the interpolation of a chroma plane of (height, width) at the places of the luma samples."""
    across, down = layout.subsampling
    offsets = _offsets(layout)
    return _resizer(size, frame_size, scale=(float(down), float(across)), shift=(-offsets[0], -offsets[1]))


def to_chroma_resizer(frame_size: Size, size: Size, *, layout: PlaneLayout) -> PlaneResizer:
    """Prepare the antialiased reduction of full-size chroma to a chroma plane of (height, width)."""
    across, down = layout.subsampling
    return _resizer(frame_size, size, scale=(1 / down, 1 / across), shift=(layout.siting[1], layout.siting[0]))


def _offsets(layout: PlaneLayout) -> tuple[float, float]:
    """Siting down and across, in chroma samples."""
    across, down = layout.subsampling
    return layout.siting[1] / down, layout.siting[0] / across


def _resizer(
    size: Size, output_size: Size, *, scale: tuple[float, float], shift: tuple[float, float], kernel: str = "cubic"
) -> PlaneResizer:
    rows, columns = (
        weight_table(inputs, outputs, scale=by, kernel=kernel, shift=further)
        for inputs, outputs, by, further in zip(size, output_size, scale, shift, strict=True)
    )
    return PlaneResizer(rows, columns)


def _reach(table: WeightTable) -> int:
    places = (np.arange(table.outputs) + 0.5) * (table.inputs / table.outputs) - 0.5
    return int(np.ceil(np.abs(table.indices - places[:, None]).max()))


def _read(table: WeightTable, outputs: slice) -> tuple[int, int]:
    """The [low, high) inputs that some outputs read."""
    reads = table.indices[outputs]
    return int(reads.min()), int(reads.max()) + 1


def _apply(blocks: tuple[Block, ...], plane: Floats, outputs: slice, first: int, *, axis: int) -> Floats:
    """Apply the part of a table that makes some outputs; ``plane`` begins at input ``first`` along the axis."""
    length = outputs.stop - outputs.start
    shape = (length, plane.shape[1]) if axis == 0 else (plane.shape[0], length)
    result = np.empty(shape, dtype=np.float32)
    for start, stop, low, high, weights in blocks:
        begin, end = max(start, outputs.start), min(stop, outputs.stop)
        if begin >= end:
            continue
        chosen = weights[:, begin - start : end - start]
        below, above = max(0, first - low), max(0, high - first - plane.shape[axis])
        chosen = chosen[below : len(chosen) - above]  # inputs that only other outputs of the block read
        source = slice(low + below - first, high - above - first)
        target = slice(begin - outputs.start, end - outputs.start)
        step = max(1, _PRODUCT // chosen.size)
        for place in range(0, plane.shape[1 - axis], step):
            part = slice(place, place + step)
            if axis == 0:
                np.matmul(chosen.T, plane[source, part], out=result[target, part])
            else:
                np.matmul(plane[part, source], chosen, out=result[part, target])
    return result

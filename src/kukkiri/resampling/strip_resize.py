"""Resize in strips of rows, for callers that use the rows of a resized image once and in order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.resampling.integer_rounding import LevelRounding, Rounding, sum_type
from kukkiri.resampling.passes import apply_along, apply_to_rows, dense_blocks, resize_plan
from kukkiri.resampling.weights import Border, WeightTable

__all__ = ["StripResize"]

Array = NDArray[Any]
_STRIP = (
    2**17
)  # pixels of a plane that a strip reads or makes: half as many are slower by a sixth, twice as many no faster


class StripResize:
    """:func:`kukkiri.resampling.resize` of planes, any rows of which are computed on request.

    A strip that stays in the cache while it is used saves writing and reading the whole resized planes. Nothing
    is changed after construction, so that several threads may request rows.
    """

    def __init__(
        self,
        planes: Array,
        *,
        scale: float | None = None,
        output_size: tuple[int, int] | None = None,
        kernel: str = "cubic",
        antialias: bool = True,
        border: Border = "symmetric",
        rounding: Rounding = "half-away",
        height: int | None = None,
        first: int = 0,
    ) -> None:
        """Prepare the weights.

        Args:
            planes: (C, H, W), uint8, uint16, float32 or float64.
            scale: see :func:`resize`.
            output_size: (height, width) instead of ``scale``.
            kernel: see :func:`resize`.
            antialias: see :func:`resize`.
            border: see :func:`resize`.
            rounding: see :func:`resize`.
            height: rows of the whole image, of which ``planes`` are a part.
            first: row of it that the part begins with.

        Raises:
            TypeError: another dtype.
            ValueError: another shape, or impossible arguments.
        """
        if planes.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
            raise TypeError(f"planes are uint8, uint16, float32 or float64, got {planes.dtype}")
        if planes.ndim != 3 or 0 in planes.shape:
            raise ValueError(f"planes are (C, H, W) and not empty, got shape {planes.shape}")
        width = planes.shape[2]
        height = planes.shape[1] if height is None else height
        self._first = first
        plan = resize_plan(
            (height, width), scale=scale, output_size=output_size, kernel=kernel, antialias=antialias, border=border
        )
        tables = dict(plan)
        self._rows, self._columns = tables[0], tables[1]
        self._columns_first = plan[0][0] == 1
        self.output_size = (self._rows.outputs, self._columns.outputs)
        """(height, width) of the result."""
        self.strip = max(1, int(_STRIP / max(width, self.output_size[1]) / max(1, height / self.output_size[0])))
        """Number of rows of the result that are best requested at once."""
        self._dtype = self._sums = planes.dtype
        self._roundings: dict[int, LevelRounding] = {}
        if np.issubdtype(planes.dtype, np.integer):
            top = int(np.iinfo(planes.dtype).max)
            self._sums = np.result_type(*(sum_type(table, top) for table in tables.values()))
            for axis, table in plan:
                self._roundings[axis] = LevelRounding(table, dtype=self._sums, top=top, rounding=rounding)
        self._planes = self._widen_planes(planes) if self._columns_first else planes

    def rows(self, start: int, stop: int) -> Array:
        """Rows ``start`` to ``stop`` of the result, (C, stop - start, width)."""
        rows = self._rows
        table = WeightTable(indices=rows.indices[start:stop], weights=rows.weights[start:stop], inputs=rows.inputs)
        low, high = int(table.indices.min()), int(table.indices.max()) + 1
        near = WeightTable(indices=table.indices - low, weights=table.weights, inputs=high - low)
        strip = self._planes[:, low - self._first : high - self._first]
        if self._roundings:
            strip = strip.astype(self._sums, order="C")
        upscaled = np.empty((len(strip), stop - start, strip.shape[2]), dtype=self._sums)
        for plane, target in zip(strip, upscaled, strict=True):
            apply_along(plane, near, axis=0, out=target)
        if self._roundings:
            self._roundings[0].round(upscaled, near, strip, axis=1)
        if not self._columns_first:
            upscaled = self._widen(upscaled)
        return upscaled.astype(self._dtype, copy=False)

    def _widen(self, rows: Array) -> Array:
        """(C, rows, W) of sums to the width of the result."""
        result = apply_to_rows(rows, dense_blocks(self._columns, self._sums.str), outputs=self._columns.outputs)
        if self._roundings:
            self._roundings[1].round(result, self._columns, rows, axis=2)
        return result

    def _widen_planes(self, planes: Array) -> Array:
        """(C, H, W) to the width of the result, which is the first pass when the sides are scaled differently."""
        channels, height, _ = planes.shape
        result = np.empty((channels, height, self._columns.outputs), dtype=planes.dtype)
        if not self._roundings:
            for plane, target in zip(planes, result, strict=True):
                apply_along(plane, self._columns, axis=1, out=target)
            return result
        for first in range(0, height, self.strip):
            rows = slice(first, first + self.strip)
            result[:, rows] = self._widen(planes[:, rows].astype(self._sums, order="C"))
        return result

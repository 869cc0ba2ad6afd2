"""Alpha bleeding of an image whose rows come one after the other, in two passes.

The first pass averages the visible colours into cells of 8x8 pixels, which are small enough to be kept and are filled
as a whole; the second fills the finer cells of some rows from them. The result is that of :func:`bleed`.
"""

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.alpha import blend_cells, fill_cells, halve, upscale_cells

__all__ = ["CELL", "MARGIN", "RowBleeding"]

Floats = NDArray[np.float32]

CELL = 8
"""Parts of an image must begin on a multiple of it."""
MARGIN = 2 * CELL
"""Rows around a part that its result depends on."""


class RowBleeding:
    """The coarse colours of one image."""

    def __init__(self) -> None:
        """Begin with no rows."""
        self._weighted: list[Floats] = []
        self._weights: list[Floats] = []
        self._some_visible, self._all_visible = False, True
        self._filled: Floats | None = None

    def add(self, colour: Floats, alpha: Floats) -> None:
        """Take the next rows; all but the last part have a multiple of 8.

        Args:
            colour: (n, W, C), not multiplied by alpha.
            alpha: (n, W), [0, 1].
        """
        visible = alpha > 0
        self._some_visible |= bool(visible.any())
        self._all_visible &= bool(visible.all())
        weight = alpha[:, :, None]
        weighted = colour * weight
        for _ in range(3):
            weighted, weight = halve(weighted), halve(weight)
        self._weighted.append(weighted)
        self._weights.append(weight)

    def bleed(self, colour: Floats, alpha: Floats, *, start: int) -> Floats:
        """Fill the transparent pixels of some rows, after all were added.

        Args:
            colour: (n, W, C); the first and last :data:`MARGIN` rows are right only at the image's own borders.
            alpha: (n, W).
            start: row of the image that the part begins with, a multiple of 8.

        Returns:
            (n, W, C).
        """
        if self._all_visible or not self._some_visible:
            return colour
        if self._filled is None:
            weighted, weights = np.concatenate(self._weighted), np.concatenate(self._weights)
            self._filled = fill_cells(weighted, weights, area=CELL**2)
            self._weighted, self._weights = [], []
        weight = alpha[:, :, None]
        grids = [(halve(colour * weight), halve(weight))]
        grids.append((halve(grids[0][0]), halve(grids[0][1])))
        cells = -(-len(colour) // CELL)
        filled = self._filled[start // CELL : start // CELL + cells]
        for area, (weighted, weights) in ((16, grids[1]), (4, grids[0])):
            filled = blend_cells(weighted, weights, filled, area=area)
        return np.where(alpha[:, :, None] > 0, colour, upscale_cells(filled, alpha.shape))

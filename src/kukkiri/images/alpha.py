"""Alpha bleeding: colours for transparent pixels, so that upscaling a cut-out leaves no dark or light fringe.

A filter wider than a pixel mixes the colour of transparent pixels (mostly black or white) into the visible edge. That
colour is therefore replaced first by a continuation of its visible neighbours, with the pull-push algorithm: average
the visible colours into ever coarser grids, then fill the holes from coarse to fine.

Reference: Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["bleed", "blend_cells", "fill_cells", "halve", "upscale_cells"]

Floats = NDArray[np.float32]


def bleed(colour: Floats, alpha: Floats) -> Floats:
    """Give every fully transparent pixel a smooth continuation of the visible colours around it.

    Args:
        colour: (H, W, C), not multiplied by alpha.
        alpha: (H, W), [0, 1]; colours count by their alpha, so that nearly invisible ones hardly count.

    Returns:
        (H, W, C): ``colour`` where alpha is above 0, unchanged in every bit. ``colour`` itself when no pixel or every
        pixel is transparent.
    """
    visible = alpha > 0
    if visible.all() or not visible.any():
        return colour
    weight = alpha[:, :, None]
    filled = upscale_cells(fill_cells(halve(colour * weight), halve(weight), area=4), alpha.shape)
    return np.where(visible[:, :, None], colour, filled)


def fill_cells(weighted: Floats, weight: Floats, *, area: int) -> Floats:
    """Compute the colours of a grid of weighted means, with holes filled from the coarser grid.

    Args:
        weighted: (H, W, C), means of colour times alpha over each cell.
        weight: (H, W, 1), means of alpha.
        area: pixels in a cell. A cell keeps its own colour when it holds as much alpha as one opaque pixel; with less
            alpha it is blended with its surroundings in proportion.
    """
    colours, confidence = _average(weighted, weight, area)
    if confidence.min() == 1 or weight.size == 1:
        return colours
    coarse = fill_cells(halve(weighted), halve(weight), area=4 * area)
    return _blend(colours, confidence, coarse)


def blend_cells(weighted: Floats, weight: Floats, coarse: Floats, *, area: int) -> Floats:
    """As :func:`fill_cells`, with the filled coarser grid at hand."""
    return _blend(*_average(weighted, weight, area), coarse)


def _average(weighted: Floats, weight: Floats, area: int) -> tuple[Floats, Floats]:
    """The colour of each cell, and the confidence in it."""
    colours = np.divide(weighted, weight, out=np.zeros_like(weighted), where=weight > 0)
    return colours, np.minimum(weight * np.float32(area), np.float32(1))


def _blend(colours: Floats, confidence: Floats, coarse: Floats) -> Floats:
    filled = upscale_cells(coarse, colours.shape[:2])
    filled += confidence * (colours - filled)
    return filled


def halve(grid: Floats) -> Floats:
    """Average 2x2 blocks; a row or column beyond the border counts as zero."""
    height, width, _ = grid.shape
    if height % 2 or width % 2:
        grid = np.pad(grid, ((0, height % 2), (0, width % 2), (0, 0)))
    # Ever coarser sums would overflow, so each is a mean; only ratios of the grids are used.
    return (grid[::2, ::2] + grid[1::2, ::2] + grid[::2, 1::2] + grid[1::2, 1::2]) * np.float32(0.25)


def upscale_cells(grid: Floats, shape: tuple[int, ...]) -> Floats:
    """Upscale by 2 with linear interpolation between the blocks' centres, cropped to ``shape``."""
    height, width, channels = grid.shape
    wide = np.empty((height, width, 2, channels), grid.dtype)
    quarter = grid * np.float32(0.25)
    np.multiply(grid[:, :, None], np.float32(0.75), out=wide)
    wide[:, 1:, 0] += quarter[:, :-1]
    wide[:, 0, 0] += quarter[:, 0]
    wide[:, :-1, 1] += quarter[:, 1:]
    wide[:, -1, 1] += quarter[:, -1]
    rows = wide.reshape(height, 2 * width * channels)
    quarter = rows * np.float32(0.25)
    fine = np.empty((height, 2, 2 * width * channels), grid.dtype)
    np.multiply(rows[:, None], np.float32(0.75), out=fine)
    fine[1:, 0] += quarter[:-1]
    fine[0, 0] += quarter[0]
    fine[:-1, 1] += quarter[1:]
    fine[-1, 1] += quarter[-1]
    return fine.reshape(2 * height, 2 * width, channels)[: shape[0], : shape[1]]

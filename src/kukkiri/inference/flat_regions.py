"""skip-flat: the network only where it differs from bicubic interpolation.

Where an image is locally a plane (sky, blur, paper), bicubic interpolation is exact and a good network agrees with
it. Such parts are found by their curvature, which costs a hundredth of the network, and are interpolated; the rest is
covered with rectangles, and the network reads each of them with the margin of its receptive field, so that its pixels
are those that it gives for the whole image, to float32 rounding. The measurements behind each constant are in
docs/results/skip-flat.md.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Tile, pad_to_multiple
from kukkiri.inference.covering import CALL, cover
from kukkiri.inference.engine import Engine
from kukkiri.inference.tiling import SeamScore, TileSize, run_pass
from kukkiri.resampling import resize

__all__ = ["CELL", "CURVATURE", "SkipStatistics", "find_flat_cells", "run_skipping_flat"]

Batch = NDArray[np.float32]
Mask = NDArray[np.bool_]

CURVATURE = 8 / 255
"""Largest second difference of neighbouring LR pixels, along rows or columns, of a flat part; white is 1."""
CELL = 16
"""Side of the squares that are flat or textured as a whole, in LR pixels."""
HALF_LEVEL = 0.5 / 255
"""Limit for the RMS difference of the network and the interpolation in the flat cells that are probed."""
_BLOCK = 4  # side in LR pixels: a block with a textured pixel and its eight neighbours are textured
_STRIP = 2**16  # pixels that stay in the cache while their curvature is taken
_GAIN = 0.9  # largest share of the image that the rectangles may have, margins included
_PROBES = 12
_TRIED = 0.01  # largest share of the image that may be spent on probes


@dataclass
class SkipStatistics:
    """Pixels that were interpolated, over all network runs of one image."""

    cheap: int = 0
    """Pixels of network results that were interpolated instead."""
    total: int = 0
    """Pixels of all network results."""
    reasons: list[str] = field(default_factory=list)
    """The reasons why a network had to run on the whole image."""

    @property
    def share(self) -> float:
        """Fraction of the pixels that took the cheap path, [0, 1]."""
        return self.cheap / self.total if self.total else 0.0

    def add(self, other: "SkipStatistics") -> None:
        """Count what another run skipped; every reason once."""
        self.cheap += other.cheap
        self.total += other.total
        self.reasons += [reason for reason in other.reasons if reason not in self.reasons]

    def note(self) -> str:
        """Return one line for the user."""
        because = f" ({'; '.join(dict.fromkeys(self.reasons))})" if self.reasons else ""
        return f"skip-flat: {100 * self.share:.0f} % of the pixels took the cheap path{because}"


def run_skipping_flat(
    engine: Engine, lr: Batch, *, tile: TileSize | None, seams: SeamScore, statistics: SkipStatistics
) -> Batch:
    """Run a network once over a plane or planes, and interpolate the flat parts.

    Everything goes through the network when that is as quick, when its receptive field is unlimited, and when it
    changes flat parts: it is probed on some flat cells first.

    Args:
        engine: what runs.
        lr: (1, C, H, W), [0, 1]; for a pre-upsampled network the upscaled image.
        tile: (height, width) that may be read at once; ``None`` for no limit.
        seams: see :func:`run_pass`.
        statistics: counts the interpolated pixels.

    Returns:
        sr, (1, C, scale*H, scale*W), not clamped. Pixels of the network equal those of :func:`run_pass` to the
        rounding of float32.
    """
    scale = 1 if engine.info.pre_upsampled else engine.info.scale
    height, width = lr.shape[-2:]
    statistics.total += scale**2 * height * width
    margin = _margin(engine)
    cell = _cell(engine)
    if margin is None:
        statistics.reasons.append(f"{engine.info.name} looks at the whole image for each pixel")
    elif tile is None or min(tile) >= cell + 2 * margin:
        padded = np.ascontiguousarray(pad_to_multiple(lr, engine.info.multiple, axes=(-2, -1)))
        curvature = CURVATURE / engine.info.scale**2 if engine.info.pre_upsampled else CURVATURE
        flat = find_flat_cells(padded[0], cell=cell, curvature=curvature)
        tiles = list(_tiles(~flat, padded.shape[-2:], cell=cell, margin=margin, limit=tile))
        work = sum(math.prod(rectangle.size) + CALL for rectangle in tiles)
        if work <= _GAIN * height * width:
            if _agrees(engine, padded, flat, cell=cell, margin=margin, scale=scale):
                core = sum(math.prod(side.stop - side.start for side in rectangle.write) for rectangle in tiles)
                statistics.cheap += scale**2 * max(0, height * width - core)
                return _paste(engine, padded, tiles, sr=_interpolate(lr, scale), scale=scale)
            statistics.reasons.append(f"{engine.info.name} changes flat parts, too")
    return run_pass(engine, lr, tile=tile, seams=seams)


def find_flat_cells(planes: Batch, *, cell: int = CELL, curvature: float = CURVATURE) -> Mask:
    """Find the squares of an image in which, and next to which, no pixel is far from the mean of its neighbours.

    Args:
        planes: (C, H, W); a square is flat when it is in every plane.
        cell: side of the squares, a multiple of 4.
        curvature: largest |a - 2 b + c| of three neighbours in a row or column of a flat square.

    Returns:
        (ceil(H / cell), ceil(W / cell)), true where flat.
    """
    if cell < 1 or cell % _BLOCK:
        raise ValueError(f"cell must be a positive multiple of {_BLOCK}, got {cell}")
    blocks = _textured_blocks(planes[0], curvature)
    for plane in planes[1:]:
        blocks |= _textured_blocks(plane, curvature)
    near = blocks.copy()
    near[1:] |= blocks[:-1]
    near[:-1] |= blocks[1:]
    blocks = near.copy()
    blocks[:, 1:] |= near[:, :-1]
    blocks[:, :-1] |= near[:, 1:]
    for axis in (0, 1):
        firsts = np.arange(0, blocks.shape[axis], cell // _BLOCK)
        blocks = np.logical_or.reduceat(blocks, firsts, axis=axis)
    flat: Mask = ~blocks
    return flat


def _textured_blocks(plane: Batch, curvature: float) -> Mask:
    """Return (ceil(H / 4), ceil(W / 4)), true where a pixel of the block is curved; the outermost pixels are not."""
    height, width = plane.shape
    rows, columns = -(-height // _BLOCK), -(-width // _BLOCK)
    blocks = np.zeros((rows, columns), dtype=np.bool_)
    strip = max(1, _STRIP // max(1, width) // _BLOCK) * _BLOCK
    for first in range(0, height, strip):
        last = min(first + strip, height)
        textured = np.zeros((-(-(last - first) // _BLOCK) * _BLOCK, columns * _BLOCK), dtype=np.bool_)
        twice = 2 * plane[first:last]
        if width > 2:
            across = plane[first:last, 2:] + plane[first:last, :-2]
            across -= twice[:, 1:-1]
            np.greater(np.abs(across, out=across), curvature, out=textured[: last - first, 1 : width - 1])
        inner = slice(max(first, 1), min(last, height - 1))
        if inner.stop > inner.start:
            down = plane[inner.start + 1 : inner.stop + 1] + plane[inner.start - 1 : inner.stop - 1]
            down -= twice[inner.start - first : inner.stop - first]
            textured[inner.start - first : inner.stop - first, :width] |= np.abs(down, out=down) > curvature
        bands = textured[0::_BLOCK] | textured[1::_BLOCK] | textured[2::_BLOCK] | textured[3::_BLOCK]
        blocks[first // _BLOCK : first // _BLOCK + len(bands)] = bands.view(np.uint32) != 0  # four booleans at once
    return blocks


def _margin(engine: Engine) -> int | None:
    """Return the receptive field, rounded up so that reads begin on the network's grid."""
    radius, multiple = engine.info.receptive_field, engine.info.multiple
    return None if radius is None else -(-radius // multiple) * multiple


def _cell(engine: Engine) -> int:
    """Return the smallest side of at least ``CELL`` that suits both the blocks and the network's grid."""
    step = math.lcm(_BLOCK, engine.info.multiple)
    return -(-CELL // step) * step


def _tiles(textured: Mask, size: TileSize, *, cell: int, margin: int, limit: TileSize | None) -> Iterator[Tile]:
    """Rectangles in pixels, with the larger ones that must be read for them."""
    height, width = size
    for top, bottom, left, right in cover(textured, cell=cell, margin=margin, limit=limit):
        yield _tile((cell * top, cell * bottom, cell * left, cell * right), (height, width), margin=margin)


def _tile(box: tuple[int, int, int, int], size: TileSize, *, margin: int) -> Tile:
    (top, bottom, left, right), (height, width) = box, size
    return Tile(
        read=(
            slice(max(0, top - margin), min(height, bottom + margin)),
            slice(max(0, left - margin), min(width, right + margin)),
        ),
        write=(slice(top, min(height, bottom)), slice(left, min(width, right))),
    )


def _agrees(engine: Engine, lr: Batch, flat: Mask, *, cell: int, margin: int, scale: int) -> bool:
    """True when the network gives bicubic interpolation in some flat cells, evenly chosen away from the borders."""
    height, width = lr.shape[-2:]
    inside = flat.copy()
    edge = -(-margin // cell)
    inside[:edge], inside[-edge:], inside[:, :edge], inside[:, -edge:] = False, False, False, False
    rows, columns = np.nonzero(inside)
    read = (cell + 2 * margin) ** 2
    count = min(_PROBES, len(rows), max(1, int(_TRIED * height * width / read)))
    squares, pixels = 0.0, 0
    for index in np.linspace(0, len(rows) - 1, count).round().astype(int):
        top, left = cell * int(rows[index]), cell * int(columns[index])
        tile = _tile((top, top + cell, left, left + cell), (height, width), margin=margin)
        piece = np.ascontiguousarray(lr[..., tile.read[0], tile.read[1]])
        kept = (..., *tile.kept(scale))
        difference = engine.run(piece)[kept] - _interpolate(piece, scale)[kept]
        squares += float(np.square(difference, dtype=np.float64).sum())
        pixels += difference.size
    return squares <= HALF_LEVEL**2 * pixels


def _paste(engine: Engine, lr: Batch, tiles: Sequence[Tile], *, sr: Batch, scale: int) -> Batch:
    """Write the rectangles of the network into the interpolated image, which ends where the padding begins."""
    for tile in tiles:
        piece = engine.run(np.ascontiguousarray(lr[..., tile.read[0], tile.read[1]]))[(..., *tile.kept(scale))]
        target = sr[(..., *tile.target(scale))]
        target[...] = piece[..., : target.shape[-2], : target.shape[-1]]
    return sr


def _interpolate(planes: Batch, scale: int) -> Batch:
    """(1, C, H, W) to (1, C, scale*H, scale*W); a copy at scale 1, as for a network on the upscaled image."""
    return np.stack([resize(plane, scale=scale) for plane in planes[0]])[None] if scale > 1 else planes.copy()

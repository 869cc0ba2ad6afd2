"""One network pass over planes of any size: whole when memory allows, else in tiles."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ConfigError, ImageError
from kukkiri.images import Tile, pad_to_multiple, plan_tiles
from kukkiri.inference.engine import Engine
from kukkiri.inference.tile_batches import compute_tiles, find_batching

__all__ = ["SeamScore", "TileSize", "choose_overlap", "choose_strip", "choose_tile", "run_pass", "shrink_tile"]

Batch = NDArray[np.float32]
TileSize = tuple[int, int]

BLENDED_OVERLAP = 32
"""LR pixels that neighbouring tiles share on each side of a seam when the receptive field is unlimited."""
_LARGEST = 4 * 2**30
_CORE = 16
_LEAST = 8
"""Sides that networks with an unlimited receptive field get at least: some pool parts of their input."""
_STRIP = 2**18  # pixels of a call, about a second: time for progress and Ctrl-C, and no slower than the whole


@dataclass
class SeamScore:
    """Disagreement of neighbouring tiles about the pixels that both computed, before they are blended.

    Zero for tiles with the margin of the receptive field, which agree.
    """

    maximum: float = 0.0
    """Largest difference, on the scale where white is 1."""
    _total: float = field(default=0.0, repr=False)
    _count: int = field(default=0, repr=False)

    @property
    def mean(self) -> float:
        """Mean difference, on the scale where white is 1."""
        return self._total / self._count if self._count else 0.0

    @property
    def seams(self) -> bool:
        """True when anything was blended."""
        return self._count > 0

    def add(self, differences: Batch) -> None:
        """Count the absolute differences of one overlap."""
        self.maximum = max(self.maximum, float(differences.max()))
        self._total += float(differences.sum(dtype=np.float64))
        self._count += differences.size


def choose_overlap(engine: Engine) -> int:
    """Return the margin that a tile needs on each side, in pixels of the network's input."""
    radius = engine.info.receptive_field
    return BLENDED_OVERLAP if radius is None else radius


def choose_tile(engine: Engine, size: tuple[int, int], *, budget: int) -> TileSize | None:
    """Choose tiles that fit in memory: none when the whole image does, else full-width strips, else squares.

    Strips share the fewest pixels; a tile's activations are held below 4 GB, beyond which nothing is gained.

    Args:
        engine: what runs.
        size: (height, width) of the network's input.
        budget: bytes for the activations of one run.

    Returns:
        ``None`` for the whole image, else (height, width) that a tile may read.

    Raises:
        ImageError: not even the smallest tile fits.
    """
    height, width = size
    budget = min(budget, _LARGEST)
    if engine.footprint.bytes(height * width) <= budget:
        return None
    pixels = _affordable(engine, budget)
    multiple = engine.info.multiple
    margin = -(-choose_overlap(engine) // multiple) * multiple
    rows = pixels // width // multiple * multiple
    if rows >= max(6 * margin, 2 * margin + _CORE * multiple):
        return rows, width
    side = int(pixels**0.5) // multiple * multiple
    smallest = _smallest(engine)
    if side < smallest:
        raise ImageError(
            f"{engine.info.name}: the smallest tile, {smallest}x{smallest}, needs "
            f"{engine.footprint.bytes(smallest**2) / 1e6:.0f} MB, but {budget / 1e6:.0f} MB are free. "
            "Close other programs or use a smaller model."
        )
    return side, side


def choose_strip(engine: Engine, size: TileSize) -> TileSize | None:
    """Choose strips for an image that memory would take whole, so that a run can be watched and interrupted.

    An accelerator gets squares of one size instead.

    Args:
        engine: what runs.
        size: (height, width) of its input.

    Returns:
        (height, width) that a strip may read; ``None`` for a small image, and for a network that sees it whole.
    """
    height, width = size
    multiple = engine.info.multiple
    margin = -(-choose_overlap(engine) // multiple) * multiple
    batching = find_batching(engine)
    if batching is not None and engine.info.receptive_field is not None:
        side = max(batching.side // multiple * multiple, 6 * margin, multiple)
        return None if max(size) <= side else (min(height, side), min(width, side))
    if engine.info.receptive_field is None or height * width <= _STRIP:
        return None
    rows = _STRIP // width // multiple * multiple
    if rows >= max(6 * margin, multiple):
        return rows, width
    side = max(int(_STRIP**0.5) // multiple * multiple, 6 * margin, multiple)
    return side, side


def shrink_tile(engine: Engine, tile: TileSize | None, size: tuple[int, int]) -> TileSize | None:
    """Choose a tile of half the pixels after memory for one was refused.

    Args:
        engine: what ran.
        tile: (height, width) that was too large; ``None`` for what :func:`choose_strip` gives, else the whole.
        size: (height, width) of the network's input.

    Returns:
        (height, width); ``None`` when there is no smaller tile.
    """
    tile = tile or choose_strip(engine, size) or size
    height, width = min(tile[0], size[0]), min(tile[1], size[1])
    multiple, smallest = engine.info.multiple, _smallest(engine)
    longer, shorter = max(height, width), min(height, width)
    halved = longer // 2 // multiple * multiple
    if halved < min(smallest, longer):
        return None
    return (halved, shorter) if height >= width else (shorter, halved)


def _affordable(engine: Engine, budget: int) -> int:
    """The largest number of pixels whose activations fit, by bisection."""
    low, high = 0, 2**31
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if engine.footprint.bytes(middle) <= budget else (low, middle)
    return low


def _smallest(engine: Engine) -> int:
    multiple = engine.info.multiple
    margin = -(-choose_overlap(engine) // multiple) * multiple
    return 2 * margin + (max(_CORE, 2 * margin) if engine.info.receptive_field is None else multiple)


def run_pass(engine: Engine, lr: Batch, *, tile: TileSize | None, seams: SeamScore) -> Batch:
    """Run a network once over a plane or planes.

    Args:
        engine: what runs.
        lr: (1, C, H, W); for a pre-upsampled network the upscaled image.
        tile: (height, width) that a tile may read; ``None`` for what :func:`choose_strip` gives.
        seams: filled with the disagreement of tiles, when the network's receptive field is unlimited.

    Returns:
        sr, (1, C, scale*H, scale*W), not clamped. With a finite receptive field tiled and whole are equal to
        the rounding of float32.

    Raises:
        ConfigError: ``tile`` is smaller than two margins and a core.
    """
    *_, height, width = lr.shape
    scale = 1 if engine.info.pre_upsampled else engine.info.scale
    padded = pad_to_multiple(_enlarge(engine, lr), engine.info.multiple, axes=(-2, -1))
    size = (padded.shape[-2], padded.shape[-1])
    tile = tile or choose_strip(engine, size)
    if tile is None:
        sr = engine.run(np.ascontiguousarray(padded))
    else:
        smallest = _smallest(engine)
        if any(side < min(smallest, length) for side, length in zip(tile, size, strict=True)):
            raise ConfigError(
                f"a tile of {min(tile)} pixels is too small for {engine.info.name}, which needs {smallest} or more."
            )
        tiles = plan_tiles(size, tile=tile, overlap=choose_overlap(engine), multiple=engine.info.multiple)
        join = _blend if engine.info.receptive_field is None else _paste
        sr = join(compute_tiles(engine, padded, tiles), lr=padded, scale=scale, seams=seams)
    return sr[..., : scale * height, : scale * width]


def _enlarge(engine: Engine, lr: Batch) -> Batch:
    """Mirror an image of a few pixels at the bottom and right until a network can take it."""
    missing = [max(0, _LEAST - side) for side in lr.shape[-2:]]
    if engine.info.receptive_field is not None or not any(missing):
        return lr
    return np.pad(lr, [(0, 0)] * (lr.ndim - 2) + [(0, amount) for amount in missing], mode="symmetric")


def _paste(pieces: Iterable[tuple[Tile, Batch]], *, lr: Batch, scale: int, seams: SeamScore) -> Batch:
    """Keep the core of each tile."""
    n, c, h, w = lr.shape
    sr = np.empty((n, c, scale * h, scale * w), dtype=np.float32)
    for tile, piece in pieces:
        rows, columns = tile.target(scale)
        kept_rows, kept_columns = tile.kept(scale)
        sr[..., rows, columns] = piece[..., kept_rows, kept_columns]
    return sr


def _blend(pieces: Iterable[tuple[Tile, Batch]], *, lr: Batch, scale: int, seams: SeamScore) -> Batch:
    """Cross-fade neighbours in the middle half of what both computed: tiles to bands, bands to the image.

    The outer quarters of a shared strip are taken from the tile that has more around them.
    """
    n, c, h, w = lr.shape
    sr = np.empty((n, c, scale * h, scale * w), dtype=np.float32)
    band = np.empty(0, dtype=np.float32)
    top, written, done_rows = -1, 0, 0
    for tile, piece in pieces:
        rows, columns = tile.read
        if rows.start != top:
            if top >= 0:
                done_rows = _fade(sr, band, start=scale * top, written=done_rows, axis=-2, seams=seams)
            top, written = rows.start, 0
            band = np.empty((n, c, piece.shape[-2], scale * w), dtype=np.float32)
        written = _fade(band, piece, start=scale * columns.start, written=written, axis=-1, seams=seams)
    _fade(sr, band, start=scale * top, written=done_rows, axis=-2, seams=seams)
    return sr


def _fade(target: Batch, piece: Batch, *, start: int, written: int, axis: int, seams: SeamScore) -> int:
    """Write ``piece`` from ``start`` on, fading from what was written before; return the new end."""
    whole, part = np.moveaxis(target, axis, -1), np.moveaxis(piece, axis, -1)
    shared = max(0, written - start)
    quarter = shared // 4
    fading = slice(start + quarter, start + shared - quarter)
    if shared:
        old, new = whole[..., fading], part[..., quarter : shared - quarter]
        difference = new - old
        seams.add(np.abs(difference))
        ramp = (np.arange(difference.shape[-1], dtype=np.float32) + 0.5) / difference.shape[-1]
        whole[..., fading] = old + ramp * difference
    end = start + int(part.shape[-1])
    whole[..., fading.stop : end] = part[..., shared - quarter :]
    return end

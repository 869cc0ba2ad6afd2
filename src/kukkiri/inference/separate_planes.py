"""Planes beside the colour that are upscaled on their own: extra samples of a TIFF, and alpha that holds data."""

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image
from kukkiri.images.row_source import RowSource
from kukkiri.inference.alpha_resize import snap_to_ends
from kukkiri.inference.interpolation import interpolate_image
from kukkiri.resampling import resize

__all__ = ["AlphaMode", "HiddenColours", "hides_colours", "upscale_separately"]

Plane = NDArray[np.float32]
AlphaMode = Literal["transparency", "separate", "opaque"]
"""The meaning of alpha: transparency (hidden colours count for nothing), data of its own, or nothing."""

_REPLACED = (
    "colours under fully transparent pixels were replaced by those around them; where alpha holds data, kukkiri "
    "upscale --alpha separate keeps them"
)


def upscale_separately(
    image: Image, upscale: Callable[[Image], Image], *, alpha: AlphaMode, kernel: str, wrap: bool = False
) -> Image:
    """Upscale an image, with the planes that are not to influence its colours set apart.

    Args:
        image: any.
        upscale: upscales an image of grey or RGB, with alpha when that means transparency.
        alpha: ``transparency``: handed on with the colours; ``separate``: interpolated on its own, so that the colours
            are those of the image without alpha; ``opaque``: left out, colours under it are shown.
        kernel: interpolation of the planes set apart.
        wrap: their margins are taken from the other side.

    Returns:
        The upscaled image, with a note when colours under fully transparent pixels were replaced, or alpha left out.
    """
    notes = list(image.notes)
    if alpha == "transparency" and hides_colours(image):
        notes.append(_REPLACED)
    if alpha == "opaque" and image.alpha is not None and image.alpha.min() < 1:
        notes.append("alpha was left out: colours under transparent pixels are shown")
    kept = image.alpha if alpha == "transparency" else None
    sr = upscale(dataclasses.replace(image, alpha=kept, extra=None, notes=tuple(notes)))

    def beside(plane: Plane) -> Plane:
        return _resize(plane, image.depth, sr.size, kernel=kernel, wrap=wrap)

    resized = sr.alpha
    if alpha == "separate" and image.alpha is not None:
        resized = beside(image.alpha)
    extra = None
    if image.extra is not None:
        extra = np.stack([beside(image.extra[..., at]) for at in range(image.extra.shape[2])], axis=-1)
    return dataclasses.replace(sr, alpha=resized, extra=extra)


class HiddenColours:
    """A watch over the parts of an image: do fully transparent pixels hold colours that something is lost with?"""

    def __init__(self) -> None:
        self._low, self._high = np.inf, -np.inf
        self._visible = False

    def add(self, part: Image) -> None:
        """Look at a part."""
        if part.alpha is None:
            return
        hidden = part.alpha == 0
        self._visible = self._visible or not hidden.all()
        if hidden.any():
            colours = part.colour[hidden]
            self._low, self._high = min(self._low, float(colours.min())), max(self._high, float(colours.max()))

    @property
    def found(self) -> bool:
        """True unless hidden colours are all black, or all white, or no visible ones are there to replace them."""
        return self._visible and self._high >= self._low and not (self._low == self._high and self._low in (0, 1))

    def notes(self) -> list[str]:
        """One line when colours are replaced."""
        return [_REPLACED] if self.found else []

    def watch(self, rows: RowSource) -> RowSource:
        """Return rows that are looked at when they are fetched."""

        def fetch(start: int, stop: int) -> Image:
            part = rows.fetch(start, stop)
            self.add(part)
            return part

        return rows if rows.template.alpha is None else dataclasses.replace(rows, fetch=fetch)


def hides_colours(image: Image) -> bool:
    """True when colours under fully transparent pixels are replaced, and something is lost with them."""
    watch = HiddenColours()
    watch.add(image)
    return watch.found


def _resize(plane: Plane, depth: Literal[8, 16, 32], size: tuple[int, int], *, kernel: str, wrap: bool) -> Plane:
    if plane.shape == size:
        return plane
    if wrap:
        resized: Plane = np.clip(resize(plane, output_size=size, kernel=kernel, border="wrap"), 0, 1)
    else:
        alone = Image(colour=np.ascontiguousarray(plane[..., None]), depth=depth)
        resized = interpolate_image(alone, size, kernel=kernel).colour[..., 0]
    snap_to_ends(resized)
    return resized

"""Rows of an image file, from the top to the bottom, without the whole image in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.image import Image

__all__ = ["RowSource", "RowWindow", "whole_rows"]

Levels = NDArray[Any]


@dataclass(frozen=True)
class RowSource:
    """An image file whose pixels are decoded a few rows at a time, in order."""

    template: Image
    """A row of no meaning, with the channels, metadata, depth and notes of the whole image."""
    size: tuple[int, int]
    """(height, width) in pixels."""
    fetch: Callable[[int, int], Image] = field(repr=False)
    """Decode rows from a start to a stop; each call must begin where the last one ended.

    Raises:
        ImageError: the file is truncated or corrupt there.
    """

    reopen: "Callable[[], RowSource] | None" = field(default=None, repr=False)
    """Begin again at the first row; ``None`` when that cannot be done."""

    @property
    def channels(self) -> int:
        """Number of samples of a pixel."""
        colours: int = self.template.colour.shape[2]
        return colours + (self.template.alpha is not None)


class RowWindow:
    """The rows of a source that are in memory: it moves downwards, and any part of it can be had as an image."""

    def __init__(self, source: RowSource) -> None:
        """Start above the first row of a source."""
        self._source = source
        self._start = self._stop = 0
        self._colour = source.template.colour[:0]
        self._alpha = None if source.template.alpha is None else source.template.alpha[:0]

    def get(self, start: int, stop: int) -> Image:
        """Return some rows as an image; rows that were dropped cannot be had any more."""
        if start < self._start:
            raise ValueError(f"row {start} was dropped; the window begins at {self._start}")
        if stop > self._stop:
            read = self._source.fetch(self._stop, stop)
            self._colour = np.concatenate((self._colour, read.colour))
            if self._alpha is not None and read.alpha is not None:
                self._alpha = np.concatenate((self._alpha, read.alpha))
            self._stop = stop
        rows = slice(start - self._start, stop - self._start)
        template = self._source.template
        return Image(
            colour=self._colour[rows],
            alpha=None if self._alpha is None else self._alpha[rows],
            depth=template.depth,
            metadata=template.metadata,
            source=template.source,
            lossy=template.lossy,
            notes=template.notes,
        )

    def drop(self, before: int) -> None:
        """Forget the rows above one."""
        if before > self._start:
            self._colour = self._colour[before - self._start :].copy()
            if self._alpha is not None:
                self._alpha = self._alpha[before - self._start :].copy()
            self._start = before


def whole_rows(image: Image) -> RowSource:
    """Make a source of an image that is in memory."""

    def cut(start: int, stop: int) -> Image:
        return replace(
            image,
            colour=image.colour[start:stop],
            alpha=None if image.alpha is None else image.alpha[start:stop],
            extra=None if image.extra is None else image.extra[start:stop],
        )

    return RowSource(cut(0, 1), image.size, cut, reopen=lambda: whole_rows(image))

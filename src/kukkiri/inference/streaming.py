"""An image upscaled strip by strip, so that memory is bounded by the strip and not by the image.

The network runs on cores of some rows with the margin of its receptive field; what it gives is kept in a buffer, from
which strips are joined with chroma, alpha and the bounds, with the margin that those read. Every pixel sees what it
sees in the whole image, so that the result is the same to the rounding of float32.
"""

import dataclasses
import math
from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from kukkiri.images import Image
from kukkiri.images.alpha_rows import CELL, MARGIN, RowBleeding
from kukkiri.images.row_source import RowSource, RowWindow
from kukkiri.inference.alpha_resize import resize_alpha_rows
from kukkiri.inference.colour_plan import ColourPlan
from kukkiri.inference.engine import Engine
from kukkiri.inference.flat_regions import SkipStatistics
from kukkiri.inference.interpolation import interpolate_rows
from kukkiri.inference.local_mean import CELL_SIDE, REACH
from kukkiri.inference.network_run import NetworkRun
from kukkiri.inference.parts import Part, find_starts
from kukkiri.inference.planning import Plan, choose_pass_tile
from kukkiri.inference.strip_threads import run_strips
from kukkiri.inference.tile_progress import ProgressCallback
from kukkiri.resampling import StripResize

__all__ = ["STRIP_MEMORY", "StripUpscaler", "estimate_strips", "find_margin"]

Plane = NDArray[np.float32]

STRIP_MEMORY = 2**28
"""Bytes that one network run over a part of a strip may take."""
_CORE = (192, 512)
"""Least and most rows of a core: the margins of ten layers are 11 and 4 % of them."""
_READ = 2**21  # LR pixels of a core with its margins, where that gives more than the least rows
_JOINED = 2**21  # SR pixels of a strip
_KERNEL_MARGIN = 8  # LR rows that an interpolation reads on each side, rounded up
_PROCESS = 150_000_000  # bytes of Python, its libraries and the encoder
_FILLED = 16  # rows that one thread interpolates at a time


def find_margin(engines: tuple[Engine, ...]) -> int | None:
    """Return the LR rows around a pixel that networks, run one after the other, read; ``None``: the whole image."""
    margin, scale = 1, 1
    for engine in engines:
        info = engine.info
        if info.receptive_field is None:
            return None
        reads = -(-info.receptive_field // info.scale) + 2 if info.pre_upsampled else info.receptive_field
        margin += -(-reads // scale)
        scale *= info.scale
    return margin


def estimate_strips(engines: tuple[Engine, ...], width: int, output_width: int) -> int:
    """Estimate the bytes of an image in strips: 10 % more than was measured for 100 megapixels.

    Args:
        engines: the networks.
        width: of the image.
        output_width: of the result.
    """
    rows = min(_CORE[1], max(_CORE[0], _READ // width))
    planes = 4 * rows * output_width * max(1, output_width // width) * sum(engine.info.channels for engine in engines)
    return _PROCESS + (STRIP_MEMORY if engines else 0) + 70 * rows * width + 2 * planes + 50 * _JOINED


@dataclasses.dataclass(frozen=True)
class StripUpscaler:
    """The strips of one image."""

    engines: tuple[Engine, ...]
    output_size: tuple[int, int]
    """(height, width) of the result."""
    scale: float
    """Rows of the result for one of the image."""
    kernel: str | None = None
    """Interpolation, without engines."""
    runs: int = 1
    """Flips and rotations of the self-ensemble."""
    skip_flat: bool = False
    bounded: bool = True
    tile: int | None = None
    threads: int = 1
    memory: int = STRIP_MEMORY
    """Bytes that one network run may take."""
    skipped: SkipStatistics = dataclasses.field(default_factory=SkipStatistics)

    def run(self, source: RowSource, progress: ProgressCallback | None = None) -> Iterator[Image]:
        """Upscale an image.

        Args:
            source: without extra samples.
            progress: called with (done, total) cores of rows.

        Yields:
            Strips of the result from the top to the bottom, each with the depth and metadata of the source.

        Raises:
            ImageError: the file is damaged.
            ModelError: a network gave NaN or infinity.
        """
        rows = _BledRows(source)
        cores = self._cut(source)
        report = _CoreProgress(len(cores), progress)
        strips = _Strips(self, source, rows, report) if self.engines else _Interpolated(self, source, rows)
        for start, stop in cores:
            yield from strips.add(start, stop)
            report.finish_core()

    def notes(self) -> list[str]:
        """Lines for the user, after the run."""
        return [self.skipped.note()] if self.skipped.total else []

    def _cut(self, source: RowSource) -> list[tuple[int, int]]:
        """(start, stop) of the cores, which begin on the grid of the networks and of the local means."""
        height, width = source.size
        grid = math.lcm(CELL_SIDE, *(engine.info.multiple for engine in self.engines))
        margin = find_margin(self.engines) or 0
        rows = min(_CORE[1], max(_CORE[0], _READ // width - 2 * margin))
        rows = max(grid, rows // grid * grid)
        return [(start, min(height, start + rows)) for start in range(0, height, rows)]

    def network_run(self, size: tuple[int, int], *, progress: ProgressCallback | None = None) -> NetworkRun:
        """Prepare the networks for a part of (height, width)."""
        passes, (height, width) = [], size
        for engine in self.engines:
            upscaled = engine.info.scale if engine.info.pre_upsampled else 1
            entered = (height * upscaled, width * upscaled)
            chosen = choose_pass_tile(engine, entered, tile=self.tile, budget=self.memory)
            if self.tile is None and chosen is not None and chosen[0] > entered[0]:
                chosen = entered[0], chosen[0] * chosen[1] // entered[0]  # of the same area: fewer margins
            passes.append((engine.info.name, entered, chosen))
            height, width = height * engine.info.scale, width * engine.info.scale
        return NetworkRun(
            self.engines,
            Plan((height, width), tuple(passes), 0),
            runs=self.runs,
            skip_flat=self.skip_flat,
            bounded=self.bounded,
            bound_last=False,
            threads=self.threads,
            progress=progress,
            statistics=self.skipped,
        )


class _BledRows:
    """Rows of a source whose transparent pixels have taken the colours around them; that needs two passes."""

    def __init__(self, source: RowSource) -> None:
        self._window, self._height = RowWindow(source), source.size[0]
        self._bleeding = None if source.template.alpha is None else _average_visible(source)

    def get(self, start: int, stop: int) -> Image:
        """Some rows that were not dropped."""
        if self._bleeding is None:
            return self._window.get(start, stop)
        first = max(0, start - MARGIN) // CELL * CELL
        last = min(self._height, -(-(stop + MARGIN) // CELL) * CELL)
        part = self._window.get(first, last)
        rows = slice(start - first, stop - first)
        if part.alpha is None:
            raise ValueError("rows without the alpha of their image")
        colour = self._bleeding.bleed(part.colour, part.alpha, start=first)
        return dataclasses.replace(part, colour=colour[rows], alpha=part.alpha[rows])

    def drop(self, before: int) -> None:
        """Forget the rows above one, but for those that decide on its colours."""
        self._window.drop(before if self._bleeding is None else max(0, before - MARGIN) // CELL * CELL)


def _average_visible(source: RowSource) -> RowBleeding:
    """The first pass over an image with alpha."""
    if source.reopen is None:
        raise ValueError("a source with alpha is read twice, and this one cannot be")
    again, bleeding = source.reopen(), RowBleeding()
    height, width = source.size
    rows = max(CELL, _READ // width // CELL * CELL)
    for start in range(0, height, rows):
        part = again.fetch(start, min(height, start + rows))
        if part.alpha is not None:
            bleeding.add(part.colour, part.alpha)
    return bleeding


class _Strips:
    """Strips of an image that networks upscale."""

    def __init__(self, run: StripUpscaler, source: RowSource, rows: _BledRows, report: "_CoreProgress") -> None:
        self._run, self._source, self._rows, self._report = run, source, rows, report
        self._margin = find_margin(run.engines) or 0
        self._grid = math.lcm(CELL_SIDE, *(engine.info.multiple for engine in run.engines))
        self._reach = REACH + CELL_SIDE if run.bounded else CELL_SIDE
        self._colour = run.engines[0].info.colour
        self._factor = math.prod(engine.info.scale for engine in run.engines)
        self._planes: Plane | None = None
        self._first = self._done = 0  # LR rows at which the buffer begins, and up to which strips were given
        self._starts = find_starts(source.size[0], run.output_size[0])

    def add(self, start: int, stop: int) -> Iterator[Image]:
        """Run the networks on some more rows, and yield the strips that are complete with them."""
        height, width = self._source.size
        top = max(0, start - self._margin) // self._grid * self._grid
        bottom = min(height, stop + self._margin)
        planes = ColourPlan(dataclasses.replace(self._rows.get(top, bottom), alpha=None), self._colour).planes
        sr = self._run.network_run((bottom - top, width), progress=self._report.tell).run(planes)
        core = sr[..., self._factor * (start - top) : self._factor * (stop - top), :]
        self._planes = core.copy() if self._planes is None else np.concatenate((self._planes, core), axis=2)
        lag = self._reach + _KERNEL_MARGIN
        yield from self._join(height if stop == height else max(0, stop - lag), stop)
        self._keep(min(self._done - lag, stop - self._margin) - self._grid)

    def _join(self, end: int, available: int) -> Iterator[Image]:
        output_width = self._run.output_size[1]
        most = max(CELL_SIDE, int(_JOINED / (output_width * self._run.scale)) // CELL_SIDE * CELL_SIDE)
        while self._done < end:
            start, stop = self._done, min(end, self._done + most)
            top = max(0, start - self._reach) // CELL_SIDE * CELL_SIDE
            bottom = min(available, stop + self._reach)
            part, image = self._read(top, bottom, available)
            rows = int(self._starts[bottom]) - part.row
            colours = ColourPlan(dataclasses.replace(image, alpha=None), self._colour)
            sr = self._resize(part, rows)
            colour = colours.join(sr, bounded=self._run.bounded, part=part, threads=self._run.threads).colour
            alpha = image.alpha
            if alpha is not None:
                alpha = resize_alpha_rows(alpha, part, rows, width=output_width)
            kept = slice(*(int(self._starts[row]) - part.row for row in (start, stop)))
            self._done = stop
            yield dataclasses.replace(image, colour=colour[kept], alpha=None if alpha is None else alpha[kept])

    def _read(self, top: int, bottom: int, available: int) -> tuple[Part, Image]:
        """LR rows with what the interpolations read around them, and where they and the result's rows lie."""
        first, last = max(0, top - _KERNEL_MARGIN), min(available, bottom + _KERNEL_MARGIN)
        part = Part(first, self._source.size[0], int(self._starts[top]), self._run.output_size[0])
        return part, self._rows.get(first, last)

    def _resize(self, part: Part, rows: int) -> Plane:
        """Rows of the networks' result at the size that is asked for."""
        if self._planes is None:
            raise ValueError("no rows were computed")
        height, width = (self._factor * side for side in self._source.size)
        first = self._factor * self._first
        if self._run.output_size == (height, width):
            return self._planes[..., part.row - first : part.row - first + rows, :]
        strips = StripResize(self._planes[0], output_size=self._run.output_size, height=height, first=first)
        return strips.rows(part.row, part.row + rows)[None]

    def _keep(self, first: int) -> None:
        """Forget what lies above a row."""
        first = max(0, first) // self._grid * self._grid
        self._rows.drop(first)
        if self._planes is not None and first > self._first:
            self._planes = self._planes[..., self._factor * (first - self._first) :, :].copy()
            self._first = first


class _Interpolated:
    """Strips of an image that is interpolated."""

    def __init__(self, run: StripUpscaler, source: RowSource, rows: _BledRows) -> None:
        self._run, self._source, self._rows = run, source, rows
        self._starts = find_starts(source.size[0], run.output_size[0])

    def add(self, start: int, stop: int) -> Iterator[Image]:
        """Yield the strips of some more rows, made side by side."""
        width = self._run.output_size[1]
        most = max(1, int(_JOINED / (width * self._run.scale)))
        for first in range(start, stop, most):
            last = min(stop, first + most)
            top, bottom = max(0, first - _KERNEL_MARGIN), min(self._source.size[0], last + _KERNEL_MARGIN)
            image = self._rows.get(top, bottom)
            begin, end = (int(self._starts[row]) for row in (first, last))
            colour = np.empty((end - begin, width, image.colour.shape[2]), dtype=np.float32)
            alpha = None if image.alpha is None else np.empty((end - begin, width), dtype=np.float32)

            def fill(
                row: int,
                *,
                top: int = top,
                begin: int = begin,
                image: Image = image,
                colour: Plane = colour,
                alpha: Plane | None = alpha,
            ) -> None:
                rows = slice(row - begin, min(len(colour), row - begin + _FILLED))
                part = Part(top, self._source.size[0], row, self._run.output_size[0])
                interpolate = partial(
                    interpolate_rows, width=width, kernel=self._run.kernel or "cubic", depth=image.depth
                )
                colour[rows] = interpolate(image.colour, part, rows.stop - rows.start)
                if alpha is not None and image.alpha is not None:
                    alpha[rows] = interpolate(image.alpha[..., None], part, rows.stop - rows.start)[..., 0]

            run_strips(fill, range(begin, end, _FILLED), threads=self._run.threads)
            self._rows.drop(last - _KERNEL_MARGIN)
            yield dataclasses.replace(image, colour=colour, alpha=alpha)


class _CoreProgress:
    """Progress over all cores, in tiles of the first: the later ones have as many, but for the last."""

    def __init__(self, cores: int, report: ProgressCallback | None) -> None:
        self._cores, self._report = cores, report
        self._finished, self._tiles = 0, 0

    def tell(self, done: int, total: int) -> None:
        """Report ``done`` of ``total`` tiles of the present core."""
        self._tiles = self._tiles or total
        if self._report is not None:
            self._report(self._finished * self._tiles + done * self._tiles // total, self._cores * self._tiles)

    def finish_core(self) -> None:
        """Count a core as done."""
        self._finished += 1
        if not self._tiles and self._report is not None:  # without networks there is nothing else to count
            self._report(self._finished, self._cores)

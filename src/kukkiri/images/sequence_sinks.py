"""Several images written into one file: animated GIF, WebP and PNG, and multi-page TIFF.

Frames of WebP and PNG are cut to the part that changed, and replace it. One frame is in memory at a time, and the one
before it.
"""

import dataclasses
import os
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kukkiri.errors import ImageError
from kukkiri.files import replacing
from kukkiri.images.containers import apng, gif_frames, png, webp_frames
from kukkiri.images.containers.tiff_linking import PageLinker
from kukkiri.images.encoders.gif import GIF_OPTIONS, fit_palette
from kukkiri.images.encoding import Samples, encode, fit
from kukkiri.images.formats import OutputFormat, find_output_format, make_printable
from kukkiri.images.image import Image
from kukkiri.images.libvips import clear_errors, failure_types, find_reason, vips
from kukkiri.images.metadata import Metadata
from kukkiri.images.row_feed import RowFeed
from kukkiri.images.sequences import Timing

__all__ = ["ANIMATED", "SequenceSink", "open_sequence_sink"]

ANIMATED = ("GIF", "WebP", "PNG")
"""Formats of several frames."""
_CLASSIC_TIFF = 2**32 - 2**28
_HUNDREDTH, _THOUSANDTH = Fraction(1, 100), Fraction(1, 1000)


class SequenceSink(ABC):
    """A file that takes one image after the other."""

    def __init__(self, file: Path, temporary: Path, *, count: int, timing: Timing | None, quality: int | None) -> None:
        """Prepare a file; :func:`open_sequence_sink` does.

        Args:
            file: gives the format and the name in messages.
            temporary: is written.
            count: images that will come.
            timing: of an animation.
            quality: see :func:`kukkiri.images.save_image`.
        """
        self._form: OutputFormat = find_output_format(file)
        self._name, self._temporary = make_printable(file), temporary
        self._count, self._quality = count, quality
        self._timing = timing or Timing((Fraction(0),) * count, 0)
        self._done = 0
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for everything that the format cannot hold."""
        return tuple(self._notes)

    def write(self, image: Image) -> None:
        """Encode the next image.

        Raises:
            ImageError: the pixels hold NaN or infinity, or a frame has another size or kind than the first.
        """
        samples, notes = fit(
            image.colour,
            image.alpha,
            self._form,
            depth=image.depth,
            metadata=image.metadata,
            lossy=image.lossy,
            name=self._name,
            extra=image.extra,
            tone=image.tone,
        )
        self._notes |= dict.fromkeys(notes)
        self._add(samples)
        self._done += 1

    @abstractmethod
    def _add(self, samples: Samples) -> None: ...

    @abstractmethod
    def finish(self) -> None:
        """Complete the file."""

    @abstractmethod
    def abort(self) -> None:
        """End without a file."""


class _Stream(SequenceSink):
    """A file that is written front to back."""

    def __init__(self, file: Path, temporary: Path, **options: Any) -> None:
        super().__init__(file, temporary, **options)
        self._stream: BinaryIO = temporary.open("wb")

    def abort(self) -> None:
        self._stream.close()


class _Pages(_Stream):
    """Multi-page TIFF."""

    _linker: PageLinker | None = None

    def _add(self, samples: Samples) -> None:
        if self._linker is None:
            big = self._count * samples.levels.nbytes > _CLASSIC_TIFF
            self._linker = PageLinker(self._stream, pages=self._count, big=big)
        page, notes = encode(samples, self._form, self._quality)
        self._notes |= dict.fromkeys(notes)
        self._linker.add(page)

    def finish(self) -> None:
        self._stream.close()


class _Frames(_Stream):
    """Frames that are cut to what changed."""

    _before: NDArray[Any] | None = None
    _metadata = Metadata()
    _step = 1

    def _add(self, samples: Samples) -> None:
        levels = samples.levels
        if self._before is None:
            self._metadata = samples.metadata
            part = (0, levels.shape[0], 0, levels.shape[1])
            self._begin(samples)
        elif self._before.shape != levels.shape:
            raise ImageError(f"{self._name}: frame {self._done + 1} has another size or kind of pixels than the first.")
        else:
            part = _find_change(self._before, levels, self._step)
        top, bottom, left, right = part
        cut = dataclasses.replace(
            samples, levels=np.ascontiguousarray(levels[top:bottom, left:right]), metadata=Metadata()
        )
        data, _ = encode(cut, self._form, self._quality)
        self._add_part(data, (top, left), (bottom - top, right - left))
        self._before = levels

    @abstractmethod
    def _begin(self, samples: Samples) -> None: ...

    @abstractmethod
    def _add_part(self, data: bytes, corner: tuple[int, int], size: tuple[int, int]) -> None: ...


class _PngFrames(_Frames):
    _number = 0

    def _begin(self, samples: Samples) -> None:
        whole = dataclasses.replace(samples, metadata=Metadata())
        data, _ = encode(whole, self._form, self._quality)
        head = png.embed(data[: data.index(b"IDAT") - 4], self._metadata)
        self._stream.write(head + apng.make_control(self._count, self._timing.plays))

    def _add_part(self, data: bytes, corner: tuple[int, int], size: tuple[int, int]) -> None:
        frame = apng.ApngFrame(corner, size, self._timing.durations[self._done], disposal=0, over=False, png=b"")
        self._stream.write(apng.make_frame_control(self._number, frame))
        self._number += 1
        for pixels in apng.find_pixels(data):
            if not self._done:
                self._stream.write(apng.make_chunk(b"IDAT", pixels))
                continue
            self._stream.write(apng.make_chunk(b"fdAT", struct.pack(">I", self._number) + pixels))
            self._number += 1

    def finish(self) -> None:
        self._stream.write(apng.make_chunk(b"IEND", b""))
        self._stream.close()


class _WebpFrames(_Frames):
    _step = 2  # corners are stored halved
    _times: Sequence[int] = ()

    def _begin(self, samples: Samples) -> None:
        alpha = samples.levels.shape[2] in (2, 4)
        plays = self._timing.plays
        self._stream.write(webp_frames.make_head(self._metadata, size=samples.size, plays=plays, alpha=alpha))
        self._times = self._timing.count_units(_THOUSANDTH)
        if any(duration % _THOUSANDTH for duration in self._timing.durations):
            self._notes["WebP stores times in thousandths of a second: those of the frames were rounded"] = None

    def _add_part(self, data: bytes, corner: tuple[int, int], size: tuple[int, int]) -> None:
        time = self._times[self._done]
        self._stream.write(webp_frames.make_frame(data, corner=corner, size=size, milliseconds=time))

    def finish(self) -> None:
        self._stream.write(webp_frames.make_tail(self._metadata))
        length = self._stream.tell()
        if length >= 2**32:
            raise ImageError(f"{self._name}: is larger than 4 GB, the most that WebP holds. Use .png.")
        self._stream.seek(4)
        self._stream.write(struct.pack("<I", length - 8))
        self._stream.seek(0, os.SEEK_END)
        self._stream.close()


class _GifFrames(SequenceSink):
    """GIF, whose palettes libvips chooses."""

    _feed: RowFeed | None = None
    _shape: tuple[int, ...] = ()
    _metadata = Metadata()

    def _add(self, samples: Samples) -> None:
        levels = fit_palette(samples.levels)
        if self._feed is None:
            self._shape, self._metadata = levels.shape, samples.metadata
            height, width, channels = levels.shape
            size = (height * self._count, width)
            self._feed = RowFeed(size, channels=channels, dtype=levels.dtype, interpretation="srgb")
            self._feed.start(partial(self._encode, height))
            if any(duration % _HUNDREDTH for duration in self._timing.durations):
                self._notes["GIF stores times in hundredths of a second: those of the frames were rounded"] = None
        elif levels.shape != self._shape:
            raise ImageError(f"{self._name}: frame {self._done + 1} has another size or kind of pixels than the first.")
        self._feed.put(levels)

    def _encode(self, height: int, image: Any) -> None:
        """Encode the frames that arrive; in the encoder's thread."""
        stack = image.copy()
        kinds = vips().GValue
        stack.set_type(kinds.gint_type, "page-height", height)
        stack.set_type(kinds.array_int_type, "delay", [10 * units for units in self._timing.count_units(_HUNDREDTH)])
        stack.set_type(kinds.gint_type, "loop", self._timing.plays)
        stack.gifsave(str(self._temporary), keep_duplicate_frames=True, **GIF_OPTIONS)

    def finish(self) -> None:
        if self._feed is None:
            raise ValueError("no frame was written")
        self._feed.finish()
        data = self._temporary.read_bytes()
        self._temporary.write_bytes(gif_frames.embed(data, self._metadata))

    def abort(self) -> None:
        if self._feed is not None:
            self._feed.abort()


_SINKS = {"GIF": _GifFrames, "PNG": _PngFrames, "TIFF": _Pages, "WebP": _WebpFrames}


@contextmanager
def open_sequence_sink(
    file: Path, *, count: int, timing: Timing | None = None, overwrite: bool = False, quality: int | None = None
) -> Iterator[SequenceSink]:
    """Yield a sink for several images; the file appears whole when the block ends, and not at all when it fails.

    Args:
        file: its suffix decides the format: .gif, .webp, .png, .tif.
        count: images that will be written.
        timing: of an animation.
        overwrite: an existing file may be replaced.
        quality: see :func:`kukkiri.images.save_image`.

    Raises:
        ImageError: the file exists, the disk is full, or the encoder failed.
    """
    clear_errors()
    name, form = make_printable(file), find_output_format(file).name
    try:
        with replacing(file, overwrite=overwrite) as temporary:
            sink = _SINKS[form](file, temporary, count=count, timing=timing, quality=quality)
            try:
                yield sink
                sink.finish()
            except BaseException:
                sink.abort()
                raise
    except failure_types() as error:
        raise ImageError(f"{name}: libvips could not write {form} ({find_reason(error)}). Use .png.") from error
    except OSError as error:
        raise ImageError(f"{name}: cannot be written ({error.strerror or error}).") from error


def _find_change(before: NDArray[Any], levels: NDArray[Any], step: int) -> tuple[int, int, int, int]:
    """Find (top, bottom, left, right) of what changed, from multiples of ``step``; a corner when nothing did."""
    changed = (before != levels).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return 0, 1, 0, 1
    top, left = rows[0] // step * step, columns[0] // step * step
    return int(top), int(rows[-1]) + 1, int(left), int(columns[-1]) + 1

"""An image file that is written row by row: PNG and TIFF of any size in little memory, the others encoded meanwhile.

PNG and TIFF go to the disk while they are encoded. JPEG is kept in memory as encoded bytes, and the encoders of WebP
and AVIF, whose sides are short, need the whole image themselves.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kukkiri.errors import ImageError
from kukkiri.files import replacing
from kukkiri.images.containers import png, tiff
from kukkiri.images.encoding import PNG_OPTIONS, Samples, encode, fit, patch_tiff, prepare_tiff
from kukkiri.images.fitting import fit_metadata
from kukkiri.images.formats import find_output_format, make_printable
from kukkiri.images.image import Image
from kukkiri.images.libvips import clear_errors, failure_types, find_reason, vips
from kukkiri.images.row_feed import RowFeed

__all__ = ["RowSink", "open_row_sink"]

_PATCHED = 2**28  # bytes of a TIFF that is read again to complete it; a larger one is completed in place


@dataclass(frozen=True)
class _FedSamples(Samples):
    """Samples whose levels come later; ``levels`` has their shape and type, but no memory of its own."""

    fed: Any = None

    @property
    def image(self) -> Any:
        """The libvips image that the rows are fed to."""
        return self.fed


class RowSink:
    """Strips of one image on their way into a file."""

    def __init__(self, file: Path, temporary: Path, *, size: tuple[int, int], quality: int | None) -> None:
        """Prepare a file; :func:`open_row_sink` does.

        Args:
            file: gives the format and the name in messages.
            temporary: is written.
            size: (height, width) of the image.
            quality: see :func:`kukkiri.images.save_image`.
        """
        self._form, self._name = find_output_format(file), make_printable(file)
        self._temporary, self._size, self._quality = temporary, size, quality
        self._feed: RowFeed | None = None
        self._rows = 0
        self.notes: list[str] = []
        """One line for everything that the format cannot hold."""

    def write(self, strip: Image) -> None:
        """Encode the next rows, which have the depth and metadata of the whole image.

        Raises:
            ImageError: the pixels hold NaN or infinity, the disk is full, or the encoder failed.
        """
        samples, notes = fit(
            strip.colour,
            strip.alpha,
            self._form,
            depth=strip.depth,
            metadata=strip.metadata,
            lossy=strip.lossy,
            name=self._name,
            extra=strip.extra,
        )
        self.notes = list(dict.fromkeys([*self.notes, *notes]))
        if self._feed is None:
            self._feed = self._begin(samples)
        self._feed.put(samples.levels)
        self._rows += len(samples.levels)

    def finish(self) -> None:
        """Complete the file.

        Raises:
            ValueError: rows are missing.
        """
        if self._feed is None or self._rows != self._size[0]:
            raise ValueError(f"{self._rows} rows were written, expected {self._size[0]}")
        self.notes = list(dict.fromkeys([*self.notes, *self._feed.finish()]))

    def abort(self) -> None:
        """End the encoder."""
        if self._feed is not None:
            self._feed.abort()

    def _begin(self, first: Samples) -> RowFeed:
        height, width = self._size
        channels = first.levels.shape[2]
        colours = channels - len(first.behind)
        metadata, _ = fit_metadata(first.metadata, self._form, channels=colours, size=self._size)
        whole = np.broadcast_to(np.zeros((), dtype=first.levels.dtype), (height, width, channels))
        samples = replace(first, levels=whole, metadata=metadata)
        feed = RowFeed(self._size, channels=channels, dtype=first.levels.dtype, interpretation=samples.interpretation)
        feed.start(partial(self._encode, samples))
        return feed

    def _encode(self, samples: Samples, image: Any) -> list[str]:
        """Encode the rows that arrive; in the encoder's thread."""
        fed = _FedSamples(samples.levels, samples.bits, samples.metadata, samples.lossy, samples.behind, fed=image)
        if self._form.name == "PNG":
            with self._temporary.open("wb") as stream:
                _encode_png(fed, stream)
            return []
        if self._form.name == "TIFF":
            return _encode_tiff(fed, self._temporary)
        data, notes = encode(fed, self._form, self._quality)
        self._temporary.write_bytes(data)
        return notes


@contextmanager
def open_row_sink(
    file: Path, *, size: tuple[int, int], overwrite: bool = False, quality: int | None = None
) -> Iterator[RowSink]:
    """Yield a sink for an image; the file appears whole when the block ends, and not at all when it fails.

    Args:
        file: its suffix decides the format.
        size: (height, width) of the image.
        overwrite: an existing file may be replaced.
        quality: see :func:`kukkiri.images.save_image`.

    Raises:
        ImageError: the file exists, the disk is full, or the encoder failed.
    """
    clear_errors()
    name = make_printable(file)
    try:
        with replacing(file, overwrite=overwrite) as temporary:
            sink = RowSink(file, temporary, size=size, quality=quality)
            try:
                yield sink
                sink.finish()
            except BaseException:
                sink.abort()
                raise
    except failure_types() as error:
        form = find_output_format(file).name
        raise ImageError(f"{name}: libvips could not write {form} ({find_reason(error)}). Use .png.") from error
    except OSError as error:
        raise ImageError(f"{name}: cannot be written ({error.strerror or error}).") from error


def _encode_png(samples: Samples, stream: BinaryIO) -> None:
    """Encode a PNG into a stream, with the metadata in front of its pixels."""
    head = bytearray()
    place = [-1]
    target = vips().TargetCustom()

    def write(data: bytes) -> int:
        if place[0] >= 0:
            stream.write(data)
            return len(data)
        head.extend(data)
        place[0] = head.find(b"IDAT") - 4
        if place[0] >= 0:
            stream.write(png.embed(bytes(head[: place[0]]), samples.metadata))
            stream.write(bytes(head[place[0] :]))
        return len(data)

    target.on_write(write)
    samples.image.pngsave_target(target, **PNG_OPTIONS)


def _encode_tiff(samples: Samples, file: Path) -> list[str]:
    image, options = prepare_tiff(samples)
    image.tiffsave(os.fsencode(file), **options)
    if file.stat().st_size > _PATCHED:
        metadata = samples.metadata
        with file.open("r+b") as stream:
            kept = tiff.patch_file(stream, exif=metadata.exif, keeps_resolution=metadata.resolution is not None)
        return [] if kept else ["EXIF does not go into a TIFF of more than 4 GB and was dropped"]
    written = file.read_bytes()
    data, notes = patch_tiff(written, samples)
    if data is not written:
        file.write_bytes(data)
    return notes

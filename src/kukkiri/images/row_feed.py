"""Rows of samples as a libvips image that an encoder reads while they are being made.

libvips has no image that Python fills row by row, but it reads files from a stream. So the rows go to it as a PNG file
without compression (5 ms for each megapixel), in a thread of the encoder's own.
"""

import queue
import threading
import zlib
from collections.abc import Callable
from struct import pack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kukkiri.images.libvips import vips

__all__ = ["RowFeed"]

_WAITING = 2  # pieces of rows that are made but not encoded yet
_PIECE = 2**22
_SLICE = 0.2  # seconds after which a full queue is looked at again: the encoder may have ended


class RowFeed:
    """A libvips image whose rows come from :meth:`put`, and the thread that encodes it."""

    def __init__(self, size: tuple[int, int], *, channels: int, dtype: np.dtype[Any], interpretation: str) -> None:
        """Describe the image.

        Args:
            size: (height, width).
            channels: samples of a pixel.
            dtype: uint8, uint16 or float32.
            interpretation: of libvips.
        """
        self._shape, self._dtype, self._interpretation = (*size, channels), dtype, interpretation
        self._pieces: queue.Queue[bytes] = queue.Queue(_WAITING)
        self._pack = zlib.compressobj(0)
        self._rest = b""
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._source = vips().SourceCustom()
        self._source.on_read(self._read)

    def start(self, encode: Callable[[Any], Any]) -> None:
        """Start a thread that calls ``encode`` with the image."""

        def run() -> None:
            try:
                self._result = encode(self._open())
            except BaseException as error:  # raised again where the rows are made
                self._error = error

        height, width, channels = self._shape
        deep = self._dtype == np.uint16
        samples = width * channels * (4 if self._dtype == np.float32 else 1)
        header = pack(">IIBBBBB", samples, height, 16 if deep else 8, 0, 0, 0, 0)
        self._rest = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
        self._thread = threading.Thread(target=run, name="kukkiri-encoder", daemon=True)
        self._thread.start()

    def put(self, rows: NDArray[Any]) -> None:
        """Hand on rows, (n, W, C).

        Raises:
            Exception: that the encoder met.
        """
        ordered = rows.astype(">u2") if self._dtype == np.uint16 else np.ascontiguousarray(rows)
        samples = ordered.reshape(len(rows), -1).view(np.uint8)
        lines = np.zeros((len(samples), 1 + samples.shape[1]), dtype=np.uint8)  # each begins with its filter, none
        lines[:, 1:] = samples
        self._send(self._pack.compress(lines.data))

    def finish(self) -> Any:
        """Return what ``encode`` returned, after the last row."""
        self._send(self._pack.flush())
        self._offer(_chunk(b"IEND", b""))
        self._offer(b"")
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result

    def abort(self) -> None:
        """End the encoder, whose file is not wanted any more."""
        self._error = self._error or RuntimeError("aborted")
        while self._thread is not None and self._thread.is_alive():
            try:
                self._pieces.put(b"", timeout=_SLICE)
            except queue.Full:
                self._pieces.get_nowait()

    def _open(self) -> Any:
        image = vips().Image.pngload_source(self._source, access="sequential", unlimited=True)
        channels = self._shape[2]
        if self._dtype == np.float32:
            image = image.bandfold(factor=4 * channels).copy(format="float", bands=channels)
        else:
            image = image.bandfold(factor=channels)
        return image.copy(interpretation=self._interpretation)

    def _read(self, length: int) -> bytes:
        if not self._rest:
            self._rest = self._pieces.get()
        part, self._rest = self._rest[:length], self._rest[length:]
        return part

    def _send(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            self._offer(_chunk(b"IDAT", data[start : start + _PIECE]))

    def _offer(self, piece: bytes) -> None:
        while True:
            if self._thread is None or not self._thread.is_alive():
                if self._error is not None:
                    raise self._error
                return
            try:
                self._pieces.put(piece, timeout=_SLICE)
            except queue.Full:
                continue
            return


def _chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))

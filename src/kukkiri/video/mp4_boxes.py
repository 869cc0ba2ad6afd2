"""Boxes of an MP4 file: the empty track that libavformat leaves for a cover image is taken out.

Where an MP4 is written in fragments, libavformat writes a cover both as an image among the tags and as a video track
without samples (seen in 8.1). The track's box gets the type ``free``, by which readers pass over it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["free_empty_video_tracks"]

_MAX_MOOV = 1 << 30
"""Bytes of a file's index that are read at most: that of a thousand hours takes less."""


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int
    """Offset of its header."""
    body: int
    """Offset of its content."""
    end: int


def free_empty_video_tracks(path: Path) -> int:
    """Hide the video tracks of an MP4 or MOV file that have no samples.

    Args:
        path: a complete file; it is changed in place, by four bytes a track.

    Returns:
        How many tracks were hidden.

    Raises:
        OSError: the file cannot be read or written.
    """
    hidden = 0
    with path.open("rb+") as file:
        size = file.seek(0, 2)
        position = 0
        while position + 8 <= size:
            file.seek(position)
            header = file.read(16)
            length, kind = struct.unpack(">I4s", header[:8])
            if length == 1 and len(header) == 16:
                length = struct.unpack(">Q", header[8:])[0]
            elif length == 0:
                length = size - position
            if length < 8:
                break
            if kind == b"moov" and length < _MAX_MOOV:
                file.seek(position)
                for offset in _empty_video_tracks(file.read(length)):
                    file.seek(position + offset + 4)
                    file.write(b"free")
                    hidden += 1
            position += length
    return hidden


def _empty_video_tracks(moov: bytes) -> list[int]:
    """Return the offsets of the tracks to hide in a ``moov`` box."""
    found = []
    for track in _boxes(moov, 8, len(moov)):
        if track.kind != b"trak":
            continue
        inner = {box.kind: box for box in _descend(moov, track)}
        handler, sizes = inner.get(b"hdlr"), inner.get(b"stsz")
        if handler is None or sizes is None or sizes.end - sizes.body < 12:
            continue
        samples = struct.unpack_from(">I", moov, sizes.body + 8)[0]
        if moov[handler.body + 8 : handler.body + 12] == b"vide" and samples == 0:
            found.append(track.start)
    return found


def _descend(data: bytes, parent: _Box) -> Iterator[_Box]:
    for box in _boxes(data, parent.body, parent.end):
        yield box
        if box.kind in (b"mdia", b"minf", b"stbl"):
            yield from _descend(data, box)


def _boxes(data: bytes, start: int, end: int) -> Iterator[_Box]:
    while start + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, start)
        if length < 8 or start + length > end:
            return
        yield _Box(kind, start, start + 8, start + length)
        start += length

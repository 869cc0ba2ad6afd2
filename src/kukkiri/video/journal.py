"""The journal of a clip that is being written: every encoded packet, so that a killed run goes on from there.

A file of one line of JSON, then records. A record is a packet, or the end of a segment; every record has a checksum,
and what follows the last end of a segment is cut off when the journal is opened again: a torn tail costs one segment.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kukkiri.errors import VideoError, make_printable
from kukkiri.files import try_lock

__all__ = ["EncodedPacket", "Journal", "JournalState", "read_journal"]

_MAGIC = "kukkiri video journal 1"
_RECORD = struct.Struct("<4sIqqqIII")
_PACKET, _SEGMENT = b"PACK", b"SEGM"
_KEY = 1
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class EncodedPacket:
    """A packet as the encoder gave it, with the timestamps that it has in the file."""

    pts: int
    """In units of the stream's time base."""
    dts: int
    """In units of the stream's time base."""
    duration: int
    """In units of the stream's time base."""
    is_keyframe: bool
    data: bytes
    alpha: bytes = b""
    """A second packet with the transparency, as VP9 has it."""


@dataclass(frozen=True)
class JournalState:
    """The finished part of a journal."""

    path: Path
    header: Mapping[str, Any]
    """As given to :class:`Journal`."""
    frames: int
    """Frames of all finished segments."""
    packets: int
    """The same number, as long as the encoder drops none."""
    last_pts: tuple[int, ...]
    """Timestamps of the last frames, in order of presentation; what the next decoding timestamps are made of."""
    start: int
    """First byte after the header."""
    end: int
    """First byte after the last finished segment."""

    def read(self) -> Iterator[EncodedPacket]:
        """Read the packets of the finished segments, in the order in which they were encoded."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            while file.tell() < self.end:
                record = _read_record(file)
                if record is None:
                    raise VideoError(f"{make_printable(self.path)}: changed while it was read. Begin anew.")
                if isinstance(record, EncodedPacket):
                    yield record


class Journal:
    """A journal that is being written; segments are flushed to the disk when they end."""

    def __init__(self, path: Path, header: Mapping[str, Any], *, state: JournalState | None = None) -> None:
        """Begin a journal, or go on with one behind its last finished segment.

        Args:
            path: the file.
            header: JSON that says what the packets were made of.
            state: the finished part of a journal at ``path``.

        Raises:
            OSError: it cannot be written.
            VideoError: another process is writing it.
        """
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
        try:
            _lock(self._file, path)  # before anything is cut off
            if state is None:
                self._file.truncate(0)
                line = json.dumps({"format": _MAGIC, **header}, sort_keys=True).encode() + b"\n"
                _write(self._file, line)
            else:
                self._file.truncate(state.end)
                self._file.seek(state.end)
        except BaseException:
            self._file.close()
            raise

    def append(self, packet: EncodedPacket) -> None:
        """Write a packet.

        Raises:
            OSError: it cannot be written; it is cut off when the journal is read.
        """
        body = packet.alpha + packet.data
        flags = _KEY if packet.is_keyframe else 0
        numbers = packet.pts, packet.dts, packet.duration, flags, len(packet.alpha), len(body)
        _write(self._file, _pack(_PACKET, numbers, body) + body)

    def end_segment(self, *, frames: int) -> None:
        """End a segment after ``frames`` frames since the beginning of the clip, and flush all to the disk.

        Raises:
            OSError: it cannot be written.
        """
        _write(self._file, _pack(_SEGMENT, (frames, 0, 0, 0, 0, 0), b""))
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file, which stays."""
        self._file.close()


def read_journal(path: Path) -> JournalState | None:
    """Read how far a journal goes; ``None`` when there is none, or none that can be read.

    Raises:
        OSError: it cannot be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        line = file.readline(_LONGEST_LINE)
        try:
            header = json.loads(line)
        except ValueError:
            return None
        if not line.endswith(b"\n") or not isinstance(header, dict) or header.pop("format", None) != _MAGIC:
            return None
        start = end = file.tell()
        frames = packets = seen = 0
        recent: list[int] = []
        last: tuple[int, ...] = ()
        while (record := _read_record(file)) is not None:
            if isinstance(record, EncodedPacket):
                seen += 1
                recent = sorted([*recent, record.pts])[-_KEPT:]
            else:
                frames, packets, last, end = record, seen, tuple(recent), file.tell()
    return JournalState(path, header, frames=frames, packets=packets, last_pts=last, start=start, end=end)


_KEPT = 32
"""More than any encoder reorders."""


def _pack(kind: bytes, numbers: tuple[int, ...], body: bytes) -> bytes:
    bare = _RECORD.pack(kind, 0, *numbers)
    return _RECORD.pack(kind, zlib.crc32(body, zlib.crc32(bare)), *numbers)


def _read_record(file: BinaryIO) -> EncodedPacket | int | None:
    """Read a packet, or the frames at the end of a segment; ``None`` at the end and for what is torn."""
    head = file.read(_RECORD.size)
    if len(head) < _RECORD.size:
        return None
    kind, checksum, pts, dts, duration, flags, alpha, size = _RECORD.unpack(head)
    if kind not in (_PACKET, _SEGMENT):
        return None
    body = file.read(size)
    numbers = (pts, dts, duration, flags, alpha, size)
    if len(body) < size or zlib.crc32(body, zlib.crc32(_RECORD.pack(kind, 0, *numbers))) != checksum:
        return None
    if kind == _SEGMENT:
        return int(pts)
    return EncodedPacket(pts, dts, duration, bool(flags & _KEY), body[alpha:], body[:alpha])


def _write(file: Any, data: bytes) -> None:
    """Write all of it: an unbuffered file may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _lock(file: Any, path: Path) -> None:
    """Refuse a journal that another process holds."""
    if not try_lock(file):
        message = (
            f"{make_printable(path)}: another process is writing this clip. Wait for it, or choose another output."
        )
        raise VideoError(message)

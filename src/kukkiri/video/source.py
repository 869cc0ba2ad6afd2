"""A clip as a source: frames of its video in presentation order, packets of everything else in file order."""

import logging
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from kukkiri.video.clip_info import Damage, VideoInfo
from kukkiri.video.clocks import FrameClock, PacketClock
from kukkiri.video.deinterlacing import Deinterlace, Deinterlacer
from kukkiri.video.pixel_formats import to_working
from kukkiri.video.probing import Decoder, choose_stream, describe, open_clip
from kukkiri.video.side_data import LOST, side_data_of

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

__all__ = ["VideoSource"]

_LOG = logging.getLogger(__name__)
_MAX_READ_ERRORS = 100
"""Read errors in a row after which the rest of a file counts as unreadable."""
_MISSING_SECONDS = Fraction(1, 20)
"""A file that ends so much and a frame before its stated duration is truncated; less is the container's rounding."""


class VideoSource:
    """A clip that is read once from beginning to end; close it, or use it in a ``with`` statement.

    Timestamps of frames and packets begin where the earliest stream begins: the start time of the container is
    subtracted from all of them alike.

    Attributes:
        info: facts about the clip, from its header and its first frame.
        damage: damage found so far; complete after the last frame.
        notes: one sentence for each thing that the output cannot keep.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        threads: int | None = None,
        deinterlace: Deinterlace = "auto",
        stream: int | None = None,
    ) -> None:
        """Open a clip and decode its first frame.

        Args:
            path: the file.
            threads: of the decoder; by default FFmpeg's choice.
            deinterlace: ``auto`` deinterlaces frames that are flagged interlaced, ``on`` all, ``off`` none.
            stream: number of the video stream; by default the first that is no cover image.

        Raises:
            BackendError: PyAV is not installed.
            VideoError: the file is missing, no clip, without video, encrypted, or no frame can be decoded.
        """
        if deinterlace not in ("auto", "on", "off"):
            raise ValueError(f"deinterlace must be auto, on or off, got {deinterlace!r}")
        self._path, self._threads, self._deinterlace = Path(path), threads, deinterlace
        self._container = open_clip(self._path)
        self._reading: InputContainer | None = None
        try:
            chosen = choose_stream(self._path, self._container, stream)
            self.info: VideoInfo = describe(self._path, self._container, chosen)
        except BaseException:
            self._container.close()
            raise
        self.damage = Damage()
        self.notes: list[str] = []
        self._clock = FrameClock(self.info.container)
        self._noted_side_data: set[str] = set()
        self._note(self.info.pixel_format.loss_from(self.info.source_format))
        if self.info.dolby_vision:
            self._note_lost("DOVI_METADATA")

    def __enter__(self) -> "VideoSource":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; afterwards nothing can be read."""
        if self._reading is not None:
            self._reading.close()
        self._container.close()

    @property
    def container(self) -> "InputContainer":
        """The opened file that streams, tags and chapters are copied from; its packets are not read."""
        return self._container

    @property
    def other_streams(self) -> "list[Stream]":
        """All streams but the one that is upscaled."""
        return [stream for stream in self._container.streams if stream.index != self.info.stream]

    def ticks(self, time_base: Fraction) -> int:
        """Return the start time in a stream's unit: the number that is subtracted from its timestamps."""
        return round(self.info.start_time / time_base)

    def frames(self) -> "Iterator[VideoFrame]":
        """Yield the frames of the video alone, as :meth:`demux` does."""
        from av.video.frame import VideoFrame

        for item in self.demux():
            if isinstance(item, VideoFrame):
                yield item

    def demux(self) -> "Iterator[VideoFrame | Packet[Any]]":
        """Read the file from its beginning.

        Yields:
            frames of the video in presentation order, in ``info.pixel_format`` (or its ``yuvj`` twin), deinterlaced
            where asked, all of ``info.width`` x ``info.height``; and packets of all other streams in file order.

        Raises:
            VideoError: a frame cannot be converted to ``info.pixel_format``.
        """
        if self._reading is not None:
            self._reading.close()
        self._reading = open_clip(self._path)
        stream = self._reading.streams[self.info.stream]
        decoder = Decoder(stream, threads=self._threads)  # type: ignore[arg-type]
        deinterlacer = Deinterlacer(self._deinterlace)
        self.damage.corrupt_packets = self.damage.corrupt_frames = 0
        is_transport_stream = "mpegts" in self.info.container  # one bad part marks all packets of half a second there
        self._clock = FrameClock(self.info.container)
        clock, end = PacketClock(self.info.container), _End()
        for packet in self._packets(self._reading):
            clock.straighten(packet)
            end.see(packet)
            if packet.stream_index != self.info.stream:
                if not packet.is_corrupt or is_transport_stream:
                    yield self._shifted(packet)
            else:
                for frame in self._decoded(decoder, packet):
                    yield from deinterlacer.push(frame)
        for frame in self._decoded(decoder, None):
            yield from deinterlacer.push(frame)
        yield from deinterlacer.flush()
        if clock.jumps:
            times = "once" if clock.jumps == 1 else f"{clock.jumps} times"
            self._note(f"the clock of the file jumps {times}: what follows was put behind what was before.")
        self._check_end(end.seconds)

    def _packets(self, container: "InputContainer") -> "Iterator[Packet[Any]]":
        """Yield all packets with data; after a read error the next one is tried."""
        from av.error import EOFError as Ended
        from av.error import FFmpegError

        errors = 0
        while errors < _MAX_READ_ERRORS:
            try:
                for packet in container.demux():
                    if packet.size == 0:  # PyAV's sign that a stream has ended; packets without dts are real ones
                        continue
                    errors = 0
                    self.damage.corrupt_packets += packet.is_corrupt
                    yield packet
                return
            except Ended:
                return
            except FFmpegError as error:
                _LOG.debug("%s: read error: %s", self._path, error)
                errors += 1
                self.damage.corrupt_packets += errors == 1
        self.damage.truncated = True

    def _decoded(self, decoder: Decoder, packet: "Packet[Any] | None") -> "Iterator[VideoFrame]":
        from av.error import EOFError as Ended
        from av.error import FFmpegError

        try:
            frames = decoder.decode(packet)
        except Ended:
            return
        except FFmpegError as error:
            _LOG.debug("%s: decoding failed: %s", self._path, error)
            self.damage.corrupt_packets += packet is None or not packet.is_corrupt  # the others are counted already
            return
        for frame in frames:
            self.damage.corrupt_frames += frame.is_corrupt
            self._note_side_data(side_data_of(frame))
            yield self._prepared(frame)

    def _prepared(self, frame: "VideoFrame") -> "VideoFrame":
        """Shift a frame's time and give it the clip's size and working format."""
        if not frame.time_base:  # the last frames, which no packet brought
            frame.time_base = self.info.time_base
        time = self._clock.choose(frame)
        frame.pts = None if time is None else time - self.ticks(frame.time_base)
        if (frame.width, frame.height) != (self.info.width, self.info.height):
            self._note(
                f"the frame size changes to {frame.width}x{frame.height} during the clip: "
                f"such frames are scaled to {self.info.width}x{self.info.height}."
            )
            duration = frame.duration
            frame = frame.reformat(self.info.width, self.info.height, interpolation="BICUBIC")
            frame.duration = duration
        return to_working(frame, self.info.pixel_format)

    def _shifted(self, packet: "Packet[Any]") -> "Packet[Any]":
        ticks = self.ticks(packet.time_base)
        if packet.pts is not None:
            packet.pts -= ticks
        if packet.dts is not None:
            packet.dts -= ticks
        return packet

    def _check_end(self, end: Fraction) -> None:
        """Compare the last timestamp with the duration that the container states."""
        if self.info.duration is None or "mpegts" in self.info.container:  # it is estimated from the end of the file
            return
        # Matroska and FLV state the time of the end, whatever the start; MP4 and AVI the length
        missing = Fraction(self.info.duration) + min(self.info.start_time, Fraction(0)) - end
        if missing > _MISSING_SECONDS + 1 / (self.info.rate or Fraction(10)):
            self.damage.truncated = True

    def _note_side_data(self, side_data: Mapping[str, bytes]) -> None:
        for name in side_data:
            if name in LOST:
                self._note_lost(name)

    def _note_lost(self, name: str) -> None:
        if LOST[name] not in self._noted_side_data:
            self._noted_side_data.add(LOST[name])
            self._note(f"{LOST[name]} cannot be kept and is lost.")

    def _note(self, text: str) -> None:
        if text and text not in self.notes:
            self.notes.append(text)


class _End:
    """The end of the latest packet, in seconds of the file's own clock."""

    def __init__(self) -> None:
        self.seconds = Fraction(0)

    def see(self, packet: "Packet[Any]") -> None:
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None and packet.time_base:
            self.seconds = max(self.seconds, (time + (packet.duration or 0)) * packet.time_base)
